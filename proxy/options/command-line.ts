import { parseArgs } from "node:util";
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
  // Unknown flags and missing values are judged here, in the words that the options have for theirs.
  const { tokens } = parseArgs({ args: [...args], options: CONFIG, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== "option") throw unknown(args[token.index]!);
    const key = KEYS.get(token.name);
    if (key === undefined) throw unknown(args[token.index]!);
    if (key === "help" || key === "version") return { run: key };
    const flag = `--${token.name}`;
    if (CONFIG[token.name]!.type === "boolean") {
      if (token.value !== undefined)
        throw new OptionError(`${flag} takes no value, got ${token.value}`, true);
      if (key === "check") check = true;
      else given.set(key as OptionName, true);
      continue;
    }
    if (token.value === undefined) throw new OptionError(`${flag}: value missing`, true);
    // What stands before it in one argument: `-p=80` is `-p 80`, as in chocon.
    const raw = token.rawName.startsWith("--") ? token.value : token.value.replace(/^=/, "");
    if (key === "config") {
      file = raw;
      continue;
    }
    const name = key as OptionName;
    const definition = DEFINITIONS[name];
    const value = definition.read(raw);
    if (value === undefined)
      throw new OptionError(`${flag}: ${show(raw)} is not ${definition.expects}`, true);
    const before = given.get(name) as string[] | undefined;
    given.set(name, definition.repeatable === true ? [...(before ?? []), value as string] : value);
  }
  const fromFile = file === undefined ? new Map<OptionName, Value>() : readConfigFile(file, DEFINITIONS);
  const options = Object.fromEntries(
    OPTION_NAMES.map((name) => [name, given.get(name) ?? fromFile.get(name) ?? DEFINITIONS[name].initial]),
  ) as unknown as Options;
  return { run: check ? "check" : "serve", options, file };
}

const unknown = (argument: string): OptionError => new OptionError(`unknown flag ${argument}`, true);

/** Options that a flag can set. */
export const FLAGS = OPTION_NAMES.filter((name) => DEFINITIONS[name].structure === undefined);

/** What each flag, without its dashes, is called in the configuration file, or as a command. */
const KEYS = new Map<string, string>(
  [...FLAGS, "config", "check", "help", "version"].map((key) => [flagOf(key), key]),
);

/** All flags, as Node's parser wants to know them. */
const CONFIG: Readonly<Record<string, { type: "string" | "boolean"; short?: string }>> = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
  check: { type: "boolean" },
  config: { type: "string" },
  ...Object.fromEntries(
    FLAGS.map((name) => {
      const { short, switch: isSwitch } = DEFINITIONS[name];
      const type = isSwitch === true ? ("boolean" as const) : ("string" as const);
      return [flagOf(name), { type, ...(short !== undefined && { short }) }];
    }),
  ),
};

/** The flag of an option or command, without its dashes: `readTimeout` is `read-timeout`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
