import { type RequestHead } from "../../proxy/engine";

/** The token of a request (RFC 6750 section 2.1): undefined where there is none, false where it cannot be told which. */
export function bearerToken(head: Pick<RequestHead, "someField">): string | false | undefined {
  const said: string[] = [];
  head.someField("a", (name, value) => {
    if (name === "authorization") said.push(value);
    return false;
  });
  if (said.length > 1) return false;
  const [, token] = /^bearer(?: +(.*))?$/i.exec(said[0] ?? "") ?? [];
  if (token === undefined) return undefined;
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(token) ? token : false;
}
