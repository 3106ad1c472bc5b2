import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { type Construct } from "constructs";
import { type HasTopology, type TopologyElement } from "../topology";
import type { SecretEntry } from "./consul-secrets";
import { type Awaited, type ClusterAccess, DeployGate } from "./deploy-gate";
import { IngressPolicy, METRICS_COLLECTORS, type Peers } from "./ingress-policy";
import { MetricsScrape } from "./metrics-scrape";
import { PodIdentity } from "./pod-identity";
import { PodScaling } from "./pod-scaling";
import type { GatewayBackend } from "./public-gateway";
import { REQUESTS_PORT, ServedPods } from "./served-pods";
import { refuseWrongService } from "./service-grammar";
import { servicePod } from "./service-pod";
import { ServiceSecrets } from "./service-secrets";
import { TaskJobs, taskLabelsOf } from "./task-jobs";
import { type DatabaseAccess, withDatabase } from "../service/database-access";
import type { ServiceTasks } from "../service/service-task";
import { type IWorkerZones } from "./worker-zones";

export interface ClusterServiceProps {
  /** Name of the service, and of its objects: lower-case letters, digits and hyphens, at most 50. */
  readonly name: string;
  /** Namespace of its pods; `WorkloadNamespace` makes one that suits. */
  readonly namespace: string;
  /** Where the cluster's API answers, for waiting until the release is out. */
  readonly access: ClusterAccess;
  /** Nodes it runs on, by zone. */
  readonly workers: IWorkerZones;
  /** The region's name, which the service is told as `TRICLOUD_REGION`. */
  readonly region: string;
  /** Image by digest, `NAME@sha256:DIGEST`, run as its entry point says. A tag is refused. */
  readonly image: string;
  /** Port on which it answers HTTP. It is told it as `PORT`, and callers use the same. */
  readonly port: number;
  /** How it is found to be well. */
  readonly health: ServiceHealth;
  /** Environment variables by name. What every service is given may not be among them. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * What it finds as `/run/secrets/NAME`, by name: an expression of a sensitive value, whose change replaces the pods,
   * or an entry of a Secret that is there already.
   * @default {}
   */
  readonly secrets?: Readonly<Record<string, string | SecretEntry>>;
  /**
   * Database that it finds as `/run/secrets/database-url`, and in parts beside it; other values replace the pods.
   * @default - none
   */
  readonly database?: DatabaseAccess | undefined;
  /**
   * What its image does besides, with another command: before each release, or at times. It has the service's
   * environment, secrets, memory, account and rights, and nobody reaches it.
   * @default {}
   */
  readonly tasks?: ServiceTasks;
  /** Instances that always run, spread evenly over the zones. @default 3 */
  readonly instances?: number;
  /** Instances at most, when there is much to do. @default - `instances` */
  readonly atMost?: number;
  /** CPU time that an instance can count on, in thousandths of a core. It may use more. @default 250 */
  readonly cpuMillicores?: number;
  /** Memory of an instance, in MiB; one that wants more is ended. @default 256 */
  readonly memoryMib?: number;
  /** Path of its metrics, on the same port. @default - none are collected */
  readonly metricsPath?: string;
  /** Who may call it. @default - pods of every namespace */
  readonly clients?: readonly Peers[];
  /** Ties its service account to an identity outside the cluster, as `WorkloadAccount` gives it. @default {} */
  readonly accountAnnotations?: Readonly<Record<string, string>>;
  /**
   * How long an instance that is told to stop goes on taking requests, in seconds, for those to whom its address is
   * still known.
   * @default 15, more than all caches on the way hold a name together (docs/kubernetes.md)
   */
  readonly drainSeconds?: number;
  /** How long requests under way may then take to end, in seconds, before the instance is killed. @default 30 */
  readonly finishSeconds?: number;
  /** How long an instance may take to answer at its health path for the first time, in seconds. @default 60 */
  readonly startSeconds?: number;
  /** When a deploy gives up waiting for the release and says what is missing, in seconds. @default 600 */
  readonly boundSeconds?: number;
}

/** How a service is found to be well. */
export interface ServiceHealth {
  /**
   * Path that answers 200 to 399 while the instance can serve. It is asked every 2 s, and gets no more calls after two
   * other answers; after a minute of them the instance is started anew.
   */
  readonly path: string;
}

/**
 * A service on Kubernetes, spread over zones and released without a failed request. A deploy ends when all instances
 * are of the new version, and fails with the pods' own reasons when that does not come; the old version then goes on
 * serving.
 */
export class ClusterService extends ServedPods implements HasTopology {
  /** Labels that only the pods of its tasks have. */
  readonly taskLabels: Readonly<Record<string, string>>;
  readonly topology: readonly TopologyElement[];
  /** For a `PublicGateway` in front of it. */
  readonly backend: GatewayBackend;

  /** @throws Error for an image without digest, or other input that cannot work; it names the field and its value */
  constructor(scope: Construct, id: string, props: ClusterServiceProps) {
    const whole = withDefaults(props);
    refuseWrongService(whole);
    const { name, namespace, port, instances, workers } = whole;
    super(scope, id, { name, namespace, serviceName: name, port, workers, count: instances });
    this.taskLabels = taskLabelsOf(name);
    this.topology = [{ kind: "workload", role: "application", name, on: [], copies: instances, port }];
    this.backend = { service: name, port, healthPath: whole.health.path, podLabels: this.podLabels };
    this.addPolicy(whole);
    this.addRelease(whole);
    new PodScaling(this, "scaling", {
      ...{ deployment: name, namespace, podLabels: this.podLabels },
      ...{ minPods: instances, maxPods: whole.atMost },
    });
    if (props.metricsPath !== undefined) {
      const monitored = { name, namespace, podLabels: this.podLabels, port: REQUESTS_PORT };
      new MetricsScrape(this, "metrics", { ...monitored, path: props.metricsPath });
    }
  }

  /** The pods, and the wait until all of them are the new ones. */
  private addRelease(props: WholeService): void {
    const { name, namespace, instances } = props;
    new PodIdentity(this, "identity", { name, namespace, annotations: props.accountAnnotations });
    const secrets = new ServiceSecrets(this, "secrets", {
      ...{ service: name, namespace },
      secrets: withDatabase(name, props.secrets, props.database),
    });
    const { beforeRelease = [] } = this.addTasks(props, secrets) ?? {};
    const template = {
      metadata: {
        labels: this.podLabels,
        // Pods read their secrets when they start.
        ...(secrets.version === undefined
          ? {}
          : { annotations: { "tricloud/secrets-version": secrets.version } }),
      },
      spec: servicePod({
        ...props,
        account: name,
        healthPath: props.health.path,
        secrets: secrets.entries,
        labels: this.podLabels,
      }),
    };
    // As a manifest, since the provider's own resource knows no `preStop.sleep`, and an image need hold no `sleep`.
    const deployment = new Manifest(this, "deployment", {
      manifest: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name, namespace, labels: this.podLabels },
        spec: {
          // Nothing of replicas: the autoscaler says how many.
          selector: { matchLabels: this.podLabels },
          // One that ends right after its start was not ready.
          minReadySeconds: 5,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } },
          template,
        },
      },
      dependsOn: [...secrets.resources, ...beforeRelease],
    });
    const awaited: Awaited = {
      what: name,
      rollout: `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
      atLeast: instances,
      maxEnds: MAX_ENDS,
    };
    new DeployGate(this, "released", {
      access: props.access,
      awaited: [awaited],
      boundSeconds: props.boundSeconds,
      forms: [JSON.stringify(template)],
      dependsOn: [deployment],
    });
  }

  private addTasks(props: WholeService, secrets: ServiceSecrets): TaskJobs | undefined {
    const { name, namespace, access, tasks } = props;
    if (Object.keys(tasks).length === 0) return undefined;
    return new TaskJobs(this, "tasks", {
      ...{ namespace, access, tasks },
      pod: { ...props, account: name, secrets: secrets.entries },
      secretsVersion: secrets.version,
      dependsOn: secrets.resources,
    });
  }

  private addPolicy({ name, namespace, port, clients, metricsPath }: WholeService): void {
    new IngressPolicy(this, "ingress", {
      name,
      namespace,
      podLabels: this.podLabels,
      allow: [
        { from: clients, tcp: [port] },
        ...(metricsPath === undefined ? [] : [{ from: [METRICS_COLLECTORS], tcp: [port] }]),
      ],
    });
  }
}

/** A version that ends this often right after it was started will not serve: a minute at most, by the kubelet's waits. */
const MAX_ENDS = 3;

type WholeService = ReturnType<typeof withDefaults>;

function withDefaults(props: ClusterServiceProps) {
  const { instances = 3, atMost = instances, clients = [{ pods: "all" } as const] } = props;
  const { env = {}, secrets = {}, tasks = {}, accountAnnotations = {} } = props;
  const { cpuMillicores = 250, memoryMib = 256 } = props;
  const { drainSeconds = 15, finishSeconds = 30, startSeconds = 60, boundSeconds = 600 } = props;
  return {
    ...props,
    ...{ instances, atMost, clients, env, secrets, tasks, accountAnnotations, cpuMillicores, memoryMib },
    ...{ drainSeconds, finishSeconds, startSeconds, boundSeconds },
  };
}
