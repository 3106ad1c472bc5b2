/** A bad flag or configuration value; the message is for the user. */
export class OptionError extends Error {
  constructor(
    message: string,
    /** The command line was wrong, so that showing the usage helps. */
    readonly usage: boolean,
    /** Where one value of a file is what is wrong: that value. */
    readonly found?: BadValue,
  ) {
    super(message);
  }
}

/** A configuration is valid, but cannot be put in force while the proxy runs. */
export class RestartNeeded extends OptionError {}

/** A value that is not what it has to be; whoever knows the file makes an OptionError of it. */
export class BadValue extends Error {
  constructor(
    /** Names and places that lead to it. */
    readonly path: Path,
    readonly value: unknown,
    readonly expects: string,
  ) {
    super(`${pathText(path)}: ${show(value)} is not ${expects}`);
  }
}

export type Path = readonly (string | number)[];

/** As messages write it: `routes.search.methods[0]`. */
export const pathText = (path: Path): string =>
  path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index > 0 ? "." : ""}${step}`))
    .join("");

/** A value as messages quote it. */
export function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
