import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "../command";

/** Folder of the Go program that is all of Kubernetes. */
const SOURCES = resolve("test/testbed/cluster/kubernetes");
/** What Kubernetes' own go.mod asks for. */
const GO = [1, 24] as const;

/** Why the program cannot be built here; undefined when it can. */
export function obstacleToBuild(): string | undefined {
  const wanted = `a cluster needs Go ${GO.join(".")} or newer to build Kubernetes with`;
  const { stdout, status } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  if (status !== 0) return `${wanted}, and there is no go`;
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(stdout.trim()) ?? [];
  const enough = Number(major) > GO[0] || (Number(major) === GO[0] && Number(minor) >= GO[1]);
  return enough ? undefined : `${wanted}, this is ${stdout.trim()}`;
}

/**
 * Path of the program, built when this machine has not built it from these sources yet: about ten minutes on two
 * cores, and 3 GB of memory when it is linked.
 */
export async function kubernetesProgram(cache: string, onStep: (step: string) => void): Promise<string> {
  const program = join(cache, `kubernetes-${sourcesHash()}`);
  if (existsSync(program)) return program;
  const release = /^\tk8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)$/m.exec(
    readFileSync(join(SOURCES, "go.mod"), "utf8"),
  );
  if (release === null) throw new Error(`${SOURCES}/go.mod requires no k8s.io/kubernetes`);
  onStep(`Kubernetes ${release[1]} (built once, about ten minutes)`);
  mkdirSync(cache, { recursive: true });
  const version = { gitVersion: release[1], gitMajor: release[2], gitMinor: release[3] };
  const set = Object.entries(version).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  const unfinished = `${program}.unfinished`;
  await run(
    "go",
    ["build", "-p", "2", "-trimpath", "-ldflags", `-s -w ${set.join(" ")}`, "-o", unfinished, "."],
    {
      cwd: SOURCES,
      // Without cgo the program runs on any Debian, whatever the C library of the machine it was built on.
      env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false", GOTOOLCHAIN: "local" },
      timeoutMs: 3_600_000,
    },
  );
  for (const old of readdirSync(cache).filter((name) => /^kubernetes-[0-9a-f]+$/.test(name)))
    rmSync(join(cache, old));
  renameSync(unfinished, program);
  return program;
}

function sourcesHash(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(SOURCES).sort())
    hash.update(`${name}\0`).update(readFileSync(join(SOURCES, name)));
  return hash.digest("hex").slice(0, 12);
}
