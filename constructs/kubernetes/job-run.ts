import { join } from "node:path";

/** Kubernetes adds eleven characters to a CronJob's name and allows 63. */
export const CRON_JOB_NAME_LENGTH = 52;

/** What a service's task is called in a cluster. Two hyphens: no other service and task come to the same name. */
export const cronJobName = (service: string, task: string): string => `${service}--${task}`;

/** What makes a Job of a CronJob's template and shows what it prints. Runs where Terraform runs. */
export const RUN_JOB = join(__dirname, "run-job.mjs");

/** What `run-job.mjs` is told. */
export interface JobRun {
  /** Where the cluster's API answers. */
  readonly host: string;
  readonly namespace: string;
  /** Name of the CronJob whose template it is. */
  readonly cronJob: string;
  /** Name of the Job, of which there is one at most: where it has succeeded, nothing runs. @default - one of its own */
  readonly job?: string;
}

/** Labels of CronJobs by which a service's task is found. */
export const TASK_LABELS = { service: "tricloud/task-of", task: "tricloud/task" } as const;
