import { type JWTPayload } from "jose";
import { type RequestHead } from "../../proxy/engine";
import { claimedKeyOf, keyOf } from "../limits/limit-key";
import { type RateLimit, type Verdict } from "../limits/rate-limit";
import { type ForwardedClaim } from "../options/issuer-options";
import { Refusal } from "../refusal";
import { bearerToken } from "../tokens/bearer";
import { claimLines } from "../tokens/claims";
import { type TokenCheck } from "../tokens/token-check";

/** Who wants to pass. */
export interface Visitor {
  /** May be another request's once a gate has answered, or not yet. */
  readonly head: RequestHead;
  /** The client's. */
  readonly address: string;
  /** What its answer is told of a limit, whatever becomes of it. */
  tell(limit: RateLimit, verdict: Verdict): void;
}

/** What a request gains by passing. */
export interface Passed {
  /** Field lines that go on with it. */
  readonly lines: string;
}

/** What is asked of a request before it is taken. */
export interface Asks {
  readonly token: TokenCheck | undefined;
  readonly forward: readonly ForwardedClaim[];
  readonly limits: readonly RateLimit[];
}

const TOO_MANY = 429;

/** What the requests of a route have to pass before they are taken. */
export class Gate {
  /** Limits that hold for whoever comes, and those for whom a token names. */
  private readonly before: readonly RateLimit[];
  private readonly after: readonly RateLimit[];

  constructor(private readonly asks: Asks) {
    this.before = asks.limits.filter(({ options: { key } }) => !("claim" in key));
    this.after = asks.limits.filter(({ options: { key } }) => "claim" in key);
  }

  /** All that is needed of the request's head is read before this gives way. */
  async pass(visitor: Visitor): Promise<Passed | Refusal> {
    const { token, forward } = this.asks;
    const { head, address } = visitor;
    const request = { address, fieldValue: (name: string) => head.fieldValue(name) };
    const keys = this.before.map(({ options }) => keyOf(options.key, request));
    const said = token && bearerToken(head);
    const early = await this.count(this.before, keys, visitor);
    if (early !== undefined || token === undefined) return early ?? { lines: "" };
    const claims = await token.claimsOf(said);
    if (claims instanceof Refusal) return claims;
    const late = await this.count(this.after, this.keysOf(claims), visitor);
    return late ?? { lines: claimLines(claims, forward) };
  }

  private keysOf(claims: JWTPayload): string[] {
    return this.after.map(({ options }) => claimedKeyOf(options.key, claims));
  }

  private async count(
    limits: readonly RateLimit[],
    keys: readonly string[],
    visitor: Visitor,
  ): Promise<Refusal | undefined> {
    for (const [index, limit] of limits.entries()) {
      const verdict = await limit.take(keys[index]!);
      visitor.tell(limit, verdict);
      if (!verdict.passed) return tooMany(limit, verdict);
    }
    return undefined;
  }
}

function tooMany({ options: { name, requests, window } }: RateLimit, { seconds }: Verdict): Refusal {
  const problem = `more than ${requests} requests in ${window} s, the limit ${name}`;
  return new Refusal(TOO_MANY, "rate_limit", problem, `Retry-After: ${seconds}\r\n`);
}

/** What goes wrong in here is not to let a request through. */
export const broken = (error: unknown): Refusal =>
  new Refusal(500, "error", `whether the request may pass is not known: ${String(error)}`);
