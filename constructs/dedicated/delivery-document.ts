import { basename } from "node:path";
import { createHash } from "node:crypto";
import { Fn, Token } from "cdktf";
import type { FileContent, HostFile, HostProfile, HostService } from "../host";
import { aptFiles } from "../host/apt-files";

/*
 * The text that `host-apply.sh` reads: one line a thing, its kind first, fields parted by single spaces, free text in
 * base64 and "-" for none.
 *
 *   aptkey  NAME URL FINGERPRINT
 *   aptfile MODE OWNER GROUP PATH SHA256 inline BASE64
 *   package NAME
 *   file    MODE OWNER GROUP PATH SHA256 (inline BASE64 | asset NAME)
 *   service NAME RELOAD GATE VERIFY HEALTH HEALTH_TIMEOUT_SECONDS READS(comma-separated paths)
 */

const DEFAULT_HEALTH_TIMEOUT_SECONDS = 30;

/** The document that makes a host hold `profile`. */
export function deliveryDocument(profile: HostProfile): string {
  return [
    ...profile.aptSources.flatMap((source) =>
      source.keyUrl === undefined ? [] : [`aptkey ${source.name} ${source.keyUrl} ${source.keyFingerprint}`],
    ),
    ...profile.aptSources.flatMap(aptFiles).map((file) => fileLine("aptfile", file)),
    ...profile.packages.map((name) => `package ${name}`),
    ...profile.files.map((file) => fileLine("file", file)),
    ...profile.services.map(serviceLine),
    "",
  ].join("\n");
}

/**
 * A digest for each thing the document speaks of, by its name: what a plan shows as changed when it changes.
 */
export function deliveryDigests(profile: HostProfile): Record<string, string> {
  return Object.fromEntries([
    ...(profile.packages.length > 0 ? [["packages", profile.packages.join(" ")]] : []),
    ...profile.aptSources.flatMap(aptFiles).map((file) => [file.path, fileDigest(file)]),
    ...profile.files.map((file) => [file.path, fileDigest(file)]),
    ...profile.services.map((service) => [service.name, shortDigest(serviceLine(service))]),
  ]) as Record<string, string>;
}

/** Name under which an asset lies beside the document. */
export const assetName = (content: FileContent & { kind: "asset" }): string =>
  `${content.sha256.slice(0, 12)}-${basename(content.source)}`;

function fileLine(kind: "file" | "aptfile", file: HostFile): string {
  const { mode = "0644", owner = "root", group = "root", path, content } = file;
  return [kind, mode, owner, group, path, contentSha256(content), ...contentFields(content)].join(" ");
}

function contentFields(content: FileContent): [how: "inline" | "asset", what: string] {
  switch (content.kind) {
    case "asset":
      return ["asset", assetName(content)];
    case "text":
      return ["inline", base64(content.text)];
    case "secret":
      return ["inline", base64(content.value)];
  }
}

function contentSha256(content: FileContent): string {
  switch (content.kind) {
    case "asset":
      return content.sha256;
    case "text":
      return sha256(content.text);
    case "secret":
      return sha256(content.value);
  }
}

function fileDigest(file: HostFile): string {
  const digest = contentSha256(file.content);
  const attributes = [file.mode ?? "0644", file.owner ?? "root", file.group ?? "root"].join(" ");
  return `${attributes} ${Token.isUnresolved(digest) ? digest : digest.slice(0, SHOWN_DIGITS)}`;
}

function serviceLine(service: HostService): string {
  const { name, reload, gate, verify, health, reads } = service;
  return [
    "service",
    name,
    ...[reload, gate, verify, health?.command].map((command) =>
      command === undefined ? "-" : base64(command),
    ),
    health?.timeoutSeconds ?? DEFAULT_HEALTH_TIMEOUT_SECONDS,
    reads.length > 0 ? reads.join(",") : "-",
  ].join(" ");
}

/** Enough of a SHA-256 to tell two versions apart in a plan. */
const SHOWN_DIGITS = 16;

const shortDigest = (value: string): string => sha256(value).slice(0, SHOWN_DIGITS);

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

const sha256 = remembered((value) =>
  Token.isUnresolved(value) ? Fn.sha256(value) : createHash("sha256").update(value).digest("hex"),
);

const base64 = remembered((value) =>
  Token.isUnresolved(value) ? Fn.base64encode(value) : Buffer.from(value).toString("base64"),
);
