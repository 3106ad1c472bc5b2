import { createHash } from "node:crypto";
import { keyOfNewest } from "../../constructs/aws/reloaded-file";
import { type Contents, type HeldFile, type HeldService } from "./contents";
import { holdsExpression } from "./template";

/** Bytes above which a text is a program's rather than one that people read. */
const LONGEST_TEXT = 64 * 1024;

/**
 * Reads the document that tells a host what to hold (`constructs/host/apply-document.ts` says what its lines are), as
 * synthesised, with its expressions, or as a host has recorded it.
 *
 * @param staged texts that lie on the machine already, by path
 * @param fetched texts that the machine fetches, by SHA-256 and by key
 */
export function readHostDocument(
  document: string,
  staged: ReadonlyMap<string, string> = new Map(),
  fetched: ReadonlyMap<string, string> = new Map(),
): Contents {
  const files = new Map<string, HeldFile>();
  const packages: string[] = [];
  const services: HeldService[] = [];
  for (const line of document.split("\n")) {
    const [kind = "", rest = ""] = splitOnce(line);
    if (kind === "package") packages.push(rest);
    else if (kind === "service") services.push(serviceOf(rest));
    else if (kind === "file" || kind === "aptfile") {
      // An expression in a field may hold spaces; the fields before it hold none.
      const [, attributes = "", path = "", content = ""] = /^(\S+ \S+ \S+) (\S+) ([^]*)$/.exec(rest) ?? [];
      files.set(path, fileOf(attributes, content, staged.get(path), fetched));
    }
  }
  return { files, packages, services };
}

function fileOf(
  attributes: string,
  content: string,
  staged: string | undefined,
  fetched: ReadonlyMap<string, string>,
): HeldFile {
  const [sha256 = "", how, what = ""] = content.split(" ");
  // What is known only during a deploy is a secret, unless it is how the machine fetches something.
  if (how !== "command" && holdsExpression(content)) return { attributes, kind: "secret", version: content };
  const version = sha256 === "-" ? content : sha256;
  switch (how) {
    case "inline":
      return textOf(attributes, Buffer.from(what, "base64").toString("utf8"), version);
    case "staged":
      return textOf(attributes, staged ?? "");
    case "asset":
      return { attributes, kind: "asset", version };
    default: {
      // A command fetches it on the machine: a text or an asset by its digest, a secret by its name.
      const newest = keyOfNewest(what);
      const text = fetched.get(newest ?? sha256);
      if (text !== undefined) return textOf(attributes, text, newest === undefined ? version : undefined);
      return { attributes, kind: sha256 === "-" ? "secret" : "asset", version };
    }
  }
}

/** A text file as one side of a comparison knows it. */
export function textOf(attributes: string, text: string, version = sha256Of(text)): HeldFile {
  // What others may not read is not shown either: a host's record does not say which texts are secrets.
  if (/^0?[0-7]{2}0 /.test(attributes)) return { attributes, kind: "secret", version };
  return text.length > LONGEST_TEXT
    ? { attributes, kind: "asset", version }
    : { attributes, kind: "text", version, text };
}

export const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

function serviceOf(line: string): HeldService {
  const [name = "", reload = "-", , , , , reads = "-", runs = "-", reloadsFor] = line.split(" ");
  return {
    name,
    reloads: reload !== "-",
    reads: reads === "-" ? [] : reads.split(","),
    runs: runs === "-" ? [] : runs.split(","),
    reloadsFor: reloadsFor?.split(","),
    version: line,
  };
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(" ");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
