import { errors, type JWTPayload, jwtVerify } from "jose";
import { type IssuerOptions, type TokenOptions } from "../options/issuer-options";
import { Refusal } from "../refusal";
import { hasClaims, missingScopes } from "./claims";
import { type IssuerKeys, type KeyFinder } from "./issuer-keys";

/** Keys that a token without `kid` is tried with at most. */
const MOST_TRIED = 8;

/** Whether the token of a request is one that a route asks for. */
export class TokenCheck {
  private readonly realm: string;

  constructor(
    private readonly issuer: IssuerOptions,
    private readonly keys: IssuerKeys,
    private readonly wanted: TokenOptions,
  ) {
    this.realm = `Bearer realm="${issuer.name}"`;
  }

  /** @param token what the request says; false where that cannot be told */
  async claimsOf(token: string | false | undefined): Promise<JWTPayload | Refusal> {
    if (token === undefined) return this.refusal(401, "no_token", "no bearer token");
    if (token === false)
      return this.refusal(400, "bad_request", "not one bearer token that can be read", "invalid_request");
    const finder = await this.keys.current();
    if (finder === undefined) return this.unavailable();
    let claims: JWTPayload;
    try {
      claims = await this.verified(token, finder);
    } catch (error) {
      const { reason, problem } = unverified(error);
      return this.refusal(401, reason, problem, "invalid_token");
    }
    const missing = missingScopes(claims, this.wanted.scopes);
    if (missing.length > 0) return this.insufficient("scope", `no scope ${missing.join(" ")}`);
    if (!hasClaims(claims, this.wanted.claims)) return this.insufficient("claims", "other claims are needed");
    return claims;
  }

  private async verified(token: string, finder: KeyFinder): Promise<JWTPayload> {
    try {
      return await this.verify(token, finder);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.keys.renew())) throw error;
      return this.verify(token, (await this.keys.current()) ?? finder);
    }
  }

  private async verify(token: string, finder: KeyFinder): Promise<JWTPayload> {
    const { issuer, audience, algorithms, clockTolerance } = this.issuer;
    const options = {
      issuer,
      audience: [...audience],
      algorithms: [...algorithms],
      clockTolerance,
      requiredClaims: ["exp"],
    };
    try {
      return (await jwtVerify(token, finder, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      let tried = 0;
      for await (const key of error) {
        if (++tried > MOST_TRIED) break;
        try {
          return (await jwtVerify(token, key, options)).payload;
        } catch (wrong) {
          if (!(wrong instanceof errors.JWSSignatureVerificationFailed)) throw wrong;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  private unavailable(): Refusal {
    const { name } = this.issuer;
    return new Refusal(503, "no_keys", `the keys of issuer ${name} are not known, or not any more`);
  }

  private insufficient(reason: string, problem: string): Refusal {
    const { scopes } = this.wanted;
    return this.refusal(403, reason, problem, "insufficient_scope", scopes);
  }

  /** As RFC 6750 section 3 has it: who brings no token is told nothing but where he is. */
  private refusal(
    status: number,
    reason: string,
    problem: string,
    error?: string,
    scopes: readonly string[] = [],
  ): Refusal {
    const told = error === undefined ? "" : `, error="${error}", error_description="${problem}"`;
    const scope = scopes.length === 0 ? "" : `, scope="${scopes.join(" ")}"`;
    return new Refusal(status, reason, problem, `WWW-Authenticate: ${this.realm}${told}${scope}\r\n`);
  }
}

interface Unverified {
  readonly reason: string;
  readonly problem: string;
}

const UNVERIFIED: Readonly<Record<string, Unverified>> = {
  ERR_JWT_EXPIRED: { reason: "expired", problem: "the token has expired" },
  ERR_JOSE_ALG_NOT_ALLOWED: {
    reason: "algorithm",
    problem: "the token's algorithm is not one of the issuer's",
  },
  ERR_JOSE_NOT_SUPPORTED: { reason: "algorithm", problem: "the token asks for what is not supported" },
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: {
    reason: "signature",
    problem: "the signature is not the issuer's",
  },
  ERR_JWKS_NO_MATCHING_KEY: { reason: "unknown_key", problem: "the token's key is not one of the issuer's" },
  ERR_JWS_INVALID: { reason: "malformed", problem: "no signed JWT" },
  ERR_JWT_INVALID: { reason: "malformed", problem: "no signed JWT" },
};

const BY_CLAIM: Readonly<Record<string, Unverified>> = {
  nbf: { reason: "not_yet", problem: "the token is not valid yet" },
  iss: { reason: "issuer", problem: "the token is another issuer's" },
  aud: { reason: "audience", problem: "the token is for another audience" },
};

/** Why a token is not believed, in words that hold nothing of it. */
function unverified(error: unknown): Unverified {
  const { code, claim } = error as { code?: string; claim?: string };
  return (
    (code === "ERR_JWT_CLAIM_VALIDATION_FAILED"
      ? (BY_CLAIM[claim!] ?? {
          reason: "malformed",
          problem: "a claim that each token has is missing or malformed",
        })
      : UNVERIFIED[code ?? ""]) ?? { reason: "unverifiable", problem: "the token cannot be verified" }
  );
}
