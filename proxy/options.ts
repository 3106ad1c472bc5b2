import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { isCidr } from "./address-guard";
import { AllowList, isPattern } from "./allow-list";
import { readPort } from "./route";

/** Everything that can be set, by flag or in the file of --config. Times are seconds unless the name says otherwise. */
export interface Options {
  readonly listen: string;
  readonly port: number;
  readonly accessLogDir: string;
  readonly accessLogRotate: number;
  readonly accessLogRotateTime: number;
  readonly pidFile: string;
  readonly keepaliveConns: number;
  readonly maxConnsPerHost: number;
  readonly readTimeout: number;
  readonly writeTimeout: number;
  readonly proxyReadTimeout: number;
  readonly shutdownTimeout: number;
  readonly upstream: string;
  readonly stsize: number;
  readonly spfactor: number;
  readonly allow: readonly string[];
  readonly allowAny: boolean;
  readonly allowAddress: readonly string[];
  readonly warm: readonly string[];
  readonly adminListen: string;
  readonly caFile: string;
  readonly connectTimeout: number;
  readonly clientIdleTimeout: number;
  readonly originIdleTimeout: number;
  readonly drainDelay: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly maxQueue: number;
  readonly queueTimeout: number;
  readonly ejectFailures: number;
  readonly circuitFailures: number;
  readonly circuitPause: number;
  readonly tunnelIdleTimeout: number;
  readonly requestBuffering: number;
  readonly maxClients: number;
  readonly workers: number | "auto";
  readonly http2Origins: "auto" | "never";
  readonly tlsPort: number;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly dnsServer: readonly string[];
}

type Name = keyof Options;
type Value = string | number | boolean | readonly string[];

interface Definition {
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
}

type Extra = Pick<Definition, "short">;

function text(
  initial: string,
  help: string,
  rule?: { test: (value: string) => boolean; expects: string },
  extra?: Extra,
): Definition {
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

function integer(initial: number, min: number, max: number, help: string, extra?: Extra): Definition {
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

function duration(initial: number, help: string): Definition {
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

function list(help: string, test: (value: string) => boolean, expects: string): Definition {
  return {
    read: (raw) => (test(raw) ? raw : undefined),
    accepts: (value) => typeof value === "string" && test(value),
    expects,
    initial: [],
    help,
    repeatable: true,
  };
}

function flag(help: string): Definition {
  return {
    read: () => true,
    accepts: (value) => typeof value === "boolean",
    expects: "true or false",
    initial: false,
    help,
    switch: true,
  };
}

function workers(): Definition {
  const count = integer(1, 1, 1024, "processes to serve with; auto for one per core");
  const accepts = (value: unknown): boolean => value === "auto" || count.accepts(value);
  return {
    ...count,
    accepts,
    read: (raw) => (raw === "auto" ? raw : count.read(raw)),
    expects: "auto or a number from 1 to 1024",
  };
}

const address = { test: (value: string) => isIP(value) !== 0, expects: "an IP address" };
const addressAndPort = {
  test: (value: string) => readAddressAndPort(value) !== undefined,
  expects: "address:port, e.g. 127.0.0.1:9300",
};
const httpUrl = {
  test: (value: string) => readUpstream(value) !== undefined,
  expects: "http://host[:port] or https://host[:port]",
};

const DEFINITIONS: Readonly<Record<Name, Definition>> = {
  listen: text("0.0.0.0", "address to listen on", address, { short: "l" }),
  port: integer(3000, 0, 65535, "port to listen on", { short: "p" }),
  accessLogDir: text("", "directory of the access log; stdout, none, or empty for stderr"),
  accessLogRotate: integer(30, 1, 100_000, "log files kept"),
  accessLogRotateTime: integer(1440, 1, 525_600, "minutes between two log files"),
  pidFile: text("", "file to write the process id to; empty for none"),
  keepaliveConns: integer(2, 0, 100_000, "idle connections kept per origin", { short: "c" }),
  maxConnsPerHost: integer(0, 0, 100_000, "connections per origin at most; 0 for no limit"),
  readTimeout: duration(30, "time for a request's head, and between two pieces of its body"),
  writeTimeout: duration(90, "time without progress while a response is written to a client"),
  proxyReadTimeout: duration(60, "time without a byte from an origin that owes a response"),
  shutdownTimeout: duration(3600, "time for requests to end after SIGTERM"),
  upstream: text("", "send everything to this origin instead of routing by Host", httpUrl),
  stsize: integer(1000, 2, 10_000_000, "response times kept for /.api/http-stats"),
  spfactor: integer(3, 1, 1_000_000, "one response time in this many is kept"),
  allow: list(
    "origins that may be called: a name or *.name; repeatable",
    isPattern,
    "a name, an address or *.name (for all: allowAny)",
  ),
  allowAny: flag("allow every origin: with an untrusted client this is an open proxy"),
  allowAddress: list(
    "addresses refused by default that origins may have; repeatable",
    isCidr,
    "an address or CIDR range",
  ),
  warm: list(
    "origin to keep open TLS connections to, name:port=count; repeatable",
    (value) => readWarm(value) !== undefined,
    "name:port=count or http(s)://name:port=count, count from 1 to 1000",
  ),
  adminListen: text("", "address:port of /healthz, /readyz and /metrics; empty for none", addressAndPort),
  caFile: text("", "PEM file of certificate authorities trusted besides the usual ones"),
  connectTimeout: duration(10, "time to connect to one address of an origin, TLS included"),
  clientIdleTimeout: duration(60, "time an idle client connection is kept"),
  originIdleTimeout: duration(30, "time an idle origin connection is kept"),
  drainDelay: duration(0, "time to go on accepting after SIGTERM, with /readyz failing already"),
  maxHeaderBytes: integer(32_768, 1024, 1_048_576, "bytes of a message head at most"),
  maxHeaderCount: integer(100, 10, 10_000, "fields of a message head at most"),
  maxQueue: integer(1024, 0, 1_000_000, "requests waiting for a connection to one origin at most"),
  queueTimeout: duration(30, "time a request may wait for a connection to its origin"),
  ejectFailures: integer(
    5,
    1,
    1_000_000,
    "failed exchanges in a row before one address of several is set aside",
  ),
  circuitFailures: integer(
    20,
    0,
    1_000_000,
    "failures in a row before requests to an origin fail at once; 0 for never",
  ),
  circuitPause: duration(5, "time before a failing origin is tried again"),
  tunnelIdleTimeout: duration(3600, "time without a byte either way after Upgrade (WebSocket)"),
  requestBuffering: integer(
    0,
    0,
    1_073_741_824,
    "bytes of a body collected before an origin connection is taken; 0 to stream",
  ),
  maxClients: integer(0, 0, 10_000_000, "client connections at most per worker; 0 for no limit"),
  tlsPort: integer(0, 0, 65535, "second port, with TLS (HTTP/1.1 and h2); 0 for none"),
  tlsCertFile: text("", "PEM file of the certificate for tlsPort"),
  tlsKeyFile: text("", "PEM file of its key"),
  workers: workers(),
  http2Origins: text("auto", "HTTP/2 to https origins that offer it: auto or never (gRPC always has it)", {
    test: (value) => value === "auto" || value === "never",
    expects: "auto or never",
  }),
  dnsServer: list(
    "DNS server to ask, address[:port]; repeatable (default: the system's)",
    isDnsServer,
    "address or address:port",
  ),
};

const NAMES = Object.keys(DEFINITIONS) as Name[];

/** What the command line asks for. */
export type Command =
  { readonly run: "help" | "version" } | { readonly run: "serve" | "check"; readonly options: Options };

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

function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Reads the arguments after `node tricloud-proxy.js`, and the configuration file they name. @throws OptionError */
export function readCommand(args: readonly string[]): Command {
  const given = new Map<Name, Value>();
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
    const definition = name === "config" ? undefined : DEFINITIONS[name as Name];
    if (definition?.switch === true) {
      if (attached !== undefined)
        throw new OptionError(`--${flagOf(name)} takes no value, got ${attached}`, true);
      given.set(name as Name, true);
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
    const before = given.get(name as Name);
    given.set(
      name as Name,
      definition.repeatable === true ? [...((before as string[] | undefined) ?? []), value as string] : value,
    );
  }
  const fromFile = file === undefined ? new Map<Name, Value>() : readConfigFile(file);
  const options = Object.fromEntries(
    NAMES.map((name) => [name, given.get(name) ?? fromFile.get(name) ?? DEFINITIONS[name].initial]),
  ) as unknown as Options;
  validate(options, file);
  return { run: check ? "check" : "serve", options };
}

const SHORT = new Map<string, string>([
  ["h", "help"],
  ["v", "version"],
  ...NAMES.flatMap((name) =>
    DEFINITIONS[name].short === undefined ? [] : [[DEFINITIONS[name].short!, name] as const],
  ),
]);
const LONG = new Map<string, string>(
  [...NAMES, "config", "check", "help", "version"].map((name) => [flagOf(name), name]),
);

/** `--name`, `--name=value`, `-n`, `-nvalue` and `-n=value` taken apart; an unknown name comes back as it is. */
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

function readConfigFile(file: string): Map<Name, Value> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new OptionError(`${file}: ${error instanceof Error ? error.message : String(error)}`, false);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new OptionError(`${file}: (root): ${show(parsed)} is not an object of options`, false);
  }
  const values = new Map<Name, Value>();
  for (const [key, value] of Object.entries(parsed)) {
    if (!(key in DEFINITIONS))
      throw new OptionError(
        `${file}: ${key}: unknown key, with value ${show(value)}; known are ${NAMES.join(", ")}`,
        false,
      );
    const definition = DEFINITIONS[key as Name];
    const bad = (path: string, wrong: unknown, expects = definition.expects): OptionError =>
      new OptionError(`${file}: ${path}: ${show(wrong)} is not ${expects}`, false);
    if (definition.repeatable === true) {
      if (!Array.isArray(value)) throw bad(key, value, `a list, each ${definition.expects}`);
      value.forEach((item: unknown, index) => {
        if (!definition.accepts(item)) throw bad(`${key}[${index}]`, item);
      });
      values.set(key as Name, value as string[]);
    } else {
      if (!definition.accepts(value)) throw bad(key, value);
      values.set(key as Name, typeof value === "string" ? definition.read(value)! : (value as Value));
    }
  }
  return values;
}

/** What no single value shows. */
function validate(options: Options, file: string | undefined): void {
  const where = file === undefined ? "" : `${file}: `;
  if (options.allow.length === 0 && !options.allowAny && options.upstream === "") {
    throw new OptionError(
      `${where}allow: [] is not at least one origin pattern (--allow '*.example.com'), unless upstream or allowAny is set`,
      file === undefined,
    );
  }
  const allowed = new AllowList(options.allow, options.allowAny || options.upstream !== "");
  options.warm.forEach((text, index) => {
    const { host } = readWarm(text)!;
    if (!allowed.allows(host)) {
      throw new OptionError(
        `${where}warm[${index}]: ${show(text)} is not an origin that allow lets through`,
        false,
      );
    }
  });
  if (options.tlsPort > 0) {
    for (const name of ["tlsCertFile", "tlsKeyFile"] as const) {
      if (!readText(options[name], `${where}${name}`).includes("-----BEGIN ")) {
        throw new OptionError(`${where}${name}: ${show(options[name])} is not a PEM file`, false);
      }
    }
  }
  if (options.caFile !== "") {
    const certificates = readText(options.caFile, `${where}caFile`);
    if (!certificates.includes("-----BEGIN CERTIFICATE-----")) {
      throw new OptionError(`${where}caFile: ${options.caFile} is not a PEM file with a certificate`, false);
    }
  }
}

function readText(path: string, name: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OptionError(
      `${name}: ${show(path)} is not a readable file (${error instanceof Error ? error.message : String(error)})`,
      false,
    );
  }
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

/** An origin whose connections are opened before anyone asks. */
export interface Warm {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly count: number;
}

/** Reads `api.example.com:443=2`, port 443 and count 1 when left out; `http://` in front for an origin without TLS. */
export function readWarm(value: string): Warm | undefined {
  const match = /^(?:(https?):\/\/)?([a-z0-9._-]+)(?::(\d+))?(?:=(\d{1,4}))?$/i.exec(value);
  if (match === null) return undefined;
  const tls = match[1]?.toLowerCase() !== "http";
  const port = match[3] === undefined ? (tls ? 443 : 80) : readPort(match[3]);
  const count = Number(match[4] ?? "1");
  if (port === undefined || count < 1 || count > 1000) return undefined;
  return { host: match[2]!.toLowerCase(), port, tls, count };
}

/** Reads `127.0.0.1:9300` or `[::1]:9300`. */
export function readAddressAndPort(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(value);
  if (match === null) return undefined;
  const host = match[1] ?? match[2]!;
  const port = match[3] === "0" ? 0 : readPort(match[3]!);
  return isIP(host) === 0 || port === undefined ? undefined : { host, port };
}

/** Reads the URL of --upstream. */
export function readUpstream(value: string): { host: string; port: number; tls: boolean } | undefined {
  const match = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d+))?\/?$/i.exec(value);
  if (match === null) return undefined;
  const tls = match[1]!.toLowerCase() === "https";
  const port = match[3] === undefined ? (tls ? 443 : 80) : readPort(match[3]);
  return port === undefined
    ? undefined
    : { host: match[2]!.toLowerCase().replace(/^\[|\]$/g, ""), port, tls };
}

/** What can be set, for --help and the manual. */
export interface OptionHelp {
  readonly key: string;
  readonly flag: string;
  readonly initial: Value;
  readonly expects: string;
  readonly help: string;
}

export function optionHelp(): OptionHelp[] {
  return NAMES.map((name) => {
    const { short, initial, expects, help } = DEFINITIONS[name];
    const flag = `${short === undefined ? "" : `-${short}, `}--${flagOf(name)}`;
    return { key: name, flag, initial, expects, help };
  });
}

/** The text of --help. */
export function usage(): string {
  const line = (short: string, long: string, help: string): string =>
    `  ${short.padEnd(3)} ${long.padEnd(27)} ${help}`;
  const lines = NAMES.map((name) => {
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
    "",
    "Forwards a request for a.b.ccnproxy[-https][.any][:port] to a.b[:port] over connections that are already open.",
    "",
    "Options:",
    ...lines,
    line("", "--config=", "JSON file of the same options, named in camelCase; flags win over it"),
    line("", "--check", "check the options and exit"),
    line("-v,", "--version", "show the version"),
    line("-h,", "--help", "show this help"),
    "",
  ].join("\n");
}

function isDnsServer(value: string): boolean {
  return isIP(value) !== 0 || readAddressAndPort(value) !== undefined;
}
