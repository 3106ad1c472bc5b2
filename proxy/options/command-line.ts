import { readConfigFile } from "./config-file";
import { readUpstream } from "./endpoint-values";
import { checkTogether } from "./option-checks";
import { OptionError, show } from "./option-error";
import { type Value } from "./option-values";
import { originKey } from "../route";
import { DEFINITIONS, OPTION_NAMES, type OptionName, type Options } from "./options";

/** Takes an origin out of a running proxy, or back in. */
export interface DrainCommand {
  readonly run: "drain" | "undrain";
  /** As `https://api.example.com:443`. */
  readonly origin: string;
}

/** What the command line asks for. */
export type Command =
  | { readonly run: "help" | "version" }
  | { readonly run: "serve" | "check" | "reload"; readonly options: Options }
  | (DrainCommand & { readonly options: Options });

/** Reads the arguments after `drain` or `undrain`: an origin, and where its proxy keeps its state. */
function readDrain(run: DrainCommand["run"], [url = "", ...rest]: readonly string[]): Command {
  const at = readUpstream(url);
  if (at === undefined)
    throw new OptionError(`${run}: ${show(url)} is not http://host[:port] or https://host[:port]`, true);
  const read = readStateful(run, rest);
  return "options" in read ? { run, origin: originKey(at), options: read.options } : read;
}

function readStateful(run: string, args: readonly string[]): Flags {
  const read = readFlags(args);
  if ("options" in read && read.options.stateDir === "")
    throw new OptionError(`${run}: "" is not a state directory (--state-dir, or stateDir in --config)`, true);
  return read;
}

/** Reads the arguments after `node tricloud-proxy.js`, and the configuration file they name. @throws OptionError */
export function readCommand(args: readonly string[]): Command {
  const [first, ...others] = args;
  if (first === "drain" || first === "undrain") return readDrain(first, others);
  if (first === "reload") {
    const read = readStateful(first, others);
    return "options" in read ? { run: first, options: read.options } : read;
  }
  const read = readFlags(args);
  if ("options" in read) checkTogether(read.options, read.file);
  return read;
}

type Flags =
  | { readonly run: "help" | "version" }
  | { readonly run: "serve" | "check"; readonly options: Options; readonly file: string | undefined };

function readFlags(args: readonly string[]): Flags {
  const given = new Map<OptionName, Value>();
  let file: string | undefined;
  let check = false;
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const { name, attached } = splitFlag(arg);
    if (name === "help" || name === "version") return { run: name };
    if (name === "check") {
      check = true;
      continue;
    }
    if (name !== "config" && !(name in DEFINITIONS)) throw new OptionError(`unknown flag ${arg}`, true);
    const definition = name === "config" ? undefined : DEFINITIONS[name as OptionName];
    if (definition?.switch === true) {
      if (attached !== undefined)
        throw new OptionError(`--${flagOf(name)} takes no value, got ${attached}`, true);
      given.set(name as OptionName, true);
      continue;
    }
    const raw = attached ?? rest.shift();
    if (raw === undefined) throw new OptionError(`--${flagOf(name)}: value missing`, true);
    if (definition === undefined) {
      file = raw;
      continue;
    }
    const value = definition.read(raw);
    if (value === undefined)
      throw new OptionError(`--${flagOf(name)}: ${show(raw)} is not ${definition.expects}`, true);
    const before = given.get(name as OptionName);
    given.set(
      name as OptionName,
      definition.repeatable === true ? [...((before as string[] | undefined) ?? []), value as string] : value,
    );
  }
  const fromFile = file === undefined ? new Map<OptionName, Value>() : readConfigFile(file, DEFINITIONS);
  const options = Object.fromEntries(
    OPTION_NAMES.map((name) => [name, given.get(name) ?? fromFile.get(name) ?? DEFINITIONS[name].initial]),
  ) as unknown as Options;
  return { run: check ? "check" : "serve", options, file };
}

/** Options that a flag can set. */
export const FLAGS = OPTION_NAMES.filter((name) => DEFINITIONS[name].structure === undefined);

const SHORT = new Map<string, string>([
  ["h", "help"],
  ["v", "version"],
  ...FLAGS.flatMap((name) =>
    DEFINITIONS[name].short === undefined ? [] : [[DEFINITIONS[name].short!, name] as const],
  ),
]);
const LONG = new Map<string, string>(
  [...FLAGS, "config", "check", "help", "version"].map((name) => [flagOf(name), name]),
);

/** `--name`, `--name=value`, `-n`, `-nvalue` and `-n=value` taken apart; the name of an unknown one is empty. */
function splitFlag(arg: string): { name: string; attached: string | undefined } {
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=");
    const long = arg.slice(2, equals < 0 ? undefined : equals);
    return { name: LONG.get(long) ?? "", attached: equals < 0 ? undefined : arg.slice(equals + 1) };
  }
  const name = arg.startsWith("-") ? (SHORT.get(arg.slice(1, 2)) ?? "") : "";
  const attached = arg.length > 2 ? arg.slice(arg[2] === "=" ? 3 : 2) : undefined;
  return { name, attached };
}

/** The flag of an option or command, without its dashes: `readTimeout` is `read-timeout`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
