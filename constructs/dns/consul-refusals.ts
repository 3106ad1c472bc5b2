import { isIP } from "node:net";
import { Token } from "cdktf";
import type { ConsulOptions } from "./consul-options";
import { isAtLeast } from "./release";

export const OLDEST_CONSUL = "1.8";

/** @throws Error saying which option of the agent is wrong, its value and what was expected. */
export function refuseBadAgent(options: ConsulOptions): void {
  const { datacenter, release = OLDEST_CONSUL, server } = options;
  const refuse = (reason: string): never => {
    throw new Error(`consul ${datacenter}: ${reason}`);
  };
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(datacenter)) {
    throw new Error(
      `consul datacenter must be a DNS label of lower-case letters, digits and hyphens, got: ${JSON.stringify(datacenter)}`,
    );
  }
  if (!isAtLeast(release, OLDEST_CONSUL, "consul release")) {
    refuse(`release must be ${OLDEST_CONSUL} or later, got: ${JSON.stringify(release)}`);
  }
  if (server !== undefined) refuseServerCount(datacenter, server.expect, server.single ?? false);
  refuseBadAddresses(options, refuse);
  if (options.retryJoin.length === 0 && server?.single !== true) {
    refuse("retryJoin is empty: the agent would stay alone, expected the servers' addresses");
  }
  if (server === undefined && (options.retryJoinWan ?? []).length > 0) {
    refuse("retryJoinWan is given to a client agent, but only servers federate");
  }
  if (server !== undefined && options.leaveOnTerminate === true) {
    refuse("leaveOnTerminate is true on a server: each restart would shrink the quorum, expected false");
  }
  refuseBadKey(options.gossipKey, refuse);
  refuseBadDns(options, refuse);
  if (options.tls !== undefined && server !== undefined && options.tls.certFile === undefined) {
    refuse("tls has no certFile on a server, which must show a certificate to all others");
  }
  if ((options.tls?.certFile === undefined) !== (options.tls?.keyFile === undefined)) {
    refuse("tls must have certFile and keyFile both or neither");
  }
  if (options.acl?.dnsToken !== undefined && !isAtLeast(release, "1.17", "consul release")) {
    refuse(`acl.dnsToken needs release 1.17 or later, got: ${JSON.stringify(release)}. Use acl.defaultToken`);
  }
}

/**
 * Refuses numbers of servers that buy nothing: an even one tolerates no more failures than the odd one below it.
 *
 * @throws Error naming the datacenter, the count and what was expected.
 */
export function refuseServerCount(datacenter: string, count: number, single: boolean): void {
  if (count === 3 || count === 5 || (count === 1 && single)) return;
  const reason =
    count === 1
      ? "one server is no quorum (set singleServer to accept that one machine takes all down)"
      : count % 2 === 0
        ? `an even number survives no more failures than ${Math.max(1, count - 1)} would`
        : "more servers slow every write down";
  throw new Error(`consul ${datacenter}: expected 3 or 5 servers, got: ${count}; ${reason}`);
}

/** @throws Error naming a datacenter that is to stand in and cannot: the servers here do not know it */
export function refuseUnknownFailover(
  datacenter: string,
  failoverTo: readonly string[],
  peerDatacenters: readonly string[],
): void {
  const unknown = failoverTo.find((name) => !peerDatacenters.includes(name));
  if (unknown === undefined) return;
  throw new Error(
    `consul ${datacenter}: failoverTo names ${unknown}, which is not federated, ` +
      `expected some of: ${peerDatacenters.join(", ") || "none, for peers is empty"}`,
  );
}

type Refuse = (reason: string) => never;

function refuseBadAddresses(options: ConsulOptions, refuse: Refuse): void {
  const check = (name: string, value: string): void => {
    if (Token.isUnresolved(value) || isTemplate(value)) return;
    if (isIP(value) === 0)
      refuse(`${name} must be an IP address or a template, got: ${JSON.stringify(value)}`);
  };
  check("bindAddress", options.bindAddress);
  if (options.bindAddress === "0.0.0.0") {
    refuse("bindAddress is 0.0.0.0, which tells peers nothing, expected the machine's own address");
  }
  for (const address of options.dnsAddresses ?? []) check("dnsAddresses", address);
  for (const address of options.httpAddresses ?? []) check("httpAddresses", address);
  if (options.advertiseWanAddress !== undefined) check("advertiseWanAddress", options.advertiseWanAddress);
}

/** A go-sockaddr template, which the agent resolves on its own machine. */
export const isTemplate = (address: string): boolean => /^\{\{.+\}\}$/.test(address);

function refuseBadKey(key: string | undefined, refuse: Refuse): void {
  if (key === undefined || Token.isUnresolved(key)) return;
  const bytes = Buffer.from(key, "base64");
  if (bytes.toString("base64") !== key || ![16, 24, 32].includes(bytes.length)) {
    // The key itself stays out of the message.
    refuse(`gossipKey must be base64 of 16, 24 or 32 bytes, got: ${key.length} characters`);
  }
}

function refuseBadDns({ dns = {} }: ConsulOptions, refuse: Refuse): void {
  const seconds: [string, number | undefined][] = [
    ["serviceTtlSeconds", dns.serviceTtlSeconds],
    ["nodeTtlSeconds", dns.nodeTtlSeconds],
    ["cacheMaxAgeSeconds", dns.cacheMaxAgeSeconds],
    ["negativeTtlSeconds", dns.negativeTtlSeconds],
    ...Object.entries(dns.serviceTtlSecondsByName ?? {}),
  ];
  for (const [name, value] of seconds) {
    if (value !== undefined && (!Number.isInteger(value) || value < 0)) {
      refuse(`dns.${name} must be whole seconds, 0 or more, got: ${value}`);
    }
  }
}
