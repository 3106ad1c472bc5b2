import { isVersion } from "../../constructs/host/package-version";
import { type Contents, fileChanges, packageChanges, serviceName, versionsOf } from "../matters/contents";
import { type DifferenceLine } from "../matters/line-difference";
import { readHostDocument } from "../matters/host-document";
import { type StackHost } from "../matters/stack-hosts";
import { type Inspected, type Inspection } from "./inspection";

/** One thing that is not as it shall be. */
export interface DriftItem {
  /** Path of a file, name of a package or service. */
  readonly what: string;
  /** What is otherwise, e.g. `changed on the host`. */
  readonly how: string;
  /** The host against its record of the last delivery, or that record against today's profile. */
  readonly compared: "host with record" | "record with profile";
  /** Of texts that may be shown. */
  readonly difference?: readonly DifferenceLine[];
}

export interface HostDrift {
  readonly host: string;
  readonly state: "as it shall be" | "differs" | "never deployed to" | "out of reach";
  /** Why it is out of reach. */
  readonly reason?: string;
  readonly items: readonly DriftItem[];
}

/**
 * Compares a host with its record, and the record with what a deploy would deliver today.
 *
 * @param document what the host shall hold, computed
 * @param missing variables without values: secrets that come of them are not compared
 */
export function hostDrift(
  host: StackHost,
  inspected: Inspected,
  document: string,
  missing: readonly string[],
): HostDrift {
  if (!inspected.reached)
    return { host: host.name, state: "out of reach", reason: inspected.reason, items: [] };
  const { inspection } = inspected;
  if (inspection.document === undefined) return { host: host.name, state: "never deployed to", items: [] };
  const record = readHostDocument(inspection.document);
  const items = [
    ...hostAgainstRecord(inspection, record),
    ...recordAgainstProfile(record, comparable(readHostDocument(document), record, host.contents, missing)),
  ];
  return { host: host.name, state: items.length === 0 ? "as it shall be" : "differs", items };
}

function hostAgainstRecord(inspection: Inspection, record: Contents): DriftItem[] {
  const item = (what: string, how: string): DriftItem => ({ what, how, compared: "host with record" });
  const files = [...inspection.files].flatMap(([path, found]) => {
    if (found === undefined) return [item(path, "is missing")];
    const held = record.files.get(path);
    // Keys that the host fetches itself are in no record.
    if (held === undefined) return [];
    if (found.sha256 !== held.version) return [item(path, "changed on the host")];
    return found.attributes === held.attributes
      ? []
      : [item(path, `is ${found.attributes}, not ${held.attributes}`)];
  });
  const wanted = versionsOf(record.packages);
  const packages = [...inspection.packages].flatMap(([name, version]) => {
    const pinned = wanted.get(name);
    if (version === undefined) return [item(name, "is not installed")];
    return pinned === undefined || isVersion(version, pinned)
      ? []
      : [item(name, `is ${version}, not ${pinned}`)];
  });
  const services = [...inspection.services].flatMap(([name, { enablement, activity }]) => [
    ...(activity === "active" ? [] : [item(name, `is ${activity}`)]),
    ...(enablement === "on" ? [] : [item(name, `is ${enablement}: it would not start with the host`)]),
  ]);
  return [
    ...files,
    ...packages,
    ...services,
    ...inspection.due.map((name) => item(name, "is due for a restart")),
    ...(inspection.isStaged ? [item("delivery", "has begun and is not active")] : []),
  ];
}

/** What shall be held, with the secrets that cannot be computed here taken for what they are. */
function comparable(
  today: Contents,
  record: Contents,
  configured: Contents,
  missing: readonly string[],
): Contents {
  if (missing.length === 0) return today;
  const files = [...today.files].map(([path, file]) => {
    const { version = "" } = configured.files.get(path) ?? {};
    const isUnknown = missing.some((name) => new RegExp(`\\bvar\\.${name}\\b`).test(version));
    return [path, (isUnknown ? record.files.get(path) : undefined) ?? file] as const;
  });
  return { ...today, files: new Map(files) };
}

function recordAgainstProfile(record: Contents, today: Contents): DriftItem[] {
  const compared = "record with profile";
  const services = new Map(today.services.map((service) => [service.name, service]));
  return [
    ...packageChanges(record.packages, today.packages).map(({ what }) => ({
      what: "packages",
      how: `a deploy ${what}`,
      compared,
    })),
    ...fileChanges(record.files, today.files).map(({ what, subject = "", difference }) => ({
      what: subject,
      how: `a deploy would deliver another: ${what}`,
      compared,
      difference,
    })),
    ...record.services.flatMap(({ name, version }) => {
      const wanted = services.get(name);
      if (wanted?.version === version) return [];
      const how = wanted === undefined ? "a deploy would take it away" : "a deploy would run it otherwise";
      return [{ what: name, how, compared }];
    }),
    ...today.services
      .filter(({ name }) => !record.services.some((one) => one.name === name))
      .map(({ name }) => ({ what: serviceName(name), how: "a deploy would add it", compared })),
  ] as DriftItem[];
}
