/**
 * When a CronJob of a task begins next: Kubernetes does not say. Tasks run daily, or every so many minutes.
 *
 * @param schedule `M H * * *`, or with steps or `*` in the place of minutes
 * @param zone IANA time zone
 * @returns ISO 8601; null for a schedule that comes to nothing in two days
 */
export function nextRun(schedule: string, zone: string, now: Date): string | null {
  const [minutes = "", hours = ""] = schedule.split(" ");
  const clock = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  const minute = 60_000;
  const first = Math.floor(now.getTime() / minute) + 1;
  for (let at = first; at < first + MINUTES_LOOKED_AT; at++) {
    const time = new Date(at * minute);
    const [hour, past] = clock.format(time).split(":").map(Number);
    if (fits(minutes, past!) && fits(hours, hour!)) return time.toISOString();
  }
  return null;
}

/** A change of clocks may take a day's turn away. */
const MINUTES_LOOKED_AT = 2 * 24 * 60;

function fits(field: string, value: number): boolean {
  const [base, step] = field.split("/");
  if (step !== undefined) return value % Number(step) === 0;
  return base === "*" || Number(base) === value;
}
