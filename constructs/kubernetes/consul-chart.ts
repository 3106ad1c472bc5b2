import { Release } from "@cdktf/provider-helm/lib/release";
import { ServiceV1 } from "@cdktf/provider-kubernetes/lib/service-v1";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { type Block } from "../availability";
import {
  type ConsulAclSecrets,
  type ConsulDnsOptions,
  type ConsulTlsSecrets,
  type IServiceDiscovery,
  type SnapshotOptions,
} from "../dns";
import { federations, type HasTopology, type TopologyElement } from "../topology";
import { leaderOf, quorumOf } from "../dns/consul-blocks";
import { failoverQuery } from "../dns/consul-failover";
import { refuseUnknownFailover } from "../dns/consul-refusals";
import { serviceTtlSeconds } from "../dns/service-ttl";
import { CONSUL_CHART } from "./consul-chart-repository";
import { ConsulSecrets } from "./consul-secrets";
import { ConsulSnapshots } from "./consul-snapshots";
import { ConsulUpkeep, DIGEST_ANNOTATION } from "./consul-upkeep";
import { consulValues } from "./consul-values";
import { type AllowedIngress, IngressPolicy, METRICS_COLLECTORS } from "./ingress-policy";
import { type MetricsScrapeProps } from "./metrics-scrape";
import { OWN_LABELS } from "./own-labels";
import { type IWorkerZones, spreadOver } from "./worker-zones";

export interface ConsulChartProps {
  /** Namespace of Consul's own; its pods need not be restricted ones. */
  readonly namespace: string;
  /** Lower-case letters, digits and hyphens, for example `uk`. */
  readonly datacenter: string;
  /** Version of HashiCorp's chart `consul`. */
  readonly chartVersion: string;
  /** Image of the servers, with `consul`, `curl` and a shell: a release that suits the chart's. */
  readonly image: string;
  /** Image of the chart's own programs, of exactly the chart's version. @default - the chart's */
  readonly controlPlaneImage?: string;
  /** Address of the Service that answers DNS questions, inside the cluster's range for Services. */
  readonly dnsAddress: string;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** 3 or 5 servers, spread evenly over the zones. @default 3 */
  readonly servers?: number;
  /** Accept one server: a datacenter that one machine can take down. @default false */
  readonly singleServer?: boolean;
  /** Servers of the other datacenters, joined over the WAN: addresses or host names, by datacenter. @default - none */
  readonly peers?: Readonly<Record<string, readonly string[]>>;
  /**
   * Address of the VPC at which servers of other datacenters join; reserve it first. Pods' own addresses change,
   * but are learnt once joined.
   * @default - none: the servers here do the joining
   */
  readonly joinAddress?: string;
  /** Networks of the other datacenters' servers. @default - none: the datacenter stands alone */
  readonly wanNetworks?: readonly string[];
  /**
   * Key that all agents of all federated datacenters encrypt their gossip with: base64 of 32 bytes, as
   * `consul keygen` prints it. An expression of a sensitive value, never a literal.
   * @default - a sensitive Terraform variable `consul_gossip_key`
   */
  readonly gossipKey?: string;
  /**
   * Datacenters whose instances stand in when this one has no healthy instance of a service; pods must be able to
   * reach theirs. Services are then found as `NAME.query.DOMAIN` too.
   * @default []
   */
  readonly failoverTo?: readonly string[];
  /** Copies of the datacenter's state on a disk of their own; false for none. @default - hourly, two days of them */
  readonly snapshots?: SnapshotOptions | false;
  /**
   * Encrypt and verify what servers say to one another, and to the chart's own programs.
   * @default false; true takes sensitive Terraform variables
   */
  readonly tls?: boolean | ConsulTlsSecrets;
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
}

/**
 * Consul from HashiCorp's own chart, with the options of the other platforms' servers: service discovery by DNS,
 * no service mesh. Kubernetes Services that ask for it are kept in the catalog by the chart's sync process.
 */
export class ConsulChart extends Construct implements IServiceDiscovery, HasTopology {
  readonly datacenter: string;
  readonly domain: string;
  readonly dnsAddresses: readonly string[];
  readonly peerDatacenters: readonly string[];
  readonly failsOver: boolean;
  readonly quorum: Block;
  readonly leader: Block;
  readonly topology: readonly TopologyElement[];
  /** PEM certificate of the private authority that the servers' own is by, as an expression; undefined without `tls`. */
  readonly authority: string | undefined;
  /** Where metrics are collected from. */
  readonly metrics: Omit<MetricsScrapeProps, "name" | "namespace">;

  /** @throws Error for a number of servers that gains nothing, or malformed options */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ConsulChartProps,
  ) {
    super(scope, id);
    const { datacenter, servers = 3 } = props;
    this.datacenter = datacenter;
    this.domain = props.dns?.domain ?? "consul";
    this.dnsAddresses = [`${props.dnsAddress}@53`];
    this.peerDatacenters = Object.keys(props.peers ?? {}).filter((name) => name !== datacenter);
    this.failsOver = (props.failoverTo ?? []).length > 0;
    const answering = spreadOver(props.workers, servers).map(({ availability }) => availability);
    this.quorum = quorumOf(answering);
    this.leader = leaderOf(datacenter, this.quorum);
    this.topology = [
      { kind: "workload", role: "discovery-server", on: [], copies: servers },
      ...federations(this.peerDatacenters, props.failoverTo),
    ];
    const secrets = new ConsulSecrets(this, "secrets", props);
    this.authority = secrets.caCertificate;
    new IngressPolicy(this, "ingress", {
      name: "consul",
      namespace: props.namespace,
      allow: [
        // Whoever reaches the HTTP API can register services: nobody outside this namespace does.
        { from: [{ namespace: props.namespace }] },
        { from: [{ pods: "all" }], tcp: [NAMES], udp: [NAMES] },
        { from: [METRICS_COLLECTORS], tcp: [secrets.tls === undefined ? HTTP_API : HTTPS_API] },
        ...wanIngress(props.wanNetworks ?? []),
      ],
    });
    this.metrics = {
      podLabels: { app: "consul", release: "consul", component: "server" },
      port: secrets.tls === undefined ? "http" : "https",
      path: "/v1/agent/metrics",
      parameters: { format: "prometheus" },
      tls: secrets.tls && {
        authority: secrets.tls.authority,
        serverName: `server.${datacenter}.${this.domain}`,
      },
      token: secrets.acl?.agent,
    };
    const release = new Release(this, "release", {
      name: "consul",
      namespace: props.namespace,
      ...CONSUL_CHART,
      version: props.chartVersion,
      values: [
        consulValues({
          ...props,
          servers,
          domain: this.domain,
          secrets,
          peerServers: this.peerDatacenters.flatMap((name) => props.peers?.[name] ?? []),
        }),
      ],
      setSensitive: secrets.digest === undefined ? undefined : restartedWith(secrets.digest),
      atomic: true,
      // A deploy that was cut short may have installed it and not noted so.
      upgradeInstall: true,
      wait: true,
      timeout: 900,
      // A new token must be known before anybody uses it.
      dependsOn: this.addUpkeep(props, secrets),
    });
    if (props.joinAddress !== undefined) this.addEntrance(props.namespace, props.joinAddress, release);
  }

  serviceTtlSeconds(service: string): number {
    return serviceTtlSeconds(this.props.dns, service);
  }

  /**
   * Annotations of a Kubernetes Service that keep its ready pods in the catalog.
   *
   * @param name name in the catalog
   * @param port name of the Service's port
   */
  registration(name: string, port: string): Readonly<Record<string, string>> {
    return {
      "consul.hashicorp.com/service-sync": "true",
      "consul.hashicorp.com/service-name": name,
      "consul.hashicorp.com/service-port": port,
    };
  }

  /** Joining takes TCP alone; gossip then goes from pod to pod. */
  private addEntrance(namespace: string, address: string, release: Release): void {
    new ServiceV1(this, "join", {
      metadata: {
        name: "consul-join",
        namespace,
        labels: OWN_LABELS,
        annotations: {
          "networking.gke.io/load-balancer-type": "Internal",
          // Other datacenters come in through other regions of the network.
          "networking.gke.io/internal-load-balancer-allow-global-access": "true",
        },
      },
      spec: {
        type: "LoadBalancer",
        loadBalancerIp: address,
        // Keeps the caller's address, which the policy above asks for.
        externalTrafficPolicy: "Local",
        selector: { app: "consul", release: "consul", component: "server" },
        port: [{ name: "join", port: WAN_GOSSIP, targetPort: String(WAN_GOSSIP), protocol: "TCP" }],
      },
      dependsOn: [release],
    });
  }

  /** What sees to the tokens, the prepared query and the snapshots. @returns what must be there before the servers */
  private addUpkeep(props: ConsulChartProps, secrets: ConsulSecrets): ITerraformDependable[] {
    const { namespace, image, datacenter, failoverTo = [], snapshots = {}, dns } = props;
    refuseUnknownFailover(datacenter, failoverTo, this.peerDatacenters);
    if (snapshots !== false) {
      new ConsulSnapshots(this, "snapshots", { ...snapshots, namespace, image, secrets });
    }
    const isPrimary = (props.primaryDatacenter ?? datacenter) === datacenter;
    const tokens = secrets.acl !== undefined && isPrimary;
    if (!tokens && !this.failsOver) return [];
    const query = this.failsOver ? failoverQuery(failoverTo, dns?.serviceTtlSeconds) : undefined;
    return [new ConsulUpkeep(this, "upkeep", { namespace, image, secrets, tokens, query }).deployment];
  }
}

/** Values that make the chart's pods start anew when what they read at their start has changed. */
const restartedWith = (digest: string) =>
  ["server.annotations", "syncCatalog.annotations"].map((name) => ({
    name,
    // Quoted, or a digest of digits alone would be a number.
    value: `${DIGEST_ANNOTATION}: "${digest}"`,
    type: "string",
  }));

/** https://developer.hashicorp.com/consul/docs/reference/architecture/ports */
const SERVER_CALLS = 8300;
const WAN_GOSSIP = 8302;
const HTTP_API = 8500;
const HTTPS_API = 8501;
const NAMES = 8600;

/** What servers of other datacenters may reach, in the firewall's form and in the cluster's. */
export const CONSUL_WAN_PORTS = { tcp: [SERVER_CALLS, WAN_GOSSIP], udp: [WAN_GOSSIP] };

const wanIngress = (networks: readonly string[]): AllowedIngress[] =>
  networks.length === 0 ? [] : [{ from: [{ networks }], ...CONSUL_WAN_PORTS }];
