import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(__dirname, "../..");

export interface Outcome {
  readonly code: number | null;
  /** Standard output and standard error, in that order. */
  readonly output: string;
}

/** Runs a program to its end. @param input what it reads on standard input. @default - nothing */
export function runIn(folder: string, program: string, args: readonly string[], input = ""): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    input,
    env: { ...process.env, TF_CLI_CONFIG_FILE: undefined, CHECKPOINT_DISABLE: "1" },
  });
  if (error !== undefined) throw error;
  return { code: status, output: stdout + stderr };
}

/** Like `runIn`, but a failure is an error that shows what was printed. */
export function succeedIn(folder: string, program: string, args: readonly string[]): string {
  const { code, output } = runIn(folder, program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${code}\n${output}`);
  return output;
}

/** Copies the project's own files, those that git has or would take, without anything built. */
export function sourcesIn(folder: string): void {
  const files = succeedIn(ROOT, "git", ["ls-files", "-co", "--exclude-standard"]).trim().split("\n");
  for (const file of files) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(join(ROOT, file), join(folder, file));
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
}

/** Version of a package that this project itself is built with. */
export const ownVersion = (name: string): string =>
  (JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")) as { version: string })
    .version;

const QUIETLY = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error"];

/** A project somewhere else on the machine, with packages from the registry or npm's cache. */
export class StrangersProject {
  readonly folder: string;

  constructor(
    readonly name: string,
    manifest: Record<string, unknown> = {},
  ) {
    this.folder = mkdtempSync(join(tmpdir(), `tricloud-${name}-`));
    this.write("package.json", JSON.stringify({ name, version: "1.0.0", private: true, ...manifest }));
  }

  write(path: string, content: string): void {
    mkdirSync(join(this.folder, dirname(path)), { recursive: true });
    writeFileSync(join(this.folder, path), content);
  }

  /** Has npm install packages. */
  install(...packages: readonly string[]): void {
    succeedIn(this.folder, "npm", ["install", ...QUIETLY, ...packages]);
  }

  /** Like `install`, but a refusal is an outcome too. */
  tryToInstall(...packages: readonly string[]): Outcome {
    return runIn(this.folder, "npm", ["install", ...QUIETLY, ...packages]);
  }

  /** Puts a package there as npm would, from this project's own folder: a provider of 300 MB takes npm half a minute. */
  lend(name: string): void {
    const to = join(this.folder, "node_modules", name);
    mkdirSync(dirname(to), { recursive: true });
    // Hard links where both lie on one file system.
    if (runIn(ROOT, "cp", ["-al", join(ROOT, "node_modules", name), to]).code !== 0) {
      rmSync(to, { recursive: true, force: true });
      succeedIn(ROOT, "cp", ["-a", join(ROOT, "node_modules", name), to]);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
