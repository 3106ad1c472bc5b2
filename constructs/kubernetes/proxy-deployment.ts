import {
  DeploymentV1,
  type DeploymentV1SpecTemplateSpecContainer,
} from "@cdktf/provider-kubernetes/lib/deployment-v1";
import { ServiceV1, type ServiceV1Metadata } from "@cdktf/provider-kubernetes/lib/service-v1";
import { Lazy } from "cdktf";
import { Construct } from "constructs";
import {
  type Block,
  type BlockSource,
  blockOf,
  type Failover,
  servicePool,
  type Switching,
} from "../availability";
import { DEFAULT_SERVICE_TTL_SECONDS } from "../dns/service-ttl";
import { checkCertificates } from "../host/check-certificates";
import { textContent } from "../host";
import {
  DEFAULT_ADMIN_PORT,
  DEFAULT_PROXY_PORT,
  type IProxy,
  namedOrigins,
  proxyBundle,
  proxyConfig,
  type ProxyGroups,
  type ProxySettings,
} from "../proxy";
import { type HasTopology, type TopologyElement } from "../topology";
import type { Awaited } from "./deploy-gate";
import { ConfigFiles } from "./config-files";
import { type ConsulChart } from "./consul-chart";
import { IngressPolicy, METRICS_COLLECTORS } from "./ingress-policy";
import { LEAVES_LOST_NODE } from "./node-loss";
import { labelsOf } from "./own-labels";
import { HARDENED_CONTAINER, HARDENED_POD, UNPRIVILEGED_PORTS } from "./pod-hardening";
import { PodScaling } from "./pod-scaling";
import { podSwitching } from "./pod-switching";
import { type IWorkerZones, spreadOver } from "./worker-zones";
import { zoneSpread } from "./zone-spread";

export interface ProxyDeploymentProps {
  /** Namespace of its pods; `WorkloadNamespace` makes one that suits. */
  readonly namespace: string;
  /** Image that has `node` 20 or later on its path; nothing else of it is used. */
  readonly image: string;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** Pods that always run, spread evenly over the zones. @default 3 */
  readonly minPods?: number;
  /** Pods at most, when there is much to do. @default - four times `minPods` */
  readonly maxPods?: number;
  /** Networks outside the cluster whose machines may send requests. @default - none: pods only */
  readonly clientNetworks?: readonly string[];
  /** Origins it may forward to besides `groups`: host names, or patterns with a leading `*.`. At least one of either. */
  readonly allow: readonly string[];
  /** Names that stand for several origins, the next of which answers when one fails (docs/proxy.md). @default - none */
  readonly groups?: ProxyGroups;
  /** Origins with open connections ahead of need: `HOST:PORT=CONNECTIONS`. @default - none */
  readonly warm?: readonly string[];
  /** Port that takes requests. @default 80 */
  readonly port?: number;
  /** PEM certificates of authorities trusted for origins besides the public ones. @default - none */
  readonly caCertificate?: string;
  /** Other options of the proxy's, by their names in docs/proxy.md. @default - 64 idle connections for each origin */
  readonly settings?: ProxySettings;
  /** Name under which service discovery knows the proxies. @default "proxy" */
  readonly serviceName?: string;
  /**
   * How long a pod that is told to stop goes on taking requests, for those to whom its address is still known.
   * @default - 10 longer than its name lives, 15 for Consul's 5: more than all caches on the way hold it (docs/kubernetes.md)
   */
  readonly drainSeconds?: number;
  /** Path of the bundled proxy. @default - the one that `npm run build` makes */
  readonly bundlePath?: string;
}

/** The aggregation proxy on Kubernetes: the bundle from a ConfigMap on a stock Node image. */
export class ProxyDeployment extends Construct implements IProxy, HasTopology {
  readonly serviceName: string;
  readonly port: number;
  /** Labels that only its pods have. */
  readonly podLabels: Readonly<Record<string, string>> = LABELS;
  /** Where metrics are collected from. */
  readonly metrics = { podLabels: LABELS, port: "admin" };
  /** The zones that its pods are spread over. */
  readonly instances: readonly BlockSource[];
  readonly topology: readonly TopologyElement[];
  /** What a deploy waits for: that all of its pods are the new ones. */
  readonly awaited: Awaited;
  /** What makes its pods new ones. */
  readonly forms: readonly string[];
  /** To be made before it is waited for. */
  readonly deployment: DeploymentV1;
  /** How long an answer that names its pods may be kept. */
  private namedSeconds = DEFAULT_SERVICE_TTL_SECONDS;
  private readonly service: ServiceV1;
  private readonly serviceMetadata: ServiceV1Metadata;
  private switching: Switching | undefined;

  /** @throws Error when there are too few pods to survive a zone, or the proxy has not been bundled */
  constructor(scope: Construct, id: string, props: ProxyDeploymentProps) {
    super(scope, id);
    const { namespace, minPods = 3, maxPods = 4 * minPods } = props;
    if (!Number.isInteger(minPods) || minPods < 2) {
      throw new Error(`proxy deployment ${id}: minPods must be at least 2, got: ${minPods}`);
    }
    if (!Number.isInteger(maxPods) || maxPods < minPods) {
      throw new Error(`proxy deployment ${id}: maxPods must be at least minPods ${minPods}, got: ${maxPods}`);
    }
    checkCertificates(`proxy deployment ${id}: caCertificate`, props.caCertificate);
    this.serviceName = props.serviceName ?? "proxy";
    this.port = props.port ?? DEFAULT_PROXY_PORT;
    this.instances = [...new Set(spreadOver(props.workers, minPods))];
    this.topology = [
      {
        kind: "workload",
        role: "proxy",
        on: [],
        copies: minPods,
        port: this.port,
        origins: namedOrigins(props),
      },
    ];
    const files = new ConfigFiles(this, "files", { name: "proxy", namespace, files: this.files(props) });
    this.deployment = this.addDeployment(props, minPods, files.configMapName);
    this.awaited = { what: "proxy", rollout: `/apis/apps/v1/namespaces/${namespace}/deployments/proxy` };
    this.forms = [files.configMapName, props.image];
    this.serviceMetadata = { name: "proxy", namespace, labels: LABELS };
    this.service = this.addService();
    new PodScaling(this, "scaling", { deployment: "proxy", namespace, podLabels: LABELS, minPods, maxPods });
    this.addPolicy(props);
  }

  /** Works while one zone has a proxy; names of a lost node's pods take their time to go once they are registered. */
  get availability(): Block {
    return this.pool.availability;
  }

  get failover(): Failover | undefined {
    return this.pool.failover;
  }

  private get pool() {
    return servicePool(this, this.instances.map(blockOf), this.switching);
  }

  /** Makes each ready pod known to service discovery by its own address. */
  registerWith(consul: ConsulChart): void {
    const ttl = consul.serviceTtlSeconds(this.serviceName);
    this.namedSeconds = ttl;
    this.switching = podSwitching(ttl);
    this.service.putMetadata({
      ...this.serviceMetadata,
      annotations: { ...consul.registration(this.serviceName, "http") },
    });
  }

  private files({ allow, groups, warm, caCertificate, settings, bundlePath }: ProxyDeploymentProps) {
    const caFile = caCertificate === undefined ? undefined : `${FILES}/${CA_FILE}`;
    // The kubelet asks for health on the pod's address; a NetworkPolicy keeps everybody else away.
    const adminListen = `0.0.0.0:${DEFAULT_ADMIN_PORT}`;
    return {
      [BUNDLE_FILE]: proxyBundle(bundlePath),
      [CONFIG_FILE]: textContent(
        proxyConfig({ allow, groups, warm, port: this.port, adminListen, stateDir: STATE, caFile, settings }),
      ),
      ...(caCertificate === undefined ? {} : { [CA_FILE]: textContent(caCertificate) }),
    };
  }

  private addDeployment(
    { namespace, image, drainSeconds }: ProxyDeploymentProps,
    pods: number,
    configMap: string,
  ): DeploymentV1 {
    const drain = () => drainSeconds ?? this.namedSeconds + BESIDES_NAMED_SECONDS;
    return new DeploymentV1(this, "deployment", {
      // A `DeployGate` does, and says why pods do not start.
      waitForRollout: false,
      metadata: { name: "proxy", namespace, labels: LABELS },
      // From here on the autoscaler says how many.
      lifecycle: { ignoreChanges: ["spec[0].replicas"] },
      spec: {
        replicas: String(pods),
        selector: { matchLabels: LABELS },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "1", maxUnavailable: "0" } },
        template: {
          metadata: { labels: LABELS },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: Lazy.numberValue({ produce: () => drain() + FINISH_SECONDS + 10 }),
            securityContext: {
              ...HARDENED_POD,
              ...(this.port < 1024 ? { sysctl: UNPRIVILEGED_PORTS } : {}),
            },
            topologySpreadConstraint: zoneSpread(LABELS),
            toleration: LEAVES_LOST_NODE,
            container: [this.container(image, drain)],
            volume: [
              { name: "files", configMap: { name: configMap } },
              { name: "state", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
            ],
          },
        },
      },
    });
  }

  private addPolicy({ namespace, clientNetworks = [] }: ProxyDeploymentProps): void {
    new IngressPolicy(this, "ingress", {
      name: "proxy",
      namespace,
      podLabels: LABELS,
      allow: [
        { from: [{ pods: "all" }, { networks: clientNetworks }], tcp: [this.port] },
        { from: [METRICS_COLLECTORS], tcp: [DEFAULT_ADMIN_PORT] },
      ],
    });
  }

  private container(image: string, drainSeconds: () => number): DeploymentV1SpecTemplateSpecContainer {
    const probe = (path: string) => ({ httpGet: { path, port: "admin" }, timeoutSeconds: 1 });
    return {
      name: "proxy",
      image,
      imagePullPolicy: "IfNotPresent",
      command: [
        "node",
        `${FILES}/${BUNDLE_FILE}`,
        "--config",
        `${FILES}/${CONFIG_FILE}`,
        Lazy.stringValue({ produce: () => `--drain-delay=${drainSeconds()}s` }),
        Lazy.stringValue({ produce: () => `--shutdown-timeout=${drainSeconds() + FINISH_SECONDS}s` }),
      ],
      port: [
        { name: "http", containerPort: this.port, protocol: "TCP" },
        { name: "admin", containerPort: DEFAULT_ADMIN_PORT, protocol: "TCP" },
      ],
      startupProbe: { ...probe("/healthz"), periodSeconds: 1, failureThreshold: 30 },
      livenessProbe: { ...probe("/healthz"), periodSeconds: 5, failureThreshold: 3 },
      readinessProbe: { ...probe("/readyz"), periodSeconds: 2, failureThreshold: 2 },
      resources: {
        requests: { cpu: "250m", memory: "128Mi" },
        // No limit of CPU time: throttling would show as latency.
        limits: { memory: "512Mi" },
      },
      securityContext: HARDENED_CONTAINER,
      volumeMount: [
        { name: "files", mountPath: FILES, readOnly: true },
        { name: "state", mountPath: STATE },
      ],
    };
  }

  private addService(): ServiceV1 {
    return new ServiceV1(this, "service", {
      metadata: this.serviceMetadata,
      spec: {
        type: "ClusterIP",
        selector: LABELS,
        port: [{ name: "http", port: this.port, targetPort: "http", protocol: "TCP" }],
      },
    });
  }
}

const LABELS = labelsOf("proxy");
const FILES = "/etc/tricloud";
/** Which origins operators have drained from this pod, and the socket by which they do; gone with the pod. */
const STATE = "/var/lib/tricloud-proxy";
const BUNDLE_FILE = "tricloud-proxy.js";
const CONFIG_FILE = "proxy.json";
const CA_FILE = "proxy-ca.pem";

/** What may still name a pod once Consul's answers have expired: the catalog's sync, and an expired record of unbound's. */
const BESIDES_NAMED_SECONDS = 10;

/** How long requests under way may take to end once no new ones are taken. */
const FINISH_SECONDS = 35;
