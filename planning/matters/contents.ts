import { type DifferenceLine, lineDifference } from "./line-difference";

/** A file as one side of a comparison knows it. */
export interface HeldFile {
  /** Mode, owner and group, as `0644 root root`; empty where a file has none. */
  readonly attributes: string;
  /** Tells one version from another: a digest, or the text itself. */
  readonly version: string;
  /** A secret's text is never shown, and an asset's is nobody's to read. */
  readonly kind: "text" | "asset" | "secret";
  /** What it holds; absent for secrets and assets. */
  readonly text?: string;
}

export interface HeldService {
  /** Unit name with suffix. */
  readonly name: string;
  /** Whether it takes new files without a restart. */
  readonly reloads: boolean;
  /** Paths of the files whose change it must take. */
  readonly reads: readonly string[];
  /** Those of them that a reload is enough for; undefined for all. */
  readonly reloadsFor?: readonly string[];
  /** Packages whose change to another version it must take, by a restart. */
  readonly runs: readonly string[];
  /** Everything that is said of it. */
  readonly version: string;
}

/** What a machine, or each of a group, shall hold. */
export interface Contents {
  readonly files: ReadonlyMap<string, HeldFile>;
  /** `NAME`, or `NAME VERSION` where it is wanted in one version. */
  readonly packages: readonly string[];
  readonly services: readonly HeldService[];
}

/** One thing that changes, in words that follow the name of the place. */
export interface Change {
  /** For example `proxy.json changes`. */
  readonly what: string;
  /** Absolute path or key of a file, name of a service; nothing for packages. */
  readonly subject?: string;
  /** The text's difference, where both sides are known and may be shown. */
  readonly difference?: readonly DifferenceLine[];
}

/** What becomes of the files when `before` becomes `after`. */
export function fileChanges(
  before: ReadonlyMap<string, HeldFile>,
  after: ReadonlyMap<string, HeldFile>,
): Change[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  return paths.flatMap((path) => fileChange(path, before.get(path), after.get(path)) ?? []);
}

/** What becomes of one file; nothing when both are the same. */
export function fileChange(
  path: string,
  before: HeldFile | undefined,
  after: HeldFile | undefined,
): Change | undefined {
  const name = shortName(path);
  if (before === undefined && after === undefined) return undefined;
  if (before === undefined) return { what: `${name} is new`, subject: path, ...difference(before, after) };
  if (after === undefined) return { what: `${name} goes`, subject: path, ...difference(before, after) };
  if (before.version === after.version) {
    if (before.attributes === after.attributes) return undefined;
    return { what: `${name} becomes ${after.attributes} (was ${before.attributes})`, subject: path };
  }
  const shown = difference(before, after);
  return { what: `${name} changes${shown.difference ? "" : hidden(before, after)}`, subject: path, ...shown };
}

function hidden(before: HeldFile, after: HeldFile): string {
  if (before.kind === "secret" || after.kind === "secret") return " (secret)";
  return after.kind === "asset" ? " (program)" : " (its text is not known here)";
}

function difference(
  before: HeldFile | undefined,
  after: HeldFile | undefined,
): { readonly difference?: readonly DifferenceLine[] } {
  if ([before, after].some((side) => side !== undefined && side.text === undefined)) return {};
  return { difference: lineDifference(before?.text ?? "", after?.text ?? "") };
}

/** Packages that come and go, as one change each, and those that are wanted in another version. */
export function packageChanges(before: readonly string[], after: readonly string[]): Change[] {
  const [held, wanted] = [versionsOf(before), versionsOf(after)];
  const come = after.filter((one) => !held.has(nameOf(one)));
  const go = [...held.keys()].filter((name) => !wanted.has(name));
  return [
    ...changedVersions(before, after).map((name) => ({
      what: `${name} goes from ${held.get(name) ?? "whatever version is there"} to ${wanted.get(name)}`,
    })),
    ...(come.length > 0 ? [{ what: `installs ${come.join(", ")}` }] : []),
    ...(go.length > 0 ? [{ what: `removes ${go.join(", ")}` }] : []),
  ];
}

/** Names of packages that are wanted in another version than before. */
export function changedVersions(before: readonly string[], after: readonly string[]): string[] {
  const held = versionsOf(before);
  return [...versionsOf(after)].flatMap(([name, version]) =>
    held.has(name) && version !== undefined && version !== held.get(name) ? [name] : [],
  );
}

const nameOf = (one: string): string => one.split(" ", 1)[0] ?? "";
/** The versions that are wanted, by the packages' names. */
export const versionsOf = (packages: readonly string[]): Map<string, string | undefined> =>
  new Map(packages.map((one) => [nameOf(one), one.split(" ")[1]]));

/** The last part of a path says enough where lines are short; the whole path stands above its difference. */
export const shortName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** A unit's name as people say it. */
export const serviceName = (unit: string): string => unit.replace(/\.service$/, "");

export const EMPTY_CONTENTS: Contents = { files: new Map(), packages: [], services: [] };
