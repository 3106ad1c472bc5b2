import { clock } from "../clock";

export type CircuitState = "closed" | "open" | "half-open";

/**
 * Fails requests to an origin at once while it is plainly down, so that they neither wait nor pile up. After a pause
 * one request is let through; its fate decides.
 */
export class Circuit {
  /** Why a request last failed. */
  problem = "";
  private failures = 0;
  private openUntil = 0;
  private probe = false;

  /**
   * @param tolerance failures in a row that open the circuit; 0 never does
   * @param pauseSeconds how long it stays open before one request is let through
   */
  constructor(
    private readonly tolerance: number,
    private readonly pauseSeconds: number,
  ) {}

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
    return this.probe;
  }

  /** May a request go to the origin? */
  admits(): boolean {
    if (this.openUntil === 0) return true;
    if (clock.now < this.openUntil || this.probe) return false;
    this.probe = true;
    return true;
  }

  succeeded(): void {
    this.failures = 0;
    this.openUntil = 0;
    this.probe = false;
  }

  /** The request let through came to nothing that tells of the origin: another may try. */
  undecided(): void {
    this.probe = false;
  }

  /** @param problem why, for who asks; as before when it is not said */
  failed(problem = this.problem): void {
    this.problem = problem;
    this.failures++;
    this.probe = false;
    if (this.tolerance > 0 && this.failures >= this.tolerance)
      this.openUntil = clock.now + this.pauseSeconds * 1000;
  }
}
