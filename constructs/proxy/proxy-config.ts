import { Token } from "cdktf";
import { DEFINITIONS, type OptionName, type Options, readConfigValues } from "../../proxy/grammar";
import { needingRestart, readAtStart } from "../../proxy/options/reloadable";
import { groupProblem, type ProxyGroups } from "./proxy-groups";
import { type ProxySettings, settingProblems } from "./proxy-settings";
import { refusedWarmOrigins } from "./warm-origins";

/** What the proxy may do and where it listens; the same on every platform. */
export interface ProxyOptions {
  /** Origins it may forward to: host names, or patterns with a leading `*.`. At least one, where there is no group. */
  readonly allow: readonly string[];
  /** Names that stand for several origins, which are allowed by being in a group. @default - none */
  readonly groups?: ProxyGroups;
  /** Origins with open connections ahead of need: `HOST:PORT=CONNECTIONS`. @default - none */
  readonly warm?: readonly string[];
  /** Port that takes requests. @default 80 */
  readonly port?: number;
  /** Address that takes requests. @default "0.0.0.0" */
  readonly listen?: string;
  /** `ADDRESS:PORT` of `/healthz`, `/readyz` and `/metrics`. @default "127.0.0.1:9300" */
  readonly adminListen?: string;
  /** Other options of the proxy's, by their names in docs/proxy.md. @default - the proxy's own */
  readonly settings?: ProxySettings;
  /** How long it goes on taking requests, no longer ready, once it is told to stop. @default 0 */
  readonly drainSeconds?: number;
  /** How long requests under way may take to end after that. @default 30 */
  readonly finishSeconds?: number;
  /** Directory in which it keeps which origins operators have drained, and its socket for them. @default - none */
  readonly stateDir?: string;
  /** Directory with a file for each origin that is drained while `stateDir` tells of none yet. @default - none */
  readonly drainedDir?: string;
  /** PEM file of authorities trusted for origins besides the public ones. @default - none */
  readonly caFile?: string;
  /** How it and other regions' proxies know one another. @default - they do not */
  readonly peers?: PeerOptions;
}

/** How proxies of different regions know one another. */
export interface PeerOptions {
  /** PEM files: what is shown, its key, and the authorities that others' certificates must be by. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Where others call, and the names in their certificates. @default - nobody does */
  readonly listen?: PeerListen | undefined;
}

/** Where other regions' proxies call. */
export interface PeerListen {
  /** TCP port. */
  readonly port: number;
  /** Names in the certificates of those that may: `proxy.us.consul`. At least one. */
  readonly names: readonly string[];
}

export const DEFAULT_PROXY_PORT = 80;
export const DEFAULT_ADMIN_PORT = 9300;

/**
 * The proxy's configuration file (JSON; docs/proxy.md has every key).
 *
 * @throws Error for what the proxy would refuse to start with, in its own words: no origin allowed, one in `warm` that is
 * not, a port or a pattern that is none, a group or setting that it does not know
 */
export function proxyConfig(options: ProxyOptions): string {
  const { drainSeconds = 0, groups = {}, warm = [] } = options;
  const port = options.port ?? DEFAULT_PROXY_PORT;
  const adminListen = options.adminListen ?? `127.0.0.1:${DEFAULT_ADMIN_PORT}`;
  checkValues({ port, adminListen, listen: options.listen, allow: options.allow, warm });
  if (port === 0 || adminListen.endsWith(`:${port}`)) {
    throw new Error(
      `aggregation proxy: port: expected one that callers can name, other than that of ${adminListen}, got: ${port}`,
    );
  }
  if (options.allow.length === 0 && Object.keys(groups).length === 0)
    throw new Error("aggregation proxy: allow must name at least one origin, got: []");
  for (const index of refusedWarmOrigins(warm, options.allow)) {
    throw new Error(
      `aggregation proxy: warm must name origins that allow lets through, got: ${JSON.stringify(warm[index])}`,
    );
  }
  for (const [name, group] of Object.entries(groups)) {
    const found = groupProblem(name, group);
    if (found === undefined) continue;
    const path = ["groups", name, ...found.path].join(".");
    throw new Error(`aggregation proxy: ${path}: ${found.expectation}, got: ${JSON.stringify(found.value)}`);
  }
  checkPeers(options, [port, Number(adminListen.split(":").at(-1))]);
  const { settings = {} } = options;
  const [problem] = settingProblems(settings);
  if (problem !== undefined) {
    const [name = ""] = problem.path;
    throw new Error(
      `aggregation proxy: settings.${problem.path.join(".")}: ${problem.expectation}, got: ${JSON.stringify(settings[name as keyof ProxySettings])}`,
    );
  }
  const config = {
    listen: options.listen ?? "0.0.0.0",
    port,
    adminListen,
    allow: options.allow,
    warm,
    groups,
    ...settings,
    drainDelay: drainSeconds,
    shutdownTimeout: drainSeconds + (options.finishSeconds ?? 30),
    stateDir: options.stateDir,
    drainedDir: options.drainedDir,
    caFile: options.caFile,
    ...peerConfig(options),
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

const peerConfig = ({ peers, listen }: ProxyOptions): Partial<Record<OptionName, unknown>> | undefined =>
  peers && {
    ...(peers.listen && {
      peerListen: `${listen ?? "0.0.0.0"}:${peers.listen.port}`,
      peerNames: peers.listen.names,
    }),
    peerCertFile: peers.certFile,
    peerKeyFile: peers.keyFile,
    peerCaFile: peers.caFile,
  };

/** @param taken ports that it listens on besides */
function checkPeers({ peers, groups = {} }: ProxyOptions, taken: readonly number[]): void {
  const asked = Object.entries(groups).find(([, group]) =>
    ("origins" in group ? group.origins : group).some((each) => typeof each !== "string" && each.peer),
  );
  if (asked !== undefined && peers === undefined)
    throw new Error(
      `aggregation proxy: groups.${asked[0]}: an origin with peer is shown a certificate: expected peers, got: none`,
    );
  if (peers?.listen === undefined) return;
  const { port, names } = peers.listen;
  checkValues({ peerNames: names });
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || taken.includes(port))
    throw new Error(
      `aggregation proxy: peers.listen.port: expected one from 1 to 65535 besides ${taken.join(" and ")}, got: ${port}`,
    );
  if (names.length === 0)
    throw new Error("aggregation proxy: peers.listen.names must have at least one name, got: []");
}

/** @throws OptionError for the first value that the proxy would refuse; what only a deploy knows is left to it */
function checkValues(values: Readonly<Record<string, unknown>>): void {
  const known = Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined || Token.isUnresolved(value)) return [];
    return [[name, Array.isArray(value) ? value.filter((each) => !Token.isUnresolved(each)) : value]];
  });
  readConfigValues("aggregation proxy", Object.fromEntries(known), DEFINITIONS);
}

/** What of a configuration file only a start takes notice of, the gateway's too. @param text of the file */
export const configReadAtStart = (text: string): string => readAtStart(JSON.parse(text) as Partial<Options>);

/**
 * Whether a running proxy cannot take its new configuration by a reload.
 *
 * @param before the file's text as it runs, and `after` as it shall be
 */
export function takesRestart(before: string, after: string): boolean {
  return needingRestart(JSON.parse(before) as Options, JSON.parse(after) as Options).length > 0;
}
