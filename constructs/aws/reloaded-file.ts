import { posix } from "node:path";
import { shellWord } from "../grammar/shell-word";
import { attributes, sha256 } from "../host/apply-document";
import type { FileContent, HostFile, HostProfile, HostService, TextContent } from "../host";
import type { NewestAsset } from "./asset-bucket";
import type { PolicyStatement } from "./policy";

/** A file of a profile that machines take as they run, so that none is replaced for it. */
export interface ReloadedFile extends HostFile {
  readonly content: TextContent & { readonly readAtStart: string };
}

export const isReloaded = (file: HostFile): file is ReloadedFile =>
  file.content.kind === "text" && file.content.readAtStart !== undefined;

/**
 * A digest of all that a machine must have started with to take the file by a reload: what of the file only a start takes
 * notice of, and whatever else the services read that read it.
 *
 * @throws Error for a file that no service reads, or one of them cannot take by a reload
 */
export function startDigest({ path, content }: ReloadedFile, profile: HostProfile): string {
  const readers = readersOf(path, profile);
  const others = new Set(readers.flatMap(({ reads }) => reads).filter((other) => other !== path));
  const lines = profile.files
    .filter((file) => others.has(file.path))
    .map((file) => `${file.path} ${attributes(file)} ${versionOf(file.content)}`);
  return sha256([content.readAtStart, ...lines].join("\n"));
}

/** A secret's value is its store's to tell: the file holds for any. */
function versionOf(content: FileContent): string {
  switch (content.kind) {
    case "asset":
      return content.sha256;
    case "text":
      return sha256(content.text);
    case "secret":
      return content.name;
  }
}

function readersOf(path: string, { services }: HostProfile): HostService[] {
  const readers = services.filter(({ reads }) => reads.includes(path));
  if (readers.length === 0)
    throw new Error(`${path} is read by no service: expected one that it is reloaded for`);
  for (const { name, reload, reads, reloadsFor = reads } of readers) {
    if (reload === undefined || !reloadsFor.includes(path))
      throw new Error(`${path}: expected services that take it by a reload, got: ${name}, which does not`);
  }
  return readers;
}

/**
 * Shell command by which a machine that boots writes the newest version of the file to standard output, of those that are
 * made for what it starts with: one that goes back to what it was finds the last that suits it.
 *
 * @param start digest of what it starts with
 */
export const fetchNewest = ({ bucket, key }: NewestAsset, start: string): string =>
  `file=$(mktemp) && for version in $(aws s3api list-object-versions --bucket ${bucket} --prefix ${key} ` +
  `--query "Versions[?Key=='${key}'].VersionId" --output text); do ` +
  `made=$(aws s3api get-object --bucket ${bucket} --key ${key} --version-id "$version" "$file" ` +
  `--query Metadata.${START} --output text) || exit; ` +
  `[[ $made != ${start} ]] || exec cat "$file"; done; ` +
  `echo "no version of ${key} is for what this machine starts with" >&2; exit 1`;

/** The object's key in that command, as a word of a host's document. */
export const keyOfNewest = (command: string): string | undefined =>
  /--prefix(?: |%20)(\S+?)(?: |%20)--query/.exec(command)?.[1];

/** Name under which an object tells what its content is made for. */
export const START = "start";

/** What fetching such files takes. */
export function newestPermissions(files: readonly NewestAsset[]): PolicyStatement[] {
  const buckets = [...new Set(files.map(({ bucketArn }) => bucketArn))];
  return buckets.length === 0
    ? []
    : [
        {
          sid: "FindNewestFiles",
          actions: ["s3:ListBucketVersions"],
          resources: buckets,
          condition: { StringEquals: { "s3:prefix": files.map(({ key }) => key) } },
        },
      ];
}

/**
 * A bash program that has a running machine take one version of the file: verified beside those that its services read
 * besides, put in place in one rename, and taken by each service's reload. Where a service refuses it, the old one is back
 * in place. It ends with 1 where it is refused, with 0 where it is in force, each time with the services' own last words;
 * with another code where it could not be tried.
 */
export function takeFile(
  file: ReloadedFile,
  profile: HostProfile,
  stored: NewestAsset,
  awsRegion: string,
): string {
  const { path, mode = "0644", owner = "root", group = "root" } = file;
  const readers = readersOf(path, profile);
  const beside = [...new Set(readers.flatMap(({ reads }) => reads))].filter((other) => other !== path);
  const verified = readers.flatMap(({ verify }) => (verify === undefined ? [] : [verify]));
  return `#!/bin/bash
set -euo pipefail
export AWS_REGION=${awsRegion} AWS_DEFAULT_REGION=${awsRegion} STAGED
file=${path}
STAGED=$(mktemp -d /var/lib/tricloud/reload.XXXXXXXX) || exit 3
trap 'rm -rf "$STAGED" "$STAGED.said"' EXIT
# What is said of a command is cut off at its end, where the last word is.
run() { bash -c "$1" >"$STAGED.said" 2>&1 </dev/null; }
said() { tail -n 3 "$STAGED.said" | cut -c -1000; }
replace() {
  local new
  new=$(mktemp "\${file%/*}/.tricloud.XXXXXXXX") && cp -a "$1" "$new" && sync "$new" && mv -fT "$new" "$file" && return
  rm -f "$new"
  exit 3
}
cp -a --parents ${[path, ...beside].join(" ")} "$STAGED" || exit 3
cp -a "$file" "$STAGED/before" || exit 3
aws s3api get-object --bucket ${stored.bucket} --key ${stored.key} --version-id ${stored.versionId} "$STAGED$file" >/dev/null || exit 3
chown ${owner}:${group} "$STAGED$file" && chmod ${mode} "$STAGED$file" || exit 3
${verified.map((command) => `run ${shellWord(command)} || { said; exit 1; }`).join("\n")}
replace "$STAGED$file"
${readers
  .map(
    ({ reload }) =>
      `run ${shellWord(reload!)} || { code=$?; replace "$STAGED/before"; said; exit "$code"; }\nsaid`,
  )
  .join("\n")}
`;
}

/** Where the file lies in a bucket that has those of several groups. */
export const keyOf = (groupName: string, path: string): string => posix.join(groupName, path);

/** The file's path on machines. */
export const pathOf = (key: string): string => key.slice(key.indexOf("/"));
