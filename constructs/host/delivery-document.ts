import { basename } from "node:path";
import { Token } from "cdktf";
import {
  applyDocument,
  attributes,
  base64,
  type ContentFields,
  keyLines,
  serviceLine,
  sha256,
} from "./apply-document";
import { profileAptFiles } from "./apt-files";
import type { FileContent, HostFile, HostProfile } from "./host-profile";

/** The document that, delivered with the assets it names, makes a host hold `profile`. */
export const deliveryDocument = (profile: HostProfile): string =>
  applyDocument(profile, ({ content }) => contentFields(content));

/**
 * A digest for each thing the document speaks of, by its name: what a plan shows as changed when it changes.
 */
export function deliveryDigests(profile: HostProfile): Record<string, string> {
  return Object.fromEntries([
    ...(profile.packages.length > 0 ? [["packages", profile.packages.join(" ")]] : []),
    ...profile.aptSources.flatMap((source) =>
      keyLines(source).map((line) => [`key of ${source.name}`, line.split(" ").slice(2).join(" ")]),
    ),
    ...profileAptFiles(profile).map((file) => [file.path, fileDigest(file)]),
    ...profile.files.map((file) => [file.path, fileDigest(file)]),
    ...profile.services.map((service) => [service.name, shortDigest(serviceLine(service))]),
  ]) as Record<string, string>;
}

/** Name under which an asset lies beside the document. */
export const assetName = (content: FileContent & { kind: "asset" }): string =>
  `${content.sha256.slice(0, 12)}-${basename(content.source)}`;

function contentFields(content: FileContent): ContentFields & { sha256: string } {
  switch (content.kind) {
    case "asset":
      return { sha256: content.sha256, how: "asset", what: assetName(content) };
    case "text":
      return { sha256: sha256(content.text), how: "inline", what: base64(content.text) };
    case "secret":
      return { sha256: sha256(content.value), how: "inline", what: base64(content.value) };
  }
}

function fileDigest(file: HostFile): string {
  const digest = contentFields(file.content).sha256;
  return `${attributes(file)} ${Token.isUnresolved(digest) ? digest : digest.slice(0, SHOWN_DIGITS)}`;
}

/** Enough of a SHA-256 to tell two versions apart in a plan. */
const SHOWN_DIGITS = 16;

const shortDigest = (value: string): string => sha256(value).slice(0, SHOWN_DIGITS);
