import { isIP } from "node:net";
import { isHost, isServiceName } from "../route";
import { readUpstream } from "./endpoint-values";
import {
  type GroupCheck,
  type GroupOptions,
  type GroupOrigin,
  type StaleOptions,
  type SubstituteOptions,
} from "./group-options";
import { BadValue, type Path } from "./option-error";
import {
  type Fields,
  fieldsOf,
  fraction,
  known,
  members,
  type Reader,
  seconds,
  whole,
} from "./structured-values";

/** Reads the value of `groups`: an object of groups by name. @throws BadValue */
export function readGroups(value: unknown): readonly GroupOptions[] {
  return Object.entries(fieldsOf(value, ["groups"], "an object of groups by name")).map(([name, group]) => {
    const path = ["groups", name];
    if (!isHost(name) || name.includes("[")) throw new BadValue(path, name, "a name or name:port");
    return readGroup(name.toLowerCase(), Array.isArray(group) ? { origins: group } : group, path);
  });
}

/** Reads one group. @throws BadValue */
export function readGroup(name: string, value: unknown, path: Path): GroupOptions {
  const fields = known(value, path, [...GROUP_KEYS, ...PROXY_KEYS], "a list of origins, or an object");
  const from = members(fields, path);
  const given = fields["origins"];
  if (!Array.isArray(given) || given.length === 0)
    throw new BadValue([...path, "origins"], given, "a list of at least one origin");
  const origins = given.map((origin: unknown, index) => readOrigin(origin, [...path, "origins", index]));
  const weighted = origins.filter(({ weight }) => weight !== undefined).length;
  if (weighted > 0 && weighted < origins.length)
    throw new BadValue([...path, "origins"], given, "either a weight for each origin, or for none");
  origins.forEach(({ host, port, tls }, index) => {
    if (origins.findIndex((other) => other.host === host && other.port === port && other.tls === tls) < index)
      throw new BadValue([...path, "origins", index], given[index], "another origin than those before it");
  });
  const hedge = from("hedge", readSwitch, false);
  if (hedge && given.length < 2)
    throw new BadValue([...path, "hedge"], hedge, "false, or another origin that can be asked too");
  return {
    name,
    origins,
    connectTimeout: from("connectTimeout", seconds, 1),
    firstByteTimeout: from("firstByteTimeout", seconds, 1),
    circuitFailures: from("circuitFailures", whole(1, 1_000_000), 5),
    circuitPause: from("circuitPause", seconds, 5),
    returnTime: from("returnTime", seconds, 10),
    retryBudget: from("retryBudget", fraction, 0.2),
    hedge,
    check: from("check", readCheck, undefined),
    substitute: from("substitute", readSubstitute, undefined),
    stale: from("stale", readStale, undefined),
  };
}

/**
 * What is the proxy's alone, and no gateway's. `stale` needs origins that are asked for the client's own target, where a
 * route of the gateway may make another one of it; `hedge` a request that can be under way twice.
 */
const PROXY_KEYS = ["stale", "hedge"];

/** What a gateway's service has too. */
export const GROUP_KEYS = [
  "origins",
  "connectTimeout",
  "firstByteTimeout",
  "circuitFailures",
  "circuitPause",
  "returnTime",
  "retryBudget",
  "check",
  "substitute",
];

function readOrigin(value: unknown, path: Path): GroupOrigin {
  const fields: Fields =
    typeof value === "string"
      ? { url: value }
      : known(
          value,
          path,
          ["url", "weight", "limit", "warm", "host", "peer"],
          "a URL, or an object with one",
        );
  const from = members(fields, path);
  const { url } = fields;
  const at = typeof url === "string" ? readUpstream(url) : undefined;
  if (at === undefined)
    throw new BadValue(
      typeof value === "string" ? path : [...path, "url"],
      url,
      "http://host[:port] or https://host[:port]",
    );
  const keepHost = from(
    "host",
    (given, where) => {
      if (given !== "keep") throw new BadValue(where, given, '"keep"');
      return true;
    },
    false,
  );
  const peer = from<string | undefined>("peer", readPeerName, undefined);
  if (peer !== undefined && !at.tls) throw new BadValue([...path, "url"], url, "https://host[:port]");
  if (peer !== undefined && keepHost)
    throw new BadValue([...path, "host"], "keep", "left out where there is a peer, which keeps it anyway");
  if (isServiceName(at.host)) {
    const where = typeof value === "string" ? path : [...path, "url"];
    if (/:\d+\/?$/.test(url as string))
      throw new BadValue(where, url, "a service without a port, which its SRV records tell");
    if (at.tls && !keepHost && peer === undefined)
      throw new BadValue(
        where,
        url,
        'a service by http://, or with "host": "keep" or a peer: no certificate has such a name',
      );
  }
  return {
    ...at,
    weight: from<number | undefined>("weight", whole(1, 1_000_000), undefined),
    limit: from("limit", whole(0, 1_000_000), 0),
    warm: from("warm", whole(0, 1_000), 1),
    keepHost,
    peer,
  };
}

/** A name that a certificate of a region's proxies has. */
export const isPeerName = (value: string): boolean =>
  isHost(value) && /^[a-z0-9.-]+$/.test(value) && isIP(value) === 0;

const readPeerName: Reader<string | undefined> = (value, path) => {
  if (typeof value !== "string" || !isPeerName(value))
    throw new BadValue(path, value, "a name in lower case, e.g. proxy.us.consul");
  return value;
};

const readSwitch: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new BadValue(path, value, "true or false");
  return value;
};

const readCheck: Reader<GroupCheck | undefined> = (value, path) => {
  const fields = known(value, path, ["path", "interval", "timeout"], "an object with a path");
  const target = fields["path"];
  if (typeof target !== "string" || !/^\/[\x21-\x7e]*$/.test(target))
    throw new BadValue([...path, "path"], target, "a path, e.g. /healthz");
  const from = (key: string, initial: number): number => {
    const given = fields[key] === undefined ? initial : seconds(fields[key], [...path, key]);
    if (given < 0.1) throw new BadValue([...path, key], fields[key], "at least 100ms");
    return given;
  };
  return { path: target, interval: from("interval", 5), timeout: from("timeout", 1) };
};

/** What is written in the same piece as its head: no client holds it up. */
const MAX_SUBSTITUTE_BYTES = 8_192;

const readSubstitute: Reader<SubstituteOptions | undefined> = (value, path) => {
  const fields = known(value, path, ["status", "contentType", "body"], "an object with a body");
  const { status = 200, contentType = "application/json", body } = fields;
  if (typeof body !== "string" || Buffer.byteLength(body) > MAX_SUBSTITUTE_BYTES)
    throw new BadValue([...path, "body"], body, `a text of at most ${MAX_SUBSTITUTE_BYTES} bytes`);
  if (typeof contentType !== "string" || !/^[!-~]+\/[ -~]+$/.test(contentType))
    throw new BadValue([...path, "contentType"], contentType, "a media type, e.g. application/json");
  const between = whole(200, 599);
  return { status: between(status, [...path, "status"]), contentType, body };
};

const STALE_BYTES = 16_777_216;

const readStale: Reader<StaleOptions | undefined> = (value, path) => {
  const from = members(known(value, path, ["ifError", "bytes"], "an object, which may be empty"), path);
  return { ifError: from("ifError", seconds, 0), bytes: from("bytes", whole(65_536, 2 ** 30), STALE_BYTES) };
};
