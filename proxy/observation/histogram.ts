import { type Snapshot } from "./metrics";

/** Upper bounds of the buckets, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** How often something took how long. */
export class Histogram {
  private readonly counts = new Float64Array(BUCKETS.length + 1);
  private seconds = 0;

  /** Called for each request: plain numbers in an array. */
  add(seconds: number): void {
    this.seconds += seconds;
    let i = 0;
    while (i < BUCKETS.length && seconds > BUCKETS[i]!) i++;
    this.counts[i]!++;
  }

  /** @param labels as Prometheus writes them, without braces; none by default */
  into(snapshot: Snapshot, name: string, labels = ""): void {
    const braced = labels === "" ? "" : `{${labels}}`;
    let sum = 0;
    this.counts.forEach((count, i) => {
      sum += count;
      snapshot[`${name}_bucket{${labels === "" ? "" : `${labels},`}le="${BUCKETS[i] ?? "+Inf"}"}`] = sum;
    });
    snapshot[`${name}_sum${braced}`] = this.seconds;
    snapshot[`${name}_count${braced}`] = sum;
  }
}
