/** Minutes of downtime to expect. */
export interface Downtime {
  readonly minutesPer30Days: number;
  /** A quarter of a year. */
  readonly minutesPerQuarter: number;
  /** A year of 8,760 hours. */
  readonly minutesPerYear: number;
}

export const HOURS_PER_YEAR = 8760;
export const MINUTES_PER_YEAR = HOURS_PER_YEAR * 60;
export const MINUTES_PER_30_DAYS = 30 * 24 * 60;

export function downtime(unavailability: number): Downtime {
  return {
    minutesPer30Days: unavailability * MINUTES_PER_30_DAYS,
    minutesPerQuarter: (unavailability * MINUTES_PER_YEAR) / 4,
    minutesPerYear: unavailability * MINUTES_PER_YEAR,
  };
}
