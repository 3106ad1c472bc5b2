import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

/** What a checker said: its exit status and everything it printed. */
export interface Verdict {
  readonly status: number | null;
  readonly output: string;
}

const ROOT = resolve(__dirname, "../../..");

/** Where a program is: on PATH, in the usual system folders, or where the testbed puts it. */
export function findProgram(name: string, ...elsewhere: string[]): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", ...elsewhere];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export const unboundCheckconf = findProgram("unbound-checkconf");
export const consul = findProgram("consul", join(ROOT, ".testbed/consul/usr/bin"));

/** `it`, or a skipped case that names the program it misses. */
export function itWith(program: string | undefined, name: string): (title: string, run: () => void) => void {
  return (title, run) =>
    program === undefined ? it.skip(`${title} (skipped: no ${name} here)`, run) : it(title, run);
}

/** Runs `unbound-checkconf` on the text. */
export function checkUnbound(conf: string): Verdict {
  return withFile("unbound.conf", conf, (path) => run(unboundCheckconf!, [path]));
}

/** Runs `consul validate` on the text. */
export function validateConsul(json: string): Verdict {
  return withFile("consul.json", json, (path) => run(consul!, ["validate", path]));
}

function run(program: string, args: readonly string[]): Verdict {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

function withFile<T>(name: string, content: string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "tricloud-dns-"));
  try {
    const path = join(folder, name);
    writeFileSync(path, content);
    return use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
