import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../command";
import { type PackageRequest } from "../debian-packages";
import { architecture } from "../debian-root";
import { unpacked } from "./node-packages";

/** Images that every node has, by what they hold. */
export type ImageName = "base" | "node" | "unbound" | "consul";

/** How a node knows an image. */
export const imageTag = (name: ImageName): string => `testbed.invalid/${name}:1`;

/** Which of them stands in for an image of a registry. */
export function imageFor(image: string): string {
  const stands: readonly (readonly [RegExp, ImageName])[] = [
    [/unbound/, "unbound"],
    [/consul/, "consul"],
    [/node/, "node"],
  ];
  const [, name] = stands.find(([pattern]) => pattern.test(image.split("/").at(-1)!)) ?? [];
  if (image.startsWith("testbed.invalid/")) return image;
  if (name === undefined) throw new Error(`no image stands in for ${image}`);
  return imageTag(name);
}

/**
 * Archives of images, one each, that stand in for those of the registries: Node on Debian, unbound with nothing
 * beside it (its stock image has no shell either), Consul with curl and a shell, and the Debian root by itself.
 */
export async function imageArchives(
  directory: string,
  consul: string,
  from: Pick<PackageRequest, "mirror" | "root">,
): Promise<string[]> {
  mkdirSync(directory, { recursive: true });
  const base = await layer(join(directory, "base.layer"), from.root);
  const node = await unpacked(join(directory, "node"), { ...from, packages: PACKAGES.node });
  const unbound = await unpacked(join(directory, "unbound"), { ...from, packages: PACKAGES.unbound });
  const layers: Record<ImageName, string[]> = {
    base: [base],
    node: [base, await layer(join(directory, "node.layer"), node)],
    unbound: [await unboundAlone(directory, from.root, unbound)],
    consul: [base, await consulLayer(directory, consul)],
  };
  const archives = IMAGES.map((name) => join(directory, `${name}.tar`));
  for (const [index, name] of IMAGES.entries()) await writeArchive(archives[index]!, name, layers[name]);
  return archives;
}

/** What the archives are made from: others are the same while this is. */
export const imageRecipe = (): unknown => [PACKAGES, CONSUL_ENTRY_POINT];

const IMAGES: readonly ImageName[] = ["base", "node", "unbound", "consul"];
const PACKAGES = { node: ["nodejs", "bind9-dnsutils"], unbound: ["unbound", "dns-root-data"] };

/** Programs of unbound with the libraries they load, and nothing else: no shell, no file of the packages beside. */
async function unboundAlone(directory: string, root: string, packages: string): Promise<string> {
  const alone = join(directory, "alone");
  const programs = ["unbound", "unbound-control", "unbound-checkconf"].map((name) => `/usr/sbin/${name}`);
  // The loader of the root itself says what is loaded, whatever this machine's C library is.
  const find = [
    `mkdir -p ${directory}/whole`,
    `mount -t overlay -o ro,lowerdir=${packages}:${root} overlay ${directory}/whole`,
    `chroot ${directory}/whole ldd ${programs.join(" ")}`,
  ];
  const said = await run("unshare", ["--mount", "sh", "-euc", find.join("\n")]);
  rmSync(join(directory, "whole"), { recursive: true });
  // Packages bring their files in /usr, where /lib and /lib64 lead.
  const libraries = [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path]) =>
    path!.replace(/^\/lib/, "/usr/lib"),
  );
  for (const path of new Set([...programs, ...libraries])) {
    const real = [packages, root].map((tree) => join(tree, path)).find((file) => existsSync(file));
    if (real === undefined)
      throw new Error(`unbound loads ${path}, which neither its packages nor the root hold`);
    const to = join(alone, path);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(real, to, { dereference: true });
  }
  for (const name of ["lib", "lib64"]) symlinkSync(`usr/${name}`, join(alone, name));
  mkdirSync(join(alone, "tmp"), { recursive: true });
  return layer(join(directory, "unbound.layer"), alone);
}

async function consulLayer(directory: string, consul: string): Promise<string> {
  const tree = join(directory, "consul");
  mkdirSync(join(tree, "usr/local/bin"), { recursive: true });
  cpSync(join(consul, "usr/bin/consul"), join(tree, "usr/bin/consul"));
  writeFileSync(join(tree, "usr/local/bin/docker-entrypoint.sh"), CONSUL_ENTRY_POINT, { mode: 0o755 });
  return layer(join(directory, "consul.layer"), tree);
}

/** As the stock image has it, as far as the chart's command line needs it. */
const CONSUL_ENTRY_POINT = `#!/bin/sh
set -eu
exec "$@" -data-dir=/consul/data
`;

async function layer(file: string, tree: string): Promise<string> {
  await run("tar", [
    "--create",
    "--file",
    file,
    "--directory",
    tree,
    "--numeric-owner",
    "--exclude=./dev/*",
    ".",
  ]);
  return file;
}

/** Writes an image as `docker save` does. */
async function writeArchive(file: string, name: ImageName, layers: readonly string[]): Promise<void> {
  const work = `${file}.work`;
  mkdirSync(work);
  const config = JSON.stringify({
    architecture: await architecture(),
    os: "linux",
    // The image of the sandboxes too: they need something that stays.
    config: {
      Cmd: ["sleep", "infinity"],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    },
    rootfs: { type: "layers", diff_ids: layers.map((each) => `sha256:${sha256(each)}`) },
  });
  writeFileSync(join(work, "config.json"), config);
  const names = layers.map((each) => each.split("/").at(-1)!);
  const manifest = [{ Config: "config.json", RepoTags: [imageTag(name)], Layers: names }];
  writeFileSync(join(work, "manifest.json"), JSON.stringify(manifest));
  await run("tar", [
    ...["--create", "--file", file, "--directory", work, "manifest.json", "config.json"],
    ...["--directory", dirname(layers[0]!), ...names],
  ]);
  rmSync(work, { recursive: true });
}

const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
