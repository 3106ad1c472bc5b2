import type { DedicatedRegion } from "../region";
import type { ServiceValue } from "./service-value";

type Server = DedicatedRegion["servers"][number];

/** Instances in a cluster, where nobody says how many. */
export const CLUSTER_INSTANCES = 3;

/** Servers of the region that may hold the service, in the region's order. */
export const candidates = (service: ServiceValue, region: DedicatedRegion): readonly Server[] =>
  region.servers.filter(
    ({ roles, retired }) => retired === false && roles.includes(service.in[region.name]?.on ?? "app"),
  );

/**
 * Servers that hold the service: of each rack one, then of each rack a second one, until there are enough. Another
 * service changes nothing of that; another server does only where it makes the spread better.
 */
export function placed(service: ServiceValue, region: DedicatedRegion): readonly Server[] {
  const placement = service.in[region.name];
  if (placement === undefined) return [];
  const racks = new Map<string, Server[]>();
  for (const server of candidates(service, region)) {
    // One without a rack stands alone.
    const rack = server.rack ?? `server ${server.name}`;
    racks.set(rack, [...(racks.get(rack) ?? []), server]);
  }
  const inTurn: Server[] = [];
  for (let turn = 0; [...racks.values()].some((rack) => rack.length > turn); turn++) {
    for (const rack of racks.values()) inTurn.push(...rack.slice(turn, turn + 1));
  }
  return inTurn.slice(0, placement.instances);
}
