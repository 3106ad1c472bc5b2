import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Attributes } from "../google/synthesised-stack";

/** A container's command running as a process of this machine. */
export interface PodProcess {
  /** Runs a program in the pod's network, as root. @throws Error when it fails */
  inNetwork(command: readonly string[]): string;
  /** Runs a program as a probe would: in the container, under its user. @returns its exit code */
  exec(command: readonly string[]): number | null;
  /** Starts a program beside the container, in the pod's network. */
  beside(command: readonly string[]): void;
  /** Sends the signal Kubernetes sends first. @returns the exit code */
  terminate(): Promise<number | null>;
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
  const child = spawn("unshare", ["--mount", "--net", "bash", "-c", script(options, container, folder)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const pid = String(child.pid);
  const companions: ReturnType<typeof spawn>[] = [];
  return {
    inNetwork: (command) =>
      execFileSync("nsenter", ["-t", pid, "-n", ...command], {
        encoding: "utf8",
        timeout: 15_000,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    exec: (command) =>
      spawnSync("nsenter", ["-t", pid, "-m", "-n", ...asUser(options.pod), ...command], { timeout: 15_000 })
        .status,
    beside: (command) =>
      void companions.push(spawn("nsenter", ["-t", pid, "-n", ...command], { stdio: "ignore" })),
    terminate: () => {
      child.kill("SIGTERM");
      return ended;
    },
    output: () => output,
    remove: async () => {
      for (const companion of companions) companion.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function script(
  { pod, configMaps, addresses = [], hosts = [] }: PodProcessOptions,
  container: Attributes,
  folder: string,
) {
  const security = pod["securityContext"] as Attributes;
  const sysctls = (security["sysctls"] ?? []) as { name: string; value: string }[];
  const volumes = new Map((pod["volumes"] as Attributes[]).map((volume) => [String(volume["name"]), volume]));
  const mounts = (container["volumeMounts"] as { name: string; mountPath: string }[]).flatMap(
    ({ name, mountPath }) => mount(volumes.get(name) ?? {}, mountPath, configMaps, security, folder),
  );
  return [
    "set -e",
    "mount --make-rprivate /",
    // Folders may be made in /etc and /run of this namespace without touching the machine's own.
    "mount -t tmpfs tmpfs /mnt",
    ...["etc", "run"].flatMap((name) => [
      `mkdir /mnt/${name} /mnt/${name}-work`,
      `mount -t overlay -o lowerdir=/${name},upperdir=/mnt/${name},workdir=/mnt/${name}-work overlay /${name}`,
    ]),
    "ip link set lo up",
    ...addresses.map((address) => `ip address add ${address}/32 dev lo`),
    ...hosts.map((line) => `echo '${line}' >> /etc/hosts`),
    ...sysctls.map(({ name, value }) => `echo ${value} > /proc/sys/${name.replaceAll(".", "/")}`),
    ...mounts,
    "for path in / /etc /run; do mount -o remount,bind,ro $path; done",
    `exec ${[...asUser(pod), ...(container["command"] as string[])].map((word) => `'${word}'`).join(" ")}`,
  ].join("\n");
}

function mount(
  volume: Attributes,
  path: string,
  configMaps: PodProcessOptions["configMaps"],
  security: Attributes,
  folder: string,
): string[] {
  const source = volume["configMap"] as { name: string } | undefined;
  if (source === undefined) {
    return [
      `mkdir -p ${path}`,
      `mount -t tmpfs -o mode=2777,gid=${String(security["fsGroup"])} tmpfs ${path}`,
    ];
  }
  const files = configMaps[source.name];
  if (files === undefined) throw new Error(`no ConfigMap ${source.name}`);
  const copy = join(folder, String(volume["name"]));
  mkdirSync(copy);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(copy, name), content);
  // The folder of the test is nobody's but root's.
  return [
    `mkdir -p ${path}`,
    `mount -t tmpfs tmpfs ${path}`,
    `cp ${copy}/* ${path}/`,
    `mount -o remount,ro ${path}`,
  ];
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

/** Tries `check` until it neither throws nor gives false. @throws Error with what went wrong last, after 10 s */
export async function eventually(check: () => boolean, otherwise: () => string): Promise<void> {
  const deadline = Date.now() + 10_000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (check()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not come about within 10 s: ${String(last)}\n${otherwise()}`);
}
