import { consulConfig, type ConsulDnsOptions } from "../dns";

export interface ConsulValuesOptions {
  readonly datacenter: string;
  readonly domain: string;
  readonly servers: number;
  readonly singleServer?: boolean;
  /** Address of the Service that answers DNS questions. */
  readonly dnsAddress: string;
  readonly dns?: ConsulDnsOptions;
  /** Where the gossip key is kept: a Secret and its key. */
  readonly gossipSecret: { readonly secretName: string; readonly secretKey: string };
  /** Servers of the other datacenters: addresses or host names. */
  readonly peerServers: readonly string[];
}

/**
 * Values of HashiCorp's chart `consul`, as the text of one file. Why each is there is told in docs/kubernetes.md.
 *
 * @throws Error for a number of servers that gains nothing, or malformed options
 */
export function consulValues(options: ConsulValuesOptions): string {
  const { datacenter, domain, servers, dnsAddress } = options;
  const values = {
    global: {
      name: "consul",
      datacenter,
      domain,
      // The Gateway API's definitions are GKE's; two owners would fight over them.
      installK8sNetworkingCRDs: false,
      gossipEncryption: options.gossipSecret,
      metrics: { enabled: true, enableAgentMetrics: true, agentMetricsRetentionTime: "1m" },
    },
    server: {
      replicas: servers,
      bootstrapExpect: servers,
      storage: "10Gi",
      storageClass: "premium-rwo",
      resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "512Mi" } },
      topologySpreadConstraints: SERVER_SPREAD,
      extraConfig: extraConfig(options),
    },
    // Pods find services through the resolver on their node: agents beside it would say the same twice.
    client: { enabled: false },
    connectInject: {
      enabled: false,
      apiGateway: { manageExternalCRDs: false, manageNonStandardCRDs: false },
    },
    ui: { enabled: false },
    dns: { enabled: true, clusterIP: dnsAddress },
    syncCatalog: {
      enabled: true,
      default: false,
      toConsul: true,
      toK8S: false,
      // A pod that is no longer ready leaves the catalog within this time; the chart's own is 30 s.
      consulWriteInterval: "2s",
      consulNodeName: `k8s-${datacenter}`,
    },
  };
  return JSON.stringify(values, undefined, 2);
}

/** What the servers of the other platforms are told, less what the chart itself says on the command line. */
function extraConfig({ datacenter, servers, singleServer, dns, peerServers }: ConsulValuesOptions): string {
  const whole = JSON.parse(
    consulConfig({
      release: "1.22",
      datacenter,
      server: { expect: servers, single: singleServer },
      bindAddress: "{{ GetPrivateIP }}",
      retryJoin: ["consul-server"],
      retryJoinWan: peerServers,
      dns,
    }),
  ) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, whole[key]])), undefined, 2);
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
