import { isIP } from "node:net";
import { type Rule } from "./option-values";
import { isServiceName, readPort } from "../route";

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
  const host = match[2]!.toLowerCase();
  if (port === undefined || count < 1 || count > 1000 || isServiceName(host)) return undefined;
  return { host, port, tls, count };
}

/** Reads `127.0.0.1:9300` or `[::1]:9300`. */
export function readAddressAndPort(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(value);
  if (match === null) return undefined;
  const host = match[1] ?? match[2]!;
  const port = match[3] === "0" ? 0 : readPort(match[3]!);
  return isIP(host) === 0 || port === undefined ? undefined : { host, port };
}

/** Reads the URL of an origin. Whether it may be a service with SRV records is its reader's concern. */
export function readUpstream(value: string): { host: string; port: number; tls: boolean } | undefined {
  const match = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d+))?\/?$/i.exec(value);
  if (match === null) return undefined;
  const tls = match[1]!.toLowerCase() === "https";
  const port = match[3] === undefined ? (tls ? 443 : 80) : readPort(match[3]);
  return port === undefined
    ? undefined
    : { host: match[2]!.toLowerCase().replace(/^\[|\]$/g, ""), port, tls };
}

export const address: Rule = { test: (value) => isIP(value) !== 0, expects: "an IP address" };
export const addressAndPort: Rule = {
  test: (value) => readAddressAndPort(value) !== undefined,
  expects: "address:port, e.g. 127.0.0.1:9300",
};
export const httpUrl: Rule = {
  test: (value) => {
    const at = readUpstream(value);
    return at !== undefined && !isServiceName(at.host);
  },
  expects: "http://host[:port] or https://host[:port]",
};
export const warmOrigin: Rule = {
  test: (value) => readWarm(value) !== undefined,
  expects: "name:port=count or http(s)://name:port=count, count from 1 to 1000",
};
export const dnsServer: Rule = {
  test: (value) => isIP(value) !== 0 || readAddressAndPort(value) !== undefined,
  expects: "address or address:port",
};
