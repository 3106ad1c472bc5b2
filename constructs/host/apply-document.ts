import { createHash } from "node:crypto";
import { Fn, Token } from "cdktf";
import { profileAptFiles } from "./apt-files";
import type { AptSource, HostFile, HostProfile, HostService } from "./host-profile";

/*
 * The text that tells the programs in `apply/` what a host must hold: one line a thing, its kind first, fields parted
 * by single spaces. Commands are words of `word()`; "-" stands for none.
 *
 *   aptkey  NAME URL FINGERPRINTS(comma-separated)
 *   aptfile MODE OWNER GROUP PATH SHA256 CONTENT
 *   package NAME [VERSION]
 *   file    MODE OWNER GROUP PATH SHA256 CONTENT
 *   service NAME RELOAD GATE VERIFY HEALTH HEALTH_TIMEOUT_SECONDS READS(comma-separated paths) [RUNS(comma-separated packages) [RELOADS_FOR(paths)]]
 *
 * CONTENT is one of `inline BASE64`, `asset NAME` (beside the document), `command COMMAND` (its standard output) and
 * `staged -` (there already). On a machine's first boot there are besides:
 *
 *   environment NAME VALUE
 *   prepare     COMMAND   run by the program itself once packages are installed
 *   healthy     COMMAND   run at the end
 *   unhealthy   COMMAND   run when anything has failed
 */

const DEFAULT_HEALTH_TIMEOUT_SECONDS = 30;

/** What a line says of a file's content. */
export interface ContentFields {
  /** `undefined` where the program takes it as it comes. */
  readonly sha256?: string;
  readonly how: "inline" | "asset" | "command" | "staged";
  readonly what: string;
}

/** The lines for `profile`, with the contents of its files found by `contentOf`. */
export function applyDocument(
  profile: HostProfile,
  contentOf: (file: HostFile) => ContentFields,
  more: readonly string[] = [],
): string {
  const fileLine = (kind: "file" | "aptfile", file: HostFile) => {
    const { sha256 = "-", how, what } = contentOf(file);
    return [kind, attributes(file), file.path, sha256, how, what].join(" ");
  };
  return [
    ...profile.aptSources.flatMap(keyLines),
    ...profileAptFiles(profile).map((file) => fileLine("aptfile", file)),
    ...profile.packages.map((wanted) => `package ${wanted.replace("=", " ")}`),
    ...profile.files.map((file) => fileLine("file", file)),
    ...profile.services.map(serviceLine),
    ...more,
    "",
  ].join("\n");
}

/** Mode, owner and group as the lines of files have them. */
export const attributes = ({ mode = "0644", owner = "root", group = "root" }: HostFile): string =>
  `${mode} ${owner} ${group}`;

/** What tells the host to fetch the source's key, if it is to be fetched: no line or one. */
export const keyLines = ({ name, keyUrl, keyFingerprint }: AptSource): string[] =>
  keyUrl === undefined ? [] : [`aptkey ${name} ${keyUrl} ${[keyFingerprint ?? []].flat().join(",")}`];

export function serviceLine(service: HostService): string {
  const { name, reload, gate, verify, health, reads, runs = [], reloadsFor = [] } = service;
  const list = (items: readonly string[]): string => (items.length > 0 ? items.join(",") : "-");
  return [
    "service",
    name,
    ...[reload, gate, verify, health?.command].map((command) =>
      command === undefined ? "-" : word(command),
    ),
    health?.timeoutSeconds ?? DEFAULT_HEALTH_TIMEOUT_SECONDS,
    list(reads),
    ...(runs.length > 0 || reloadsFor.length > 0 ? [list(runs)] : []),
    ...(reloadsFor.length > 0 ? [list(reloadsFor)] : []),
  ].join(" ");
}

/**
 * Any text as one field: spaces, control characters, `%` and `\` become `%XX`. What a Terraform expression in it
 * resolves to must be free of those.
 */
export function word(text: string): string {
  if (text === "" || text === "-") return text === "" ? "-" : "%2D";
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\x00-\x20\x7f%\\]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

/** Many hosts hold the same text, and each text is needed several times: compute once. */
function remembered(compute: (value: string) => string): (value: string) => string {
  const results = new Map<string, string>();
  return (value) => {
    const known = results.get(value);
    if (known !== undefined) return known;
    const result = compute(value);
    results.set(value, result);
    return result;
  };
}

/** Hex SHA-256, as an expression where the value is one. */
export const sha256 = remembered((value) =>
  Token.isUnresolved(value) ? Fn.sha256(value) : createHash("sha256").update(value).digest("hex"),
);

/** Base64, as an expression where the value is one. */
export const base64 = remembered((value) =>
  Token.isUnresolved(value) ? Fn.base64encode(value) : Buffer.from(value).toString("base64"),
);
