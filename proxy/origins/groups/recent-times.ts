import { percentile, ResponseTimes } from "../../observation/response-times";

/** Times that are known at most; older ones say little of how an origin fares now. */
const KEPT = 256;
/** Times from which a percentile is told at least. */
const ENOUGH = 20;
/** New times after which it is looked for again: sorting all at each would cost more than it tells. */
const RENEWED = 16;

/** How long an origin took lately, and what most answers take at most. */
export class RecentTimes {
  private readonly times = new ResponseTimes(KEPT, 1);
  private count = 0;
  /** `count` when it was found. */
  private foundAt = 0;
  private found: number | undefined;

  /** @param milliseconds from a request's end to its answer's first byte */
  add(milliseconds: number): void {
    this.times.add(milliseconds);
    this.count++;
  }

  /** Milliseconds that 95 of 100 answers took at most; undefined while there are too few of them. */
  get p95(): number | undefined {
    if (this.count < ENOUGH) return undefined;
    if (this.found === undefined || this.count - this.foundAt >= RENEWED) {
      this.found = percentile(Float64Array.from(this.times.sample()).sort(), 95);
      this.foundAt = this.count;
    }
    return this.found;
  }
}
