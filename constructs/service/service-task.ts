/** What a service has done besides answering: its own image with another command, run to its end. */
export interface ServiceTask {
  /** Program and its arguments, in place of the image's own entry point. */
  readonly command: readonly string[];
  /** Once in each region before any instance is replaced; the release stops when it fails. @default - `every` says when */
  readonly when?: "before-release" | undefined;
  /** `03:00 Asia/Tokyo`, daily at that time of that zone; or `15 minutes`, a divisor of 60. @default - `when` does */
  readonly every?: string | undefined;
  /** How long it may take, in seconds; then it is ended and has failed. @default 600 */
  readonly timeoutSeconds?: number | undefined;
}

/** Tasks by their names: lower-case words with hyphens between them, at most 20 characters. */
export type ServiceTasks = Readonly<Record<string, ServiceTask>>;

export const DEFAULT_TASK_SECONDS = 600;
/** A day: what takes longer would meet its own next run. */
const MOST_TASK_SECONDS = 86_400;

/** When a task runs, as those say it that run it. */
export interface Schedule {
  /** A calendar event of systemd's. */
  readonly calendar: string;
  /** Five fields of cron. */
  readonly cron: string;
  /** Time zone of these five. */
  readonly zone: string;
  /** From one run to the next, in seconds. */
  readonly periodSeconds: number;
}

const DAILY = /^([01]\d|2[0-3]):([0-5]\d) (\S+)$/;
const EVERY_MINUTES = /^(\d{1,2}) minutes?$/;

/** The schedule that an `every` says, or what would have been expected of it. */
export function scheduleOf(every: string): Schedule | string {
  const [, minutes] = EVERY_MINUTES.exec(every) ?? [];
  if (minutes !== undefined) {
    const count = Number(minutes);
    if (count === 0 || 60 % count !== 0) return "expected minutes that divide an hour: 15 minutes";
    const field = count === 60 ? "0" : `*/${count}`;
    const calendar = count === 60 ? "*-*-* *:00:00 UTC" : `*-*-* *:00/${count}:00 UTC`;
    return { calendar, cron: `${field} * * * *`, zone: "UTC", periodSeconds: count * 60 };
  }
  const [, hour, minute, zone] = DAILY.exec(every) ?? [];
  if (hour === undefined || minute === undefined || zone === undefined) {
    return "expected a time from 00:00 to 23:59 and its zone, such as 03:00 Asia/Tokyo, or an interval such as 15 minutes";
  }
  if (!isZone(zone))
    return `expected a time zone of the tz database such as Asia/Tokyo or UTC, got zone ${zone}`;
  return {
    calendar: `*-*-* ${hour}:${minute}:00 ${zone}`,
    cron: `${Number(minute)} ${Number(hour)} * * *`,
    zone,
    periodSeconds: 86_400,
  };
}

/** What takes zones takes any case here; hosts look them up as files. */
function isZone(zone: string): boolean {
  if (!/^(UTC|[A-Z][A-Za-z_]+(\/[A-Z][A-Za-z_+-]+[0-9]*)+)$/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** One thing wrong with a task: the field, its value, what was expected. */
export type TaskFault = readonly [field: string, value: unknown, expectation: string];

const TASK_NAME = /^(?=.{1,20}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** What is wrong with a task, each field by itself and then together. */
export function taskFaults(name: string, task: ServiceTask): TaskFault[] {
  const { command, when, every, timeoutSeconds = DEFAULT_TASK_SECONDS } = task;
  const schedule = every === undefined ? undefined : scheduleOf(every);
  const faults: (TaskFault | false)[] = [
    !TASK_NAME.test(name) && [
      "",
      name,
      "expected a task's name of lower-case words with hyphens between them, at most 20 characters, such as migrate",
    ],
    (command.length === 0 || command[0] === "") && [
      "command",
      command,
      "expected a program, and arguments where it takes any",
    ],
    command.some((word) => /[\n\r\0]/.test(word)) && [
      "command",
      command,
      "expected words without line breaks",
    ],
    (when === undefined) === (every === undefined) && [
      when === undefined ? "when" : "every",
      every,
      when === undefined
        ? "expected when or every: before-release, or a time such as 03:00 Asia/Tokyo"
        : `expected when or every, not both: when is ${when}`,
    ],
    typeof schedule === "string" && ["every", every, schedule],
    (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > MOST_TASK_SECONDS) && [
      "timeoutSeconds",
      timeoutSeconds,
      `expected seconds from 1 to ${MOST_TASK_SECONDS}`,
    ],
  ];
  return faults.filter((fault) => fault !== false);
}

/** @throws Error naming service, task, field and value */
export function refuseWrongTasks(service: string, tasks: ServiceTasks): void {
  for (const [name, task] of Object.entries(tasks)) {
    for (const [field, value, expectation] of taskFaults(name, task)) {
      throw new Error(
        `service ${service}: task ${name}: ${field === "" ? "" : `${field}: `}${expectation}, got: ${JSON.stringify(value) ?? "nothing"}`,
      );
    }
  }
}

/** The schedule of a task that has been found right; undefined for one that runs before releases. */
export function scheduleOfTask({ every }: ServiceTask): Schedule | undefined {
  const schedule = every === undefined ? undefined : scheduleOf(every);
  return typeof schedule === "string" ? undefined : schedule;
}
