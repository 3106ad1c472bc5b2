import { readFileSync } from "node:fs";
import { addressIn, type ClusterNetwork } from "./cluster-network";
import { imageTag } from "./images";
import { programFile } from "./program-file";

/** A Kubernetes object as its API takes it. */
export type KubernetesObject = Readonly<Record<string, unknown>>;

/** Where the cluster's DNS answers. */
export const clusterDnsAddress = (services: string): string => addressIn(services, 10);

/**
 * Where pods ask for names: NodeLocal DNSCache, which answers on each node. Here it keeps nothing and knows the
 * cluster's names itself, where GKE's asks kube-dns for them.
 */
export const NODE_DNS_ADDRESS = "169.254.20.10";

/** What GKE puts into a cluster before anybody else does, as far as the workloads meet it. */
export function systemObjects(
  network: ClusterNetwork,
  zones: readonly string[],
  port: number,
): KubernetesObject[] {
  return [
    apiEndpoint(network.gateway, port),
    ...kubeDns(network, port),
    ...disks(zones),
    ...GOOGLE_KINDS.map(definition),
  ];
}

const apiEndpoint = (address: string, port: number): KubernetesObject => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: "kubernetes",
    namespace: "default",
    labels: { "kubernetes.io/service-name": "kubernetes" },
  },
  addressType: "IPv4",
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
  ports: [{ name: "https", port, protocol: "TCP" }],
});

function kubeDns({ ranges, gateway }: ClusterNetwork, apiPort: number): KubernetesObject[] {
  const labels = { "k8s-app": "kube-dns" };
  const metadata = (name: string) => ({ name, namespace: "kube-system" });
  const program = (name: string) => readFileSync(programFile(name), "utf8");
  const files = ["kube-dns.cjs", "dns-messages.cjs"];
  const account = { kind: "ServiceAccount", ...metadata("kube-dns") };
  const watched = ["services", "endpointslices", "configmaps"];
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata("kube-dns") },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "kube-dns" },
      rules: [{ apiGroups: ["", "discovery.k8s.io"], resources: watched, verbs: ["get", "list", "watch"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "kube-dns" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "kube-dns" },
      subjects: [account],
    },
    // Empty, as GKE makes it: whoever sets stub domains writes into it.
    { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("kube-dns") },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: metadata("kube-dns-program"),
      data: Object.fromEntries(files.map((name) => [name, program(name)])),
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata("kube-dns"), labels },
      spec: {
        clusterIP: clusterDnsAddress(ranges.services),
        selector: labels,
        ports: ["UDP", "TCP"].map((protocol) => ({
          name: `dns-${protocol.toLowerCase()}`,
          port: 53,
          protocol,
        })),
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { ...metadata("kube-dns"), labels },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            ...dnsServer(gateway, apiPort, "0.0.0.0"),
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: labels },
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: metadata("node-local-dns"),
      spec: {
        selector: { matchLabels: { "k8s-app": "node-local-dns" } },
        template: {
          metadata: { labels: { "k8s-app": "node-local-dns" } },
          spec: {
            ...dnsServer(gateway, apiPort, NODE_DNS_ADDRESS),
            hostNetwork: true,
            tolerations: [{ operator: "Exists" }],
          },
        },
      },
    },
  ];
}

/** A pod that answers as kube-dns does. */
const dnsServer = (apiHost: string, apiPort: number, listen: string) => ({
  serviceAccountName: "kube-dns",
  dnsPolicy: "Default",
  containers: [
    {
      name: "dns",
      image: imageTag("node"),
      imagePullPolicy: "Never",
      command: ["node", "/programs/kube-dns.cjs"],
      env: Object.entries({ API_HOST: apiHost, API_PORT: String(apiPort), LISTEN: listen }).map(
        ([name, value]) => ({
          name,
          value,
        }),
      ),
      // It listens once it knows the cluster's names.
      readinessProbe: {
        tcpSocket: { port: 53, ...(listen === "0.0.0.0" ? {} : { host: listen }) },
        periodSeconds: 1,
      },
      volumeMounts: [{ name: "programs", mountPath: "/programs", readOnly: true }],
    },
  ],
  volumes: [{ name: "programs", configMap: { name: "kube-dns-program" } }],
});

/** Disks of the class that servers ask for, one in each zone; nobody makes any on demand. */
function disks(zones: readonly string[]): KubernetesObject[] {
  const inZone = (zone: string) => ({
    required: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: "topology.kubernetes.io/zone", operator: "In", values: [zone] }] },
      ],
    },
  });
  return [
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "premium-rwo" },
      provisioner: "kubernetes.io/no-provisioner",
      volumeBindingMode: "WaitForFirstConsumer",
    },
    ...zones.map((zone) => ({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: `disk-${zone}` },
      spec: {
        capacity: { storage: "10Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "premium-rwo",
        hostPath: { path: "/srv", type: "Directory" },
        nodeAffinity: inZone(zone),
      },
    })),
  ];
}

/** Kinds that are GKE's own here, or that it installs: their fields are checked elsewhere, by the published schemas. */
const GOOGLE_KINDS = [
  { group: "gateway.networking.k8s.io", version: "v1", kind: "Gateway", plural: "gateways" },
  { group: "gateway.networking.k8s.io", version: "v1", kind: "HTTPRoute", plural: "httproutes" },
  { group: "networking.gke.io", version: "v1", kind: "HealthCheckPolicy", plural: "healthcheckpolicies" },
  { group: "networking.gke.io", version: "v1", kind: "GCPBackendPolicy", plural: "gcpbackendpolicies" },
  { group: "networking.gke.io", version: "v1", kind: "GCPGatewayPolicy", plural: "gcpgatewaypolicies" },
  { group: "monitoring.googleapis.com", version: "v1", kind: "PodMonitoring", plural: "podmonitorings" },
];

const definition = ({ group, version, kind, plural }: (typeof GOOGLE_KINDS)[number]): KubernetesObject => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: `${plural}.${group}`,
    // Definitions in this group are refused without it.
    annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api" },
  },
  spec: {
    group,
    scope: "Namespaced",
    names: { kind, plural, singular: kind.toLowerCase() },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
});
