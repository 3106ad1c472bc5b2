import { createHash } from "node:crypto";
import { shellWord } from "../grammar/shell-word";
import { type HostFile, type HostService, textContent } from "../host";
import { RUNTIME_PATHS } from "./container-runtime";
import { serviceUser } from "./container-user";
import { secretMounts } from "./service-secrets";
import { DEFAULT_TASK_SECONDS, scheduleOfTask, type ServiceTask } from "./service-task";
import { TASK_PATHS, TASK_STOP_SECONDS } from "./task-program";

/** A task of a service on a host, with what of the service is its own too. */
export interface HostTask extends ServiceTask {
  readonly service: string;
  readonly name: string;
  /** Image with its registry, by digest. */
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  /** Names of the service's secrets. */
  readonly secrets: readonly string[];
  /** What systemd holds it to, `NAME=VALUE` each. */
  readonly limits: readonly string[];
}

/** Tells two releases of a task apart: what runs, and what it is told. Values of secrets do not count. */
export function taskRelease({ image, command, env, secrets }: HostTask): string {
  const parts = [image, command, Object.entries(env).sort(), [...secrets].sort()];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

const taskPath = ({ service, name }: HostTask): string => `${RUNTIME_PATHS.tasks}/${service}.${name}`;

/** Name of the units that systemd knows a task by, without what it ends with. */
const unitOf = ({ service, name }: Pick<HostTask, "service" | "name">): string =>
  `tricloud-task-${service}.${name}`;

/** A file for the program: settings, and how the container is run. */
export function taskFile(task: HostTask): HostFile {
  const { service, name, image, command, env, secrets, limits, timeoutSeconds = DEFAULT_TASK_SECONDS } = task;
  const user = serviceUser(service);
  const run = [
    `podman run --rm --replace --name=${service}.${name}`,
    "--pull=never --log-driver=none --cgroups=split --network=host --read-only --cap-drop=all",
    `--security-opt=no-new-privileges --user=${user}:${user} --stop-timeout=${TASK_STOP_SECONDS}`,
    ...Object.entries(env).map(([key, value]) => `--env ${shellWord(`${key}=${value}`)}`),
    ...secretMounts(service, secrets).map((mount) => `--volume "\${STAGED-}${mount}"`),
    `--entrypoint ${shellWord(JSON.stringify(command))} "$Image"`,
  ];
  const content = `# Task ${name} of service ${service}, for ${TASK_PATHS.program}
Image=${image}
release=${taskRelease(task)}
period=${scheduleOfTask(task)?.periodSeconds ?? 0}
seconds=${timeoutSeconds}
properties='${limits.join(" ")}'
container() {
  exec ${run.join(" \\\n    ")}
}
`;
  return { path: taskPath(task), content: textContent(content) };
}

/** What makes a host take its turns at a task that runs at times. */
export function taskTimer(task: HostTask): { files: HostFile[]; services: HostService[] } {
  const { calendar } = scheduleOfTask(task)!;
  const paths = unitPaths(task);
  return {
    files: [
      { path: paths.timer, content: textContent(timer(task, calendar)) },
      { path: paths.service, content: textContent(turnUnit(task)) },
    ],
    services: [
      {
        name: `${unitOf(task)}.timer`,
        reads: [paths.timer],
        // A zone that is known here need not be known there.
        verify: `systemd-analyze calendar '${calendar}' && ${fetched(task)}`,
      },
    ],
  };
}

/** What makes a new machine see to it that a task has run for its release before the service starts there. */
export function taskAtBoot(task: HostTask): { files: HostFile[]; services: HostService[] } {
  const { service } = unitPaths(task);
  return {
    files: [{ path: service, content: textContent(bootUnit(task)) }],
    services: [{ name: taskBootUnitName(task), reads: [service], verify: fetched(task) }],
  };
}

export const taskBootUnitName = (task: HostTask): string => `${unitOf(task)}.service`;

/** Has the image there before anything of the host is changed. */
export const fetched = ({ image }: Pick<HostTask, "image">): string =>
  `sh "$STAGED${RUNTIME_PATHS.guard}" pull ${image}`;

/** A host has it where the task runs at times. */
export const taskTimerPath = (task: Pick<HostTask, "service" | "name">): string => unitPaths(task).timer;

function unitPaths(task: Pick<HostTask, "service" | "name">) {
  const path = `/etc/systemd/system/${unitOf(task)}`;
  return { timer: `${path}.timer`, service: `${path}.service` };
}

const timer = ({ service, name }: HostTask, calendar: string): string => `[Unit]
Description=Turns at task ${name} of service ${service}

[Timer]
OnCalendar=${calendar}
AccuracySec=1s

[Install]
WantedBy=timers.target
`;

const turnUnit = (task: HostTask): string => `[Unit]
Description=Task ${task.name} of service ${task.service}
Wants=network-online.target
After=network-online.target tricloud-services.service unbound.service consul.service
Requires=tricloud-services.service

[Service]
Type=oneshot
${unitLines(task, "turn")}TimeoutStartSec=${secondsOf(task) + FETCH_SECONDS}
`;

/** Another machine may be at it; then this one waits. */
const bootUnit = (task: HostTask): string => `[Unit]
Description=Task ${task.name} of service ${task.service}, before its release
Wants=network-online.target
After=network-online.target tricloud-services.service unbound.service consul.service
Before=tricloud-service-${task.service}.service
Requires=tricloud-services.service

[Service]
Type=oneshot
RemainAfterExit=yes
# It stays, and stops only when its machine does.
ExecStartPost=${TASK_PATHS.program} ended ${task.service} ${task.name} boot
${unitLines(task, "boot")}TimeoutStartSec=${2 * (secondsOf(task) + FETCH_SECONDS)}

[Install]
WantedBy=multi-user.target
`;

const unitLines = ({ service, name, limits }: HostTask, why: string): string =>
  `ExecStart=${TASK_PATHS.program} exec ${service} ${name} ${why}
ExecStopPost=${TASK_PATHS.program} ended ${service} ${name} ${why}
Delegate=yes
KillMode=mixed
TimeoutStopSec=${TASK_STOP_SECONDS + 10}
${limits.map((limit) => `${limit}\n`).join("")}`;

const secondsOf = ({ timeoutSeconds = DEFAULT_TASK_SECONDS }: HostTask): number => timeoutSeconds;

/** To fetch the image where it is gone, and for the lock. */
const FETCH_SECONDS = 480;
