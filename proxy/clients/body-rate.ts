import { TICK_MS } from "../clock";
import { type Failure } from "../exchange";
import { type Options } from "../options/options";

/** A pause of the body was longer than it may be. */
export const BODY_PAUSED: Failure = { status: 408, problem: "no more of the request body in time" };

/**
 * Whether a request's body comes as fast as it has to: readTimeout bounds a pause, and a client that sends a byte
 * before each pause ends would hold its origin's connection for ever.
 *
 * Its time is counted in ticks at which more of it was awaited. So the client is not blamed while it is not read from,
 * whether for a moment or for long, nor while this process was not running, and pauses need not be kept account of.
 */
export class BodyRate {
  /** What has come of it. */
  bytes = 0;
  private seconds = 0;

  constructor(private readonly options: Pick<Options, "readTimeout" | "minBodyRate">) {}

  /** Another body is to come. */
  restart(): void {
    this.bytes = 0;
    this.seconds = 0;
  }

  /** More of it has come. */
  add(bytes: number): void {
    this.bytes += bytes;
  }

  /** Called at each tick at which more is awaited, and at no other. Why the request fails, when it comes too slowly. */
  tick(): Failure | undefined {
    // The wait for its first byte is a pause: the client may await 100 (Continue).
    if (this.bytes === 0) return undefined;
    this.seconds += TICK_MS / 1000;
    const { readTimeout, minBodyRate } = this.options;
    if (this.seconds <= readTimeout || this.bytes >= minBodyRate * this.seconds) return undefined;
    return { status: 408, problem: `the request body comes at less than ${minBodyRate} bytes per second` };
  }
}
