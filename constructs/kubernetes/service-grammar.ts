import { Token } from "cdktf";
import { CRON_JOB_NAME_LENGTH, cronJobName } from "./job-run";
import { refuseWrongTasks, type ServiceTasks } from "../service/service-task";
import type { SecretEntry } from "./consul-secrets";

/** What of a service can be told wrong. */
export interface CheckedService {
  readonly name: string;
  readonly image: string;
  readonly port: number;
  readonly health: { readonly path: string };
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string | SecretEntry>>;
  readonly tasks: ServiceTasks;
  readonly instances: number;
  readonly atMost: number;
  readonly metricsPath?: string;
  readonly cpuMillicores: number;
  readonly memoryMib: number;
  readonly drainSeconds: number;
  readonly finishSeconds: number;
  readonly startSeconds: number;
  readonly boundSeconds: number;
}

/** Variables that a service is given without asking. */
const GIVEN = ["PORT", "TRICLOUD_REGION"];

/** @throws Error naming the field and its value; values of secrets stay out of the message */
export function refuseWrongService(service: CheckedService): void {
  const refuse = (message: string) => {
    throw new Error(`cluster service ${service.name}: ${message}`);
  };
  for (const [field, value, fault] of faultsOf(service)) {
    refuse(`${field} ${fault}, got: ${JSON.stringify(value)}`);
  }
  for (const [name, value] of Object.entries(service.secrets)) {
    if (typeof value === "string" && !Token.isUnresolved(value)) {
      refuse(`secret ${name} must be a Terraform expression or an entry of a Secret, got: a literal`);
    }
  }
  refuseWrongTasks(service.name, service.tasks);
  for (const task of Object.keys(service.tasks)) {
    const name = cronJobName(service.name, task);
    if (name.length > CRON_JOB_NAME_LENGTH) {
      refuse(
        `task ${task} must have with its service a name of at most ${CRON_JOB_NAME_LENGTH}, got: ${name}`,
      );
    }
  }
}

type Fault = readonly [field: string, value: unknown, fault: string];

function faultsOf(service: CheckedService): Fault[] {
  const { port, instances } = service;
  const faults: (Fault | false)[] = [
    unlike("name", service.name, NAME, "must be lower-case letters, digits and hyphens, at most 50"),
    unlike("image", service.image, IMAGE_BY_DIGEST, NOT_BY_DIGEST),
    unlike("health.path", service.health.path, PATH, "must begin with / and hold no space"),
    service.metricsPath !== undefined &&
      unlike("metricsPath", service.metricsPath, PATH, "must begin with / and hold no space"),
    outside("port", port, 1, 65_535),
    outside("instances", instances, 1, 1000),
    outside("atMost", service.atMost, Token.isUnresolved(instances) ? 1 : instances, 1000, "instances"),
    outside("cpuMillicores", service.cpuMillicores, 1, 256_000),
    outside("memoryMib", service.memoryMib, 4, 1_048_576),
    outside("drainSeconds", service.drainSeconds, 1, 600),
    outside("finishSeconds", service.finishSeconds, 1, 3600),
    outside("startSeconds", service.startSeconds, 1, 3600),
    outside("boundSeconds", service.boundSeconds, 1, 86_400),
    ...Object.keys(service.env).flatMap((name) => [
      unlike("name of a variable", name, VARIABLE, "must be letters, digits and underscores"),
      GIVEN.includes(name) && (["env", name, "must not hold what every service is given"] as const),
    ]),
    ...Object.keys(service.secrets).map((name) =>
      unlike("name of a secret", name, SECRET, "must be letters, digits, dots, hyphens and underscores"),
    ),
  ];
  return faults.filter((fault) => fault !== false);
}

const unlike = (field: string, value: string, grammar: RegExp, fault: string): Fault | false =>
  !Token.isUnresolved(value) && !grammar.test(value) && [field, value, fault];

function outside(field: string, value: number, least: number, most: number, whose?: string): Fault | false {
  if (Token.isUnresolved(value)) return false;
  if (Number.isInteger(value) && value >= least && value <= most) return false;
  const from = whose === undefined ? String(least) : `${whose} ${least}`;
  return [field, value, `must be a whole number from ${from} to ${most}`];
}

const NAME = /^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$/;
const IMAGE_BY_DIGEST = /^[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}$/;
const NOT_BY_DIGEST =
  "must be named by digest, NAME@sha256:DIGEST (a tag may name another image tomorrow, and then each node runs what it pulled when)";
const PATH = /^\/\S*$/;
const VARIABLE = /^[A-Za-z_]\w*$/;
const SECRET = /^(?!\.\.)[\w.-]{1,253}$/;
