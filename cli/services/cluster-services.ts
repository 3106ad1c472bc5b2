import { TASK_LABELS } from "../../constructs/kubernetes/job-run";
import type { SynthesizedStack } from "../../planning/stack/synthesized-stacks";
import type { ClusterApi } from "../recovery/cluster-api";
import { reachCluster } from "../recovery/reach-cluster";
import { nextRun } from "./next-run";
import { digestOf, type InstanceState, type RegionTask, type RunningService } from "./running-service";

interface Meta {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly creationTimestamp?: string;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Pod {
  readonly metadata: Meta;
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly {
      readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly terminated?: { readonly exitCode: number };
      };
    }[];
  };
}

export interface Deployment {
  readonly metadata: Meta;
  readonly spec: { readonly replicas?: number };
}

export interface CronJob {
  readonly metadata: Meta;
  readonly spec: { readonly schedule: string; readonly timeZone?: string; readonly suspend?: boolean };
}

export interface Job {
  readonly metadata: Meta;
  readonly status?: {
    readonly active?: number;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly Condition[];
  };
}

/** What a namespace of a cluster has, as far as services and their tasks go. */
export interface OnCluster {
  readonly pods: readonly Pod[];
  readonly deployments: readonly Deployment[];
  readonly cronJobs: readonly CronJob[];
  readonly jobs: readonly Job[];
}

/** Digests of the images that a stack's services shall run, by name. */
export function servicesOfStack({ configuration }: SynthesizedStack): ReadonlyMap<string, string> {
  const manifests = Object.values(configuration.resource?.["kubernetes_manifest"] ?? {}).map(
    ({ manifest }) => manifest as { kind: string; metadata: Meta; spec: { template: Pick<Pod, "spec"> } },
  );
  // What is not a service is no manifest.
  const deployments = manifests.filter(({ kind }) => kind === "Deployment");
  return new Map(
    deployments.map(({ metadata, spec }) => [
      metadata.name,
      digestOf(spec.template.spec.containers[0]!.image),
    ]),
  );
}

/**
 * What runs of a stack's services, by the cluster's own word.
 *
 * @param out the app's output directory
 * @throws Error where Terraform cannot say where the cluster is, or that does not answer
 */
export async function servicesOnCluster(
  stack: SynthesizedStack,
  out: string,
): Promise<{ readonly services: readonly RunningService[]; readonly tasks: readonly RegionTask[] }> {
  const { api, objects } = await reachCluster(out, stack.name);
  const wanted = servicesOfStack(stack);
  const { namespace } = objects.find(({ kind, name }) => kind === "Deployment" && wanted.has(name))!;
  const found = await onCluster(api, namespace!);
  return { services: runningPods(wanted, found), tasks: jobsOfTasks(found, new Date()) };
}

/** What a namespace has that is Tricloud's. */
export async function onCluster(api: ClusterApi, namespace: string): Promise<OnCluster> {
  const own = "app.kubernetes.io/part-of=tricloud";
  const [pods, deployments, cronJobs, jobs] = await Promise.all([
    api.list<Pod>("/api/v1", namespace, "pods", own),
    api.list<Deployment>("/apis/apps/v1", namespace, "deployments", own),
    api.list<CronJob>("/apis/batch/v1", namespace, "cronjobs", own),
    api.list<Job>("/apis/batch/v1", namespace, "jobs", own),
  ]);
  return { pods, deployments, cronJobs, jobs };
}

/** @param wanted digests of images, by service */
export const runningPods = (
  wanted: ReadonlyMap<string, string>,
  { pods, deployments }: Pick<OnCluster, "pods" | "deployments">,
): RunningService[] =>
  [...wanted].sort().map(([service, version]) => {
    const instances = pods
      .filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/name"] === service)
      .map(instanceOf);
    const deployment = deployments.find(({ metadata }) => metadata.name === service);
    return {
      ...{ service, version, instances },
      healthy: instances.filter(({ state }) => state === "healthy").length,
      // The autoscaler's word; of a Deployment without one, Kubernetes says 1.
      wanted: deployment?.spec.replicas ?? 0,
    };
  });

function instanceOf({ metadata, spec, status = {} }: Pod) {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  const state = stateOf(metadata, status, ready?.status === "True");
  const waiting = status.containerStatuses?.find(({ state: at }) => at?.waiting !== undefined)?.state
    ?.waiting;
  const unplaced = status.conditions?.find(
    ({ type, status: is }) => type === "PodScheduled" && is === "False",
  );
  const problem = waiting?.reason ?? unplaced?.message;
  return {
    host: spec.nodeName ?? "",
    pod: metadata.name,
    version: digestOf(spec.containers[0]!.image),
    state,
    since: state === "healthy" ? (ready!.lastTransitionTime ?? null) : null,
    ...(state === "healthy" || problem === undefined ? {} : { problem }),
  };
}

function stateOf(
  { deletionTimestamp }: Meta,
  { phase }: NonNullable<Pod["status"]>,
  isReady: boolean,
): InstanceState {
  if (deletionTimestamp !== undefined) return "stopping";
  if (isReady) return "healthy";
  if (phase === "Pending" || phase === undefined) return "starting";
  return phase === "Running" ? "not healthy" : "not running";
}

/** Tasks by service and name, with what is known of their Jobs. */
export const jobsOfTasks = ({ cronJobs, jobs, pods }: OnCluster, now: Date): RegionTask[] =>
  cronJobs
    .filter(({ metadata }) => metadata.labels?.[TASK_LABELS.task] !== undefined)
    .map(({ metadata: { labels = {} }, spec }) => {
      const [service, task] = [labels[TASK_LABELS.service]!, labels[TASK_LABELS.task]!];
      const isOf = ({ labels: its = {} }: Meta) =>
        its[TASK_LABELS.service] === service && its[TASK_LABELS.task] === task;
      const own = jobs.filter(({ metadata }) => isOf(metadata));
      const timed = spec.suspend !== true;
      return {
        ...{ service, task, timed },
        underWay: own.some(({ status }) => (status?.active ?? 0) > 0),
        last: lastOf(own, pods),
        next: timed ? nextRun(spec.schedule, spec.timeZone ?? "Etc/UTC", now) : null,
      };
    })
    .sort((one, other) => (`${one.service} ${one.task}` < `${other.service} ${other.task}` ? -1 : 1));

function lastOf(jobs: readonly Job[], pods: readonly Pod[]): RegionTask["last"] {
  const ended = jobs
    .flatMap((job) => {
      const end = job.status?.conditions?.find(
        ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
      );
      const at = job.status?.completionTime ?? end?.lastTransitionTime;
      return end === undefined || at === undefined ? [] : [{ job, end, at }];
    })
    .sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  const [newest] = ended;
  if (newest === undefined) return null;
  const { job, end, at } = newest;
  const pod = pods.find(({ metadata }) => metadata.labels?.["job-name"] === job.metadata.name);
  return {
    host: pod?.spec.nodeName ?? "",
    status: end.type === "Complete" ? 0 : failure(end, pod),
    seconds: Math.max(0, Math.round((Date.parse(at) - Date.parse(job.status?.startTime ?? at)) / 1000)),
    ended: new Date(at).toISOString(),
  };
}

/** A pod that is gone cannot say what its program ended with. */
const failure = ({ reason }: Condition, pod: Pod | undefined): number =>
  reason === "DeadlineExceeded"
    ? TOOK_TOO_LONG
    : (pod?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode ?? 1);

/** The same as on hosts. */
const TOOK_TOO_LONG = 124;
