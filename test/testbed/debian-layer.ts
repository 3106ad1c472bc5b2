import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "./command";

/** What all testbeds of this machine share. */
export interface Prepared {
  /** Debian 13's root directory. */
  readonly root: string;
  /** Directory of the apt archives that hosts may install from. */
  readonly archives: string;
}

/**
 * A directory with what installing `packages` adds to Debian's root, to be laid over it. Made once and kept.
 *
 * @returns `layer`
 */
export async function debianLayer(
  layer: string,
  packages: readonly string[],
  { root, archives }: Prepared,
): Promise<string> {
  const recipe = createHash("sha256")
    .update(JSON.stringify([INSTALL, packages, statSync(join(archives, "complete")).mtimeMs]))
    .digest("hex");
  const stamp = `${layer}.recipe`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === recipe) return layer;
  const unfinished = `${layer}.unfinished`;
  for (const stale of [layer, unfinished]) rmSync(stale, { recursive: true, force: true });
  mkdirSync(dirname(layer), { recursive: true });
  // All that is mounted goes with the mount namespace, however this ends.
  await run("unshare", [
    ...["--mount", "--propagation", "private", "sh", "-euc", INSTALL, "sh"],
    ...[root, archives, unfinished, ...packages],
  ]);
  renameSync(unfinished, layer);
  writeFileSync(stamp, recipe);
  return layer;
}

const INSTALL = `
root=$1 archives=$2 layer=$3
shift 3
work=$(mktemp -d)
trap 'cd /; umount -R "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o mode=0755 tricloud-testbed "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay tricloud-testbed "$work/root" -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work"
cd "$work/root"
mkdir mnt/archives
mount --bind "$archives" mnt/archives
mount -t proc proc proc
echo 'deb [trusted=yes] file:/mnt/archives/debian ./' >etc/apt/sources.list.d/layer.list
printf '#!/bin/sh\\nexit 101\\n' >usr/sbin/policy-rc.d
chmod 0755 usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
chroot . apt-get -q update
chroot . apt-get -qy --no-install-recommends install "$@"
umount proc mnt/archives
rmdir mnt/archives
rm -rf etc/apt/sources.list.d/layer.list usr/sbin/policy-rc.d var/lib/apt/lists/* var/cache/apt/*
cp -a "$work/upper" "$layer"
`;
