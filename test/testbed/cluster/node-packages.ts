import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command";
import { fetchPackages, type PackageRequest } from "../debian-packages";

/** What a node and the control plane are made of besides Kubernetes itself. */
const NODE_PACKAGES = [
  "containerd",
  "runc",
  "containernetworking-plugins",
  "nftables",
  "conntrack",
  "etcd-server",
];

/** A directory to lay over the Debian root: the files of packages that were unpacked, not installed. */
export async function nodePackages(
  cache: string,
  from: Pick<PackageRequest, "mirror" | "root">,
): Promise<string> {
  return unpacked(join(cache, "node-packages"), { ...from, packages: NODE_PACKAGES });
}

/** Unpacks packages with all that they need beyond the root into `directory`, once. */
export async function unpacked(directory: string, request: PackageRequest): Promise<string> {
  const stamp = `${directory}.complete`;
  const recipe = JSON.stringify([
    request.packages,
    readFileSync(join(request.root, "etc/testbed-recipe"), "utf8"),
  ]);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === recipe) return directory;
  const unfinished = `${directory}.unfinished`;
  for (const stale of [stamp, directory, unfinished]) rmSync(stale, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const work = `${directory}.work`;
  for (const file of await fetchPackages(work, request))
    await run("dpkg-deb", ["--extract", file, unfinished]);
  rmSync(work, { recursive: true });
  renameSync(unfinished, directory);
  writeFileSync(stamp, recipe);
  return directory;
}
