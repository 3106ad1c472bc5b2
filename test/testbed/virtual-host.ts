import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, type CommandOptions, type CommandResult, run, until } from "./command";
import { type Ledger } from "./ledger";
import { DiskImage } from "./disk-image";
import { type HostLink, type StartedProcess, startProcess } from "./network";
import { identify, isAlive, kill, type ProcessIdentity } from "./process-identity";

/** Key with which this run's operator enters its hosts. */
export interface OperatorKey {
  readonly privateKeyPath: string;
  readonly publicKey: string;
}

export interface VirtualHostProps {
  readonly name: string;
  readonly link: HostLink;
  /** Debian root directories shared by hosts, the uppermost first; never written to. */
  readonly lower: readonly string[];
  /** Directory for what this host writes, on a file system that can be an overlay's upper layer. */
  readonly storage: string;
  /** Size of a disk of the host's own, for `losePower`. @default - it writes to `storage` as it is */
  readonly diskMegabytes?: number;
  /** Whether containers can be run on it. @default false */
  readonly containers?: boolean;
  readonly operator: OperatorKey;
  /** apt sources in one-line form. */
  readonly aptSources: string;
  /** Address for /etc/resolv.conf, as the rack's owner would have set it. */
  readonly nameserver: string;
}

/** What a machine of its own may do, and a container is not let by itself: to make containers. */
const CONTAINERS_NEED = [
  "--capability=CAP_BPF,CAP_NET_ADMIN",
  "--system-call-filter=bpf add_key keyctl request_key",
];

/** Where services' images lie: a container's file system can be laid over no file system that is itself so made. */
const IMAGES = "/var/lib/tricloud-services";

/** The machine's control groups limit nothing: what a container's unit says of memory is said in vain. */
const NO_CONTROLLERS = `[containers]
pids_limit = 0
keyring = false
`;

/** Kinds of SSH host keys that a Debian server has. */
const HOST_KEY_TYPES = ["ed25519", "ecdsa", "rsa"] as const;
type HostKeys = Readonly<Record<(typeof HOST_KEY_TYPES)[number], string>>;

/** A Debian machine with systemd and sshd of its own, on its own address, as if it were rented. */
export class VirtualHost {
  readonly name: string;
  readonly namespace: string;
  /** The host's file system as seen from this machine. */
  readonly root: string;
  private leader: ProcessIdentity | undefined;
  /** systemd-nspawn, under which all of it runs. */
  private supervisor: StartedProcess | undefined;
  private disk: DiskImage | undefined;
  private link: HostLink;
  private keys: HostKeys | undefined;

  private constructor(
    private readonly ledger: Ledger,
    private readonly props: VirtualHostProps,
  ) {
    this.name = props.name;
    this.link = props.link;
    this.namespace = props.link.namespace;
    this.root = join(props.storage, "root");
  }

  get address(): string {
    return this.link.address;
  }

  /** The host's public keys by kind, each as one line of `known_hosts` has it, without the host: `ssh-ed25519 AAAA...`. */
  get hostKeys(): HostKeys {
    return this.keys!;
  }

  /** The one key of its own that a careful operator pins. */
  get hostKey(): string {
    return this.hostKeys.ed25519;
  }

  /** Makes the machine's disk and identity; does not switch it on. */
  static async create(ledger: Ledger, props: VirtualHostProps): Promise<VirtualHost> {
    const { storage } = props;
    const disk =
      props.diskMegabytes === undefined
        ? undefined
        : await DiskImage.create(ledger, storage, props.diskMegabytes);
    mkdirSync(join(storage, "root"), { recursive: true });
    const host = new VirtualHost(ledger, props);
    host.disk = disk;
    ledger.record({ kind: "mount", path: host.root });
    await host.install();
    return host;
  }

  /** Takes the power away and puts a new system on the disk, with new host keys; does not switch it on. */
  async reinstall(): Promise<void> {
    await this.cutPower();
    await this.unmountRoot();
    for (const part of ["upper", "work", "images"]) {
      rmSync(join(this.props.storage, part), { recursive: true, force: true });
    }
    this.forgetKnown();
    await this.install();
  }

  private async install(): Promise<void> {
    const { name, storage, nameserver, aptSources, operator } = this.props;
    const ssh = join(storage, "upper/etc/ssh");
    for (const directory of [ssh, join(storage, "work")]) mkdirSync(directory, { recursive: true });
    this.keys = await makeHostKeys(ssh, name);
    await this.mountRoot();
    const write = (path: string, content: string) => writeFileSync(join(this.root, path), content);
    write("etc/hostname", `${name}\n`);
    write("etc/hosts", `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost\n`);
    write("etc/resolv.conf", `nameserver ${nameserver}\n`);
    write("etc/apt/sources.list.d/testbed.list", aptSources);
    if (this.props.containers === true) {
      // A mount cannot be taken away by who is not its owner: it is as services want it from the start.
      mkdirSync(this.images, { mode: 0o711 });
      mkdirSync(join(this.root, "etc/containers/containers.conf.d"), { recursive: true });
      write("etc/containers/containers.conf.d/testbed.conf", NO_CONTROLLERS);
    }
    mkdirSync(join(this.root, "root/.ssh"), { mode: 0o700, recursive: true });
    write("root/.ssh/authorized_keys", `${operator.publicKey}\n`);
  }

  /** Puts the machine on another address. */
  async moveTo(renumber: (from: HostLink) => Promise<HostLink>): Promise<void> {
    this.link = await renumber(this.link);
    this.forgetKnown();
  }

  /** Gives the running machine other host keys, as its administrator would. */
  async changeHostKeys(): Promise<void> {
    const files = "/etc/ssh/ssh_host_*_key";
    await this.run(
      `rm ${files} ${files}.pub && ssh-keygen -A >/dev/null && systemctl try-reload-or-restart ssh.service`,
    );
    this.keys = readHostKeys(join(this.root, "etc/ssh"));
    this.forgetKnown();
  }

  private forgetKnown(): void {
    rmSync(this.knownHosts, { force: true });
  }

  /** Switches the machine on and waits until systemd and sshd say they are ready. */
  async start(): Promise<void> {
    const supervisor = await this.powerOn();
    await until(`host ${this.name}: systemd`, 60_000, async () => {
      if (!supervisor.isRunning()) throw this.failed("ended while starting");
      const state = (await this.inside(["systemctl", "is-system-running"])).stdout.trim();
      if (state !== "degraded") return state === "running" || undefined;
      throw this.failed(`units failed: ${(await this.inside(["systemctl", "--failed", "--plain"])).stdout}`);
    });
    await until(`host ${this.name}: sshd`, 60_000, async () => {
      return (await this.attempt("true", { timeoutMs: 15_000 })).code === 0 || undefined;
    });
  }

  /** Switches the machine on, and does not wait for what it does then. */
  async powerOn(): Promise<StartedProcess> {
    if (this.leader !== undefined) throw new Error(`host ${this.name} is already on`);
    const machine = this.namespace;
    const groups = cgroupRoots().map((root) => join(root, machine));
    for (const path of groups) this.ledger.record({ kind: "cgroup", path });
    this.ledger.record({ kind: "empty-directory", path: `/run/systemd/nspawn/propagate/${machine}` });
    // Each host gets cgroups of its own: systemd-nspawn would otherwise put all of them into one.
    const supervisor = await startProcess(this.ledger, this.console, "sh", [
      "-euc",
      `for group in ${groups.join(" ")}; do mkdir -p $group; echo $$ >$group/cgroup.procs; done; exec "$@"`,
      "sh",
      // A container's program takes no control groups of version 1.
      ...(this.props.containers === true ? ["env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1"] : []),
      ...["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--console=pipe", "--boot"],
      ...["-D", this.root, "-M", machine, `--network-namespace-path=/run/netns/${machine}`],
      ...["--link-journal=no", "--resolv-conf=off", "--timezone=off"],
      ...(this.props.containers === true ? [...CONTAINERS_NEED, `--bind=${this.images}:${IMAGES}`] : []),
    ]);
    this.supervisor = supervisor;
    this.leader = await until(`host ${this.name}: first process`, 20_000, async () => {
      if (!supervisor.isRunning()) throw this.failed("ended while starting");
      return firstProcessUnder(supervisor.pid);
    });
    return supervisor;
  }

  /** Whether the machine is on: its first process lives. */
  get isOn(): boolean {
    return this.leader !== undefined && isAlive(this.leader);
  }

  /** Asks systemd to shut the machine down, and does not wait for it. */
  async shutDown(): Promise<void> {
    await this.inside(["systemctl", "--no-block", "poweroff"]);
  }

  /** Takes the power away: every process ends at once, the disk stays. Does nothing when it is off. */
  async cutPower(): Promise<void> {
    const leader = this.leader;
    if (leader === undefined) return;
    this.leader = undefined;
    kill(leader);
    await until(`host ${this.name} is off`, 20_000, async () => {
      const left = (await run("ip", ["netns", "pids", this.namespace])).trim();
      // Until it has ended too it holds the disk, which cannot be booted from again.
      return (left === "" && this.supervisor?.isRunning() !== true) || undefined;
    });
  }

  /** Takes the power away, and from the host's own disk what was not synced. */
  async losePower(): Promise<void> {
    if (this.disk === undefined) throw new Error(`host ${this.name} has no disk of its own`);
    await this.cutPower();
    await this.disk.losePower(this.root);
    await this.mountRoot();
  }

  private async mountRoot(): Promise<void> {
    const { lower, storage } = this.props;
    await run("mount", [
      ...["-t", "overlay", "tricloud-testbed", this.root],
      ...[
        "-o",
        `lowerdir=${lower.join(":")},upperdir=${join(storage, "upper")},workdir=${join(storage, "work")}`,
      ],
    ]);
  }

  /** Takes the power away and destroys the disk. */
  async destroy(): Promise<void> {
    await this.cutPower();
    await this.unmountRoot();
    rmSync(this.props.storage, { recursive: true });
  }

  private async unmountRoot(): Promise<void> {
    await until(`${this.root} unmounted`, 10_000, async () => {
      return (await attempt("umount", [this.root])).code === 0 || undefined;
    });
  }

  /** Runs a shell command as root over SSH and returns its standard output. Throws when it fails. */
  async run(command: string, options: CommandOptions = {}): Promise<string> {
    const result = await this.attempt(command, options);
    if (result.code !== 0) {
      throw new Error(
        `host ${this.name}: ${command}: exit code ${result.code}\n${`${result.stdout}\n${result.stderr}`.trim()}`,
      );
    }
    return result.stdout;
  }

  /** Like `run`, but a failing command is a result too. */
  attempt(command: string, options: CommandOptions = {}): Promise<CommandResult> {
    return attempt("ssh", [...this.sshArguments(), command], options);
  }

  /** What `ssh` needs to enter this host, its address last. */
  sshArguments(): string[] {
    const known = this.knownHosts;
    if (!existsSync(known)) writeFileSync(known, `${this.address} ${this.hostKey}\n`);
    return [
      ...["-F", "none", "-i", this.props.operator.privateKeyPath, "-o", "IdentitiesOnly=yes"],
      ...["-o", `UserKnownHostsFile=${known}`, "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"],
      ...["-o", "ConnectTimeout=15", "-o", "LogLevel=ERROR", `root@${this.address}`],
    ];
  }

  private get images(): string {
    return join(this.props.storage, "images");
  }

  private get knownHosts(): string {
    return join(this.ledger.directory, `${this.name}.known_hosts`);
  }

  /** What the machine wrote to its console. */
  private get console(): string {
    return join(this.ledger.directory, `${this.name}.console`);
  }

  private failed(what: string): Error {
    return new Error(
      `host ${this.name}: ${what}; console:\n${readFileSync(this.console, "utf8").slice(-2000)}`,
    );
  }

  /** Runs a program in the machine without the network: for the time before sshd is up. */
  private inside(command: readonly string[]): Promise<CommandResult> {
    return attempt("nsenter", this.insideArguments(command));
  }

  /** What `nsenter` needs to run a program in the machine. */
  insideArguments(command: readonly string[]): string[] {
    return ["-t", String(this.leader?.pid), "-a", ...command];
  }
}

async function makeHostKeys(directory: string, comment: string): Promise<HostKeys> {
  await Promise.all(
    HOST_KEY_TYPES.map((type) =>
      run("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", comment, "-f", hostKeyFile(directory, type)]),
    ),
  );
  return readHostKeys(directory);
}

function readHostKeys(directory: string): HostKeys {
  const keys = HOST_KEY_TYPES.map((type) => {
    const line = readFileSync(`${hostKeyFile(directory, type)}.pub`, "utf8");
    return [type, line.split(" ").slice(0, 2).join(" ")] as const;
  });
  return Object.fromEntries(keys) as HostKeys;
}

const hostKeyFile = (directory: string, type: string): string => join(directory, `ssh_host_${type}_key`);

/** The child of systemd-nspawn that is process 1 of a namespace; its helpers while starting are not. */
function firstProcessUnder(supervisor: number): ProcessIdentity | undefined {
  try {
    return readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, "utf8")
      .split(" ")
      .filter((pid) => /^\d+$/.test(pid))
      .filter((pid) => /^NSpid:\s+\d+\s+1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8")))
      .map((pid) => identify(Number(pid)))[0];
  } catch {
    return undefined; // one of them ended while being looked at
  }
}

/** Where systemd-nspawn keeps process groups: the version 2 tree, and version 1's systemd tree where mounted. */
function cgroupRoots(): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(
      ([, , type, options]) =>
        type === "cgroup2" || (type === "cgroup" && /name=systemd/.test(options ?? "")),
    )
    .map(([, path]) => path ?? "");
}
