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

/** A value that is not what it has to be; whoever knows the file makes an OptionError of it. */
export class BadValue extends Error {
  constructor(
    readonly path: string,
    value: unknown,
    expects: string,
  ) {
    super(`${path}: ${show(value)} is not ${expects}`);
  }
}

/** A value as messages quote it. */
export function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
