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
import { basename, join } from "node:path";
import { fetchPackages } from "./debian-packages";
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
  // What runs services' containers, and where their images come from.
  "podman",
  "docker-registry",
  // What shows them to the internet, and speaks to that.
  "haproxy",
  "socat",
  "lego",
  // What Debian's images for EC2 have beyond a minimal system, and what a machine there fetches its files with.
  "cloud-init",
  "awscli",
  // The AWS that answers them.
  "python3-moto",
  "python3-flask-cors",
];
/** Packages from Debian 13 of which none can be installed together with another or with the ones above. */
const RIVALS = ["openresolv", "resolvconf"];
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
  const request = {
    mirror,
    root,
    suites: ["trixie", "bullseye"],
    preferences: `Package: *\nPin: release n=bullseye\nPin-Priority: -1\n\nPackage: ${BULLSEYE_PACKAGES.join(" ")}\nPin: release n=bullseye\nPin-Priority: 900\n`,
  };
  await fetchPackages(work, { ...request, packages: [...DEBIAN_PACKAGES, ...BULLSEYE_PACKAGES] });
  let files: string[] = [];
  for (const rival of RIVALS) files = await fetchPackages(work, { ...request, packages: [rival] });
  for (const file of files) {
    const fromBullseye = BULLSEYE_PACKAGES.some((wanted) => basename(file).startsWith(`${wanted}_`));
    const archive = join(directory, fromBullseye ? "bullseye" : "debian");
    mkdirSync(archive, { recursive: true });
    copyFileSync(file, join(archive, basename(file).replaceAll("%3a", ".")));
  }
  for (const archive of ["debian", "bullseye"]) await index(join(directory, archive));
  await unpackConsul(join(directory, "bullseye"), consul);
  rmSync(work, { recursive: true });
  writeFileSync(stamp, recipe);
  return { directory };
}

/** Versions that the archive `releases` has; the first is that of Debian 11. */
export const CONSUL_VERSIONS = { real: "1.8.7", earlier: "1.8.6", refusing: "1.8.5" };

/**
 * An archive of Consul as a vendor has it, in several versions. There is one real program: `earlier` is the same under
 * another number, `refusing` accepts no configuration.
 */
export async function consulReleases(archives: string): Promise<void> {
  const directory = join(archives, "releases");
  if (existsSync(join(directory, "Release"))) return;
  const tree = join(directory, "tree");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const [real] = readdirSync(join(archives, "bullseye")).filter((file) => file.startsWith("consul_"));
  copyFileSync(join(archives, "bullseye", real!), join(directory, real!));
  await run("dpkg-deb", ["--raw-extract", join(directory, real!), tree]);
  const control = readFileSync(join(tree, "DEBIAN/control"), "utf8");
  for (const version of [CONSUL_VERSIONS.earlier, CONSUL_VERSIONS.refusing]) {
    writeFileSync(join(tree, "DEBIAN/control"), control.replace(/^Version: .*$/m, `Version: ${version}-1`));
    if (version === CONSUL_VERSIONS.refusing) {
      writeFileSync(join(tree, "usr/bin/consul"), "#!/bin/sh\necho 'no such field any more' >&2\nexit 1\n");
    }
    await run("dpkg-deb", ["--build", "-Zgzip", "-z1", tree, join(directory, `consul_${version}-1.deb`)]);
  }
  rmSync(tree, { recursive: true });
  await index(directory);
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
