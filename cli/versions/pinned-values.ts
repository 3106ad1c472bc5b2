import { HASHICORP_APT_SOURCE } from "../../constructs/dns/consul-apt-source";
import { CONSUL_CHART } from "../../constructs/kubernetes/consul-chart-repository";
import {
  DEBIAN_ARCHITECTURE,
  type Ec2Region,
  type GkeRegion,
  type Region,
} from "../../stacks/values/regions";
import { shortDigest } from "../images/short-digest";
import { compareVersions, newestOf } from "./newest";
import { type Sources } from "./sources";

/**
 * How what is held stands to what there is. `no digest`: the newest, by a tag that may name another image tomorrow;
 * `not there`: it cannot be had any more; `one's own`: none of those that are compared here.
 */
export type Standing = "newest" | "newer" | "no digest" | "not held" | "not there" | "one's own";

/** What a service says of a value that is held. */
export interface Answer {
  readonly standing: Standing;
  /** The newest of the same line, as the region's value would hold it. */
  readonly newest: string;
  /** The newest of all where it is of a later line. */
  readonly later?: string;
}

/** A value of a region that names one version of something. */
export interface PinnedValue {
  readonly region: string;
  /** Its field in the region's value, and the field in that where it holds others. */
  readonly field: readonly [string, string?];
  /** Undefined where the value leaves it open. */
  readonly holds: string | undefined;
  /** Who is asked, as messages name it. */
  readonly service: string;
  /** @throws Error where the service does not say */
  readonly ask: () => Promise<Answer>;
}

/** Where charts come from; the rest the region's value names itself. */
export interface Places {
  readonly charts: string;
}

export const PLACES: Places = { charts: CONSUL_CHART.repository };

/** The image of a region that holds none yet; no image can have it for an id. */
export const NO_IMAGE = "ami-00000000";

/** What of a region has newer versions. */
export function pinnedValues(region: Region, sources: Sources, places: Places): PinnedValue[] {
  if (region.platform === "gke") return [chart(region, sources, places), ...images(region, sources)];
  if (region.platform === "ec2") return [machineImage(region, sources), consulPackage(region, sources)];
  return [consulPackage(region, sources)];
}

function machineImage({ name, image, architecture, awsRegion }: Ec2Region, sources: Sources): PinnedValue {
  const holds = image === NO_IMAGE ? undefined : image;
  return {
    region: name,
    field: ["image"],
    holds,
    service: `EC2 in ${awsRegion}`,
    ask: async () => {
      const all = await sources.debianImages(awsRegion, DEBIAN_ARCHITECTURE[architecture]);
      const newest = all.at(-1)!.name;
      const held = all.find(({ name, id }) => [name, id].includes(holds ?? ""))?.name;
      if (holds === undefined) return { standing: "not held", newest };
      if (held === undefined) {
        return { standing: holds.startsWith("ami-") ? "one's own" : "not there", newest };
      }
      return { standing: held === newest ? "newest" : "newer", newest };
    },
  };
}

function consulPackage(region: Exclude<Region, GkeRegion>, sources: Sources): PinnedValue {
  const { version: holds, aptSource = HASHICORP_APT_SOURCE } = region.consul;
  const architecture = region.platform === "ec2" ? region.architecture : "x86_64";
  return {
    region: region.name,
    field: ["consul", "version"],
    holds,
    service: aptSource.uri,
    ask: async () => {
      const all = await sources.packageVersions("consul", aptSource, DEBIAN_ARCHITECTURE[architecture]);
      // Of a release that is to come a package's version has a tilde.
      const released = all.filter((version) => !version.includes("~"));
      const isWhole = holds !== undefined && /[-+]/.test(holds);
      return standing(holds, isWhole ? released : released.map((each) => each.replace(/[-+].*/, "")), 2);
    },
  };
}

function chart({ name, versions }: GkeRegion, sources: Sources, { charts }: Places): PinnedValue {
  return {
    region: name,
    field: ["versions", "consulChart"],
    holds: versions.consulChart,
    service: charts,
    ask: async () =>
      standing(versions.consulChart, await sources.chartVersions(CONSUL_CHART.chart, charts), 2),
  };
}

/** How many numbers of its version an image's line has: a release of Node's that is kept, a Consul that suits the chart. */
const LINES: Readonly<Record<keyof GkeRegion["images"], number>> = { node: 1, unbound: 1, consul: 2 };

function images({ name, images }: GkeRegion, sources: Sources): PinnedValue[] {
  return Object.entries(LINES).map(([kind, line]) => {
    const holds = images[kind as keyof typeof LINES];
    const { repository, tag, digest } = imageParts(holds);
    return {
      region: name,
      field: ["images", kind],
      holds,
      service: repository,
      ask: async () => {
        if (tag === undefined) {
          throw new Error(
            `${holds} says no version: expected REPOSITORY:TAG@DIGEST, of which the digest counts`,
          );
        }
        const { standing: ofTag, newest, later } = standing(tag, await sources.tags(repository), line);
        const today = await sources.digestOf(`${repository}:${newest}`);
        const rest = { newest: `${repository}:${newest}@${today}`, ...(later !== undefined && { later }) };
        if (ofTag !== "newest" || today === digest) return { standing: ofTag, ...rest };
        return { standing: digest === undefined ? "no digest" : "newer", ...rest };
      },
    };
  });
}

function standing(holds: string | undefined, versions: readonly string[], line: number): Answer {
  const { version: newest, later, hasHeld } = newestOf(versions, holds, line);
  const rest = { newest, ...(later !== undefined && { later }) };
  if (holds === undefined) return { standing: "not held", ...rest };
  if (!hasHeld) return { standing: "not there", ...rest };
  return { standing: compareVersions(newest, holds) > 0 ? "newer" : "newest", ...rest };
}

/** `REGISTRY/NAME:TAG@DIGEST`, of which the tag or the digest may be missing. */
function imageParts(image: string): { repository: string; tag?: string; digest?: string } {
  const [named = "", digest] = image.split("@");
  const [, repository = "", tag] = /^(.*?)(?::([\w][\w.-]*))?$/.exec(named) ?? [];
  return { repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** As much of a value as tells it from another of its kind: an image's tag, and its digest in short. */
export function shownValue(value: string): string {
  const { tag, digest } = imageParts(value);
  if (!value.includes("/") || (tag ?? digest) === undefined) return value;
  return `${tag ?? ""}${digest === undefined ? "" : `@${shortDigest(digest)}`}`;
}
