import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Attributes } from "../google/synthesised-stack";

/** A container's command running as a process of this machine. */
export interface PodProcess {
  /** Process whose namespaces are the pod's. */
  readonly pid: string;
  /** Runs a program in the pod's network, as root. @throws Error when it fails */
  inNetwork(command: readonly string[]): string;
  /** Runs a program as a probe would: in the container, under its user. @returns its exit code */
  exec(command: readonly string[]): number | null;
  /** Starts a program beside the container, in the pod's network. */
  beside(command: readonly string[]): void;
  /** Starts another container's program, which has the same volumes at the same places, under the pod's user. */
  alongside(command: readonly string[]): void;
  /** Sends the signal Kubernetes sends first. @returns the exit code */
  terminate(): Promise<number | null>;
  /** Waits until the container ends by itself. @returns the exit code */
  ended(): Promise<number | null>;
  /** What the container has written. */
  readonly output: () => string;
  /** Ends whatever still runs and takes everything away. */
  remove(): Promise<void>;
}

export interface PodProcessOptions {
  /** Pod spec, in which the first container is the one to run. */
  readonly pod: Attributes;
  /** Data of each ConfigMap by its name. */
  readonly configMaps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Data of each Secret by its name. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Folder of this machine that stands for the disk of each PersistentVolumeClaim, by its name. */
  readonly disks?: Readonly<Record<string, string>>;
  /** Programs of this machine that stand for those of the image, where they lie elsewhere than on PATH. */
  readonly programs?: readonly string[];
  /** Pod whose network the container is to be in. @default - one of its own */
  readonly network?: PodProcess;
  /** Addresses that the pod's network has beside loopback's. */
  readonly addresses?: readonly string[];
  /** Lines for the pod's hosts file. */
  readonly hosts?: readonly string[];
}

/** Whether this machine lets a test make namespaces and has these programs. */
export const canRunPods = (...programs: readonly string[]): boolean =>
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["--mount", "--net", "true"]).status === 0 &&
  [...programs, "setpriv", "nsenter", "ip"].every((name) => spawnSync("which", [name]).status === 0);

/**
 * Runs a container's own command, word for word, the way the kubelet would have it run: the pod's user, no
 * capability, no way to gain one, a root file system that cannot be written, ConfigMaps mounted at their paths,
 * a network of its own with the pod's sysctls. The program comes from this machine instead of the image.
 */
export function startPod(options: PodProcessOptions): PodProcess {
  const folder = mkdtempSync(join(tmpdir(), "tricloud-pod-"));
  const container = (options.pod["containers"] as [Attributes])[0];
  const shared = options.network;
  const namespaces =
    shared === undefined
      ? ["unshare", "--mount", "--net"]
      : ["nsenter", "-t", shared.pid, "-n", "unshare", "--mount"];
  const [program, ...given] = [...namespaces, "bash", "-c", script(options, container, folder)];
  const env = { ...process.env, PATH: `${process.env["PATH"]}:${PROGRAMS}` };
  // A group of its own, which ends with its first process, as a container does.
  const child = spawn(program!, given, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const endAll = () => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  };
  child.once("exit", endAll);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const pid = String(child.pid);
  const companions: ReturnType<typeof spawn>[] = [];
  const enter = (...given: readonly string[]): void =>
    void companions.push(spawn("nsenter", ["-t", pid, "-n", ...given], { env, stdio: "ignore" }));
  return {
    pid,
    inNetwork: (command) =>
      execFileSync("nsenter", ["-t", pid, "-n", ...command], {
        encoding: "utf8",
        timeout: 15_000,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    exec: (command) =>
      spawnSync("nsenter", ["-t", pid, "-m", "-n", ...asUser(options.pod), ...command], {
        env,
        timeout: 15_000,
      }).status,
    beside: (command) => enter(...command),
    alongside: (command) => enter("-m", ...asUser(options.pod), ...command),
    terminate: () => {
      child.kill("SIGTERM");
      return ended;
    },
    ended: () => ended,
    output: () => output,
    remove: async () => {
      for (const companion of companions) companion.kill("SIGKILL");
      endAll();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function script(
  {
    pod,
    configMaps,
    secrets = {},
    disks = {},
    programs = [],
    network,
    addresses = [],
    hosts = [],
  }: PodProcessOptions,
  container: Attributes,
  folder: string,
) {
  const security = pod["securityContext"] as Attributes;
  const sysctls = (security["sysctls"] ?? []) as { name: string; value: string }[];
  const volumes = new Map((pod["volumes"] as Attributes[]).map((volume) => [String(volume["name"]), volume]));
  const byVolume = (container["volumeMounts"] as { name: string; mountPath: string }[]).map(
    ({ name, mountPath }) => ({ volume: volumes.get(name) ?? {}, mountPath }),
  );
  // Empty ones last: one of them may hide the folder that the others come from.
  const mounts = [...byVolume]
    .sort((a, b) => Number("emptyDir" in a.volume) - Number("emptyDir" in b.volume))
    .flatMap(({ volume, mountPath }) =>
      mount(volume, mountPath, { configMaps, secrets, disks }, security, folder),
    );
  return [
    "set -e",
    "mount --make-rprivate /",
    // Folders may be made in /etc, /run and /var of this namespace without touching the machine's own.
    "mount -t tmpfs tmpfs /mnt",
    ...["etc", "run", "var"].flatMap((name) => [
      `mkdir /mnt/${name} /mnt/${name}-work`,
      `mount -t overlay -o lowerdir=/${name},upperdir=/mnt/${name},workdir=/mnt/${name}-work overlay /${name}`,
    ]),
    ...(network === undefined ? networkOf(addresses) : []),
    ...hosts.map((line) => `echo '${line}' >> /etc/hosts`),
    ...sysctls.map(({ name, value }) => `echo ${value} > /proc/sys/${name.replaceAll(".", "/")}`),
    `mkdir ${PROGRAMS}`,
    ...programs.flatMap((program) => {
      const path = `${PROGRAMS}/${basename(program)}`;
      return [`touch ${path}`, `mount --bind ${program} ${path}`];
    }),
    ...mounts,
    "for path in / /etc /run /var; do mount -o remount,bind,ro $path; done",
    `exec ${[...asUser(pod), ...(container["command"] as string[])].map((word) => `'${word}'`).join(" ")}`,
  ].join("\n");
}

/** In the container. */
const PROGRAMS = "/run/programs";

const networkOf = (addresses: readonly string[]): string[] => [
  "ip link set lo up",
  ...addresses.map((address) => `ip address add ${address}/32 dev lo`),
];

function mount(
  volume: Attributes,
  path: string,
  given: Given,
  security: Attributes,
  folder: string,
): string[] {
  const group = String(security["fsGroup"]);
  const claim = volume["persistentVolumeClaim"] as { claimName: string } | undefined;
  if (claim !== undefined) {
    const disk = given.disks[claim.claimName];
    if (disk === undefined) throw new Error(`no disk for claim ${claim.claimName}`);
    return [
      `mkdir -p ${path}`,
      `chown :${group} ${disk} && chmod 2775 ${disk}`,
      `mount --bind ${disk} ${path}`,
    ];
  }
  const files = filesOf(volume, given);
  if (files === undefined) {
    return [`mkdir -p ${path}`, `mount -t tmpfs -o mode=2777,gid=${group} tmpfs ${path}`];
  }
  const copy = join(folder, String(volume["name"]));
  mkdirSync(copy);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(copy, name), content);
  const mode = (volume["secret"] as { defaultMode?: number } | undefined)?.defaultMode ?? 0o644;
  // The folder of the test is nobody's but root's.
  return [
    `mkdir -p ${path}`,
    `mount -t tmpfs tmpfs ${path}`,
    `cp -r ${copy}/. ${path}`,
    `find ${path} -type f -exec chown :${group} {} + -exec chmod ${mode.toString(8)} {} +`,
    `mount -o remount,ro ${path}`,
  ];
}

type Given = Required<Pick<PodProcessOptions, "configMaps" | "secrets" | "disks">>;

/** What a volume holds; undefined for one that begins empty. */
function filesOf(
  { configMap, secret }: Attributes,
  { configMaps, secrets }: Given,
): Readonly<Record<string, string>> | undefined {
  const { name, optional } = (configMap ?? {}) as { name?: string; optional?: boolean };
  const { secretName, items } = (secret ?? {}) as {
    secretName?: string;
    items?: { key: string; path: string }[];
  };
  if (name === undefined && secretName === undefined) return undefined;
  const data = name === undefined ? secrets[secretName!] : configMaps[name];
  if (data === undefined && optional === true) return {};
  if (data === undefined) throw new Error(`no ConfigMap or Secret ${name ?? secretName}`);
  if (items === undefined) return data;
  return Object.fromEntries(items.map(({ key, path }) => [path, data[key]!]));
}

function asUser(pod: Attributes): string[] {
  const { runAsUser, runAsGroup, fsGroup } = pod["securityContext"] as Attributes;
  return [
    "setpriv",
    `--reuid=${String(runAsUser)}`,
    `--regid=${String(runAsGroup)}`,
    `--groups=${String(fsGroup)}`,
    "--no-new-privs",
    "--bounding-set=-all",
    "--inh-caps=-all",
  ];
}

/** Tries `check` until it neither throws nor gives false. @throws Error with what went wrong last, after that time */
export async function eventually(check: () => boolean, otherwise: () => string, seconds = 10): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (check()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not come about within ${seconds} s: ${String(last)}\n${otherwise()}`);
}
