import { type MovableRequester } from "../../proxy/engine";
import { bearerToken } from "../tokens/bearer";
import { claimLines } from "../tokens/claims";
import { type TokenCheck } from "../tokens/token-check";
import { type ForwardedClaim } from "../options/issuer-options";
import { Refusal } from "../refusal";

/** What a request gains by passing. */
export interface Passed {
  /** Field lines that go on with it. */
  readonly lines: string;
}

/** What the requests of a route have to pass before they are taken. */
export class Gate {
  constructor(
    private readonly token: TokenCheck,
    private readonly forward: readonly ForwardedClaim[],
  ) {}

  /** All that is needed of the request is read before this returns: its head may be another one's after. */
  async pass({ head }: MovableRequester): Promise<Passed | Refusal> {
    const claims = await this.token.claimsOf(bearerToken(head));
    if (claims instanceof Refusal) return claims;
    return { lines: claimLines(claims, this.forward) };
  }
}

/** What goes wrong in here is not to let a request through. */
export const broken = (error: unknown): Refusal =>
  new Refusal(500, "error", `whether the request may pass is not known: ${String(error)}`);
