import { Token } from "cdktf";
import { absolute, domainName, isWithin, type DnsEndpoint } from "./dns-name";
import { isAtLeast } from "./release";
import { RECEIVE_BUFFER_BYTES } from "./unbound-files";
import type { StaleAnswers, UnboundOptions } from "./unbound-options";
import { planUnbound, type PlannedSuffix, type PlannedZone, type UnboundPlan } from "./unbound-plan";

/**
 * Configuration of unbound as the text of one complete file, for releases from 1.17 on. Why each option is there
 * is told in docs/dns.md; times marked there were measured.
 *
 * @throws Error for options with which unbound would start and yet not answer, each with its reason.
 */
export function unboundConf(options: UnboundOptions): string {
  const plan = planUnbound(options);
  return [
    "# Written by Tricloud; changes made here are lost.",
    ...serverClause(plan, options),
    ...plan.zones.flatMap(forwardClause),
    ...controlClause(options.controlSocket ?? "/run/unbound/control.sock"),
    "",
  ].join("\n");
}

function serverClause(plan: UnboundPlan, options: UnboundOptions): string[] {
  return section("server", [
    ["username", quoted(options.user ?? "")],
    ["chroot", quoted("")],
    ["pidfile", quoted("")],
    ["directory", quoted("/etc/unbound")],
    // Messages go to the journal, where the service manager adds name and time.
    ["use-syslog", "no"],
    ["logfile", quoted("")],
    ["verbosity", "1"],
    ["port", String(plan.port)],
    ...plan.interfaces.map((one): Entry => ["interface", address(one)]),
    ...accessControl(plan),
    ...capacity(options),
    ...trust(plan, options),
    ...stale(options.staleAnswers),
    ...recovery(options),
    ...plan.suffixes.flatMap(suffixEntries),
    ...records(plan),
  ]);
}

function accessControl(plan: UnboundPlan): Entry[] {
  return [
    ["access-control", "127.0.0.0/8 allow"],
    ["access-control", "::1/128 allow"],
    ...plan.accessControl.map(({ netblock, action }): Entry => ["access-control", `${netblock} ${action}`]),
    // Everything on a machine asks from one address: a limit per client would be one for the whole machine. Releases
    // from 1.23 spare loopback; before, wait-limit-netblock is documented but not understood.
    ...(isAtLeast(plan.release, "1.20", "unbound release") ? ([["wait-limit", "0"]] satisfies Entry[]) : []),
  ];
}

function capacity({ threads = 2, cacheMegabytes = 32 }: UnboundOptions): Entry[] {
  // A lock is shared less the more slabs there are; unbound wants a power of two.
  const slabs = String(2 ** Math.ceil(Math.log2(threads)));
  return [
    ["num-threads", String(threads)],
    ["so-reuseport", "yes"],
    // An address of the machine's that is late, or gone for a while, keeps nobody from asking on the others.
    ["ip-freebind", "yes"],
    ["so-rcvbuf", String(RECEIVE_BUFFER_BYTES)],
    ["msg-cache-slabs", slabs],
    ["rrset-cache-slabs", slabs],
    ["infra-cache-slabs", slabs],
    ["key-cache-slabs", slabs],
    ["rrset-cache-size", `${cacheMegabytes}m`],
    ["msg-cache-size", `${Math.max(1, Math.ceil(cacheMegabytes / 2))}m`],
    ["outgoing-range", "4096"],
    ["num-queries-per-thread", "2048"],
    ["prefetch", "yes"],
    ["minimal-responses", "yes"],
    ["hide-identity", "yes"],
    ["hide-version", "yes"],
    ["extended-statistics", "yes"],
  ];
}

const PRIVATE_NETWORKS = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "fc00::/7",
  "fe80::/10",
];

function trust(plan: UnboundPlan, options: UnboundOptions): Entry[] {
  const validating: Entry[] = [
    ["module-config", quoted("validator iterator")],
    ["trust-anchor-file", quoted(options.trustAnchorFile ?? "/usr/share/dns/root.key")],
  ];
  return [
    ...(plan.validate ? validating : ([["module-config", quoted("iterator")]] satisfies Entry[])),
    ...(options.privateNetworks ?? PRIVATE_NETWORKS).map((net): Entry => ["private-address", net]),
    ...plan.zones.flatMap((zone): Entry[] => [
      ...(zone.privateDomain ? ([["private-domain", fqdn(zone.name)]] satisfies Entry[]) : []),
      ...(zone.domainInsecure ? ([["domain-insecure", fqdn(zone.name)]] satisfies Entry[]) : []),
      ...openBuiltIn(zone),
    ]),
    ...plan.suffixes.map(({ name }): Entry => ["domain-insecure", fqdn(name)]),
  ];
}

/** Zones unbound answers by itself with "no such name" unless told not to (RFC 6303, 6761, 7686, 8375). */
const BUILT_IN = [
  "localhost",
  "test",
  "invalid",
  "onion",
  "home.arpa",
  "10.in-addr.arpa",
  "168.192.in-addr.arpa",
  "254.169.in-addr.arpa",
  ...Array.from({ length: 16 }, (_, i) => `${16 + i}.172.in-addr.arpa`),
  ...Array.from({ length: 64 }, (_, i) => `${64 + i}.100.in-addr.arpa`),
  "d.f.ip6.arpa",
];

function openBuiltIn(zone: PlannedZone): Entry[] {
  const inside = BUILT_IN.find((builtIn) => isWithin(zone.name, builtIn));
  if (inside !== undefined) {
    return [["local-zone", `${fqdn(zone.name)} ${inside === zone.name ? "nodefault" : "transparent"}`]];
  }
  if (zone.name === ".") return [];
  return BUILT_IN.filter((builtIn) => isWithin(builtIn, zone.name)).map((builtIn) => [
    "local-zone",
    `${fqdn(builtIn)} nodefault`,
  ]);
}

function stale(options: StaleAnswers | false = {}): Entry[] {
  if (options === false) return [["serve-expired", "no"]];
  // All four, always: releases differ in their defaults.
  return [
    ["serve-expired", "yes"],
    ["serve-expired-ttl", String(options.maximumAgeSeconds ?? 3600)],
    ["serve-expired-reply-ttl", String(options.replyTtlSeconds ?? 5)],
    ["serve-expired-client-timeout", String(options.patienceMilliseconds ?? 200)],
  ];
}

function recovery(options: UnboundOptions): Entry[] {
  return [
    ["infra-host-ttl", String(options.deadServerRetrySeconds ?? 1)],
    // A question that was on its way when the server went is sent anew so soon after the server's return.
    ["infra-cache-max-rtt", "1500"],
    ["do-not-query-localhost", options.doNotQueryLocalhost === true ? "yes" : "no"],
    // A name that is created a moment after somebody asked for it.
    ["cache-max-negative-ttl", "60"],
  ];
}

function suffixEntries({ name, target }: PlannedSuffix): Entry[] {
  return [
    ["local-zone", `${fqdn(name)} redirect`],
    ["local-data", quoted(`${absolute(name)} 60 IN CNAME ${absoluteTarget(target)}`)],
  ];
}

function records(plan: UnboundPlan): Entry[] {
  return plan.staticRecords.map(({ name, type, value, ttlSeconds = 60 }): Entry => {
    const start = `${absolute(domainName(name, "static record"))} ${ttlSeconds} IN ${type}`;
    // Text has quotes of its own, which unbound takes between single ones.
    return ["local-data", type === "TXT" ? `'${start} "${value}"'` : quoted(`${start} ${value}`)];
  });
}

function forwardClause(zone: PlannedZone): string[] {
  return section("forward-zone", [
    ["name", fqdn(zone.name)],
    ...zone.forwarders.map((one): Entry => [
      one.kind === "name" ? "forward-host" : "forward-addr",
      address(one),
    ]),
    ...(zone.tcpOnly ? ([["forward-tcp-upstream", "yes"]] satisfies Entry[]) : []),
  ]);
}

function controlClause(socket: string | false): string[] {
  if (socket === false) return section("remote-control", [["control-enable", "no"]]);
  return section("remote-control", [
    ["control-enable", "yes"],
    ["control-interface", quoted(socket)],
    // The socket's permissions guard it; a certificate would be one more thing to renew.
    ["control-use-cert", "no"],
  ]);
}

type Entry = [option: string, value: string];

const section = (name: string, entries: readonly Entry[]): string[] => [
  `${name}:`,
  ...entries.map(([option, value]) => `  ${option}: ${value}`),
];

const quoted = (value: string): string => `"${value}"`;
const fqdn = (name: string): string => quoted(absolute(name));
const address = ({ host, port }: DnsEndpoint): string => (port === 53 ? host : `${host}@${port}`);
const absoluteTarget = (target: string): string =>
  Token.isUnresolved(target) ? `${target}.` : absolute(target);
