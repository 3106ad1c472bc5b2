import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./command";

/** What a freshly rented dedicated server has beyond Debian's minimal system. */
const SERVER_PACKAGES = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "openssh-server",
  "iproute2",
  "ca-certificates",
  "curl",
  "procps",
];
const SUITE = "trixie";

/**
 * The Debian archive that this machine itself installs from, or TRICLOUD_DEBIAN_MIRROR.
 *
 * @throws Error when the machine is no Debian and the variable is not set
 */
export async function debianMirror(): Promise<string> {
  const named = process.env.TRICLOUD_DEBIAN_MIRROR;
  if (named !== undefined && named !== "") return named;
  const targets = await run("apt-get", [
    "indextargets",
    "--format",
    "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
    "Created-By: Packages",
  ]);
  const debian = targets.split("\n").find((line) => line.startsWith("Debian|Debian|"));
  if (debian === undefined) {
    throw new Error(
      "this machine's apt sources name no Debian archive: set TRICLOUD_DEBIAN_MIRROR to the URL of one (it must hold trixie and bullseye)",
    );
  }
  return debian.slice("Debian|Debian|".length);
}

/**
 * A directory holding Debian 13 as a server has it before anything is deployed. Made once (about a minute) and
 * kept in `cache`; hosts never write to it.
 */
export async function debianRoot(cache: string, mirror: string): Promise<string> {
  const recipe = createHash("sha256")
    .update(JSON.stringify([SUITE, SERVER_PACKAGES, PREPARE]))
    .digest("hex");
  const root = join(cache, "debian-root");
  const stamp = join(root, "etc", "testbed-recipe");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === recipe) return root;

  const unfinished = `${root}.unfinished`;
  for (const stale of [root, unfinished]) rmSync(stale, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  await run("debootstrap", [
    "--variant=minbase",
    `--include=${SERVER_PACKAGES.join(",")}`,
    SUITE,
    unfinished,
    mirror,
  ]);
  await run("chroot", [unfinished, "sh", "-euc", PREPARE]);
  writeFileSync(join(unfinished, "etc", "testbed-recipe"), recipe);
  renameSync(unfinished, root);
  return root;
}

/** Makes the root fit to be many machines: no identity, no keys, no source of packages but the testbed's. */
const PREPARE = `
rm -f /etc/ssh/ssh_host_* /etc/apt/sources.list /etc/machine-id /etc/resolv.conf /etc/hostname
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
: >/etc/machine-id
: >/etc/resolv.conf
# Hosts are thrown away after a run: installing may skip the wait for the disk.
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/testbed
# These have nothing to do on a virtual host, and would make it differ from minute to minute.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer >/dev/null 2>&1
`;

/** This machine's, which is the hosts' too: amd64, arm64. */
export async function architecture(): Promise<string> {
  return (await run("dpkg", ["--print-architecture"])).trim();
}

/** Missing programs among those the testbed calls; empty when it can run. */
export function missingPrograms(): string[] {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
}

const PROGRAMS = [
  ...["debootstrap", "systemd-nspawn", "ip", "nsenter", "nginx"],
  ...["openssl", "python3", "ssh", "ssh-keygen", "apt-get", "dpkg-deb"],
  ...["gpg", "strace", "mkfs.ext4"],
];
