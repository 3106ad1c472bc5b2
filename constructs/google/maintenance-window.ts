export type Weekday = "MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU";

/** A weekly recurring span in UTC. */
export interface MaintenanceWindow {
  /** Days of the week on which a span starts. */
  readonly days: readonly Weekday[];
  /** Start of each span, `HH:MM`. */
  readonly startUtc: string;
  /** Length of each span. */
  readonly hours: number;
}

/** The form the API takes: the first span, and by which rule (RFC 5545) it recurs. */
export interface RecurringWindow {
  readonly startTime: string;
  readonly endTime: string;
  readonly recurrence: string;
}

/** Any day in the past will do as the first; it never changes, so that it causes no difference in a plan. */
const FIRST_DAY = "2024-01-01";

/** GKE wants that much time in any 32 days, which hold each weekday at least four times. */
const LEAST_HOURS_IN_32_DAYS = 48;

/**
 * The window as GKE's API takes it.
 *
 * @throws Error when the start is no time of day or GKE would find the windows too short or too few
 */
export function recurringWindow({ days, startUtc, hours }: MaintenanceWindow): RecurringWindow {
  const distinct = [...new Set(days)];
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(startUtc)) {
    throw new Error(
      `maintenance window must start at a time such as 02:00, got: ${JSON.stringify(startUtc)}`,
    );
  }
  if (hours < 4 || hours > 24 || distinct.length * hours * 4 < LEAST_HOURS_IN_32_DAYS) {
    throw new Error(
      `maintenance window must last 4 to 24 hours and come to ${LEAST_HOURS_IN_32_DAYS} hours in any 32 days, ` +
        `got: ${hours} hours on ${distinct.length} days a week`,
    );
  }
  const start = new Date(`${FIRST_DAY}T${startUtc}:00Z`);
  const end = new Date(start.getTime() + hours * 3_600_000);
  return {
    startTime: instant(start),
    endTime: instant(end),
    recurrence: `FREQ=WEEKLY;BYDAY=${distinct.join(",")}`,
  };
}

/** Without the fraction that GKE does not give back. */
const instant = (time: Date): string => time.toISOString().replace(".000Z", "Z");
