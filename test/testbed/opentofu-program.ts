import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command";

const MODULE = "github.com/opentofu/opentofu";
/** A release that the module proxy has, and that Debian 13's Go can build. */
const VERSION = "v1.10.10";

/** Why OpenTofu cannot be built here; undefined when it can. */
export function obstacleToOpenTofu(): string | undefined {
  const { status } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  return status === 0 ? undefined : "OpenTofu is built with Go, and there is no go";
}

/** Path of OpenTofu, built from its Go module when this machine has not built it yet: four minutes of one core. */
export async function openTofu(cache: string): Promise<string> {
  const program = join(cache, `tofu-${VERSION}`);
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false" };
  // From a folder without a module, whose own go.mod would be read.
  const module = await run("go", ["mod", "download", "-json", `${MODULE}@${VERSION}`], { cwd: cache, env });
  const { Dir: sources } = JSON.parse(module) as { readonly Dir: string };
  const unfinished = `${program}.unfinished`;
  // Not `go install`: OpenTofu replaces a module that it needs by one of its own, which a main module alone may do.
  await run("go", ["build", "-p", "2", "-trimpath", "-ldflags", "-s -w", "-o", unfinished, "./cmd/tofu"], {
    cwd: sources,
    env,
    timeoutMs: 3_600_000,
  });
  renameSync(unfinished, program);
  return program;
}
