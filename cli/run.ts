import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JobRun, RUN_JOB, TASK_LABELS } from "../constructs/kubernetes/job-run";
import { RUNTIME_PATHS } from "../constructs/service/container-runtime";
import { TASK_PATHS, TASK_STOP_SECONDS } from "../constructs/service/task-program";
import { DEFAULT_TASK_SECONDS } from "../constructs/service/service-task";
import { runOnHost } from "../planning/hosts/host-command";
import type { Contents } from "../planning/matters/contents";
import { groupsOf, type StackGroup } from "../planning/matters/stack-groups";
import { stackHosts, type StackHost } from "../planning/matters/stack-hosts";
import { readOptions } from "../planning/read-options";
import { readStacks, type SynthesizedStack } from "../planning/stack/synthesized-stacks";
import { synthesise } from "./assessment";
import { machinesOf, nameOfMachine, onMachines } from "./machines/group-machines";
import { readClusterStack } from "./recovery/stack-objects";
import { TerraformState } from "./recovery/terraform-state";

const USAGE = `usage: tricloud run SERVICE TASK --region NAME [--out DIR]

Runs a task of a service once, now, and shows what it prints: on one of the region's hosts, on a healthy machine of its
group, or as a Job on its cluster. It is what was deployed last that runs. Interrupting this command leaves the task
running.

  --region NAME  the region
  --out DIR      take what is synthesised there; without, the app is synthesised anew (to cdktf.out)

On a cluster it needs what a deploy needs: Terraform, credentials, values of the variables (TF_VAR_...).
On EC2 it is Systems Manager that has the machine run it, by the AWS CLI as whoever is signed in. What it prints is
shown when it has ended, of much the end; the machine's journal has all of it.

Exit code: that of the task, 124 when it has taken longer than it may; 1 where it could not be run; 2 wrong usage.
`;

/** Where a task can be run, and what it is called there. */
type Place =
  | { readonly on: "host"; readonly host: StackHost; readonly directory: string }
  | { readonly on: "group"; readonly group: StackGroup; readonly seconds: number }
  | {
      readonly on: "cluster";
      readonly out: string;
      readonly stack: string;
      readonly run: Omit<JobRun, "host">;
    };

interface Task {
  readonly service: string;
  readonly name: string;
  readonly place: Place;
}

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions("run", {
    args: [...args],
    allowPositionals: true,
    options: {
      region: { type: "string" },
      out: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [service, name, ...more] = positionals;
  if (service === undefined || name === undefined || more.length > 0) {
    throw new Error(`expected a service and one of its tasks, got: ${positionals.join(" ") || "none"}`);
  }
  const { region } = values;
  if (region === undefined) throw new Error("expected --region NAME");
  if (values.out === undefined && !synthesise()) return 1;
  const out = values.out ?? "cdktf.out";
  const { place } = chosen(tasksOf(readStacks(out), region, out), { service, name, region });
  switch (place.on) {
    case "host":
      return runThere(place, service, name);
    case "group":
      return runOnMachine(place, service, name);
    case "cluster":
      return runAsJob(place);
  }
}

/** The tasks of a region's services, each where it can be run. @throws Error for a region that there is not */
function tasksOf(stacks: readonly SynthesizedStack[], region: string, out: string): Task[] {
  // What a region on GKE has on its cluster is a stack of its own.
  const own = stacks.filter(({ name }) => name === region || name === `${region}-workloads`);
  if (!own.some(({ name }) => name === region)) {
    const known = stacks.map(({ name }) => name).filter((name) => !name.endsWith("-workloads"));
    throw new Error(`unknown region "${region}": known regions are ${known.sort().join(", ")}`);
  }
  return own.flatMap((stack) => [
    ...tasksOnHosts(stack),
    ...tasksOnGroups(stack),
    ...tasksOnCluster(stack, out),
  ]);
}

/** Any host that has a task will do; the first one of each does. */
function tasksOnHosts({ configuration, directory }: SynthesizedStack): Task[] {
  return stackHosts(configuration).flatMap((host) =>
    tasksHeld(host.contents).map((task) => ({ ...task, place: { on: "host" as const, host, directory } })),
  );
}

function tasksOnGroups({ configuration }: SynthesizedStack): Task[] {
  return groupsOf(configuration).flatMap((group) =>
    tasksHeld(group.contents).map(({ seconds, ...task }) => ({
      ...task,
      place: { on: "group" as const, group, seconds },
    })),
  );
}

/** How long a task's image may take to come. */
const PULL_SECONDS = 600;

interface HeldTask {
  readonly service: string;
  readonly name: string;
  /** How long a run may take, all in all. */
  readonly seconds: number;
}

/** What machines with these contents can run. */
function tasksHeld({ files }: Contents): HeldTask[] {
  const prefix = `${RUNTIME_PATHS.tasks}/`;
  return [...files]
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, { text = "" }]) => {
      const [service = "", name = ""] = path.slice(prefix.length).split(".");
      const [, seconds = DEFAULT_TASK_SECONDS] = /^seconds=(\d+)$/m.exec(text) ?? [];
      return { service, name, seconds: Number(seconds) + TASK_STOP_SECONDS + PULL_SECONDS };
    });
}

interface CronJob {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

function tasksOnCluster({ name: stack, configuration }: SynthesizedStack, out: string): Task[] {
  const manifests = Object.values(configuration.resource?.["kubernetes_manifest"] ?? {});
  const cronJobs = manifests
    .map(({ manifest }) => manifest as CronJob)
    .filter(({ kind, metadata }) => kind === "CronJob" && metadata.labels?.[TASK_LABELS.task] !== undefined);
  return cronJobs.map(({ metadata: { name: cronJob, labels = {} } }) => ({
    service: labels[TASK_LABELS.service]!,
    name: labels[TASK_LABELS.task]!,
    place: {
      on: "cluster",
      out,
      stack,
      run: {
        cronJob,
        // The namespace is one of the stack's own, by reference.
        namespace: namespaceOf(out, stack, cronJob),
      },
    },
  }));
}

const namespaceOf = (out: string, stack: string, cronJob: string): string =>
  readClusterStack(out, stack).objects.find(({ kind, name }) => kind === "CronJob" && name === cronJob)!
    .namespace!;

/** @throws Error that names what there is */
function chosen(
  tasks: readonly Task[],
  { service, name, region }: { service: string; name: string; region: string },
): Task {
  if (tasks.length === 0) {
    throw new Error(`no service of region "${region}" has a task`);
  }
  const listed = (names: readonly string[]): string => [...new Set(names)].sort().join(", ");
  const own = tasks.filter((task) => task.service === service);
  if (own.length === 0) {
    throw new Error(
      `no service "${service}" with tasks in region "${region}": there ${listed(tasks.map((task) => task.service))} has some`,
    );
  }
  const task = own.find((each) => each.name === name);
  if (task !== undefined) return task;
  throw new Error(
    `service ${service} has no task "${name}" in region "${region}": expected one of ${listed(own.map((each) => each.name))}`,
  );
}

async function runThere(
  { host, directory }: Extract<Place, { on: "host" }>,
  service: string,
  name: string,
): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), "tricloud-run-"));
  try {
    const program = join(scratch, "program.sh");
    writeFileSync(program, `exec ${TASK_PATHS.program} now ${service} ${name} </dev/null\n`);
    const { code } = await runOnHost(host, directory, program, process);
    return code ?? 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** On the first healthy machine that Systems Manager reaches. */
async function runOnMachine(
  { group, seconds }: Extract<Place, { on: "group" }>,
  service: string,
  name: string,
): Promise<number> {
  const complain = (text: string) => void process.stderr.write(`run: ${text}\n`);
  const machines = (await machinesOf([group])).filter(
    ({ state, isHealthy }) => state === "InService" && isHealthy,
  );
  for (const machine of machines) {
    const on = nameOfMachine(machine);
    complain(`${service} ${name} on ${on}: what it prints is shown when it has ended`);
    const [told] = await onMachines([machine], `exec ${TASK_PATHS.program} now ${service} ${name}\n`, {
      ...{ what: `run ${service} ${name}`, runSeconds: seconds },
    });
    const { answer, leftOut, began } = told!;
    if (!began) {
      complain(`${on} is out of reach: ${answer.lastLine}`);
      continue;
    }
    if (leftOut > 0) complain(`the first ${leftOut} bytes of what it has printed are left out`);
    process.stdout.write(answer.said);
    process.stderr.write(answer.complaints);
    if (answer.code === null) complain(`${on}: ${answer.lastLine}`);
    return answer.code ?? 1;
  }
  complain(`no machine of ${group.name} is in service, healthy and in reach`);
  return 1;
}

async function runAsJob({ out, stack, run }: Extract<Place, { on: "cluster" }>): Promise<number> {
  const terraform = new TerraformState(readClusterStack(out, stack));
  await terraform.refreshAccess();
  const { host, token } = await terraform.read();
  const child = spawn(process.execPath, [RUN_JOB], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, TRICLOUD_JOB: JSON.stringify({ ...run, host }), TRICLOUD_TOKEN: token },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
