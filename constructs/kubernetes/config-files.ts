import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { ConfigMapV1 } from "@cdktf/provider-kubernetes/lib/config-map-v1";
import { AssetType, Fn, TerraformAsset, Token } from "cdktf";
import { Construct } from "constructs";
import { type AssetContent, type TextContent } from "../host";
import { OWN_LABELS } from "./own-labels";
import { asTemplate } from "../grammar/terraform-text";

/** Keys and values of one ConfigMap may not come to more. */
const CONFIG_MAP_BYTES = 1024 * 1024;

export interface ConfigFilesProps {
  /** What the ConfigMap's name begins with; a hash of the files follows. */
  readonly name: string;
  /** Namespace of the pods. */
  readonly namespace: string;
  /** Content by file name. */
  readonly files: Readonly<Record<string, TextContent | AssetContent>>;
  /** Files by name whose bytes are no text. @default {} */
  readonly binary?: Readonly<Record<string, AssetContent>>;
  /**
   * What of all that the pods are given only a start takes notice of. Other files are then written into the same
   * ConfigMap, for whoever mounts it to read again; where this is another, there is another ConfigMap.
   * @default - all of the files: the ConfigMap never changes
   */
  readonly readAtStart?: readonly string[];
}

/**
 * Files for pods to mount. The ConfigMap never changes: other content makes another one, so that pods which
 * mount it are replaced in the order their Deployment keeps, and those not yet replaced still find theirs. Where pods
 * read them again, that is so for what only a start takes notice of.
 */
export class ConfigFiles extends Construct {
  /** Name of the ConfigMap. */
  readonly configMapName: string;
  /** SHA-256 of the files with their names, in hexadecimal, as a pod computes it of the folder where they are mounted. */
  readonly digest: string;

  /** @throws Error when the files do not fit a ConfigMap or their content is not known at synth */
  constructor(scope: Construct, id: string, props: ConfigFilesProps) {
    super(scope, id);
    const { name, namespace, files, binary = {}, readAtStart } = props;
    for (const [file, content] of Object.entries(files)) refuseUnknown(name, file, content);
    const all = { ...files, ...binary };
    refuseTooLarge(name, all);
    this.digest = digestOf(all);
    const named = readAtStart === undefined ? hashOf(all) : sha256(readAtStart.join("\0"));
    const map = new ConfigMapV1(this, "config-map", {
      metadata: { name: `${name}-${named.slice(0, 10)}`, namespace, labels: OWN_LABELS },
      data: Object.fromEntries(
        Object.entries(files).map(([file, content]) => [file, this.expression(file, content)]),
      ),
      ...(Object.keys(binary).length === 0
        ? {}
        : {
            binaryData: Object.fromEntries(
              Object.entries(binary).map(([file, content]) => [
                file,
                Fn.filebase64(this.asset(file, content).path),
              ]),
            ),
          }),
      immutable: readAtStart === undefined,
      lifecycle: { createBeforeDestroy: true },
    });
    this.configMapName = map.metadata.name;
  }

  /** An asset's text is read when Terraform runs, and nothing in it is taken for an expression. */
  private expression(file: string, content: TextContent | AssetContent): string {
    if (content.kind === "text") return asTemplate(content.text);
    return Fn.file(this.asset(file, content).path);
  }

  private asset(file: string, { source, sha256 }: AssetContent): TerraformAsset {
    return new TerraformAsset(this, file, { path: source, type: AssetType.FILE, assetHash: sha256 });
  }
}

/** What an immutable one is named by. */
function hashOf(files: ConfigFilesProps["files"]): string {
  const hash = createHash("sha256");
  for (const [file, content] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${file}\0${content.kind === "text" ? content.text : content.sha256}\0`);
  }
  return hash.digest("hex");
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The same as await-ready.mjs has a pod compute of a folder. */
function digestOf(files: ConfigFilesProps["files"]): string {
  const listed = Object.entries(files).map(
    ([file, content]) => `${file} ${content.kind === "text" ? sha256(content.text) : content.sha256}\n`,
  );
  return sha256(listed.sort().join(""));
}

function refuseUnknown(name: string, file: string, content: TextContent | AssetContent): void {
  if (content.kind === "text" && Token.isUnresolved(content.text)) {
    throw new Error(
      `config map ${name}: content of ${file} must be known at synth, got: a Terraform expression`,
    );
  }
}

function refuseTooLarge(name: string, files: ConfigFilesProps["files"]): void {
  const sizes = Object.entries(files).map(([file, content]) => {
    const bytes = content.kind === "text" ? Buffer.byteLength(content.text) : statSync(content.source).size;
    return { file, bytes: bytes + Buffer.byteLength(file) };
  });
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= CONFIG_MAP_BYTES) return;
  const listed = sizes.map(({ file, bytes }) => `${file} ${bytes}`).join(", ");
  throw new Error(
    `config map ${name}: files must come to at most ${CONFIG_MAP_BYTES} bytes, got: ${total} (${listed})`,
  );
}
