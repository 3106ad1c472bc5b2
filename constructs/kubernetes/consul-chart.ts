import { Release } from "@cdktf/provider-helm/lib/release";
import { SecretV1 } from "@cdktf/provider-kubernetes/lib/secret-v1";
import { Construct } from "constructs";
import { atLeast, type Block, type HasAvailability, parallel } from "../availability";
import { consulConfig } from "../dns";
import { type IWorkerZones, spreadOver } from "./worker-zones";

export interface ConsulChartProps {
  /** Namespace of Consul's own; its pods need not be restricted ones. */
  readonly namespace: string;
  /** Lower-case letters, digits and hyphens, for example `uk`. */
  readonly datacenter: string;
  /** Version of HashiCorp's chart `consul`. */
  readonly chartVersion: string;
  /** Address of the Service that answers DNS questions, inside the cluster's range for Services. */
  readonly dnsAddress: string;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** 3 or 5 servers, spread evenly over the zones. @default 3 */
  readonly servers?: number;
  /** Accept one server: a datacenter that one node can take down. @default false */
  readonly singleServer?: boolean;
  /** Servers of the other datacenters, joined over the WAN: addresses or host names, by datacenter. @default - none */
  readonly peers?: Readonly<Record<string, readonly string[]>>;
  /** Gossip key shared by all datacenters, a Terraform expression. @default - the chart makes one for this datacenter */
  readonly gossipKey?: string;
}

/**
 * Consul from HashiCorp's own chart, with the options of the other platforms' servers: service discovery by DNS,
 * no service mesh. Kubernetes Services that ask for it are kept in the catalog by the chart's sync process.
 */
export class ConsulChart extends Construct implements HasAvailability {
  readonly datacenter: string;
  /** Where DNS questions for `consul.` are answered. */
  readonly dnsAddress: string;
  /** More than half of the servers: changes are taken and leaders elected. */
  readonly quorum: HasAvailability;
  /** Names are answered while one server is up. */
  readonly availability: Block;

  /** @throws Error for a number of servers that gains nothing, or malformed options */
  constructor(scope: Construct, id: string, props: ConsulChartProps) {
    super(scope, id);
    const servers = props.servers ?? 3;
    this.datacenter = props.datacenter;
    this.dnsAddress = props.dnsAddress;
    const places = spreadOver(props.workers, servers);
    this.quorum = { availability: atLeast(Math.floor(servers / 2) + 1, ...places) };
    this.availability = parallel(...places);
    new Release(this, "release", {
      name: "consul",
      namespace: props.namespace,
      repository: "https://helm.releases.hashicorp.com",
      chart: "consul",
      version: props.chartVersion,
      values: [JSON.stringify(this.values(props, servers), undefined, 2)],
      atomic: true,
      wait: true,
      timeout: 900,
    });
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

  private values(props: ConsulChartProps, servers: number) {
    return {
      global: {
        name: "consul",
        datacenter: props.datacenter,
        gossipEncryption: this.gossip(props),
        metrics: { enabled: true, enableAgentMetrics: true, agentMetricsRetentionTime: "1m" },
      },
      server: {
        replicas: servers,
        bootstrapExpect: servers,
        storage: "10Gi",
        storageClass: "premium-rwo",
        resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "512Mi" } },
        topologySpreadConstraints: SERVER_SPREAD,
        extraConfig: this.extraConfig(props, servers),
      },
      // Pods find services through the resolver on their node: agents beside it would say the same twice.
      client: { enabled: false },
      connectInject: { enabled: false },
      ui: { enabled: false },
      dns: { enabled: true, clusterIP: props.dnsAddress },
      syncCatalog: {
        enabled: true,
        default: false,
        toConsul: true,
        toK8S: false,
        // A pod that is no longer ready leaves the catalog within this time; the chart's own is 30 s.
        consulWriteInterval: "2s",
        consulNodeName: `k8s-${props.datacenter}`,
      },
    };
  }

  private gossip({ gossipKey, namespace }: ConsulChartProps) {
    if (gossipKey === undefined) return { autoGenerate: true };
    const secret = new SecretV1(this, "gossip-key", {
      metadata: { name: "consul-gossip-key", namespace },
      data: { key: gossipKey },
    });
    return { secretName: secret.metadata.name, secretKey: "key" };
  }

  /** What the servers of the other platforms are told, less what the chart itself says on the command line. */
  private extraConfig({ datacenter, peers, singleServer }: ConsulChartProps, servers: number): string {
    const whole = JSON.parse(
      consulConfig({
        release: "1.22",
        datacenter,
        server: { expect: servers, single: singleServer },
        bindAddress: "0.0.0.0",
        retryJoin: ["consul-server"],
        retryJoinWan: Object.values(peers ?? {}).flat(),
      }),
    ) as Record<string, unknown>;
    return JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, whole[key]])), undefined, 2);
  }
}

const KEPT = [
  "dns_config",
  "performance",
  "retry_interval",
  "retry_join_wan",
  "retry_interval_wan",
  "rejoin_after_leave",
  "disable_update_check",
];

/** The chart keeps servers on different nodes by itself; this keeps them in different zones. */
const SERVER_SPREAD = `- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: DoNotSchedule
  labelSelector:
    matchLabels:
      app: consul
      release: consul
      component: server
`;
