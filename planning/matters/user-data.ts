import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { BOOT_PROGRAM, BOOT_DOCUMENT, STAGED_FILES } from "../../constructs/host/boot-paths";
import { type Contents, EMPTY_CONTENTS } from "./contents";
import { readHostDocument } from "./host-document";

interface CloudConfig {
  readonly write_files?: ReadonlyArray<{ readonly path: string; readonly content?: string }>;
}

/**
 * What a machine's user data, a cloud-config document of ours, has it hold. Another document holds nothing known.
 *
 * @param fetched texts that machines fetch, by SHA-256 and by key
 */
export function readUserData(text: string, fetched: ReadonlyMap<string, string>): Contents {
  let config: CloudConfig | null;
  try {
    config = parse(text) as CloudConfig | null;
  } catch {
    return EMPTY_CONTENTS;
  }
  const written = new Map((config?.write_files ?? []).map(({ path, content = "" }) => [path, content]));
  const staged = new Map(
    [...written].flatMap(([path, content]) =>
      path.startsWith(STAGED_FILES) ? [[path.slice(STAGED_FILES.length), content] as const] : [],
    ),
  );
  const contents = readHostDocument(written.get(BOOT_DOCUMENT) ?? "", staged, fetched);
  const program = written.get(BOOT_PROGRAM);
  if (program === undefined) return contents;
  const files = new Map(contents.files);
  files.set(BOOT_PROGRAM, { attributes: "0700 root root", kind: "asset", version: program });
  return { ...contents, files };
}

/** The text in a launch template's `user_data`: base64, mostly of compressed text. */
export function decodeUserData(encoded: string): string {
  const bytes = Buffer.from(encoded, "base64");
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("utf8");
}
