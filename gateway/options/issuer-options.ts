import { type JsonWebKey } from "node:crypto";

/** Who signs tokens, and what of them is believed. */
export interface IssuerOptions {
  readonly name: string;
  /** What `iss` has to be. */
  readonly issuer: string;
  /** One of these has to be in `aud`. */
  readonly audience: readonly string[];
  /** All of public keys. */
  readonly algorithms: readonly string[];
  /** Where its keys are told, unless they are in the file. */
  readonly jwks: KeysAt | undefined;
  readonly keys: readonly JsonWebKey[];
  /** Seconds that its clock and this one may be apart. */
  readonly clockTolerance: number;
  /** Seconds between two looks at `jwks`. */
  readonly refresh: number;
  /** Seconds for which keys are believed that could not be looked at again. */
  readonly keepKeys: number;
  /** What services are told of a token. */
  readonly forward: readonly ForwardedClaim[];
}

export interface KeysAt {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** A claim that goes on in a header field. */
export interface ForwardedClaim {
  readonly claim: ClaimPath;
  readonly field: string;
}

/** Names that lead to a claim, the outermost first. */
export type ClaimPath = readonly string[];

/** What a route asks of the token that comes with a request. */
export interface TokenOptions {
  /** The name of an issuer. */
  readonly issuer: string;
  /** All of these have to be granted. */
  readonly scopes: readonly string[];
  /** Each of these has to have, or to hold, one of its values. */
  readonly claims: readonly {
    readonly claim: ClaimPath;
    readonly values: readonly (string | number | boolean)[];
  }[];
}
