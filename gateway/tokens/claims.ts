import { type JWTPayload } from "jose";
import { type ClaimPath, type ForwardedClaim, type TokenOptions } from "../options/issuer-options";

/** The claim at a path; undefined where there is none. */
export function claimAt(claims: JWTPayload, path: ClaimPath): unknown {
  let at: unknown = claims;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** Scopes of `scopes` that were not granted; issuers write them in `scope` (RFC 9068), or in `scp`. */
export function missingScopes(claims: JWTPayload, scopes: readonly string[]): string[] {
  const said = claims["scope"] ?? claims["scp"];
  const granted: unknown[] = typeof said === "string" ? said.split(" ") : Array.isArray(said) ? said : [];
  return scopes.filter((scope) => !granted.includes(scope));
}

/** Each of the claims has, or holds, one of the values that will do. */
export function hasClaims(claims: JWTPayload, wanted: TokenOptions["claims"]): boolean {
  return wanted.every(({ claim, values }) => {
    const said = claimAt(claims, claim);
    const all: unknown[] = Array.isArray(said) ? said : [said];
    return all.some((each) => values.includes(each as string));
  });
}

/** Field lines that tell a service of claims; none for a claim that is not there. */
export function claimLines(claims: JWTPayload, forward: readonly ForwardedClaim[]): string {
  let lines = "";
  for (const { claim, field } of forward) {
    const said = claimAt(claims, claim);
    if (said !== undefined && said !== null) lines += `${field}: ${fieldText(said)}\r\n`;
  }
  return lines;
}

function fieldText(claim: unknown): string {
  if (!Array.isArray(claim)) return encoded(asText(claim), /[^\x20-\x7e]|%|^ | $/gu);
  return claim.map((each: unknown) => encoded(asText(each), /[^\x20-\x7e]|[%,]|^ | $/gu)).join(", ");
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What issuers sign was often typed by users: nothing of it may end a line, or be taken for another value. */
function encoded(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
