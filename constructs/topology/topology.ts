import type { IConstruct } from "constructs";
import { hasTopology, type RegionTopology, type TopologyElement } from "./elements";
import { type Link, linksOf } from "./links";

/** `cdktf.out/topology.json`. Fields are added, never renamed or removed, while `schema` stays the same. */
export interface TopologyRun {
  readonly schema: typeof TOPOLOGY_SCHEMA;
  readonly regions: readonly RegionTopology[];
  /** What leads from region to region, and out of all of them. */
  readonly links: readonly Link[];
}

export const TOPOLOGY_SCHEMA = "tricloud/topology/v1";

/**
 * Everything that has a place in the picture under the stacks of an app.
 *
 * @param regionOf the region that a stack belongs to
 * @param more what is known of a region that none of its constructs tells
 */
export function collectTopology(
  app: IConstruct,
  regionOf: (stack: IConstruct) => string,
  more: (region: string) => readonly TopologyElement[] = () => [],
): TopologyRun {
  const found = new Map<string, { stacks: string[]; elements: TopologyElement[] }>();
  for (const stack of app.node.children) {
    const elements = stack.node
      .findAll()
      .flatMap((construct) => (hasTopology(construct) ? construct.topology : []));
    if (elements.length === 0) continue;
    const region = found.get(regionOf(stack)) ?? { stacks: [], elements: [] };
    region.stacks.push(stack.node.id);
    region.elements.push(...elements);
    found.set(regionOf(stack), region);
  }
  const regions = [...found].map(([region, { stacks, elements }]) => ({
    region,
    stacks,
    elements: [...elements, ...more(region)],
  }));
  return { schema: TOPOLOGY_SCHEMA, regions, links: linksOf(regions) };
}
