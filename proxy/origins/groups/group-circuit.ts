import { clock } from "../../clock";
import { Circuit } from "../circuit";

/**
 * The circuit of an origin in a group. Others can take its place, so it is trusted again only for what the one request
 * that was let through has shown: what was sent before it opened, and is answered at last, tells of what has been.
 */
export class GroupCircuit extends Circuit {
  /** `clock.now` when it last closed again. */
  closedAgainAt = -Infinity;

  /** Connections' news of answers says nothing of their status and time. */
  override succeeded(): void {}

  /** An answer came in time, and did not say that the origin cannot serve. @param trial to the request let through */
  proved(trial: boolean): void {
    if (trial || this.state === "closed") super.succeeded();
  }

  protected override close(): void {
    if (this.state !== "closed") this.closedAgainAt = clock.now;
    super.close();
  }
}
