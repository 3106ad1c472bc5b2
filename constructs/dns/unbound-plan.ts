import { Token } from "cdktf";
import { closestZone, dnsEndpoint, domainName, isLoopback, isWithin, type DnsEndpoint } from "./dns-name";
import { isAtLeast } from "./release";
import type { AccessRule, StaticRecord, UnboundOptions } from "./unbound-options";

export const OLDEST_UNBOUND = "1.17";

/** {@link UnboundOptions} with names in canonical form and every default filled in. */
export interface UnboundPlan {
  readonly release: string;
  readonly interfaces: readonly DnsEndpoint[];
  readonly port: number;
  readonly accessControl: readonly AccessRule[];
  readonly zones: readonly PlannedZone[];
  readonly suffixes: readonly PlannedSuffix[];
  readonly staticRecords: readonly StaticRecord[];
  readonly validate: boolean;
}

export interface PlannedZone {
  readonly name: string;
  readonly forwarders: readonly DnsEndpoint[];
  readonly internal: boolean;
  readonly privateDomain: boolean;
  readonly domainInsecure: boolean;
  readonly tcpOnly: boolean;
}

export interface PlannedSuffix {
  readonly name: string;
  readonly target: string;
}

/** Top-level names that the public DNS does not hold: such a name resolves only where a zone is forwarded. */
const NOT_PUBLIC = [
  "consul",
  "local",
  "internal",
  "lan",
  "corp",
  "home",
  "home.arpa",
  "test",
  "example",
  "invalid",
];

/**
 * Settles the options and refuses those that would make a resolver which starts but does not answer.
 *
 * @throws Error saying which option, its value and the reason.
 */
export function planUnbound(options: UnboundOptions): UnboundPlan {
  const release = options.release ?? OLDEST_UNBOUND;
  if (!isAtLeast(release, OLDEST_UNBOUND, "unbound release")) {
    throw new Error(`unbound release must be ${OLDEST_UNBOUND} or later, got: ${JSON.stringify(release)}`);
  }
  const plan: UnboundPlan = {
    release,
    interfaces: (options.interfaces ?? ["127.0.0.1"]).map((one) => listenAddress(one, options.port ?? 53)),
    port: options.port ?? 53,
    accessControl: options.accessControl ?? [],
    zones: plannedZones(options),
    suffixes: (options.proxySuffixes ?? []).map(({ suffix, target }) => ({
      name: domainName(suffix, "proxy suffix"),
      target: domainName(target, `target of proxy suffix ${suffix}`),
    })),
    staticRecords: options.staticRecords ?? [],
    validate: checksSignatures(options),
  };
  refuseNumbersOutOfRange(options);
  refuseUnsignedUpstreams(plan);
  refuseUnreachable(plan);
  refuseLoopbackForwarders(plan, options.doNotQueryLocalhost ?? false);
  refuseUnanswerableInternalZones(plan);
  refuseZoneCycles(plan);
  refuseBadSuffixes(plan);
  refuseBadRecords(plan);
  return plan;
}

/** Whether names are checked against DNSSEC signatures: nobody knows of upstreams by their address what they hand on. */
export const checksSignatures = ({ validate, upstreams }: UnboundOptions): boolean =>
  validate ?? upstreams === undefined;

function plannedZones(options: UnboundOptions): PlannedZone[] {
  const declared: PlannedZone[] = (options.forwardZones ?? []).map((zone) => {
    const name = domainName(zone.name, "forward zone");
    const internal = zone.internal ?? true;
    return {
      name,
      forwarders: zone.forwarders.map((one) => dnsEndpoint(one, `forwarder of zone ${name}`)),
      internal,
      privateDomain: zone.privateDomain ?? internal,
      domainInsecure: zone.domainInsecure ?? internal,
      tcpOnly: zone.tcpOnly ?? false,
    };
  });
  if (options.upstreams !== undefined) {
    declared.push({
      name: ".",
      forwarders: options.upstreams.map((one) => dnsEndpoint(one, "upstream")),
      internal: false,
      privateDomain: false,
      domainInsecure: false,
      tcpOnly: false,
    });
  }
  const seen = new Set<string>();
  for (const zone of declared) {
    if (seen.has(zone.name)) throw new Error(`zone ${zone.name} is forwarded twice, expected once`);
    seen.add(zone.name);
    if (zone.forwarders.length === 0) {
      throw new Error(`zone ${zone.name} has no forwarders, expected at least one`);
    }
  }
  return declared;
}

function listenAddress(value: string, port: number): DnsEndpoint {
  const endpoint = dnsEndpoint(value, "unbound interface");
  if (endpoint.kind === "name") {
    throw new Error(`unbound interface must be an address, got: ${JSON.stringify(value)}`);
  }
  return value.includes("@") ? endpoint : { ...endpoint, port };
}

function refuseNumbersOutOfRange(options: UnboundOptions): void {
  const ranges: readonly [string, number | undefined, number, number][] = [
    ["port", options.port, 1, 65535],
    ["threads", options.threads, 1, 256],
    ["cacheMegabytes", options.cacheMegabytes, 1, 65536],
    ["deadServerRetrySeconds", options.deadServerRetrySeconds, 1, 900],
  ];
  const stale = options.staleAnswers === false ? undefined : options.staleAnswers;
  const staleRanges: readonly [string, number | undefined, number, number][] = [
    ["staleAnswers.maximumAgeSeconds", stale?.maximumAgeSeconds, 1, 259200],
    ["staleAnswers.replyTtlSeconds", stale?.replyTtlSeconds, 1, 300],
    // A stub resolver of glibc asks again after 1 s with the options this library sets.
    ["staleAnswers.patienceMilliseconds", stale?.patienceMilliseconds, 0, 900],
  ];
  for (const [name, value, least, most] of [...ranges, ...staleRanges]) {
    if (value === undefined || Token.isUnresolved(value)) continue;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new Error(`unbound ${name} must be a whole number from ${least} to ${most}, got: ${value}`);
    }
  }
}

/**
 * Resolvers that hand no signature on, whatever they are asked: those of every VPC on AWS.
 * https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
 */
const UNSIGNED_RESOLVERS = ["169.254.169.253", "fd00:ec2::253"];

function refuseUnsignedUpstreams({ validate, zones }: UnboundPlan): void {
  const upstreams = zones.find(({ name }) => name === ".")?.forwarders ?? [];
  const unsigned = upstreams.find(({ host }) => UNSIGNED_RESOLVERS.includes(host));
  if (!validate || unsigned === undefined) return;
  throw new Error(
    `unbound cannot check DNSSEC signatures behind ${unsigned.host}, a VPC's resolver: it hands none on, and no ` +
      "public name would resolve. Expected validate to be off, or other upstreams",
  );
}

function refuseUnreachable(plan: UnboundPlan): void {
  const open = plan.interfaces.find((one) => one.kind === "token" || !isLoopback(one.host));
  if (open !== undefined && plan.accessControl.length === 0) {
    throw new Error(
      `unbound listens on ${open.host}, which is not loopback, but accessControl lets nobody in, ` +
        `expected at least one netblock with "allow"`,
    );
  }
  for (const { netblock } of plan.accessControl) {
    if (!Token.isUnresolved(netblock) && !/^[0-9a-fA-F:.]+\/\d{1,3}$/.test(netblock)) {
      throw new Error(
        `access control netblock must be an address and a prefix length such as "10.0.0.0/8", got: ${JSON.stringify(netblock)}`,
      );
    }
  }
}

function refuseLoopbackForwarders(plan: UnboundPlan, doNotQueryLocalhost: boolean): void {
  for (const zone of plan.zones) {
    for (const { host, port } of zone.forwarders) {
      if (doNotQueryLocalhost && isLoopback(host)) {
        throw new Error(
          `zone ${zone.name} is forwarded to ${host}, a loopback address, but doNotQueryLocalhost is true: ` +
            `every such name would be SERVFAIL. Expected doNotQueryLocalhost false`,
        );
      }
      if (plan.interfaces.some((own) => own.port === port && reaches(host, own.host))) {
        throw new Error(
          `zone ${zone.name} is forwarded to ${host}@${port}, where this unbound itself listens: the question would ` +
            `come back for ever. Expected another server`,
        );
      }
    }
  }
}

/** Whether a question sent to `address` arrives at a socket bound to `bound`. */
function reaches(address: string, bound: string): boolean {
  const everywhere = bound === "0.0.0.0" || bound === "::";
  return address === bound || (everywhere && isLoopback(address));
}

function refuseUnanswerableInternalZones(plan: UnboundPlan): void {
  for (const zone of plan.zones.filter((one) => one.internal)) {
    if (!zone.privateDomain) {
      throw new Error(
        `internal zone ${zone.name} has privateDomain false: answers with private addresses would become empty ` +
          `without an error. Expected true, or internal false`,
      );
    }
    if (!zone.domainInsecure && plan.validate) {
      throw new Error(
        `internal zone ${zone.name} has domainInsecure false while DNSSEC is validated: the root denies the zone, so ` +
          `every answer would be SERVFAIL. Expected true, or validate false`,
      );
    }
  }
}

/** A forwarder given by name must be found without the zone it serves. */
function refuseZoneCycles(plan: UnboundPlan): void {
  const needs = (zone: PlannedZone): PlannedZone[] =>
    // One forwarder by address is enough to get started.
    zone.forwarders.some((one) => one.kind !== "name")
      ? []
      : zone.forwarders.flatMap((one) => closestZone(one.host, plan.zones) ?? []);
  for (const start of plan.zones) {
    const path: PlannedZone[] = [];
    let next: PlannedZone | undefined = start;
    while (next !== undefined && !path.includes(next)) {
      path.push(next);
      next = needs(next)[0];
    }
    if (next !== undefined) {
      const names = [...path.slice(path.indexOf(next)), next].map((zone) => zone.name);
      throw new Error(
        `zones need one another to find their own servers: ${names.join(" -> ")}. Expected an address among the ` +
          `forwarders of one of them`,
      );
    }
  }
  for (const zone of plan.zones) {
    for (const { host } of zone.forwarders.filter((one) => one.kind === "name")) {
      refuseUnknown(plan, host, `forwarder of zone ${zone.name}`);
    }
  }
}

function refuseBadSuffixes(plan: UnboundPlan): void {
  const seen = new Map<string, string>();
  for (const { name, target } of plan.suffixes) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw new Error(
        `proxy suffix ${name} has two targets, ${other} and ${target}: a name can have one CNAME only`,
      );
    }
    seen.set(name, target);
    if (Token.isUnresolved(target)) continue;
    const through = plan.suffixes.find((suffix) => isWithin(target, suffix.name));
    if (through !== undefined) {
      throw new Error(
        `proxy suffix ${name} leads to ${target}, which lies under the proxy suffix ${through.name} and so resolves ` +
          `through itself. Expected a name outside every proxy suffix`,
      );
    }
    refuseUnknown(plan, target, `target of proxy suffix ${name}`);
    const shadowed = plan.zones.find((zone) => zone.name !== "." && isWithin(zone.name, name));
    if (shadowed !== undefined) {
      throw new Error(`proxy suffix ${name} hides the forwarded zone ${shadowed.name}, expected names apart`);
    }
  }
}

function refuseUnknown(plan: UnboundPlan, name: string, what: string): void {
  const zone = closestZone(name, plan.zones);
  const isStatic = plan.staticRecords.some((record) => domainName(record.name, "static record") === name);
  if (isStatic || (zone !== undefined && zone.name !== ".")) return;
  const unknown = NOT_PUBLIC.find((top) => isWithin(name, top));
  if (unknown !== undefined || !name.includes(".")) {
    throw new Error(
      `${what} is ${name}, but no zone of this resolver holds that name and the public DNS does not know ` +
        `${unknown ?? name}. Expected a forward zone or a static record for it`,
    );
  }
}

function refuseBadRecords(plan: UnboundPlan): void {
  const types = new Map<string, Set<string>>();
  for (const record of plan.staticRecords) {
    const name = domainName(record.name, "static record");
    if (/["\n\r]/.test(record.value)) {
      throw new Error(
        `static record ${name} must have a value without quotes and line ends, got: ${JSON.stringify(record.value)}`,
      );
    }
    const suffix = plan.suffixes.find((one) => isWithin(name, one.name));
    if (suffix !== undefined) {
      throw new Error(
        `static record ${name} lies under the proxy suffix ${suffix.name}, where every name is the proxy's`,
      );
    }
    const present = types.get(name) ?? new Set<string>();
    if (present.has("CNAME") || (record.type === "CNAME" && present.size > 0)) {
      throw new Error(`static record ${name} has a CNAME and another record, expected the CNAME alone`);
    }
    types.set(name, present.add(record.type));
  }
}
