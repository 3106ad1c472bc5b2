import { FLAGS, flagOf } from "./command-line";
import { type Value } from "./option-values";
import { DEFINITIONS, OPTION_NAMES } from "./options";

/** What can be set, for --help and the manual. */
export interface OptionHelp {
  readonly key: string;
  /** Undefined for what only the file of --config has room for. */
  readonly flag: string | undefined;
  readonly initial: Value;
  readonly expects: string;
  readonly help: string;
}

export function optionHelp(): OptionHelp[] {
  return OPTION_NAMES.map((name) => {
    const { short, initial, expects, help } = DEFINITIONS[name];
    const flag = FLAGS.includes(name)
      ? `${short === undefined ? "" : `-${short}, `}--${flagOf(name)}`
      : undefined;
    return { key: name, flag, initial, expects, help };
  });
}

/** The text of --help. */
export function usage(): string {
  const line = (short: string, long: string, help: string): string =>
    `  ${short.padEnd(3)} ${long.padEnd(27)} ${help}`;
  const lines = FLAGS.map((name) => {
    const { short, help, initial, switch: isSwitch, repeatable } = DEFINITIONS[name];
    const fallback =
      isSwitch === true || repeatable === true || initial === "" ? "" : ` (default: ${String(initial)})`;
    return line(
      short === undefined ? "" : `-${short},`,
      `--${flagOf(name)}${isSwitch === true ? "" : "="}`,
      help + fallback,
    );
  });
  return [
    "Usage: tricloud-proxy [options]",
    "       tricloud-proxy reload --config=FILE",
    "       tricloud-proxy drain|undrain ORIGIN --state-dir=DIRECTORY",
    "",
    "Forwards a request for a.b.ccnproxy[-https][.any][:port] to a.b[:port] over connections that are already open.",
    "",
    "Options:",
    ...lines,
    line(
      "",
      "--config=",
      "JSON file of the same options, named in camelCase, and of groups; flags win over it",
    ),
    line("", "--check", "check the options and exit"),
    line("-v,", "--version", "show the version"),
    line("-h,", "--help", "show this help"),
    "",
  ].join("\n");
}
