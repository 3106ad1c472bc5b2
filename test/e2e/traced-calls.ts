/** Calls by which programs change a host's file tree. */
export const CHANGES: readonly string[] = [
  ...["rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"],
  ...["link", "linkat", "symlink", "symlinkat"],
];

/** Calls that do something else to a host than change its tree, or have the disk keep what was done. */
const DOINGS: readonly string[] = [
  ...["chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "truncate", "ftruncate"],
  ...["kill", "sync", "syncfs", "fsync", "fdatasync"],
];

/** An open for writing, beside what is no file of the host's; a connection to a program of the host's own. */
const WRITES = /^(?!.*"\/(dev|proc|sys)\/).*\bO_(WRONLY|RDWR|CREAT|TRUNC)\b/;
/** By which a process comes to write to a file, itself or as the program that it becomes. */
export const OPENINGS: readonly string[] = ["open", "openat"];
/** Of these only some do anything but read. */
const ONLY_IF: Readonly<Record<string, RegExp>> = {
  open: WRITES,
  openat: WRITES,
  connect: /sa_family=AF_UNIX/,
};

/** What strace is to tell: of starts of programs, of changes, and of what else is more than reading. */
export const TRACED = ["execve", ...CHANGES, ...DOINGS, ...Object.keys(ONLY_IF)].join();

/** A call of a program's. */
export interface TracedCall {
  readonly name: string;
  /** Of the process, outside of the host. */
  readonly process: string;
}

/** Reads what strace writes: calls that succeeded and did something, once they are over. */
export class TracedCalls {
  /** By process: the beginning of a call that another's came in between. */
  private readonly begun = new Map<string, string>();

  /** @returns the call that a line tells of; undefined where it is not over, failed or only read */
  read(line: string): TracedCall | undefined {
    const [, process, text] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (process === undefined) return undefined;
    const unfinished = /^(.*)<unfinished \.\.\.>$/.exec(text!);
    if (unfinished !== null) {
      this.begun.set(process, unfinished[1]!);
      return undefined;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text!);
    const whole = resumed === null ? text! : (this.begun.get(process) ?? "") + resumed[1]!;
    this.begun.delete(process);
    const [, name, given] = /^(\w+)\((.*)\) += (?!-1 |\?)/.exec(whole) ?? [];
    if (name === undefined || (name in ONLY_IF && !ONLY_IF[name]!.test(given!))) return undefined;
    return { name, process };
  }
}
