import { readStacks, selectStacks } from "../planning/stack/synthesized-stacks";
import { RUNTIME_PATHS } from "../constructs/service/container-runtime";
import { taskTimerPath } from "../constructs/service/task-files";
import { TASK_PATHS } from "../constructs/service/task-program";
import { imagesInUnits } from "../constructs/service/container-unit";
import type { HostAnswer } from "../planning/hosts/host-command";
import { groupsOf, type StackGroup } from "../planning/matters/stack-groups";
import type { StackHost } from "../planning/matters/stack-hosts";
import { readOptions } from "../planning/read-options";
import {
  type AnswerOfHost,
  onHosts,
  REGION_OPTIONS,
  synthesisedRegion,
  type WantedHosts,
} from "./region-hosts";
import { shortDigest } from "./images/short-digest";
import { servicesOfStack, servicesOnCluster } from "./services/cluster-services";
import { isInService, machinesOf, nameOfMachine, onMachines } from "./machines/group-machines";
import { groupsWithServices, servicesOfGroups } from "./services/group-services";
import {
  digestOf,
  type InstanceState,
  type RegionTask,
  type RunningService,
  type ServiceInstance,
} from "./services/running-service";
import { tableText } from "./table-text";

const USAGE = `usage: tricloud services --region NAME [--json] [--out DIR]

Shows what runs of each service, instance by instance: which version, since when, and whether it is healthy. A version is
the digest of its image; one that is not the one synthesised here is marked. Of tasks it shows where they have run last,
how that ended (0: well), and when they run next.

On dedicated servers their hosts are asked, by SSH. On a cluster its API is, which needs what a deploy needs: Terraform,
credentials, values of the variables (TF_VAR_...). On EC2 it is AWS, by its CLI: how its groups' machines are; those that
have tasks are asked for these, by Systems Manager.

  --region NAME  the region
  --out DIR      take what is synthesised there; without, the app is synthesised anew (to cdktf.out)
  --json         the same as JSON, digests whole

Exit codes: 0 every instance is healthy and of the version here; 1 one is not, or its host is out of reach; 2 wrong usage.
`;

/** @returns the exit code, as the usage says */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = readOptions("services", {
    args: [...args],
    options: REGION_OPTIONS,
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const found = await runningIn(values);
  if (found === undefined) return 1;
  const { services, tasks, unheard = [] } = found;
  process.stdout.write(
    values.json ? `${JSON.stringify({ services, tasks }, undefined, 2)}\n` : text(services, tasks),
  );
  for (const { name, why } of unheard)
    process.stderr.write(`services: ${name} tells nothing of its tasks: ${why}\n`);
  return services.every(isAsWanted) && unheard.length === 0 ? 0 : 1;
}

interface Found {
  readonly services: readonly RunningService[];
  readonly tasks: readonly RegionTask[];
  /** Machines that have tasks and tell nothing of them. @default - none */
  readonly unheard?: ReadonlyArray<{ readonly name: string; readonly why: string }>;
}

/** @returns undefined where the app could not be synthesised, which it has said */
async function runningIn(given: { region?: string; out?: string }): Promise<Found | undefined> {
  const synthesised = synthesisedRegion(given.region, given.out);
  if (synthesised === undefined) return undefined;
  const { region, out } = synthesised;
  const stacks = readStacks(out);
  const [stack] = selectStacks(stacks, [region]);
  const cluster = stacks.find(({ name }) => name === `${region}-workloads`);
  if (cluster !== undefined) {
    if (servicesOfStack(cluster).size === 0)
      throw new Error(`region "${region}" has no services on its cluster`);
    return servicesOnCluster(cluster, out);
  }
  const groups = groupsWithServices(stack!);
  if (groups.length > 0) return onGroups(groups, groupsOf(stack!.configuration));
  if (groupsOf(stack!.configuration).length > 0)
    throw new Error(`region "${region}" has no services on its machines`);
  const has: WantedHosts["has"] = ({ contents }) =>
    imagesInUnits(contents.files).size > 0 || tasksOf(contents.files).length > 0;
  const answers = await onHosts({ region, out, what: "services", has }, SERVICES_PROGRAM);
  return { services: running(answers), tasks: tasksOn(answers) };
}

/** @param all groups of the region: one without a service may have tasks */
async function onGroups(groups: readonly StackGroup[], all: readonly StackGroup[]): Promise<Found> {
  const services = await servicesOfGroups(groups);
  const withTasks = all.filter(({ contents }) => tasksOf(contents.files).length > 0);
  if (withTasks.length === 0) return { services, tasks: [] };
  // What boots has run no task but that of its release, if any.
  const machines = (await machinesOf(withTasks)).filter(isInService);
  const told = await onMachines(machines, SERVICES_PROGRAM, { what: "services" });
  const answers = told.map(({ machine, answer }) => ({
    host: { name: nameOfMachine(machine), contents: machine.group.contents },
    answer,
  }));
  const unheard = answers.filter(({ answer }) => answer.code !== 0);
  return {
    services,
    tasks: tasksOn(answers, withTasks),
    unheard: unheard.map(({ host: { name }, answer: { lastLine } }) => ({ name, why: lastLine })),
  };
}

/**
 * Tells of each service that is here: its name, its unit's state, since when, its image, whether callers are told of it. Of
 * each task, after a `*`: its service and name, its units' states, how it ended, after how long, when, and when it is next.
 */
export const SERVICES_PROGRAM = `export CONTAINERS_STORAGE_CONF=${RUNTIME_PATHS.storage} CONTAINERS_CONF_OVERRIDE=${RUNTIME_PATHS.engine}
for file in ${RUNTIME_PATHS.units}/tricloud-service-*.container; do
  [ -e "$file" ] || continue
  name=\${file##*/tricloud-service-}
  name=\${name%.container}
  unit=tricloud-service-$name.service
  state=$(systemctl show -P ActiveState "$unit")
  since=$(systemctl show -P ActiveEnterTimestamp --timestamp=unix "$unit")
  image=$(podman inspect --type container -f '{{.ImageName}}' "$name" 2>/dev/null || true)
  if ${RUNTIME_PATHS.guard} known "$name" >/dev/null 2>&1; then known=known; else known=unknown; fi
  printf '%s|%s|%s|%s|%s\\n' "$name" "$state" "$since" "$image" "$known"
done
for file in ${RUNTIME_PATHS.tasks}/*; do
  [ -e "$file" ] || continue
  name=\${file##*/}
  last=$(sed -n 's/^last_status=\\([0-9]*\\) last_seconds=\\([0-9]*\\) last_ended=\\([0-9]*\\) .*/\\1|\\2|\\3/p' \\
    "${TASK_PATHS.results}/$name.result" 2>/dev/null || true)
  state=$(systemctl show -P ActiveState "tricloud-task-$name.service" "tricloud-task-$name-once.service" | tr -s '\\n' ' ')
  # systemctl shows this one in words, whatever it is asked for.
  next=$(TZ=UTC systemctl show -P NextElapseUSecRealtime "tricloud-task-$name.timer")
  [ -z "$next" ] || next=$(date -d "$next" +@%s 2>/dev/null || true)
  printf '*%s|%s|%s|%s\\n' "$name" "$state" "\${last:-0|0|0}" "$next"
done
`;

/** Services by name, of what is wanted on hosts and what these have answered. */
export function running(answers: readonly AnswerOfHost[]): RunningService[] {
  const instances = answers.flatMap(({ host, answer }) => {
    const told = new Map(answer.said.split("\n").map((line) => [line.split("|")[0]!, line]));
    return [...imagesInUnits(host.contents.files)].map(([service, image]) => ({
      service,
      wanted: digestOf(image),
      instance:
        answer.code === 0
          ? instanceOf(host.name, told.get(service))
          : { ...NOTHING, host: host.name, state: "unknown" as const, problem: answer.lastLine },
    }));
  });
  const names = [...new Set(instances.map(({ service }) => service))].sort();
  return names.map((service) => {
    const own = instances.filter((each) => each.service === service);
    return {
      service,
      version: own[0]!.wanted,
      healthy: own.filter(({ instance }) => instance.state === "healthy").length,
      wanted: own.length,
      instances: own.map(({ instance }) => instance),
    };
  });
}

/** Names of the tasks that a host has, as `SERVICE.TASK`. */
const tasksOf = (files: ReadonlyMap<string, unknown>): string[] =>
  [...files.keys()]
    .filter((path) => path.startsWith(`${RUNTIME_PATHS.tasks}/`))
    .map((path) => path.slice(RUNTIME_PATHS.tasks.length + 1));

/** A machine that was asked for its tasks, and its answer. */
interface AnswerOfTasks {
  readonly host: Pick<StackHost, "name" | "contents">;
  readonly answer: HostAnswer;
}

/**
 * Tasks by service and name, of what is wanted on hosts and what these have answered.
 *
 * @param wanted what has tasks. Default: those that were asked
 */
export function tasksOn(
  answers: readonly AnswerOfTasks[],
  wanted: ReadonlyArray<Pick<StackHost, "contents">> = answers.map(({ host }) => host),
): RegionTask[] {
  const names = [...new Set(wanted.flatMap(({ contents }) => tasksOf(contents.files)))].sort();
  return names.map((name) => {
    const told = answers.flatMap(({ host, answer }) => {
      const line = answer.said.split("\n").find((each) => each.startsWith(`*${name}|`));
      if (answer.code !== 0 || line === undefined) return [];
      const [, states = "", status, seconds, ended, next = ""] = line.split("|");
      return [
        { host: host.name, states, status, seconds, ended: Number(ended), next: Number(next.slice(1)) },
      ];
    });
    const last = told.reduce((one, other) => (other.ended > one.ended ? other : one), { ...NEVER });
    const [service = "", task = ""] = name.split(".");
    const timer = taskTimerPath({ service, name: task });
    const next = Math.min(...told.flatMap((each) => (each.next > 0 ? [each.next] : [])));
    return {
      ...{ service, task },
      timed: wanted.some(({ contents }) => contents.files.has(timer)),
      underWay: told.some(({ states }) => isUnderWay(states)),
      last:
        last.ended === 0
          ? null
          : {
              host: last.host,
              status: Number(last.status),
              seconds: Number(last.seconds),
              ended: timeOf(last.ended),
            },
      next: Number.isFinite(next) ? timeOf(next) : null,
    };
  });
}

const NEVER: { host: string; status?: string | undefined; seconds?: string | undefined; ended: number } = {
  host: "",
  ended: 0,
};

/** By the states of what its timer starts, which is never active but after its end, and of what runs it now. */
function isUnderWay(states: string): boolean {
  const [timed, now] = states.split(" ");
  return [timed, now].some((state) => STATES[state ?? ""] !== undefined) || now === "active";
}

const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString();

const NOTHING = { version: null, since: null };

function instanceOf(host: string, line: string | undefined): ServiceInstance {
  const [, state = "inactive", since = "", image = "", known] = line?.split("|") ?? [];
  const seconds = Number(since.replace("@", ""));
  return {
    host,
    version: image === "" ? null : digestOf(image),
    state:
      STATES[state] ?? (state === "active" ? (known === "known" ? "healthy" : "not healthy") : "not running"),
    since: state === "active" && seconds > 0 ? timeOf(seconds) : null,
  };
}

/** Of systemd's words for a unit those that mean one thing here. */
const STATES: Readonly<Record<string, InstanceState>> = {
  activating: "starting",
  deactivating: "stopping",
};

const isAsWanted = ({ version, instances, healthy, wanted }: RunningService): boolean =>
  instances.length > 0 &&
  healthy >= wanted &&
  instances.every((instance) => instance.state === "healthy" && instance.version === version);

/** A table of instances, a line for each service, and a table of tasks. */
function text(services: readonly RunningService[], tasks: readonly RegionTask[]): string {
  const rows = services.flatMap(({ service, version: here, instances }) =>
    instances.map(({ host, pod, version, state, since, problem }) => [
      service,
      pod === undefined ? host : `${pod} (${host === "" ? "no node yet" : host})`,
      version === null
        ? ""
        : `${shortDigest(version)}${version === here ? "" : ` (here ${shortDigest(here)})`}`,
      state,
      problem ?? since ?? "",
    ]),
  );
  const lines = services.map(
    ({ service, healthy, wanted }) => `${service}: ${healthy} of ${wanted} healthy\n`,
  );
  const ofTasks = tasks.map(({ service, task, underWay, last, timed, next }) => [
    `${service} ${task}`,
    last?.host ?? "",
    underWay
      ? "under way"
      : last === null
        ? "not yet run"
        : (ENDS[last.status] ?? `failed with ${last.status}`),
    last?.ended ?? "",
    timed ? (next ?? "") : "before a release",
  ]);
  return [
    `${tableText([["SERVICE", "HOST", "VERSION", "STATE", "SINCE"], ...rows])}\n${lines.join("")}`,
    ...(tasks.length === 0 ? [] : [tableText([["TASK", "LAST ON", "STATE", "ENDED", "NEXT"], ...ofTasks])]),
  ].join("\n");
}

/** What exit statuses of tasks mean. */
const ENDS: Readonly<Record<number, string>> = {
  0: "succeeded",
  75: "missed",
  124: "took too long",
};
