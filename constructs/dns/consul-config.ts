import type { ConsulDnsOptions, ConsulOptions, ConsulPorts } from "./consul-options";
import { refuseBadAgent } from "./consul-refusals";
import { serviceDefinition } from "./consul-service";
import { isAtLeast } from "./release";
import { DEFAULT_SERVICE_TTL_SECONDS } from "./service-ttl";

/**
 * Configuration of a Consul agent as the JSON text of one file, for releases from 1.8 on. Why each option is there
 * is told in docs/dns.md.
 *
 * @throws Error for options with which the agent would not start, not find its cluster or not answer, each with
 *   its reason.
 */
export function consulConfig(options: ConsulOptions): string {
  refuseBadAgent(options);
  const isServer = options.server !== undefined;
  const config: Json = {
    datacenter: options.datacenter,
    primary_datacenter: options.primaryDatacenter,
    node_name: options.nodeName,
    data_dir: options.dataDir ?? "/var/lib/consul/tricloud",
    server: isServer,
    bootstrap_expect: options.server?.expect,
    // A server that starts answers from its last snapshot until its log has been gone through, and without one says
    // "no such name" of everything. Consul's own threshold, 16384 entries, is months of a small region's changes.
    raft_snapshot_threshold: isServer ? 8 : undefined,
    raft_snapshot_interval: isServer ? "10s" : undefined,
    domain: options.dns?.domain,
    bind_addr: options.bindAddress,
    advertise_addr_wan: options.advertiseWanAddress,
    client_addr: "127.0.0.1",
    addresses: {
      http: listed(options.httpAddresses),
      dns: listed(options.dnsAddresses),
    },
    ports: ports(options.ports),
    retry_join: options.retryJoin,
    retry_interval: "2s",
    retry_join_wan: isServer && options.retryJoinWan?.length ? options.retryJoinWan : undefined,
    retry_interval_wan: isServer && options.retryJoinWan?.length ? "5s" : undefined,
    rejoin_after_leave: true,
    leave_on_terminate: options.leaveOnTerminate ?? !isServer,
    encrypt: options.gossipKey,
    // Leader elections on the time scale of one region's network.
    performance: { raft_multiplier: 1, leave_drain_time: "1s" },
    // A machine that dies is noticed in half the time of Consul's own settings, which suit slower networks.
    gossip_lan: { probe_interval: "500ms", probe_timeout: "250ms" },
    dns_config: dnsConfig(options.dns),
    acl: aclSettings(options),
    ...tls(options),
    enable_local_script_checks: options.services?.some((one) => one.checks?.some((check) => check.command)),
    services: options.services?.map(serviceDefinition),
    telemetry: telemetry(options.metricsRetentionSeconds ?? 60),
    disable_update_check: true,
    log_level: options.logLevel ?? "info",
  };
  return jsonText(config);
}

/**
 * The same as two files of one folder: `membership` holds what an agent reads when it starts and never needs to start
 * for, the servers to join and how many make the first leader; `agent` everything else.
 *
 * @throws Error as `consulConfig` does
 */
export function consulConfigFiles(options: ConsulOptions): { agent: string; membership: string } {
  const { retry_join, bootstrap_expect, ...agent } = JSON.parse(consulConfig(options)) as Json;
  return { agent: jsonText(agent), membership: jsonText({ retry_join, bootstrap_expect }) };
}

type Json = Record<string, unknown>;

const jsonText = (value: Json): string => `${JSON.stringify(value, undefined, 2)}\n`;

function dnsConfig(dns: ConsulDnsOptions = {}): Json {
  const cacheSeconds = dns.cacheMaxAgeSeconds ?? 2;
  const byName = Object.entries(dns.serviceTtlSecondsByName ?? {}).map(([name, ttl]) => [name, `${ttl}s`]);
  return {
    service_ttl: {
      "*": `${dns.serviceTtlSeconds ?? DEFAULT_SERVICE_TTL_SECONDS}s`,
      ...Object.fromEntries(byName),
    },
    node_ttl: `${dns.nodeTtlSeconds ?? 30}s`,
    // Any server may answer, however old its view: an answer of yesterday beats none.
    allow_stale: true,
    max_stale: "87600h",
    only_passing: dns.includeWarning !== true,
    // More instances than fit a datagram: the resolver is told to come back by TCP.
    enable_truncate: true,
    use_cache: cacheSeconds > 0,
    cache_max_age: cacheSeconds > 0 ? `${cacheSeconds}s` : undefined,
    soa: { min_ttl: dns.negativeTtlSeconds ?? 1 },
  };
}

function ports(given: ConsulPorts = {}): Json {
  return {
    dns: given.dns ?? 8600,
    http: given.http ?? 8500,
    https: given.https ?? -1,
    grpc: -1,
    server: given.server ?? 8300,
    serf_lan: given.serfLan ?? 8301,
    serf_wan: given.serfWan ?? 8302,
  };
}

/** What an agent is told of access control: the part of its configuration that holds tokens. */
export function aclSettings({
  acl: given,
  primaryDatacenter,
  datacenter,
  release = "1.8",
}: Pick<ConsulOptions, "acl" | "primaryDatacenter" | "datacenter" | "release">): Json | undefined {
  if (given === undefined) return undefined;
  const secondary = primaryDatacenter !== undefined && primaryDatacenter !== datacenter;
  return {
    enabled: true,
    default_policy: given.defaultPolicy ?? "deny",
    // Names go on resolving with the last known rights while the primary datacenter is out of reach.
    down_policy: "extend-cache",
    enable_token_replication: secondary,
    tokens: {
      agent: given.agentToken,
      default: given.defaultToken,
      dns: given.dnsToken,
      replication: given.replicationToken,
      [isAtLeast(release, "1.11", "consul release") ? "initial_management" : "master"]: given.managementToken,
    },
  };
}

/** The rights that answering DNS questions takes, as the text of a Consul policy. */
export const DNS_TOKEN_RULES = `node_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
query_prefix "" {
  policy = "read"
}
`;

function tls({ tls: given, release = "1.8", server }: ConsulOptions): Json {
  if (given === undefined) return {};
  const isServer = server !== undefined;
  const files = { ca_file: given.caFile, cert_file: given.certFile, key_file: given.keyFile };
  const { verification = "all" } = given;
  const asksServers = verification !== "none";
  // Nobody connects to a client agent but this machine itself.
  const verify = { verify_incoming: isServer && verification === "all", verify_outgoing: asksServers };
  const certificates = isServer
    ? { auto_encrypt: { allow_tls: true } }
    : given.certFile === undefined && asksServers
      ? { auto_encrypt: { tls: true } }
      : {};
  if (isAtLeast(release, "1.12", "consul release")) {
    return {
      tls: { defaults: { ...files, ...verify }, internal_rpc: { verify_server_hostname: asksServers } },
      ...certificates,
    };
  }
  return { ...files, ...verify, verify_server_hostname: asksServers, ...certificates };
}

function telemetry(retentionSeconds: number): Json | undefined {
  if (retentionSeconds === 0) return undefined;
  return { prometheus_retention_time: `${retentionSeconds}s`, disable_hostname: true };
}

const listed = (addresses: readonly string[] = ["127.0.0.1"]): string => addresses.join(" ");
