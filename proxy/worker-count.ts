import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { posix } from "node:path";
import { type Options } from "./options/options";

/** Where control groups are (version 2). */
const GROUPS = "/sys/fs/cgroup";

/** Processes to serve with: `auto` is one for each core, `spare` leaves one core to others where there are several. */
export function workerCount(workers: Options["workers"], cores: () => number = usableCores): number {
  if (typeof workers === "number") return workers;
  return Math.max(1, workers === "spare" ? cores() - 1 : cores());
}

/** Cores that this process may run on, and that the quotas of its control groups let it use up. */
export function usableCores(): number {
  return Math.min(availableParallelism(), coresOfQuotas(read));
}

/**
 * Whole cores that the tightest quota of a process's control groups amounts to, at least one; infinitely many where there
 * is none. Node looks at these itself from version 24 on.
 *
 * @param read the text of a file, or undefined
 */
export function coresOfQuotas(read: (path: string) => string | undefined): number {
  const own = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1];
  let cores = Infinity;
  for (let group = own ?? "/"; ; group = posix.dirname(group)) {
    const [quota, period] = (read(posix.join(GROUPS, group, "cpu.max")) ?? "max").split(" ").map(Number);
    // Where there is none the quota is the word "max".
    if (quota! > 0 && period! > 0) cores = Math.min(cores, Math.max(1, Math.floor(quota! / period!)));
    if (group === "/" || group === ".") return cores;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
