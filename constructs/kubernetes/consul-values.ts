import { consulConfig, type ConsulDnsOptions } from "../dns";
import { CHART_RELEASE, type ConsulSecrets, type SecretEntry } from "./consul-secrets";
import { LEAVES_LOST_NODE_TEXT } from "./node-loss";

/** How often what changed is written to Consul's catalog. */
export const CATALOG_WRITE_SECONDS = 2;

export interface ConsulValuesOptions {
  readonly datacenter: string;
  readonly domain: string;
  readonly servers: number;
  readonly singleServer?: boolean;
  /** Address of the Service that answers DNS questions. */
  readonly dnsAddress: string;
  readonly dns?: ConsulDnsOptions;
  /** Where what is secret is kept. */
  readonly secrets: Pick<ConsulSecrets, "gossip" | "tls" | "acl">;
  /** Image of the servers. */
  readonly image: string;
  /** Image of what keeps the catalog. @default - the chart's */
  readonly controlPlaneImage?: string;
  /** The datacenter whose tokens hold for all federated ones. @default - this one */
  readonly primaryDatacenter?: string;
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
  const { gossip, tls, acl } = options.secrets;
  const values = {
    global: {
      name: "consul",
      datacenter,
      domain,
      image: options.image,
      ...(options.controlPlaneImage === undefined ? {} : { imageK8S: options.controlPlaneImage }),
      gossipEncryption: gossip,
      // Servers show one another a certificate; the chart's own programs only check theirs.
      tls: tls ? { enabled: true, httpsOnly: true, verify: true, caCert: tls.authority } : { enabled: false },
      // The tokens are those of the other platforms; the chart would make its own, and federate by mesh gateways only.
      acls: { manageSystemACLs: false },
      metrics: { enabled: true, enableAgentMetrics: true, agentMetricsRetentionTime: "1m" },
    },
    server: {
      replicas: servers,
      bootstrapExpect: servers,
      storage: "10Gi",
      storageClass: "premium-rwo",
      resources: {
        requests: { cpu: "100m", memory: "256Mi" },
        limits: { ...WITHOUT_CPU_LIMIT, memory: "512Mi" },
      },
      topologySpreadConstraints: SERVER_SPREAD,
      extraConfig: extraConfig(options),
      ...(tls ? { serverCert: { secretName: tls.serverSecretName } } : {}),
      ...(acl ? { extraVolumes: [configurationFrom(acl.serverConfig)] } : {}),
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
      consulWriteInterval: `${CATALOG_WRITE_SECONDS}s`,
      consulNodeName: `k8s-${datacenter}`,
      // There is one pod of it, and the catalog stands still without.
      tolerations: LEAVES_LOST_NODE_TEXT,
      // It holds every Service and endpoint of the cluster in memory.
      resources: {
        requests: { cpu: "50m", memory: "64Mi" },
        limits: { ...WITHOUT_CPU_LIMIT, memory: "256Mi" },
      },
      ...(acl ? { aclSyncToken: acl.agent } : {}),
    },
  };
  return JSON.stringify(values, undefined, 2);
}

/** What the servers of the other platforms are told, less what the chart itself says on the command line. */
function extraConfig(options: ConsulValuesOptions): string {
  const { datacenter, primaryDatacenter, servers, singleServer, dns, peerServers } = options;
  const whole = JSON.parse(
    consulConfig({
      release: CHART_RELEASE,
      datacenter,
      primaryDatacenter,
      server: { expect: servers, single: singleServer },
      bindAddress: "{{ GetPrivateIP }}",
      retryJoin: ["consul-server"],
      retryJoinWan: peerServers,
      dns,
    }),
  ) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(KEPT.map((key) => [key, whole[key]])), undefined, 2);
}

/** A Secret that the servers read as a piece of their configuration. */
const configurationFrom = ({ secretName, secretKey }: SecretEntry) => ({
  type: "secret",
  name: secretName,
  load: true,
  items: [{ key: secretKey, path: secretKey }],
});

/** Helm takes a default of the chart's away where null is given; left out, the chart's tenth of a core would stay. */
const WITHOUT_CPU_LIMIT = { cpu: null };

const KEPT = [
  "primary_datacenter",
  "dns_config",
  "performance",
  "raft_snapshot_threshold",
  "raft_snapshot_interval",
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
  nodeTaintsPolicy: Honor
  labelSelector:
    matchLabels:
      app: consul
      release: consul
      component: server
`;
