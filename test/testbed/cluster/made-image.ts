import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../command";
import { type Cluster } from "./cluster";
import { type ImageName, imageTag } from "./images";

export interface MadeImageProps {
  /** Name of the image, without a registry. */
  readonly name: string;
  /** Where it may be made. */
  readonly directory: string;
  /** What it is put on. @default "node" */
  readonly on?: ImageName;
  /** Texts by path below the root; whoever may read them may run them. */
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

interface Described {
  readonly digest: string;
  readonly size: number;
}

/**
 * Puts an image on every node: files of one's own on one that they have. It is made of nothing but what comes on
 * top, since the nodes have the rest. @returns its name, by digest
 */
export async function madeImage(cluster: Cluster, props: MadeImageProps): Promise<string> {
  const work = join(props.directory, `${props.name}.work`);
  const layer = join(work, "layer.tar");
  for (const [path, text] of Object.entries(props.files)) {
    const file = join(work, "root", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o755 });
  }
  await run("tar", ["--create", "--file", layer, "--directory", join(work, "root"), ...AS_ROOT, "."]);
  const [node] = cluster.nodes;
  const read = async (digest: string) =>
    JSON.parse(await node!.run("ctr", "-n", "k8s.io", "content", "get", digest)) as never;
  const listed = await node!.run(
    "ctr",
    "-n",
    "k8s.io",
    "images",
    "ls",
    `name==${imageTag(props.on ?? "node")}`,
  );
  const [digest] = /sha256:[0-9a-f]{64}/.exec(listed)!;
  const base: { config: Described; layers: Described[] } = await read(digest);
  const { rootfs, ...config }: { rootfs: { diff_ids: string[] } } = await read(base.config.digest);

  const blobs = join(work, "oci/blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const blob = (mediaType: string, content: Buffer) => {
    const sha256 = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(blobs, sha256), content);
    return { mediaType, digest: `sha256:${sha256}`, size: content.length };
  };
  const json = (mediaType: string, value: object) => blob(mediaType, Buffer.from(JSON.stringify(value)));
  const top = blob(`${OCI}.layer.v1.tar`, readFileSync(layer));
  const manifest = json(`${OCI}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: json(`${OCI}.config.v1+json`, {
      ...config,
      config: {
        Cmd: props.command,
        Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      },
      rootfs: { ...rootfs, diff_ids: [...rootfs.diff_ids, top.digest] },
    }),
    layers: [
      ...base.layers.map(({ digest, size }) => ({ mediaType: `${OCI}.layer.v1.tar`, digest, size })),
      top,
    ],
  });
  const name = `testbed.invalid/${props.name}@${manifest.digest}`;
  const named = { ...manifest, annotations: { "io.containerd.image.name": name } };
  writeFileSync(join(work, "oci/index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  writeFileSync(join(work, "oci/oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const archive = join(props.directory, `${props.name}.tar`);
  await run("tar", ["--create", "--file", archive, "--directory", join(work, "oci"), "."]);
  await Promise.all(cluster.nodes.map((each) => each.importImage(archive)));
  for (const left of [work, archive]) rmSync(left, { recursive: true });
  return name;
}

const OCI = "application/vnd.oci.image";

/** The same bytes whoever makes it. */
const AS_ROOT = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--sort=name"];
