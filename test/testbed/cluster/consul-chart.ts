import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { type Manifest } from "../../constructs/kubernetes/manifests";
import { programFile } from "./program-file";

interface ChartValues {
  readonly global: {
    readonly datacenter: string;
    readonly domain: string;
    readonly image: string;
    readonly gossipEncryption: { readonly secretName: string; readonly secretKey: string };
    readonly tls: { readonly enabled: boolean };
  };
  readonly server: {
    readonly replicas: number;
    readonly bootstrapExpect: number;
    readonly storage: string;
    readonly storageClass: string;
    readonly resources: object;
    readonly topologySpreadConstraints: string;
    readonly tolerations?: string;
    readonly extraConfig: string;
    readonly extraVolumes?: readonly object[];
  };
  readonly dns: { readonly clusterIP: string };
  readonly syncCatalog: {
    readonly consulWriteInterval: string;
    readonly consulNodeName: string;
    readonly tolerations?: string;
    readonly resources?: object;
    readonly aclSyncToken?: object;
  };
}

/**
 * What HashiCorp's chart makes of the values it is given, as far as names and their survival depend on it: the
 * servers, their DNS Service and the catalog sync.
 *
 * Left out: TLS and access control (refused), service mesh, client agents and UI (our values switch them off), the
 * init container that waits for the servers' certificates, service accounts and pod security of the chart's own,
 * metrics annotations, Helm's hooks. The servers run Debian 11's Consul 1.8, whose configuration knows neither
 * `limits.request_limits` nor `ports.grpc_tls`, which the chart sets.
 */
export function consulChart(given: object, namespace: string): Manifest[] {
  const values = withoutNulls(given) as ChartValues;
  refuseSecured(values);
  return [...servers(values, namespace), ...catalogSync(values, namespace)];
}

/** @throws Error when values want what neither the stand-ins nor the testbed's way of giving values know */
export function refuseSecured(values: object): void {
  const { global, syncCatalog } = values as ChartValues;
  if (global.tls.enabled || syncCatalog.aclSyncToken !== undefined)
    throw new Error("the testbed's Consul of the chart knows neither TLS nor access control");
}

/** As Helm has it: what is null is not there. */
const withoutNulls = (values: object): unknown =>
  JSON.parse(JSON.stringify(values), (_, value: unknown) => (value === null ? undefined : value)) as unknown;

const labelsOf = (component: string) => ({ app: "consul", release: "consul", component });

function servers({ global, server, dns }: ChartValues, namespace: string): Manifest[] {
  const labels = labelsOf("server");
  const metadata = (name: string) => ({ name, namespace, labels });
  const ports = Object.entries({ http: 8500, serflan: 8301, serfwan: 8302, server: 8300, dns: 8600 });
  const udp = ["serflan", "serfwan", "dns"];
  const containerPorts = ports.flatMap(([name, containerPort]) => [
    { name, containerPort, protocol: "TCP" },
    ...(udp.includes(name) ? [{ name: `${name}-udp`, containerPort, protocol: "UDP" }] : []),
  ]);
  const config = {
    bind_addr: "0.0.0.0",
    client_addr: "0.0.0.0",
    bootstrap_expect: server.bootstrapExpect,
    datacenter: global.datacenter,
    data_dir: "/consul/data",
    domain: global.domain,
    leave_on_terminate: true,
    retry_join: [`consul-server.${namespace}.svc:8301`],
    server: true,
  };
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: metadata("consul-server-config"),
      data: { "server.json": JSON.stringify(config), "extra-from-values.json": server.extraConfig },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata("consul-server"),
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: labels,
        ports: ports.map(([name, port]) => ({ name, port, targetPort: port })),
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata("consul-dns"),
      spec: {
        clusterIP: dns.clusterIP,
        selector: { app: "consul", release: "consul", hasDNS: "true" },
        ports: ["TCP", "UDP"].map((protocol) => ({
          ...{ name: `dns-${protocol.toLowerCase()}`, port: 53, protocol },
          targetPort: protocol === "TCP" ? "dns" : "dns-udp",
        })),
      },
    },
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: metadata("consul-server"),
      spec: {
        maxUnavailable: server.replicas === 3 ? 1 : Math.floor(server.replicas / 2) - 1,
        selector: { matchLabels: labels },
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata("consul-server"),
      spec: {
        serviceName: "consul-server",
        podManagementPolicy: "Parallel",
        replicas: server.replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels: { ...labels, hasDNS: "true" },
            annotations: { "consul.hashicorp.com/config-checksum": checksum(server.extraConfig) },
          },
          spec: {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" },
                ],
              },
            },
            topologySpreadConstraints: parse(server.topologySpreadConstraints) as object[],
            tolerations: server.tolerations === undefined ? [] : (parse(server.tolerations) as object[]),
            terminationGracePeriodSeconds: 30,
            securityContext: { fsGroup: 1000, runAsGroup: 1000, runAsNonRoot: true, runAsUser: 100 },
            containers: [
              {
                name: "consul",
                image: global.image,
                env: [
                  { name: "ADVERTISE_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
                  {
                    name: "GOSSIP_KEY",
                    valueFrom: {
                      secretKeyRef: {
                        name: global.gossipEncryption.secretName,
                        key: global.gossipEncryption.secretKey,
                      },
                    },
                  },
                ],
                command: [
                  "/bin/sh",
                  "-ec",
                  `exec /usr/local/bin/docker-entrypoint.sh consul agent -advertise="$ADVERTISE_IP" -config-dir=/consul/config -encrypt="$GOSSIP_KEY" -node="$HOSTNAME"`,
                ],
                ports: containerPorts,
                readinessProbe: {
                  exec: {
                    command: [
                      "/bin/sh",
                      "-ec",
                      `curl -s http://127.0.0.1:8500/v1/status/leader | grep -E '".+"'`,
                    ],
                  },
                  failureThreshold: 2,
                  initialDelaySeconds: 5,
                  periodSeconds: 3,
                  timeoutSeconds: 5,
                },
                resources: server.resources,
                volumeMounts: [
                  { name: "data-consul", mountPath: "/consul/data" },
                  { name: "config", mountPath: "/consul/config" },
                ],
              },
            ],
            volumes: [{ name: "config", configMap: { name: "consul-server-config" } }],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: "data-consul" },
            spec: {
              accessModes: ["ReadWriteOnce"],
              storageClassName: server.storageClass,
              resources: { requests: { storage: server.storage } },
            },
          },
        ],
      },
    },
  ];
}

/** What is in the pods' annotations has them replaced when it changes. */
const checksum = (text: string): string => createHash("sha256").update(text).digest("hex");

function catalogSync({ global, syncCatalog }: ChartValues, namespace: string): Manifest[] {
  const labels = labelsOf("sync-catalog");
  const metadata = { name: "consul-sync-catalog", namespace, labels };
  const program = readFileSync(programFile("catalog-sync.cjs"), "utf8");
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "consul-sync-catalog" },
      rules: [
        {
          apiGroups: ["", "discovery.k8s.io"],
          resources: ["services", "endpointslices"],
          verbs: ["list", "watch"],
        },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "consul-sync-catalog" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "consul-sync-catalog" },
      subjects: [{ kind: "ServiceAccount", name: metadata.name, namespace }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "catalog-sync.cjs": program } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: metadata.name,
            tolerations:
              syncCatalog.tolerations === undefined ? [] : (parse(syncCatalog.tolerations) as object[]),
            containers: [
              {
                name: "sync-catalog",
                image: "testbed.invalid/node:1",
                imagePullPolicy: "Never",
                command: ["node", "/program/catalog-sync.cjs"],
                env: Object.entries({
                  CONSUL: `consul-server.${namespace}.svc:8500`,
                  DATACENTER: global.datacenter,
                  NODE_NAME: syncCatalog.consulNodeName,
                  INTERVAL_MS: String(Number.parseFloat(syncCatalog.consulWriteInterval) * 1000),
                }).map(([name, value]) => ({ name, value })),
                resources: syncCatalog.resources ?? {},
                volumeMounts: [{ name: "program", mountPath: "/program", readOnly: true }],
              },
            ],
            volumes: [{ name: "program", configMap: { name: metadata.name } }],
          },
        },
      },
    },
  ];
}
