import { isIP } from "node:net";

/** Where a request goes: scheme, name and port of an origin. */
export interface Origin {
  /** Lower-case name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** What the origin is to read in Host: the port only when the client gave one. */
  readonly authority: string;
  /** What its certificate has to name instead of `host`, and SNI says. */
  readonly serverName?: string;
  /** It is another region's proxies, which want this one's certificate. */
  readonly peer?: boolean;
  /** `host` is a service, whose SRV records name hosts and ports; `port` is the scheme's own and means nothing. */
  readonly service?: boolean;
}

/** Why a Host has no route: a status and a reason for the log. */
export interface NoRoute {
  readonly status: number;
  readonly problem: string;
}

const TLS_LABELS = new Set(["ccnproxy-https", "ccnproxy-ssl", "ccnproxy-secure"]);
const PLAIN_LABEL = "ccnproxy";
/** For what is no host: a service of the network, which the proxy knows as a group of that whole name. */
const SERVICE_LABEL = "ccnproxy-service";
const NAME = /^(?=.{1,253}$)(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/;

/** The name of the group that answers for a service, which is also the one that callers use. */
export const serviceGroup = (service: string): string => `${service}.${SERVICE_LABEL}`;

/** The service whose group has this name, undefined for any other name. */
export const serviceOf = (group: string): string | undefined =>
  group.endsWith(`.${SERVICE_LABEL}`) ? group.slice(0, -SERVICE_LABEL.length - 1) : undefined;

/** For a service as other regions' proxies ask for it. No client can: to `routeOf` it is no label. */
const PEER_LABEL = "ccnproxy-peer";

/** The name of the group that answers for a service to other regions' proxies: by its own region's instances alone. */
export const peerGroup = (service: string): string => `${service}.${PEER_LABEL}`;

/** The service whose group for other regions has this name, undefined for any other name. */
export const serviceForPeers = (group: string): string | undefined =>
  group.endsWith(`.${PEER_LABEL}`) ? group.slice(0, -PEER_LABEL.length - 1) : undefined;

/**
 * Reads `a.b.ccnproxy[-https|-ssl|-secure][.anything][:port]`: the origin is what stands before the last such label.
 * Without the label, or with nothing before it, there is no route (400). For `a.ccnproxy-service` that is the name
 * with its label, whatever the port, which is the proxy's own.
 */
export function routeOf(host: string): Origin | NoRoute {
  if (host === "") return { status: 400, problem: "no Host" };
  const colon = host.indexOf(":");
  const labels = (colon < 0 ? host : host.slice(0, colon)).toLowerCase().split(".");
  const last = labels.findLastIndex(
    (label) => label === PLAIN_LABEL || label === SERVICE_LABEL || TLS_LABELS.has(label),
  );
  if (last <= 0) return { status: 400, problem: "Host has no proxy label" };
  const tls = TLS_LABELS.has(labels[last]!);
  const digits = colon < 0 ? "" : host.slice(colon + 1);
  const port = digits === "" ? (tls ? 443 : 80) : readPort(digits);
  if (port === undefined) return { status: 400, problem: "malformed port in Host" };
  const name = labels.slice(0, last).join(".");
  if (isIP(name) === 0 && !NAME.test(name)) return { status: 400, problem: "malformed name in Host" };
  if (labels[last] === SERVICE_LABEL) {
    const group = serviceGroup(name);
    return { host: group, port: 80, tls: false, authority: group };
  }
  return { host: name, port, tls, authority: digits === "" ? name : `${name}:${port}` };
}

/** The Host by which clients usually name the origin with this authority. */
export function usualHost(authority: string, tls: boolean): string {
  const colon = authority.lastIndexOf(":");
  const label = tls ? "ccnproxy-https" : PLAIN_LABEL;
  return colon < 0
    ? `${authority}.${label}`
    : `${authority.slice(0, colon)}.${label}${authority.slice(colon)}`;
}

/** A Host as RFC 9110 section 7.2 has it: a name or address, and perhaps a port. */
export function isHost(text: string): boolean {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=%-]+)(?::(\d{0,13}))?$/i.exec(text);
  return match !== null && (match[2] === undefined || match[2] === "" || readPort(match[2]) !== undefined);
}

export function isOrigin(route: Origin | NoRoute): route is Origin {
  return "host" in route;
}

/** Host as a client would write it: the port only where it is not the scheme's own. */
export function authorityOf(host: string, port: number, tls: boolean): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`;
}

/** One name for one place to connect to, e.g. `https://api.example.com:443`. */
export function originKey(origin: Pick<Origin, "host" | "port" | "tls">): string {
  const host = origin.host.includes(":") ? `[${origin.host}]` : origin.host;
  return `${origin.tls ? "https" : "http"}://${host}:${origin.port}`;
}

/** A service over TCP as RFC 2782 names it, e.g. `_search._tcp.service.consul`. */
export const isServiceName = (host: string): boolean => /^_[a-z0-9_-]+\._tcp\.[a-z0-9]/.test(host);

/** A decimal port from 1 to 65535, else undefined. Zeros may lead (RFC 3986 section 3.2.3). */
export function readPort(text: string): number | undefined {
  if (!/^0{0,8}[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}
