import { createPublicKey, type JsonWebKey } from "node:crypto";
import { BadValue, fieldsOf, isHost, known, members, type Path, type Reader } from "../../proxy/grammar";
import { plainFieldName, RESERVED_FIELDS } from "../fields/field-names";
import {
  type ClaimPath,
  type ForwardedClaim,
  type IssuerOptions,
  type KeysAt,
  type TokenOptions,
} from "./issuer-options";
import { readNamed } from "./named-values";
import { between, readList, readText, stepsOf } from "./text-values";

const KEYS = [
  "issuer",
  "audience",
  "algorithms",
  "jwks",
  "keys",
  "clockTolerance",
  "refresh",
  "keepKeys",
  "forward",
];
/** Those by which who verifies cannot sign. With HS256 a public key could be taken for the secret. */
const ALGORITHMS = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const FIELD = /^[A-Za-z](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?$/;
const LEAST_RSA_BITS = 2048;
const DAY = 86_400;

/** Reads the value of `issuers`: an object of issuers by name. @throws BadValue */
export const readIssuers = (value: unknown): readonly IssuerOptions[] =>
  readNamed(value, "issuers", readIssuer);

function readIssuer(name: string, value: unknown, path: Path): IssuerOptions {
  const fields = known(value, path, KEYS, "an object");
  const from = members(fields, path);
  const algorithms = readList(
    fields["algorithms"],
    [...path, "algorithms"],
    ALGORITHMS,
    "an algorithm of public keys: RS256, PS256, ES256 (or 384, 512) or EdDSA",
  );
  const given = [fields["jwks"], fields["keys"]].filter((keys) => keys !== undefined).length;
  if (given !== 1)
    throw new BadValue([...path, "jwks"], fields["jwks"], "there without keys, or left out with them");
  const refresh = from("refresh", between(1, DAY, "from 1s to 24h"), 600);
  const keepKeys = from("keepKeys", between(1, 31 * DAY, "from 1s to 31 days"), DAY);
  if (keepKeys < refresh)
    throw new BadValue([...path, "keepKeys"], fields["keepKeys"], `at least refresh, ${refresh} s`);
  return {
    name,
    issuer: readText(fields["issuer"], [...path, "issuer"], "what iss has to be"),
    audience: readAudience(fields["audience"], [...path, "audience"]),
    algorithms,
    jwks: from<KeysAt | undefined>("jwks", readKeysAt, undefined),
    keys: from<readonly JsonWebKey[]>("keys", readKeys, []),
    clockTolerance: from("clockTolerance", between(0, 300, "at most 5m"), 30),
    refresh,
    keepKeys,
    forward: from("forward", readForward, []),
  };
}

const readAudience: Reader<readonly string[]> = (value, path) =>
  typeof value === "string" && value !== "" ? [value] : readList(value, path, /./, "what aud has to have");

/** Whoever can change keys on their way can sign what he likes: they come over TLS. */
const readKeysAt: Reader<KeysAt> = (value, path) => {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  const plain = url?.username === "" && url.password === "" && url.hash === "";
  if (url?.protocol !== "https:" || !plain || !isHost(url.hostname))
    throw new BadValue(path, value, "https://host[:port]/path of a JWK set");
  return {
    host: url.hostname,
    port: url.port === "" ? 443 : Number(url.port),
    path: url.pathname + url.search,
  };
};

const readKeys: Reader<readonly JsonWebKey[]> = (value, path) => {
  if (!Array.isArray(value) || value.length === 0)
    throw new BadValue(path, Array.isArray(value) ? value : typeof value, "a list of public keys (JWK)");
  return value.map((key: unknown, index) => readKey(key, [...path, index]));
};

/** What is wrong with a key is told without it: it may be a private one. */
function readKey(value: unknown, path: Path): JsonWebKey {
  const { kty, d } = fieldsOf(value, path, "a public key (JWK)");
  if (kty === "oct" || d !== undefined)
    throw new BadValue(path, kty === "oct" ? "oct" : "a private key", "a public key: one that cannot sign");
  const key = value as JsonWebKey;
  let bits: number | undefined;
  try {
    bits = createPublicKey({ key, format: "jwk" }).asymmetricKeyDetails?.modulusLength;
  } catch {
    throw new BadValue(path, kty, "a public key (JWK) that can be read");
  }
  if (bits !== undefined && bits < LEAST_RSA_BITS)
    throw new BadValue(path, `RSA of ${bits} bits`, `of at least ${LEAST_RSA_BITS} bits`);
  return key;
}

const readForward: Reader<readonly ForwardedClaim[]> = (value, path) => {
  const fields = Object.entries(fieldsOf(value, path, "an object of field names by claim"));
  const taken = new Set<string>();
  return fields.map(([claim, field]) => {
    const at = [...path, claim];
    const plain = typeof field === "string" && FIELD.test(field) ? plainFieldName(field) : undefined;
    if (plain === undefined) throw new BadValue(at, field, "a field name of letters, digits and hyphens");
    if (RESERVED_FIELDS.test(plain)) throw new BadValue(at, field, "a field that means nothing else");
    if (taken.has(plain)) throw new BadValue(at, field, "another field than those before it");
    taken.add(plain);
    return { claim: claimPath(claim), field: field as string };
  });
};

/** A claim's name; where it begins with a slash, a JSON pointer to it. */
export const claimPath = (claim: string): ClaimPath => (claim.startsWith("/") ? stepsOf(claim) : [claim]);

/** Reads a route's `jwt`. */
export const readTokenOptions: Reader<TokenOptions> = (value, path) => {
  if (typeof value === "string") return { issuer: value, scopes: [], claims: [] };
  const fields = known(value, path, ["issuer", "scopes", "claims"], "the name of an issuer, or an object");
  const from = members(fields, path);
  return {
    issuer: readText(fields["issuer"], [...path, "issuer"], "the name of an issuer"),
    scopes: from<readonly string[]>("scopes", (given, at) => readList(given, at, SCOPE, "a scope"), []),
    claims: from("claims", readClaims, []),
  };
};

const readClaims: Reader<TokenOptions["claims"]> = (value, path) =>
  Object.entries(fieldsOf(value, path, "an object of values by claim")).map(([claim, wanted]) => {
    const values: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    const plain = values.every((each) => ["string", "number", "boolean"].includes(typeof each));
    if (!plain || values.length === 0)
      throw new BadValue([...path, claim], wanted, "a value, or a list of those that will do");
    return { claim: claimPath(claim), values: values as (string | number | boolean)[] };
  });
