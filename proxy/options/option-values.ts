/** What an option may be set to: an object or a list of them where only a file has room for it. */
export type Value = string | number | boolean | object;

/** One option: how its value is read, what it is when nobody says, and what it means. */
export interface Definition {
  /** The value from the text of a flag; undefined when the text is not one. */
  readonly read: (text: string) => Value | undefined;
  /** True for a value of the right type and range, from a file. */
  readonly accepts: (value: unknown) => boolean;
  readonly expects: string;
  readonly initial: Value;
  readonly help: string;
  readonly short?: string;
  readonly repeatable?: boolean;
  readonly switch?: boolean;
  /** Set for a value that only a file has room for: reads it. @throws BadValue */
  readonly structure?: (value: unknown) => Value;
}

/** What a text has to be like; `expects` goes into the message to who wrote another. */
export interface Rule {
  readonly test: (value: string) => boolean;
  readonly expects: string;
}

type Extra = Pick<Definition, "short">;

/** Any text, or the empty one and what the rule lets through. */
export function text(initial: string, help: string, rule?: Rule, extra?: Extra): Definition {
  const fits = (value: unknown): boolean =>
    typeof value === "string" && (value === "" || rule === undefined || rule.test(value));
  return {
    read: (raw) => (fits(raw) ? raw : undefined),
    accepts: fits,
    expects: rule?.expects ?? "a text",
    initial,
    help,
    ...extra,
  };
}

/** A whole number from `min` to `max`, both included. */
export function integer(initial: number, min: number, max: number, help: string, extra?: Extra): Definition {
  const fits = (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  const read = (raw: string): number | undefined =>
    /^\d{1,15}$/.test(raw) && fits(Number(raw)) ? Number(raw) : undefined;
  return { read, accepts: fits, expects: `a whole number from ${min} to ${max}`, initial, help, ...extra };
}

const DURATION_UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };
const MAX_SECONDS = 31 * 86400;

/** Seconds from `90`, `1.5`, `1h` or `1m30s`. */
function readDuration(raw: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(raw)) return Number(raw);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(raw)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of raw.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g))
    seconds += Number(amount) * DURATION_UNITS[unit!]!;
  return seconds;
}

/** Seconds; also written with units. */
export function duration(initial: number, help: string): Definition {
  const seconds = (value: unknown): number | undefined => {
    const parsed =
      typeof value === "string" ? readDuration(value) : typeof value === "number" ? value : undefined;
    return parsed !== undefined && parsed >= 0 && parsed <= MAX_SECONDS ? parsed : undefined;
  };
  return {
    read: seconds,
    accepts: (value) => seconds(value) !== undefined,
    expects: "seconds (60) or a duration (1h, 1m30s, 500ms), at most 31 days",
    initial,
    help,
  };
}

/** Texts that each pass the rule: a flag that may be repeated, or an array in a file. */
export function list(help: string, { test, expects }: Rule): Definition {
  return {
    read: (raw) => (test(raw) ? raw : undefined),
    accepts: (value) => typeof value === "string" && test(value),
    expects,
    initial: [],
    help,
    repeatable: true,
  };
}

/** What is too large for a flag. */
export function structure(
  initial: Value,
  expects: string,
  help: string,
  read: (value: unknown) => Value,
): Definition {
  return { read: () => undefined, accepts: () => true, expects, initial, help, structure: read };
}

/** On or off: a flag without a value. */
export function flag(help: string): Definition {
  return {
    read: () => true,
    accepts: (value) => typeof value === "boolean",
    expects: "true or false",
    initial: false,
    help,
    switch: true,
  };
}

/** A number of processes, or what the machine's cores make of it. */
export function workers(initial: number, help: string): Definition {
  const count = integer(initial, 1, 1024, help);
  const isWord = (value: unknown): boolean => value === "auto" || value === "spare";
  const accepts = (value: unknown): boolean => isWord(value) || count.accepts(value);
  return {
    ...count,
    accepts,
    read: (raw) => (isWord(raw) ? raw : count.read(raw)),
    expects: "auto, spare or a number from 1 to 1024",
  };
}
