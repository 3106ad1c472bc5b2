import type { TopologyElement } from "../constructs/topology";
import type { NamedHost } from "./values/names";

/** Public names that a region answers for with others, for its picture. */
export const commonNames = (hosts: readonly NamedHost[], region: string): TopologyElement[] =>
  hosts
    .filter(({ regions }) => regions.some(({ name }) => name === region))
    .map(({ host, services, regions }) => ({
      kind: "name",
      name: host,
      leadsTo: `${services.map(({ name }) => name).join(" and ")} in the nearest of ${regions.map(({ name }) => name).join(", ")} that is well`,
      answeredBy: "Route 53",
    }));
