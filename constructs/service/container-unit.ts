import { RUNTIME_PATHS } from "./container-runtime";
import { serviceUser } from "./container-user";
import { secretMounts } from "./service-secrets";

export interface ContainerUnitOptions {
  /** DNS label; the container's name. */
  readonly name: string;
  /** Image with its registry, by digest. */
  readonly image: string;
  readonly port: number;
  readonly healthPath: string;
  readonly startSeconds: number;
  readonly drainSeconds: number;
  /** How long others go on naming an instance that has left. */
  readonly namedSeconds: number;
  readonly env: Readonly<Record<string, string>>;
  /** Names of its secrets. */
  readonly secrets: readonly string[];
  /** What systemd holds it to, `NAME=VALUE` each. */
  readonly limits: readonly string[];
  /** Units that must have come to their end before it starts. */
  readonly after: readonly string[];
}

/** What systemd holds a service's container to, and those of its tasks, `NAME=VALUE` each. */
export function containerLimits(options: ContainerLimitOptions): string[] {
  return [
    `MemoryMax=${options.memoryMegabytes}M`,
    `CPUQuota=${Math.round(options.cpus * 100)}%`,
    "TasksMax=4096",
    ...options.deniedAddresses.map((address) => `IPAddressDeny=${address}`),
  ];
}

export interface ContainerLimitOptions {
  readonly memoryMegabytes: number;
  readonly cpus: number;
  /** Addresses that it cannot reach. */
  readonly deniedAddresses: readonly string[];
}

/** Path of the service's quadlet file, and the unit that systemd makes of it. */
export const containerUnitPath = (name: string): string =>
  `${RUNTIME_PATHS.units}/tricloud-service-${name}.container`;
export const containerUnitName = (name: string): string => `tricloud-service-${name}.service`;

/** Image of each service that a host shall run, by its name, from the text of its files by path. */
export const imagesInUnits = (
  files: ReadonlyMap<string, { readonly text?: string }>,
): ReadonlyMap<string, string> =>
  new Map(
    [...files].flatMap(([path, { text = "" }]) => {
      const [, name] = UNIT_FILE.exec(path) ?? [];
      const [, image] = /^Image=(.+)$/m.exec(text) ?? [];
      return name === undefined || image === undefined ? [] : [[name, image] as const];
    }),
  );

const UNIT_FILE = new RegExp(`^${containerUnitPath("([^/]+)").replaceAll(".", "\\.")}$`);

/**
 * A quadlet file: systemd runs the container under podman as a unit that is active while the instance serves. It stops
 * only once its callers have left, and is started only once it is healthy, whoever asks for either.
 */
export function containerUnit(options: ContainerUnitOptions): string {
  const { name, image, port, healthPath, startSeconds, drainSeconds, namedSeconds, env, secrets } = options;
  const user = serviceUser(name);
  const mounts = secretMounts(name, secrets).map((mount) => `Volume=${mount}\n`);
  const variables = Object.entries(env).map(([key, value]) => `Environment=${quoted(`${key}=${value}`)}\n`);
  return `[Unit]
Description=Service ${name}
Wants=network-online.target
After=network-online.target tricloud-services.service unbound.service consul.service
Requires=tricloud-services.service
${options.after.map((unit) => `After=${unit}\nRequires=${unit}\n`).join("")}StartLimitIntervalSec=0

[Container]
ContainerName=${name}
Image=${image}
# It was fetched and checked before the container that ran was stopped.
Pull=never
Network=host
ReadOnly=true
DropCapability=all
NoNewPrivileges=true
User=${user}
Group=${user}
StopTimeout=${STOP_SECONDS}
${variables.join("")}${mounts.join("")}
[Service]
Environment=CONTAINERS_STORAGE_CONF=${RUNTIME_PATHS.storage} CONTAINERS_CONF_OVERRIDE=${RUNTIME_PATHS.engine}
ExecStartPost=${RUNTIME_PATHS.guard} join ${name} ${port} ${healthPath} ${startSeconds}
ExecStop=${RUNTIME_PATHS.guard} leave ${name} ${port} ${namedSeconds} ${drainSeconds}
TimeoutStartSec=${startSeconds + START_MARGIN_SECONDS}
TimeoutStopSec=${namedSeconds + drainSeconds + STOP_SECONDS + STOP_MARGIN_SECONDS}
Restart=always
RestartSec=1
${options.limits.map((limit) => `${limit}\n`).join("")}
[Install]
WantedBy=multi-user.target
`;
}

/** How long a container may take to end what is under way once it is told to stop. */
const STOP_SECONDS = 20;
const STOP_MARGIN_SECONDS = 15;
/** Besides its own time to become healthy: to make the container, and for discovery to take it back. */
const START_MARGIN_SECONDS = 60;

/** As systemd reads it back from a unit file, and from the command line that quadlet makes of it. */
const quoted = (text: string): string =>
  `"${text.replaceAll(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
