import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "../command";
import { type PackageRequest } from "../debian-packages";
import { containerdConfig } from "./containerd-config";
import { imageArchives, imageRecipe } from "./images";
import { programFile } from "./program-file";

/** Directories of containerd's whose entries never change once they are there. */
const SHARED = [
  "io.containerd.content.v1.content/blobs/sha256",
  "io.containerd.snapshotter.v1.overlayfs/snapshots",
];

/**
 * Makes the images and has containerd import them, once, so that no node has to. The directory returned holds
 * `records`, which a node copies, and `shared`, which it mounts below them.
 */
export async function nodeImages(
  cache: string,
  consul: string,
  from: Pick<PackageRequest, "mirror" | "root">,
  lower: string,
): Promise<string> {
  const directory = join(cache, "containerd");
  const stamp = join(directory, "complete");
  const recipe = JSON.stringify([
    imageRecipe(),
    containerdConfig(),
    readFileSync(join(from.root, "etc/testbed-recipe"), "utf8"),
  ]);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === recipe) return directory;
  const unfinished = `${directory}.unfinished`;
  for (const stale of [directory, unfinished]) rmSync(stale, { recursive: true, force: true });
  for (const made of ["storage", "root", "log", "etc", "disk"])
    mkdirSync(join(unfinished, made), { recursive: true });
  const work = join(unfinished, "images");
  for (const file of await imageArchives(work, consul, from)) {
    renameSync(file, join(unfinished, "etc", basename(file)));
  }
  rmSync(work, { recursive: true });
  writeFileSync(join(unfinished, "etc/containerd.toml"), containerdConfig());
  writeFileSync(join(unfinished, "etc/import.sh"), IMPORT);
  await run(
    "unshare",
    [
      "--mount",
      "--pid",
      "--net",
      "--fork",
      "--kill-child",
      "sh",
      programFile("node-init.sh"),
      unfinished,
      "import.sh",
    ],
    // Any file does in place of Kubernetes, which has no part in this.
    { env: { LOWER: lower, KUBERNETES: "/dev/null", IMAGES: "", SHARED: "" } },
  );
  for (const kept of ["records", "shared"]) renameSync(join(unfinished, "log", kept), join(unfinished, kept));
  for (const left of ["storage", "root", "log", "etc", "disk"])
    rmSync(join(unfinished, left), { recursive: true });
  renameSync(unfinished, directory);
  writeFileSync(stamp, recipe);
  return directory;
}

/** What is kept goes out by way of the log's directory, the one that outlives the node. */
const IMPORT = `set -eu
containerd --config /etc/kubernetes/containerd.toml >/var/log/containerd.log 2>&1 &
containerd=$!
until ctr version >/dev/null 2>&1; do kill -0 $containerd; sleep 0.2; done
for archive in /etc/kubernetes/*.tar; do ctr -n k8s.io images import "$archive"; done
kill $containerd
wait $containerd || true
cp -a /var/lib/containerd /var/log/records
cd /var/log/records
for shared in ${SHARED.join(" ")}; do
  mkdir -p "/var/log/shared/\${shared%/*}"
  mv "$shared" "/var/log/shared/$shared"
done
`;
