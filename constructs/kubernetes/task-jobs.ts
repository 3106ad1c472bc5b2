import { createHash } from "node:crypto";
import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { AssetType, Fn, TerraformAsset, type TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { TerraformData } from "../dedicated/terraform-data";
import {
  DEFAULT_TASK_SECONDS,
  scheduleOfTask,
  type ServiceTask,
  type ServiceTasks,
} from "../service/service-task";
import type { ClusterAccess } from "./deploy-gate";
import { IngressPolicy } from "./ingress-policy";
import { cronJobName, type JobRun, RUN_JOB, TASK_LABELS } from "./job-run";
import { OWN_LABELS } from "./own-labels";
import { taskPod, type TaskPodProps } from "./service-pod";

/** Labels that the pods of a service's tasks have, and no others. */
export const taskLabelsOf = (service: string): Readonly<Record<string, string>> => ({
  [TASK_LABELS.service]: service,
  ...OWN_LABELS,
});

export interface TaskJobsProps {
  readonly namespace: string;
  readonly access: ClusterAccess;
  readonly tasks: ServiceTasks;
  /** What of the service's pods is theirs too. */
  readonly pod: TaskPodProps;
  /** For annotations of pods: another one when a secret's value has changed. */
  readonly secretsVersion?: string | undefined;
  readonly dependsOn: readonly TerraformResource[];
}

/**
 * A service's tasks, each a CronJob. One that runs before releases is suspended: it is a template, of which the deploy
 * makes a Job for each release and waits for its end.
 */
export class TaskJobs extends Construct {
  /** To be there before the service's pods are replaced. */
  readonly beforeRelease: readonly TerraformResource[];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: TaskJobsProps,
  ) {
    super(scope, id);
    const { namespace, pod, tasks } = props;
    new IngressPolicy(this, "ingress", {
      name: `${pod.name}--tasks`,
      namespace,
      podLabels: taskLabelsOf(pod.name),
    });
    const all = Object.entries(tasks);
    const first = all.filter(([, { every }]) => every === undefined);
    this.beforeRelease = first.map(([name, task]) => this.run(name, task, this.cronJob(name, task, [])));
    for (const [name, task] of all.filter(([, { every }]) => every !== undefined)) {
      this.cronJob(name, task, this.beforeRelease);
    }
  }

  private cronJob(name: string, task: ServiceTask, after: readonly TerraformResource[]): Manifest {
    const { namespace, pod, secretsVersion, dependsOn } = this.props;
    const schedule = scheduleOfTask(task);
    const labels = { ...taskLabelsOf(pod.name), [TASK_LABELS.task]: name };
    return new Manifest(this, name, {
      manifest: {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: cronJobName(pod.name, name), namespace, labels },
        spec: {
          schedule: schedule?.cron ?? NEVER,
          timeZone: schedule?.zone ?? "Etc/UTC",
          suspend: schedule === undefined,
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 3,
          failedJobsHistoryLimit: 3,
          jobTemplate: {
            metadata: { labels },
            spec: {
              // What has begun may have done half of it: whether it can be repeated is not known here.
              backoffLimit: 0,
              activeDeadlineSeconds: task.timeoutSeconds ?? DEFAULT_TASK_SECONDS,
              ttlSecondsAfterFinished: KEPT_SECONDS,
              template: {
                metadata: {
                  labels,
                  annotations: {
                    // The autoscaler of nodes would end it to save one.
                    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
                    ...(secretsVersion === undefined ? {} : { "tricloud/secrets-version": secretsVersion }),
                  },
                },
                spec: taskPod(pod, { name, command: task.command }),
              },
            },
          },
        },
      },
      dependsOn: [...dependsOn, ...after],
    });
  }

  private run(name: string, task: ServiceTask, cronJob: Manifest): TerraformResource {
    const { namespace, access, pod } = this.props;
    const job = `${cronJobName(pod.name, name)}-${releaseOf(task, pod)}`;
    const program = new TerraformAsset(this, `${name}-program`, { path: RUN_JOB, type: AssetType.FILE });
    const run: JobRun = { host: access.host, namespace, cronJob: cronJobName(pod.name, name), job };
    return new TerraformData(this, `${name}-run`, {
      triggersReplace: () => ({ job }),
      hostProvisioners: () => [
        {
          type: "local-exec",
          command: `node "${program.path}"`,
          quiet: true,
          environment: {
            TRICLOUD_JOB: JSON.stringify(run),
            // Terraform hides all that a command says which is given a sensitive value; this one never prints it.
            TRICLOUD_TOKEN: Fn.nonsensitive(access.token),
          },
        },
      ],
      after: () => [cronJob],
    });
  }
}

/** Of a suspended one, which must have a schedule all the same. */
const NEVER = "0 0 1 1 *";

/** A week, to look at what it printed. */
const KEPT_SECONDS = 604_800;

/**
 * Tells two releases of a task apart: what runs, and what it is told. Neither values of secrets nor what Terraform alone
 * knows: the Job's name must be known when a deploy is planned.
 */
function releaseOf({ command }: ServiceTask, { image, env, secrets }: TaskPodProps): string {
  const parts = [image, command, Object.entries(env).sort(), Object.keys(secrets).sort()];
  const known = JSON.stringify(parts).replaceAll(/\$\{TfToken\[[^\]]*\]\}/g, "");
  return createHash("sha256").update(known).digest("hex").slice(0, 8);
}
