/** A bad flag or configuration value; the message is for the user. */
export class OptionError extends Error {
  constructor(
    message: string,
    /** The command line was wrong, so that showing the usage helps. */
    readonly usage: boolean,
  ) {
    super(message);
  }
}

/** A value as messages quote it. */
export function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
