import { clock } from "../clock";

export type CircuitState = "closed" | "open" | "half-open";

/**
 * Fails requests to an origin at once while it is plainly down, so that they neither wait nor pile up. After a pause
 * one request is let through; its fate decides.
 */
export class Circuit {
  private failures = 0;
  private openUntil = 0;
  private probing = false;

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

  /** May a request go to the origin? */
  admits(): boolean {
    if (this.openUntil === 0) return true;
    if (clock.now < this.openUntil || this.probing) return false;
    this.probing = true;
    return true;
  }

  succeeded(): void {
    this.failures = 0;
    this.openUntil = 0;
    this.probing = false;
  }

  /** The request let through came to nothing that tells of the origin: another may try. */
  undecided(): void {
    this.probing = false;
  }

  failed(): void {
    this.failures++;
    this.probing = false;
    if (this.tolerance > 0 && this.failures >= this.tolerance)
      this.openUntil = clock.now + this.pauseSeconds * 1000;
  }
}
