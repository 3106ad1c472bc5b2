import type { RegionTopology, TopologyElement } from "./elements";

/** The elements of one kind. */
export const elementsOf = <K extends TopologyElement["kind"]>(
  { elements }: Pick<RegionTopology, "elements">,
  kind: K,
): Extract<TopologyElement, { kind: K }>[] =>
  elements.filter((element): element is Extract<TopologyElement, { kind: K }> => element.kind === kind);
