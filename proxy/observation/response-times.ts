/** What `/.api/http-stats` says: the shape of chocon's. Times are seconds. */
export interface HttpStats {
  readonly request: { readonly count: number; readonly status_count: Readonly<Record<string, number>> };
  readonly response: {
    readonly max_time: number;
    readonly min_time: number;
    readonly average_time: number;
    readonly percentiled_time: Readonly<Record<string, number>>;
  };
}

const PERCENTS = [90, 95, 99];

/** What is known of the responses of one process. */
export interface TimesSample {
  /** Seconds each took. */
  readonly times: readonly number[];
  /** How many there were of each status. */
  readonly countsByStatus: readonly (readonly [status: number, count: number])[];
}

/** A sample of the latest response times. */
export class ResponseTimes {
  private readonly times: Float64Array;
  private taken = 0;
  private skipped = 0;

  /** @param size times kept. @param factor one in this many is kept */
  constructor(
    size: number,
    private readonly factor: number,
  ) {
    this.times = new Float64Array(size);
  }

  /** @param time in the unit that its reader has */
  add(time: number): void {
    if (++this.skipped < this.factor) return;
    this.skipped = 0;
    this.times[this.taken++ % this.times.length] = time;
  }

  sample(): number[] {
    return [...this.times.subarray(0, Math.min(this.taken, this.times.length))];
  }
}

/** What that many of a hundred are at most; undefined of none. @param sorted the smallest first */
export const percentile = (sorted: Float64Array, percent: number): number | undefined =>
  sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];

/** Statistics of several processes' responses as one. */
export function httpStats(samples: readonly TimesSample[]): HttpStats {
  const times = Float64Array.from(samples.flatMap((sample) => sample.times)).sort();
  const at = (percent: number): number => percentile(times, percent) ?? 0;
  const counts: Record<string, number> = {};
  for (const [status, count] of samples.flatMap(({ countsByStatus }) => countsByStatus))
    counts[status] = (counts[status] ?? 0) + count;
  const total = times.reduce((sum, time) => sum + time, 0);
  return {
    request: {
      count: Object.values(counts).reduce((sum, count) => sum + count, 0),
      status_count: counts,
    },
    response: {
      max_time: times.at(-1) ?? 0,
      min_time: times[0] ?? 0,
      average_time: times.length === 0 ? 0 : total / times.length,
      percentiled_time: Object.fromEntries(PERCENTS.map((percent) => [percent, at(percent)])),
    },
  };
}
