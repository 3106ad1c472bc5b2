import { clock, TICK_MS } from "../clock";
import { type Fellows, type NewsLine } from "../together/fellows";
import { type OriginEvent } from "../together/origin-news";

export type CircuitState = "closed" | "open" | "half-open";

/**
 * Milliseconds longer that a circuit is open which another worker has opened, so that one worker alone lets the request
 * through which decides: both clocks may be up to a tick late.
 */
const AFTER_OTHERS_MS = 2 * TICK_MS;

/**
 * Fails requests to an origin at once while it is plainly down, so that they neither wait nor pile up. After a pause
 * one request is let through; its fate decides. Workers that serve together count together.
 */
export class Circuit {
  /** Why a request last failed. */
  problem = "";
  private failures = 0;
  private openUntil = 0;
  /** Where the request that is to decide is under way. */
  private probe: "nowhere" | "here" | "elsewhere" = "nowhere";
  private line: NewsLine | undefined;

  /**
   * @param tolerance failures in a row that open the circuit; 0 never does
   * @param pauseSeconds how long it stays open before one request is let through
   */
  constructor(
    private readonly tolerance: number,
    private readonly pauseSeconds: number,
  ) {}

  /** Counts together with the circuits that have this name in other workers. */
  join(fellows: Fellows, name: string): this {
    // One that never opens has nothing to tell.
    if (this.tolerance === 0) return this;
    this.line = fellows.line(name, (event) => this.hear(event));
    const { standing } = this.line;
    if (standing === undefined) return this;
    this.failures = standing.failures;
    this.problem = standing.problem;
    this.openedElsewhere(standing.open);
    return this;
  }

  /** Nobody asks any more. */
  leave(): void {
    this.line?.close();
  }

  get state(): CircuitState {
    if (this.openUntil === 0) return "closed";
    return clock.now < this.openUntil ? "open" : "half-open";
  }

  /** No failure is counted that a later one could add up with. */
  get spotless(): boolean {
    return this.failures === 0;
  }

  /** The request that is to decide is under way. */
  get probing(): boolean {
    return this.probe !== "nowhere";
  }

  /** May a request go to the origin? */
  admits(): boolean {
    if (this.openUntil === 0) return true;
    if (clock.now < this.openUntil || this.probing) return false;
    this.probe = "here";
    this.line?.tell({ kind: "probing" });
    return true;
  }

  succeeded(): void {
    if (this.failures === 0 && this.openUntil === 0) return;
    const sure = this.openUntil > 0;
    this.close();
    this.line?.tell({ kind: "succeeded", sure });
  }

  /** The request let through came to nothing that tells of the origin: another may try. */
  undecided(): void {
    if (this.probe !== "here") return;
    this.probe = "nowhere";
    this.line?.tell({ kind: "undecided" });
  }

  /** @param problem why, for who asks; as before when it is not said */
  failed(problem = this.problem): void {
    this.count(problem);
    const open = this.pause;
    if (open !== undefined) this.openUntil = clock.now + open;
    this.line?.tell({ kind: "failed", problem, open });
  }

  protected close(): void {
    this.failures = 0;
    this.openUntil = 0;
    this.probe = "nowhere";
  }

  /** Milliseconds that it is open for after a failure; undefined where there were too few. */
  private get pause(): number | undefined {
    return this.tolerance > 0 && this.failures >= this.tolerance ? this.pauseSeconds * 1000 : undefined;
  }

  private count(problem: string): void {
    this.problem = problem;
    this.failures++;
    this.probe = "nowhere";
  }

  /** @param open milliseconds; undefined where it is not */
  private openedElsewhere(open: number | undefined): void {
    if (open !== undefined) this.openUntil = clock.now + open + AFTER_OTHERS_MS;
  }

  /** What the same circuit in another worker has seen. */
  private hear(event: OriginEvent): void {
    switch (event.kind) {
      case "failed":
        this.count(event.problem);
        // Who told of it may not have heard yet of those counted here.
        this.openedElsewhere(event.open ?? this.pause);
        break;
      case "succeeded":
        // It was sent before the circuit opened, and so tells of what has been.
        if (event.sure || this.openUntil === 0) this.close();
        break;
      case "probing":
        if (this.openUntil > 0) this.probe = "elsewhere";
        break;
      case "undecided":
        if (this.probe === "elsewhere") this.probe = "nowhere";
    }
  }
}
