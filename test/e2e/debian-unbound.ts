import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Testbed } from "../testbed";
import { run } from "../testbed/command";

/** Debian 13's unbound and the packages of libraries it needs beyond a minimal system. */
const PACKAGES = [
  "unbound",
  "libevent-2.1-7t64",
  "libhiredis1.1.0",
  "libprotobuf-c1",
  "libpython3.13",
  "libpython3.13-minimal",
  "libpython3.13-stdlib",
];
const PROGRAMS = ["unbound", "unbound-checkconf", "unbound-control"];

/**
 * Lays out the unbound of Debian 13, which hosts run, in `folder` such that it runs on whatever this machine is: with
 * its own loader and libraries.
 */
export async function layOutDebianUnbound(folder: string): Promise<void> {
  const { root, archives } = await Testbed.prepare(() => undefined);
  const archive = join(archives, "debian");
  const content = join(folder, "debian");
  mkdirSync(content, { recursive: true });
  const files = readdirSync(archive);
  for (const name of PACKAGES) {
    const file = files.find((one) => one.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`${archive} holds no package ${name}`);
    await run("dpkg-deb", ["--extract", join(archive, file), content]);
  }
  const [triplet] = readdirSync(join(root, "usr/lib")).filter((name) => name.endsWith("-linux-gnu"));
  if (triplet === undefined) throw new Error(`${root}/usr/lib holds no libraries`);
  const libraries = [content, root].map((base) => join(base, "usr/lib", triplet));
  const [loader] = readdirSync(libraries[1]!).filter((name) => name.startsWith("ld-linux"));
  if (loader === undefined) throw new Error(`${libraries[1]} holds no loader`);
  for (const name of PROGRAMS) {
    const command = [
      join(libraries[1]!, loader),
      ...["--library-path", libraries.join(":")],
      join(content, "usr/sbin", name),
    ];
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\nexec ${command.join(" ")} "$@"\n`);
    chmodSync(path, 0o755);
  }
}
