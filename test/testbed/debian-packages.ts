import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command";
import { architecture } from "./debian-root";

export interface PackageRequest {
  /** URL of a Debian archive. */
  readonly mirror: string;
  /** A Debian 13 root directory: what packages need and it already has is not fetched. */
  readonly root: string;
  readonly packages: readonly string[];
  /** @default ["trixie"] */
  readonly suites?: readonly string[];
  /** Text of apt's preferences. @default - none */
  readonly preferences?: string;
}

/**
 * Fetches packages with all that they need, touching nothing of this machine's own apt.
 *
 * @param work directory for apt's own files; the packages are left in it
 * @returns paths of the .deb files
 */
export async function fetchPackages(work: string, request: PackageRequest): Promise<string[]> {
  const { mirror, root, packages, suites = ["trixie"], preferences = "" } = request;
  const archives = join(work, "archives");
  for (const made of ["lists/partial", "archives/partial", "preferences.d"]) {
    mkdirSync(join(work, made), { recursive: true });
  }
  const keyring = join(root, "usr/share/keyrings/debian-archive-keyring.gpg");
  const arch = await architecture();
  const sources = suites.map((suite) => `deb [arch=${arch} signed-by=${keyring}] ${mirror} ${suite} main\n`);
  writeFileSync(join(work, "sources.list"), sources.join(""));
  writeFileSync(join(work, "preferences"), preferences);
  const options = [
    `Dir::Etc::sourcelist=${join(work, "sources.list")}`,
    "Dir::Etc::sourceparts=-",
    `Dir::Etc::preferences=${join(work, "preferences")}`,
    `Dir::Etc::preferencesparts=${join(work, "preferences.d")}`,
    `Dir::State::lists=${join(work, "lists")}`,
    `Dir::State::status=${join(root, "var/lib/dpkg/status")}`,
    `Dir::Cache::archives=${archives}`,
    `Dir::Cache::pkgcache=${join(work, "pkgcache.bin")}`,
    `Dir::Cache::srcpkgcache=${join(work, "srcpkgcache.bin")}`,
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "Debug::NoLocking=true",
  ].flatMap((option) => ["-o", option]);
  await run("apt-get", [...options, "-q", "update"]);
  // --reinstall: what the root has already must be fetched too, or asking for it by name fails.
  await run("apt-get", [...options, "-qy", "--download-only", "--reinstall", "install", ...packages]);
  return readdirSync(archives)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(archives, name));
}
