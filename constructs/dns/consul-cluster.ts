import { isIP } from "node:net";
import { Fn } from "cdktf";
import { Construct } from "constructs";
import type { Block } from "../availability";
import {
  type AptSource,
  type HostFile,
  type HostProfilePart,
  type IHost,
  processesOn,
  textContent,
} from "../host";
import { federations, type HasTopology, type TopologyElement } from "../topology";
import { tokenUpkeep } from "./consul-acl";
import { HASHICORP_APT_SOURCE } from "./consul-apt-source";
import { leaderOf, quorumOf } from "./consul-blocks";
import { aclSettings, consulConfigFiles } from "./consul-config";
import { failoverQuery, failoverUpkeep } from "./consul-failover";
import { CONSUL_COMMANDS, CONSUL_PATHS } from "./consul-files";
import { type Beginning, consulGuard } from "./consul-guard";
import { type LockAccess, lockUpkeep } from "./consul-locks";
import type { ConsulDnsOptions, ConsulOptions, ConsulPorts, TlsVerification } from "./consul-options";
import { refuseServerCount, refuseUnknownFailover } from "./consul-refusals";
import {
  aclVariables,
  bucketKeyVariables,
  type ConsulAclSecrets,
  type ConsulTlsSecrets,
  gossipVariable,
  refuseLiterals,
  secretFile,
  secretJson,
  tlsVariables,
} from "./consul-secrets";
import { serviceDefinition } from "./consul-service";
import {
  type HostSnapshotOptions,
  SNAPSHOT_SERVICE_NAME,
  type SnapshotsAway,
  snapshotService,
  snapshotUpkeep,
} from "./consul-snapshot";
import { consulUnit } from "./consul-unit";
import type { IConsul, ServiceRegistration } from "./iconsul";
import { serviceTtlSeconds } from "./service-ttl";
import type { BucketKey } from "./snapshot-bucket";
import { DEFAULT_MAX_UNAVAILABLE, unavailableHosts } from "./max-unavailable";

export interface ConsulClusterProps {
  /** Machines that hold the datacenter's state: three or five in all. */
  readonly servers: readonly IHost[];
  /** Machines with an agent: everything that registers or looks up services. Servers need not be repeated. */
  readonly agents: readonly IHost[];
  /** Name of the region: lower-case letters, digits and hyphens. */
  readonly datacenter: string;
  /** Servers of other datacenters to federate with, addresses or names by datacenter. @default {} */
  readonly peers?: Readonly<Record<string, readonly string[]>>;
  /**
   * Datacenters whose instances stand in when this one has no healthy instance of a service; the machines must be
   * able to reach theirs. Services are then found as `NAME.query.DOMAIN` too.
   * @default []
   */
  readonly failoverTo?: readonly string[];
  /**
   * Copies of the datacenter's state on the servers' disks, and off them where a bucket is named; false for none.
   * @default - hourly, two days of them, on the disks alone
   */
  readonly snapshots?: HostSnapshotOptions | false;
  /** Accept one server: a region whose discovery one machine can take down. @default false */
  readonly singleServer?: boolean;
  /**
   * Key that all agents of all federated datacenters encrypt their gossip with: base64 of 32 bytes, as
   * `consul keygen` prints it. An expression of a sensitive value, never a literal.
   * @default - a sensitive Terraform variable `consul_gossip_key`
   */
  readonly gossipKey?: string;
  /**
   * Encrypt and verify what agents say to servers. Servers show one certificate; other agents get theirs from them.
   * @default false; true takes sensitive Terraform variables
   */
  readonly tls?: boolean | ConsulTlsSecrets;
  /** Whose certificates are asked for: fewer than all only while a running datacenter comes to TLS. @default "all" */
  readonly tlsVerification?: TlsVerification;
  /**
   * Deny whatever no token allows; names resolve with a token that can do nothing else.
   * @default false; true takes sensitive Terraform variables
   */
  readonly acl?: boolean | ConsulAclSecrets;
  /** What a request without a right may do: "allow" for the time in which a running region gets its tokens. @default "deny" */
  readonly aclDefaultPolicy?: "allow" | "deny";
  /** The datacenter whose tokens hold for all federated ones. @default - this one */
  readonly primaryDatacenter?: string;
  /** How DNS answers. @default - docs/dns.md */
  readonly dns?: ConsulDnsOptions;
  /** Ports of all agents. @default - Consul's own */
  readonly ports?: ConsulPorts;
  /** Archive with a package `consul`. @default - HashiCorp's */
  readonly aptSource?: AptSource;
  /**
   * Version of that package on every machine, as Consul's own (`1.22.3`) or the package's (`1.22.3-1`). Another one goes
   * out server by server, and back the same way.
   * @default - the newest in the archive when a machine is delivered to first
   */
  readonly version?: string;
  /** The oldest Consul release that archive may give, 1.8 or later. @default - that of `version`, or "1.8" */
  readonly release?: string;
}

/** Service discovery of one region: a quorum of servers, and an agent on every machine. */
export class ConsulCluster extends Construct implements IConsul, HasTopology {
  readonly datacenter: string;
  readonly domain: string;
  readonly dnsAddresses: readonly string[];
  readonly peerDatacenters: readonly string[];
  readonly failsOver: boolean;
  readonly agentTokenFile: string | undefined;
  readonly quorum: Block;
  readonly leader: Block;
  private readonly servers: readonly IHost[];
  private readonly agents: readonly IHost[];
  private readonly gossipKey: string;
  private readonly tls?: ConsulTlsSecrets;
  private readonly acl?: ConsulAclSecrets;
  private readonly away?: SnapshotsAway;
  private bucketKey?: BucketKey;
  private lockToken?: string;
  private readonly serviceNames = new Set<string>([SNAPSHOT_SERVICE_NAME]);

  /** PEM certificate of the private authority that the servers' own is by, as an expression; undefined without `tls`. */
  get authority(): string | undefined {
    return this.tls?.caCertificate;
  }

  /** @throws Error when the number of servers is not 3 or 5, or an option is malformed */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ConsulClusterProps,
  ) {
    super(scope, id);
    this.servers = byName(props.servers);
    const machines = this.servers.flatMap((host) => host.machines);
    refuseServerCount(props.datacenter, machines.length, props.singleServer ?? false);
    this.datacenter = props.datacenter;
    this.domain = props.dns?.domain ?? "consul";
    this.peerDatacenters = Object.keys(props.peers ?? {}).filter((name) => name !== props.datacenter);
    this.dnsAddresses = this.servers
      .filter((host) => isIP(host.bindAddress) !== 0)
      .map((host) => `${host.bindAddress}@${props.ports?.dns ?? 8600}`);
    this.failsOver = (props.failoverTo ?? []).length > 0;
    const answering = this.servers.flatMap((host) => processesOn(host, "consul"));
    this.quorum = quorumOf(answering);
    this.leader = leaderOf(props.datacenter, this.quorum);
    this.agents = [...new Set([...this.servers, ...byName(props.agents)])];

    this.gossipKey = props.gossipKey ?? gossipVariable(this);
    this.tls = props.tls === true ? tlsVariables(this) : props.tls || undefined;
    if (this.tls === undefined && props.tlsVerification !== undefined) {
      throw new Error(
        `consul ${this.datacenter}: tlsVerification is of no use without tls, expected tls too, got: "${props.tlsVerification}"`,
      );
    }
    this.acl = props.acl === true ? aclVariables(this) : props.acl || undefined;
    this.agentTokenFile = this.acl === undefined ? undefined : CONSUL_PATHS.agentToken;
    refuseLiterals(this.datacenter, { gossipKey: this.gossipKey, ...this.tls, ...this.acl });
    if (this.makesTokens) for (const host of this.servers) host.addToProfile(tokenUpkeep());
    this.away = this.snapshotsAway();
    for (const host of this.agents) host.addToProfile(this.agentPart(host, machines.length));
    for (const host of this.servers) this.addUpkeep(host);
    this.orderActivation();
  }

  get topology(): readonly TopologyElement[] {
    const names = (hosts: readonly IHost[]) => hosts.map(({ hostName }) => hostName);
    return [
      { kind: "workload", role: "discovery-server", on: names(this.servers) },
      { kind: "workload", role: "discovery-agent", on: names(this.agents) },
      ...federations(this.peerDatacenters, this.props.failoverTo),
    ];
  }

  serviceTtlSeconds(service: string): number {
    return serviceTtlSeconds(this.props.dns, service);
  }

  addService(service: ServiceRegistration): void {
    if (this.serviceNames.has(service.name)) {
      throw new Error(
        `consul ${this.datacenter}: service ${service.name} is registered twice, expected once`,
      );
    }
    this.serviceNames.add(service.name);
    const { hosts, maxUnavailable = DEFAULT_MAX_UNAVAILABLE, leaves = false, ...description } = service;
    if (hosts.length === 0) {
      throw new Error(
        `consul ${this.datacenter}: service ${service.name} has no hosts, expected at least one`,
      );
    }
    const batchSize = unavailableHosts(service.name, maxUnavailable, new Set(hosts).size);
    const path = CONSUL_PATHS.service(service.name);
    const file = this.serviceFile(path, serviceDefinition(description));
    const token =
      leaves && this.acl !== undefined
        ? [secretFile(CONSUL_PATHS.agentToken, "consul-agent-token", this.acl.agentToken)]
        : [];
    this.refuseWithoutAgent(`service ${service.name} is`, hosts);
    for (const host of hosts) {
      host.addToProfile({ files: [file, ...token], services: [this.agentService(host, [path])] });
    }
    this.activateInBatches(hosts, batchSize);
  }

  allowLocks(hosts: readonly IHost[]): LockAccess {
    this.refuseWithoutAgent("locks are taken", hosts);
    if (this.acl === undefined) return {};
    // Whoever has this one cannot tell the other from it, and nobody has to hand it over besides.
    this.lockToken ??= Fn.uuidv5(this.acl.managementToken, `tricloud-locks-${this.datacenter}`);
    const token = secretFile(CONSUL_PATHS.lockToken, "consul-lock-token", this.lockToken);
    for (const host of new Set([...hosts, ...this.servers])) host.addToProfile({ files: [token] });
    for (const host of this.servers) host.addToProfile(lockUpkeep());
    return { tokenFile: CONSUL_PATHS.lockToken };
  }

  private refuseWithoutAgent(what: string, hosts: readonly IHost[]): void {
    for (const host of hosts) {
      if (this.agents.includes(host)) continue;
      throw new Error(
        `consul ${this.datacenter}: ${what} on host ${host.hostName}, which has no agent, ` +
          `expected one of: ${this.agents.map((agent) => agent.hostName).join(", ")}`,
      );
    }
  }

  private serviceFile(path: string, service: Record<string, unknown>): HostFile {
    if (this.acl === undefined) {
      return { path, content: textContent(`${JSON.stringify({ service }, undefined, 2)}\n`) };
    }
    const name = `consul-service-${String(service["name"])}`;
    return secretFile(path, name, secretJson({ service: { ...service, token: this.acl.agentToken } }));
  }

  /** What every agent host holds. */
  private agentPart(host: IHost, serverCount: number): HostProfilePart {
    const isServer = this.isServer(host);
    const guard = consulGuard({
      isServer,
      spareServers: Math.floor((serverCount - 1) / 2),
      nodeName: this.nodeName(host),
      tokenFile: isServer ? this.managementTokenFile : undefined,
      accessControl: this.acl !== undefined,
      beginning: isServer ? this.beginning(host) : undefined,
    });
    const { agent, membership } = consulConfigFiles(this.agentOptions(host, serverCount));
    const files: HostFile[] = [
      { path: CONSUL_PATHS.agent, content: textContent(agent) },
      { path: CONSUL_PATHS.membership, content: textContent(membership) },
      secretFile(CONSUL_PATHS.gossip, "consul-gossip", secretJson({ encrypt: this.gossipKey })),
      { path: CONSUL_PATHS.guard, content: textContent(guard), mode: "0755" },
      { path: CONSUL_PATHS.unit, content: textContent(consulUnit()) },
      ...this.tlsFiles(isServer),
      ...this.aclFiles(isServer),
    ];
    return {
      aptSources: [this.props.aptSource ?? HASHICORP_APT_SOURCE],
      packages: [this.props.version === undefined ? "consul" : `consul=${this.props.version}`, "curl"],
      files,
      services: [
        this.agentService(
          host,
          files.map((file) => file.path),
        ),
      ],
    };
  }

  private tlsFiles(isServer: boolean): HostFile[] {
    if (this.tls === undefined) return [];
    const { caCertificate, serverCertificate, serverKey } = this.tls;
    const authority = secretFile(CONSUL_PATHS.caCertificate, "consul-ca", caCertificate);
    if (!isServer) return [authority];
    return [
      authority,
      secretFile(CONSUL_PATHS.serverCertificate, "consul-server-certificate", serverCertificate),
      secretFile(CONSUL_PATHS.serverKey, "consul-server-key", serverKey),
    ];
  }

  private aclFiles(isServer: boolean): HostFile[] {
    if (this.acl === undefined) return [];
    const { managementToken, agentToken, dnsToken } = this.acl;
    const { datacenter, primaryDatacenter, aclDefaultPolicy: defaultPolicy } = this.props;
    const { release } = this;
    const isPrimary = (primaryDatacenter ?? datacenter) === datacenter;
    const settings = aclSettings({
      datacenter,
      primaryDatacenter,
      release,
      acl: {
        defaultPolicy,
        agentToken,
        defaultToken: dnsToken,
        managementToken: isServer && isPrimary ? managementToken : undefined,
        replicationToken: isServer && !isPrimary ? managementToken : undefined,
      },
    });
    const config = secretFile(CONSUL_PATHS.acl, "consul-acl", secretJson({ acl: settings }));
    if (!isServer) return [config];
    return [
      config,
      secretFile(CONSUL_PATHS.managementToken, "consul-management-token", managementToken),
      secretFile(CONSUL_PATHS.agentToken, "consul-agent-token", agentToken),
      secretFile(CONSUL_PATHS.dnsToken, "consul-dns-token", dnsToken),
    ];
  }

  private get release(): string | undefined {
    const { release, version } = this.props;
    return release ?? version?.match(/^\d+\.\d+(\.\d+)?/)?.[0];
  }

  private get makesTokens(): boolean {
    const { datacenter, primaryDatacenter = datacenter } = this.props;
    return this.acl !== undefined && primaryDatacenter === datacenter;
  }

  private get managementTokenFile(): string | undefined {
    return this.acl === undefined ? undefined : CONSUL_PATHS.managementToken;
  }

  /** What only servers do besides. */
  private addUpkeep(host: IHost): void {
    const { failoverTo = [], snapshots = {}, dns } = this.props;
    refuseUnknownFailover(this.datacenter, failoverTo, this.peerDatacenters);
    const token = this.managementTokenFile;
    if (snapshots !== false) {
      host.addToProfile(snapshotUpkeep(snapshots, token, this.away));
      if (this.away !== undefined) this.addSnapshotService(host, snapshots);
    }
    if (this.failsOver) {
      host.addToProfile(failoverUpkeep(failoverQuery(failoverTo, dns?.serviceTtlSeconds), token));
    }
  }

  /** Where snapshots go off the servers: nowhere, or with a key or role of the servers' own. */
  private snapshotsAway(): SnapshotsAway | undefined {
    const { snapshots = {}, datacenter } = this.props;
    if (snapshots === false || snapshots.bucket === undefined) return undefined;
    const bucket = { ...snapshots.bucket, prefix: snapshots.bucket.prefix ?? `consul/${datacenter}` };
    if (snapshots.credentials === "instance-role") return { bucket, access: { kind: "instance-role" } };
    const key = snapshots.credentials ?? bucketKeyVariables(this);
    refuseLiterals(datacenter, key);
    this.bucketKey = key;
    return { bucket, access: { kind: "key", file: CONSUL_PATHS.snapshotKey } };
  }

  private addSnapshotService(host: IHost, options: HostSnapshotOptions): void {
    const path = CONSUL_PATHS.service(SNAPSHOT_SERVICE_NAME);
    const key = this.bucketKey;
    host.addToProfile({
      files: [
        this.serviceFile(path, snapshotService(options)),
        ...(key === undefined
          ? []
          : [
              secretFile(
                CONSUL_PATHS.snapshotKey,
                "consul-snapshot-key",
                Fn.format("user = %s:%s\n", [key.keyId, key.secretKey]),
              ),
            ]),
      ],
      services: [this.agentService(host, [path])],
    });
  }

  private agentService(host: IHost, reads: readonly string[]) {
    return {
      name: "consul.service",
      reads,
      runs: ["consul"],
      verify: `consul validate "$STAGED${CONSUL_PATHS.folder}"`,
      reload: `${CONSUL_PATHS.guard} apply`,
      ...(this.isServer(host) ? { gate: `${CONSUL_PATHS.guard} gate` } : {}),
      // A server that joins is made a voter after ten seconds without a flaw, which a busy machine begins again and again.
      // An agent whose first word was refused speaks again up to half a minute later.
      health: { command: `${CONSUL_PATHS.guard} ready`, timeoutSeconds: this.isServer(host) ? 300 : 120 },
    };
  }

  /** Machines of a group start together; servers with addresses of their own one after another. */
  private beginning(host: IHost): Beginning | undefined {
    const addresses = this.servers.map(({ bindAddress }) => bindAddress);
    if (addresses.some((address) => isIP(address) === 0)) return undefined;
    return {
      expect: addresses.length,
      fellows: addresses.filter((address) => address !== host.bindAddress),
      serfPort: this.props.ports?.serfLan ?? 8301,
    };
  }

  private agentOptions(host: IHost, serverCount: number): ConsulOptions {
    const { datacenter, dns, ports, singleServer, peers = {} } = this.props;
    const isServer = this.isServer(host);
    const address = host.bindAddress;
    const wanJoin = Object.entries(peers).flatMap(([name, addresses]) =>
      name === datacenter ? [] : addresses,
    );
    return {
      release: this.release,
      datacenter,
      nodeName: this.nodeName(host),
      server: isServer ? { expect: serverCount, single: singleServer } : undefined,
      bindAddress: address,
      dnsAddresses: ["127.0.0.1", address],
      retryJoin: [...new Set(this.servers.map((server) => server.joinAddress))],
      retryJoinWan: isServer ? wanJoin : undefined,
      primaryDatacenter: this.props.primaryDatacenter,
      tls: this.tls && {
        caFile: CONSUL_PATHS.caCertificate,
        certFile: isServer ? CONSUL_PATHS.serverCertificate : undefined,
        keyFile: isServer ? CONSUL_PATHS.serverKey : undefined,
        verification: this.props.tlsVerification,
      },
      dns,
      ports,
    };
  }

  /** A group's machines name themselves: they cannot all have the group's name. */
  private nodeName(host: IHost): string | undefined {
    return isIP(host.bindAddress) === 0 ? undefined : host.hostName;
  }

  private isServer(host: IHost): boolean {
    return this.servers.includes(host);
  }

  /**
   * What is no server yet becomes one first, for the others may be waiting for one more; then servers one after another,
   * and all other machines once the servers are there.
   */
  private orderActivation(): void {
    const { servers } = this;
    for (const host of servers) host.activateFirst?.(CONSUL_COMMANDS.serving, servers);
    this.activateInBatches(servers, 1);
    const last = servers[servers.length - 1]!;
    for (const host of this.agents) if (!this.isServer(host)) host.activateAfter(last);
  }

  /** In the order in which agents are known, always, so that no two rules can want opposite orders. */
  private activateInBatches(hosts: readonly IHost[], size: number): void {
    const inOrder = this.agents.filter((host) => hosts.includes(host));
    for (const [index, host] of inOrder.entries()) {
      const start = index - (index % size);
      for (const before of inOrder.slice(Math.max(0, start - size), start)) host.activateAfter(before);
    }
  }
}

/** Servers are told of one another, and activated, in an order that a list of the same ones cannot change. */
const byName = (hosts: readonly IHost[]): IHost[] =>
  [...hosts].sort((one, other) => one.hostName.localeCompare(other.hostName, "en", { numeric: true }));
