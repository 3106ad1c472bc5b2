import { isIP } from "node:net";
import { Token } from "cdktf";

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/**
 * A domain name in the one form the rest of the folder compares: lower case, no trailing dot, `.` for the root.
 *
 * @throws Error naming `what` and the value when it is no domain name.
 */
export function domainName(value: string, what: string): string {
  if (Token.isUnresolved(value)) return value;
  const name = value.toLowerCase().replace(/\.$/, "");
  if (value === ".") return ".";
  if (name.length === 0 || name.length > 253 || !name.split(".").every((label) => LABEL.test(label))) {
    throw new Error(`${what} must be a domain name such as "service.consul", got: ${JSON.stringify(value)}`);
  }
  return name;
}

/** Whether `name` is `zone` or lies below it; both as {@link domainName} returns them. */
export function isWithin(name: string, zone: string): boolean {
  return zone === "." || name === zone || name.endsWith(`.${zone}`);
}

/** The most specific of `zones` that holds `name`, as a resolver chooses it. */
export function closestZone<T extends { readonly name: string }>(
  name: string,
  zones: readonly T[],
): T | undefined {
  const holders = zones.filter((zone) => isWithin(name, zone.name));
  return holders.sort((a, b) => labels(b.name) - labels(a.name))[0];
}

/** With the trailing dot that configuration files want. */
export const absolute = (name: string): string => (name === "." ? "." : `${name}.`);

const labels = (name: string): number => (name === "." ? 0 : name.split(".").length);

/** Where a DNS server answers: an address or a host name, and a port. */
export interface DnsEndpoint {
  readonly host: string;
  readonly port: number;
  readonly kind: "address" | "name" | "token";
}

/**
 * Reads `10.0.0.1`, `127.0.0.1@8600`, `2001:db8::1@5353`, `resolver.example.com` or a Terraform expression.
 *
 * @throws Error naming `what` and the value when it is none of these.
 */
export function dnsEndpoint(value: string, what: string): DnsEndpoint {
  const at = value.lastIndexOf("@");
  const host = at < 0 ? value : value.slice(0, at);
  const port = at < 0 ? 53 : Number(value.slice(at + 1));
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`${what} must have a port from 1 to 65535 after "@", got: ${JSON.stringify(value)}`);
  }
  if (Token.isUnresolved(host)) return { host, port, kind: "token" };
  if (isIP(host) !== 0) return { host, port, kind: "address" };
  if (/^[0-9.]+$/.test(host)) {
    throw new Error(
      `${what} must be an address or a name, with an optional "@port", got: ${JSON.stringify(value)}`,
    );
  }
  return { host: domainName(host, what), port, kind: "name" };
}

/** Whether an address never leaves the machine: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
