import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { architecture } from "./debian-root";
import { run } from "./command";

/** Packages that hosts may install, from Debian 13; what they depend on comes along. */
export const DEBIAN_PACKAGES = [
  "unbound",
  "unbound-anchor",
  "dns-root-data",
  "nodejs",
  "ca-certificates",
  "curl",
  "gnupg",
  "openssl",
  "bind9-dnsutils",
  "jq",
  "systemd-resolved",
  "libnss-resolve",
  // What Debian's images for EC2 have beyond a minimal system, and what a machine there fetches its files with.
  "cloud-init",
  "awscli",
  // The AWS that answers them.
  "python3-moto",
  "python3-flask-cors",
];
/** Packages from Debian 13 that cannot be installed together with the ones above. */
const RIVALS = ["openresolv"];
/** Packages from Debian 11, the last one to carry Consul. */
export const BULLSEYE_PACKAGES = ["consul"];

/** Two flat archives in one directory: `debian/` and `bullseye/`. */
export interface AptRepository {
  readonly directory: string;
}

/**
 * Fetches the packages with all that they need beyond `root`, once, and indexes them as apt archives that an
 * HTTP server can hand to hosts that have no other source.
 *
 * @param root a Debian 13 root directory: what it already has is not fetched
 */
export async function aptRepository(cache: string, mirror: string, root: string): Promise<AptRepository> {
  const directory = join(cache, "apt");
  const stamp = join(directory, "complete");
  const recipe = JSON.stringify([
    DEBIAN_PACKAGES,
    RIVALS,
    BULLSEYE_PACKAGES,
    statSync(join(root, "etc/testbed-recipe")).mtimeMs,
  ]);
  const consul = join(cache, "../consul");
  if (existsSync(consul) && existsSync(stamp) && readFileSync(stamp, "utf8") === recipe) return { directory };

  rmSync(directory, { recursive: true, force: true });
  const work = join(directory, "work");
  const archives = join(work, "archives");
  for (const made of ["lists/partial", "archives/partial", "preferences.d"]) {
    mkdirSync(join(work, made), { recursive: true });
  }
  const arch = await architecture();
  const keyring = join(root, "usr/share/keyrings/debian-archive-keyring.gpg");
  const sources = join(work, "sources.list");
  const source = (suite: string) => `deb [arch=${arch} signed-by=${keyring}] ${mirror} ${suite} main\n`;
  writeFileSync(sources, source("trixie") + source("bullseye"));
  writeFileSync(
    join(work, "preferences"),
    `Package: *\nPin: release n=bullseye\nPin-Priority: -1\n\nPackage: ${BULLSEYE_PACKAGES.join(" ")}\nPin: release n=bullseye\nPin-Priority: 900\n`,
  );
  const options = [
    `Dir::Etc::sourcelist=${sources}`,
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
  // --reinstall: what the root has already must be in the archive too, or asking for it by name fails.
  for (const wanted of [[...DEBIAN_PACKAGES, ...BULLSEYE_PACKAGES], RIVALS]) {
    await run("apt-get", [...options, "-qy", "--download-only", "--reinstall", "install", ...wanted]);
  }
  for (const name of readdirSync(archives).filter((file) => file.endsWith(".deb"))) {
    const fromBullseye = BULLSEYE_PACKAGES.some((wanted) => name.startsWith(`${wanted}_`));
    const archive = join(directory, fromBullseye ? "bullseye" : "debian");
    mkdirSync(archive, { recursive: true });
    copyFileSync(join(archives, name), join(archive, name.replaceAll("%3a", ".")));
  }
  for (const archive of ["debian", "bullseye"]) await index(join(directory, archive));
  await unpackConsul(join(directory, "bullseye"), consul);
  rmSync(work, { recursive: true });
  writeFileSync(stamp, recipe);
  return { directory };
}

/** Lays out the Consul program for tests that run it on this machine, `consul validate` among them. */
async function unpackConsul(archive: string, directory: string): Promise<void> {
  const [name] = readdirSync(archive).filter((file) => file.startsWith("consul_"));
  if (name === undefined) throw new Error(`${archive} holds no package consul`);
  rmSync(directory, { recursive: true, force: true });
  await run("dpkg-deb", ["--extract", join(archive, name), directory]);
}

/** Writes `Packages` and `Release` for a flat archive of the .deb files in `archive`. */
async function index(archive: string): Promise<void> {
  const stanzas: string[] = [];
  for (const name of readdirSync(archive).sort()) {
    const file = join(archive, name);
    const control = (await run("dpkg-deb", ["--field", file])).trimEnd();
    stanzas.push(
      `${control}\nFilename: ./${name}\nSize: ${statSync(file).size}\nSHA256: ${sha256(readFileSync(file))}\n`,
    );
  }
  const packages = stanzas.join("\n");
  writeFileSync(join(archive, "Packages"), packages);
  writeFileSync(
    join(archive, "Release"),
    `Origin: testbed\nLabel: testbed\nDate: ${new Date().toUTCString().replace("GMT", "UTC")}\nSHA256:\n ${sha256(packages)} ${Buffer.byteLength(packages)} Packages\n`,
  );
}

const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");
