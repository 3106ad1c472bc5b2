import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  realpathSync,
} from "node:fs";
import { join } from "node:path";
import { attempt, run, until } from "./command";
import { identify, isAlive, kill, type ProcessIdentity } from "./process-identity";

/** Something a run made on the machine, with all that is needed to take it away again. */
export type Made =
  | { readonly kind: "process"; readonly process: ProcessIdentity }
  | { readonly kind: "namespace"; readonly name: string }
  | { readonly kind: "link"; readonly name: string }
  | { readonly kind: "mount"; readonly path: string }
  | { readonly kind: "cgroup"; readonly path: string }
  | { readonly kind: "empty-directory"; readonly path: string };

interface LedgerFile {
  readonly id: string;
  readonly owner: ProcessIdentity;
  readonly kept: boolean;
  readonly made: readonly Made[];
}

/**
 * What one run has made, written to disk before it is made, so that a run that dies can be cleaned up by the
 * next one. Nothing is ever found by name or pattern: only what is written here is removed.
 */
export class Ledger {
  private made: Made[] = [];
  private kept = false;

  private constructor(
    readonly directory: string,
    readonly id: string,
    private owner: ProcessIdentity,
  ) {}

  /** Opens the ledger of a new run under `runs`; the run's id is unique there. */
  static create(runs: string): Ledger {
    mkdirSync(runs, { recursive: true });
    for (;;) {
      const id = Math.random().toString(36).slice(2, 6).padEnd(4, "0");
      const directory = join(runs, id);
      if (existsSync(directory)) continue;
      mkdirSync(directory);
      const self = identify(process.pid);
      if (self === undefined) throw new Error(`/proc/${process.pid}/stat cannot be read: is /proc mounted?`);
      const ledger = new Ledger(directory, id, self);
      ledger.write();
      return ledger;
    }
  }

  /** Ledgers of the runs under `runs` whose owner has died, or those also that it has left running on purpose. */
  static abandoned(runs: string, which: "crashed" | "all"): Ledger[] {
    if (!existsSync(runs)) return [];
    return readdirSync(runs)
      .map((id) => Ledger.read(join(runs, id)))
      .filter((ledger): ledger is Ledger => ledger !== undefined && !isAlive(ledger.owner))
      .filter((ledger) => which === "all" || !ledger.kept);
  }

  private static read(directory: string): Ledger | undefined {
    const file = join(directory, "ledger.json");
    if (!existsSync(file)) return undefined;
    const content = JSON.parse(readFileSync(file, "utf8")) as LedgerFile;
    const ledger = new Ledger(directory, content.id, content.owner);
    ledger.made = [...content.made];
    ledger.kept = content.kept;
    return ledger;
  }

  /** Notes something about to be made (a process: just started). */
  record(made: Made): void {
    this.made.push(made);
    this.write();
  }

  /** Lets the run outlive this process: the next run leaves it alone. */
  keep(): void {
    this.kept = true;
    this.write();
  }

  /**
   * Removes all that was made, last first, then the run's directory.
   *
   * @throws Error naming what could not be removed; the ledger stays, so that it can be tried again
   */
  async undo(): Promise<void> {
    const failures: string[] = [];
    const newestFirst = [...this.made].reverse();
    // Whatever runs holds on to the rest, so it ends first.
    for (const step of [endProcesses, remove]) {
      for (const made of newestFirst) {
        await step(made).catch((error: Error) => failures.push(error.message));
      }
    }
    if (failures.length > 0) throw new Error(`testbed ${this.id}: not removed:\n${failures.join("\n")}`);
    rmSync(this.directory, { recursive: true });
  }

  private write(): void {
    const content: LedgerFile = { id: this.id, owner: this.owner, kept: this.kept, made: this.made };
    const file = join(this.directory, "ledger.json");
    writeFileSync(`${file}.new`, JSON.stringify(content, undefined, 1));
    renameSync(`${file}.new`, file);
  }
}

/** Ends the process, or all that runs in the namespace, which is the run's own. */
async function endProcesses(made: Made): Promise<void> {
  if (made.kind === "process") {
    kill(made.process);
    await until(`process ${made.process.pid} ended`, 10_000, async () => !isAlive(made.process) || undefined);
  }
  if (made.kind === "namespace" && existsSync(`/run/netns/${made.name}`)) {
    await until(`processes in namespace ${made.name} ended`, 10_000, async () => {
      const pids = (await attempt("ip", ["netns", "pids", made.name])).stdout.split("\n").filter(Boolean);
      const found = pids.map((pid) => identify(Number(pid))).filter((process) => process !== undefined);
      found.forEach(kill);
      return found.length === 0 || undefined;
    });
  }
}

async function remove(made: Made): Promise<void> {
  switch (made.kind) {
    case "process":
      return;
    case "namespace":
      if (existsSync(`/run/netns/${made.name}`)) await run("ip", ["netns", "delete", made.name]);
      return;
    case "link":
      if (existsSync(`/sys/class/net/${made.name}`)) await run("ip", ["link", "delete", made.name]);
      return;
    case "mount":
      // The last reference, a mount namespace of a host just ended, may take a moment to go.
      await until(`${made.path} unmounted`, 10_000, async () => {
        if (!isMounted(made.path)) return true;
        return (await attempt("umount", [made.path])).code === 0 || undefined;
      });
      return;
    case "cgroup":
      await until(`cgroup ${made.path} removed`, 10_000, async () => removeCgroup(made.path) || undefined);
      return;
    case "empty-directory":
      if (existsSync(made.path)) rmdirSync(made.path);
      return;
  }
}

function isMounted(path: string): boolean {
  if (!existsSync(path)) return false;
  // The kernel names a mount by where it is, whichever links led there.
  const place = realpathSync(path).replaceAll(" ", "\\040");
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === place);
}

/** Removes a cgroup with its children, all empty of processes; false when one is still in use. */
function removeCgroup(path: string): boolean {
  if (!existsSync(path)) return true;
  const children = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (!children.every((child) => removeCgroup(join(path, child.name)))) return false;
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EBUSY") return false;
    throw error;
  }
}
