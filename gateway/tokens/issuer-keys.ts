import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { type IssuerOptions } from "../options/issuer-options";

/** Finds the key that a token says it was signed with. */
export type KeyFinder = JWTVerifyGetKey;

/** The keys of an issuer. */
export interface IssuerKeys {
  /** They have been had once. */
  readonly ready: boolean;
  /** What finds them now; undefined where there are none, or none that may still be believed. */
  current(): Promise<KeyFinder | undefined>;
  /** Looks for newer ones, since a token was signed with one that is not known; false where nobody did. */
  renew(): Promise<boolean>;
  /** Whoever held them wants them no more. */
  stop(): void;
}

/** Keys that stand in the file. */
export class FixedKeys implements IssuerKeys {
  readonly ready = true;
  private readonly finder: KeyFinder;

  constructor({ keys }: IssuerOptions) {
    this.finder = createLocalJWKSet({ keys: keys as Parameters<typeof createLocalJWKSet>[0]["keys"] });
  }

  current(): Promise<KeyFinder> {
    return Promise.resolve(this.finder);
  }

  renew(): Promise<boolean> {
    return Promise.resolve(false);
  }

  stop(): void {
    // Nothing of it goes on by itself.
  }
}
