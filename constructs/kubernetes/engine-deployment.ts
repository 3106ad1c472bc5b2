import {
  DeploymentV1,
  type DeploymentV1SpecTemplateSpecContainer,
} from "@cdktf/provider-kubernetes/lib/deployment-v1";
import { Lazy } from "cdktf";
import { type Construct } from "constructs";
import { DEFAULT_SERVICE_TTL_SECONDS } from "../dns/service-ttl";
import type { Awaited } from "./deploy-gate";
import { ConfigFiles, type ConfigFilesProps } from "./config-files";
import { type ConsulChart } from "./consul-chart";
import { IngressPolicy, METRICS_COLLECTORS, type Peers } from "./ingress-policy";
import { LEAVES_LOST_NODE } from "./node-loss";
import { HARDENED_CONTAINER, HARDENED_POD, UNPRIVILEGED_PORTS } from "./pod-hardening";
import { PodScaling } from "./pod-scaling";
import { REQUESTS_PORT, ServedPods } from "./served-pods";
import { ServiceSecrets } from "./service-secrets";
import { type IWorkerZones } from "./worker-zones";
import { zoneSpread } from "./zone-spread";

/** How pods of a program of the proxy's engine run. */
export interface EnginePods {
  /** Namespace of its pods; `WorkloadNamespace` makes one that suits. */
  readonly namespace: string;
  /** Image that has `node` 20 or later on its path; nothing else of it is used. */
  readonly image: string;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** Pods that always run, spread evenly over the zones. @default 3 */
  readonly minPods?: number;
  /**
   * How long a pod that is told to stop goes on taking requests, for those to whom its address is still known.
   * @default - 10 longer than its name lives, 15 for Consul's 5: more than all caches on the way hold it (docs/kubernetes.md)
   */
  readonly drainSeconds?: number;
}

/** A program of the proxy's engine, on Kubernetes. */
export interface EngineOnKubernetes extends EnginePods {
  /** Of its objects. */
  readonly name: string;
  /** Name under which service discovery knows it. */
  readonly serviceName: string;
  /** What messages call it, for example `proxy deployment proxy`. */
  readonly owner: string;
  /** Port that takes requests. */
  readonly port: number;
  /** Port of its Service by which load balancers send it calls of gRPC. @default - none */
  readonly callsPort?: number;
  /** Port of its health and metrics. */
  readonly adminPort: number;
  readonly minPods: number;
  readonly maxPods: number;
  /** Path of the bundle and path of its configuration. */
  readonly bundle: string;
  readonly config: string;
  /** Flags by which it is told how long it goes on taking requests, and how long it takes to end. @default - its configuration tells */
  readonly flags?: (seconds: EngineSeconds) => string[];
  /** What only a start reads: bundle and authorities. Pods are replaced for other ones. */
  readonly program: EngineFiles;
  /** What it serves by. Pods take another one by a reload, unless `readAtStart` is another too. */
  readonly configuration: EngineFiles & {
    /** What of its file only a start takes notice of. */
    readonly readAtStart: string;
  };
  /** ConfigMap that others than the deploy keep, where there is one: it is read when a pod starts. @default - none */
  readonly kept?: { readonly configMap: string; readonly mountPath: string };
  /** Files that nobody else may read, by name: expressions of sensitive values. Others make pods new ones. @default - none */
  readonly own?: { readonly files: Readonly<Record<string, string>>; readonly mountPath: string };
  /** Another port that takes requests, and who may send them there. @default - none */
  readonly besides?: { readonly name: string; readonly port: number; readonly clients: readonly Peers[] };
  /** Directory of what it keeps, gone with the pod. */
  readonly state: string;
  /** Who may send requests. */
  readonly clients: readonly Peers[];
}

/** Of a pod that is told to stop. */
export interface EngineSeconds {
  /** How long it goes on taking requests. */
  readonly drain: number;
  /** Until it ends whatever is left. */
  readonly shutdown: number;
}

export interface EngineFiles extends Omit<ConfigFilesProps, "namespace" | "readAtStart"> {
  readonly mountPath: string;
}

/** ConfigMaps by the volume that has their files. */
type EngineMaps = Readonly<Record<"program" | "files", ConfigFiles>>;

/** @throws Error when there are too few pods to survive a zone, or fewer at most than always */
function checkPods(owner: string, minPods: number, maxPods: number): void {
  if (!Number.isInteger(minPods) || minPods < 2) {
    throw new Error(`${owner}: minPods must be at least 2, got: ${minPods}`);
  }
  if (!Number.isInteger(maxPods) || maxPods < minPods) {
    throw new Error(`${owner}: maxPods must be at least minPods ${minPods}, got: ${maxPods}`);
  }
}

/**
 * A program of the proxy's engine on Kubernetes: its bundle from a ConfigMap on a stock Node image. Its pods take another
 * configuration as they run, when the deploy tells them to.
 */
export abstract class EngineDeployment extends ServedPods {
  /** Where metrics are collected from. */
  readonly metrics: { readonly podLabels: Readonly<Record<string, string>>; readonly port: string };
  /** What a deploy waits for: that all of its pods are the new ones, and serve by the newest configuration. */
  readonly awaited: Awaited;
  /** What makes its pods new ones, or serve otherwise. */
  readonly forms: readonly string[];
  /** To be made before it is waited for. */
  readonly deployment: DeploymentV1;
  /** How long an answer that names its pods may be kept. */
  private namedSeconds = DEFAULT_SERVICE_TTL_SECONDS;

  /** @throws Error when there are too few pods to survive a zone, or files do not fit a ConfigMap */
  constructor(
    scope: Construct,
    id: string,
    private readonly engine: EngineOnKubernetes,
  ) {
    const { name, namespace, owner, minPods, maxPods, serviceName, port, callsPort, workers } = engine;
    checkPods(owner, minPods, maxPods);
    super(scope, id, { name, namespace, serviceName, port, callsPort, workers, count: minPods });
    this.metrics = { podLabels: this.podLabels, port: "admin" };
    const maps = this.addMaps();
    const { bundle, config, configuration, image, own, besides } = engine;
    const secrets = own && new ServiceSecrets(this, "own", { service: name, namespace, secrets: own.files });
    this.deployment = this.addDeployment(maps, secrets);
    this.awaited = {
      what: name,
      rollout: `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
      reload: {
        folder: configuration.mountPath,
        digest: maps.files.digest,
        command: ["node", bundle, "reload", "--config", config],
      },
    };
    this.forms = [
      ...[maps.program.configMapName, maps.files.configMapName, image],
      ...(secrets?.version === undefined ? [] : [secrets.version]),
    ];
    new PodScaling(this, "scaling", {
      deployment: name,
      namespace,
      podLabels: this.podLabels,
      minPods,
      maxPods,
    });
    new IngressPolicy(this, "ingress", {
      name,
      namespace,
      podLabels: this.podLabels,
      allow: [
        { from: engine.clients, tcp: [this.port] },
        ...(besides === undefined ? [] : [{ from: besides.clients, tcp: [besides.port] }]),
        { from: [METRICS_COLLECTORS], tcp: [engine.adminPort] },
      ],
    });
  }

  /** Makes each ready pod known to service discovery by its own address. */
  override registerWith(consul: ConsulChart): void {
    this.namedSeconds = consul.serviceTtlSeconds(this.serviceName);
    super.registerWith(consul);
  }

  private addMaps(): EngineMaps {
    const { namespace } = this.engine;
    const { mountPath: _, ...program } = this.engine.program;
    const { mountPath: __, readAtStart, ...files } = this.engine.configuration;
    const programMap = new ConfigFiles(this, "program", { ...program, namespace });
    // A pod of another program never starts with files that are not for it: they are in a map of its own.
    const filesMap = new ConfigFiles(this, "files", {
      ...{ ...files, namespace },
      readAtStart: [readAtStart, programMap.digest],
    });
    return { program: programMap, files: filesMap };
  }

  private addDeployment(maps: EngineMaps, secrets: ServiceSecrets | undefined): DeploymentV1 {
    const { name, namespace, minPods, drainSeconds, kept, besides } = this.engine;
    const { podLabels } = this;
    // All of them are of one Secret.
    const [ownFiles] = Object.values(secrets?.entries ?? {});
    const seconds = () => engineSeconds(drainSeconds, this.namedSeconds);
    return new DeploymentV1(this, "deployment", {
      // A `DeployGate` does, and says why pods do not start.
      waitForRollout: false,
      metadata: { name, namespace, labels: podLabels },
      // From here on the autoscaler says how many.
      lifecycle: { ignoreChanges: ["spec[0].replicas"] },
      spec: {
        replicas: String(minPods),
        selector: { matchLabels: podLabels },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "1", maxUnavailable: "0" } },
        template: {
          metadata: {
            labels: podLabels,
            ...(secrets?.version === undefined
              ? {}
              : { annotations: { "tricloud/secrets-version": secrets.version } }),
          },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: Lazy.numberValue({ produce: () => seconds().shutdown + 10 }),
            securityContext: {
              ...HARDENED_POD,
              ...([this.port, besides?.port ?? this.port].some((port) => port < 1024)
                ? { sysctl: UNPRIVILEGED_PORTS }
                : {}),
            },
            topologySpreadConstraint: zoneSpread(podLabels),
            toleration: LEAVES_LOST_NODE,
            container: [this.container(seconds)],
            volume: [
              ...Object.entries(maps).map(([part, { configMapName }]) => ({
                name: part,
                configMap: { name: configMapName },
              })),
              ...(kept === undefined
                ? []
                : [{ name: "kept", configMap: { name: kept.configMap, optional: true } }]),
              ...(ownFiles === undefined
                ? []
                : [{ name: "own", secret: { secretName: ownFiles.secretName, defaultMode: "0440" } }]),
              { name: "state", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
            ],
          },
        },
      },
    });
  }

  private container(seconds: () => EngineSeconds): DeploymentV1SpecTemplateSpecContainer {
    const {
      name,
      image,
      bundle,
      config,
      program,
      configuration,
      kept,
      own,
      besides,
      state,
      adminPort,
      flags,
    } = this.engine;
    const probe = (path: string) => ({ httpGet: { path, port: "admin" }, timeoutSeconds: 1 });
    return {
      name,
      image,
      imagePullPolicy: "IfNotPresent",
      command: Lazy.listValue({
        produce: () => ["node", bundle, "--config", config, ...(flags?.(seconds()) ?? [])],
      }),
      port: [
        { name: REQUESTS_PORT, containerPort: this.port, protocol: "TCP" },
        { name: "admin", containerPort: adminPort, protocol: "TCP" },
        ...(besides === undefined
          ? []
          : [{ name: besides.name, containerPort: besides.port, protocol: "TCP" }]),
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
        { name: "program", mountPath: program.mountPath, readOnly: true },
        // A whole folder: a single file in it would stay what it was when the pod started.
        { name: "files", mountPath: configuration.mountPath, readOnly: true },
        ...(kept === undefined ? [] : [{ name: "kept", mountPath: kept.mountPath, readOnly: true }]),
        ...(own === undefined ? [] : [{ name: "own", mountPath: own.mountPath, readOnly: true }]),
        { name: "state", mountPath: state },
      ],
    };
  }
}

/** What may still name a pod once Consul's answers have expired: the catalog's sync, and an expired record of unbound's. */
const BESIDES_NAMED_SECONDS = 10;

/** @param namedSeconds how long an answer that names its pods may be kept */
export function engineSeconds(drainSeconds: number | undefined, namedSeconds: number): EngineSeconds {
  const drain = drainSeconds ?? namedSeconds + BESIDES_NAMED_SECONDS;
  return { drain, shutdown: drain + FINISH_SECONDS };
}

/** How long requests under way may take to end once no new ones are taken. */
const FINISH_SECONDS = 35;
