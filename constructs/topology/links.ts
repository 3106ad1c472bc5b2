import type { RegionTopology } from "./elements";
import { elementsOf } from "./elements-of";

/** A line of the picture from one region to another, or out of all of them. */
export interface Link {
  readonly kind: "call" | "federation";
  readonly from: string;
  /** Another region. @default - none of the regions: somewhere else */
  readonly to?: string;
  /** Calls: what is asked for. Federation: which regions' instances stand in for which. */
  readonly carries: readonly string[];
}

/** What leads from region to region, one line for all that leads from one to another. */
export function linksOf(regions: readonly RegionTopology[]): Link[] {
  const lines = new Map<string, { from: string; to?: string; carries: Set<string> }>();
  for (const { from, to, carried } of regions.flatMap((region) => calls(region, regions))) {
    const key = JSON.stringify([from, to]);
    const line = lines.get(key) ?? { from, ...(to === undefined ? {} : { to }), carries: new Set() };
    line.carries.add(carried);
    lines.set(key, line);
  }
  return [
    ...[...lines.values()].map((line) => ({ kind: "call" as const, ...line, carries: [...line.carries] })),
    ...joined(regions),
  ];
}

interface CallAcross {
  readonly from: string;
  readonly to: string | undefined;
  readonly carried: string;
}

/** Calls of a region's services, and where its proxies lead besides; what stays within the region is none of them. */
function calls(region: RegionTopology, regions: readonly RegionTopology[]): CallAcross[] {
  const from = region.region;
  const byServices = elementsOf(region, "call").flatMap((call) =>
    [
      ...ends(region, regions, call.to),
      ...(call.standIns ?? []).map((to) => ({ to, answers: `${call.to} (where it fails in ${from})` })),
    ].map(({ to, answers }) => ({ to, carried: `${call.from} to ${answers}` })),
  );
  const called = elementsOf(region, "call").map(({ to }) => to);
  const byProxies = [...new Set(elementsOf(region, "workload").flatMap(({ origins = [] }) => origins))]
    .filter((name) => !called.includes(name))
    .flatMap((name) => ends(region, regions, name).map(({ to, answers }) => ({ to, carried: answers })));
  return [...byServices, ...byProxies]
    .filter(({ to }) => to !== from)
    .map(({ to, carried }) => ({ from, to, carried }));
}

interface End {
  readonly to: string | undefined;
  /** What is asked for and, by another name, what answers. */
  readonly answers: string;
}

/** Where a name leads: to a service here, to the regions that have one, or as any region says of an origin. */
function ends(region: RegionTopology, regions: readonly RegionTopology[], name: string): End[] {
  const runs = (each: RegionTopology) =>
    elementsOf(each, "workload").some(
      (workload) => workload.role === "application" && workload.name === name,
    );
  if (runs(region)) return [{ to: region.region, answers: name }];
  const elsewhere = regions.filter(runs).map((each) => ({ to: each.region, answers: name }));
  if (elsewhere.length > 0) return elsewhere;
  const origin =
    elementsOf(region, "origin").find((each) => each.name === name) ??
    regions.flatMap((each) => elementsOf(each, "origin")).find((each) => each.name === name);
  const known = (origin?.answeredBy ?? []).flatMap(({ stack, service }) =>
    regions
      .filter(({ stacks }) => stacks.includes(stack))
      .map((each) => ({ to: each.region, answers: `${name} (${service})` })),
  );
  if (known.length > 0 && origin?.elsewhere !== true) return known;
  return [...known, { to: undefined, answers: name }];
}

/** Each two that are joined once, whichever of them says so. */
function joined(regions: readonly RegionTopology[]): Link[] {
  const pairs = new Map<string, { from: string; to: string; carries: string[] }>();
  for (const { region, elements } of regions) {
    for (const each of elements) {
      if (each.kind !== "federation" || each.with === region) continue;
      const [from = "", to = ""] = [region, each.with].sort();
      const pair = pairs.get(`${from} ${to}`) ?? { from, to, carries: [] };
      if (each.failover) pair.carries.push(`${each.with} stands in for ${region}`);
      pairs.set(`${from} ${to}`, pair);
    }
  }
  return [...pairs.values()].map((pair) => ({ kind: "federation", ...pair }));
}
