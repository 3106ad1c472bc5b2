/** Times that are known at most; older ones say little of how an origin fares now. */
const KEPT = 256;
/** Times from which a quantile is told at least. */
const ENOUGH = 20;
/** New times after which it is looked for again: sorting all at each would cost more than it tells. */
const RENEWED = 16;

/** How long an origin took lately, and what most answers take at most. */
export class RecentTimes {
  private readonly times: number[] = [];
  private oldest = 0;
  private unseen = 0;
  private found: number | undefined;

  /** @param milliseconds from a request's end to its answer's first byte */
  add(milliseconds: number): void {
    if (this.times.length < KEPT) this.times.push(milliseconds);
    else {
      this.times[this.oldest] = milliseconds;
      this.oldest = (this.oldest + 1) % KEPT;
    }
    this.unseen++;
  }

  /** Milliseconds that 95 of 100 answers took at most; undefined while there are too few of them. */
  get p95(): number | undefined {
    if (this.times.length < ENOUGH) return undefined;
    if (this.found === undefined || this.unseen >= RENEWED) {
      const sorted = [...this.times].sort((one, other) => one - other);
      this.found = sorted[Math.ceil(sorted.length * 0.95) - 1];
      this.unseen = 0;
    }
    return this.found;
  }
}
