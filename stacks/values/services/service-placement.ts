import type { DedicatedRegion, Ec2Region } from "../regions";
import type { HostRole } from "../regions/dedicated-region";
import type { ServiceValue } from "./service-value";

type Server = DedicatedRegion["servers"][number];

/** What is placed: a service, or what is placed like one. */
export type Placed = Pick<ServiceValue, "in">;

/** Instances in a cluster, where nobody says how many. */
export const CLUSTER_INSTANCES = 3;

/** Role of the hosts that hold the service in that region. */
export const roleOf = (service: Placed, { name }: { readonly name: string }): HostRole =>
  service.in[name]?.on ?? "app";

/** Whether the region's proxies share their machines with it. */
export const runsOnProxies = (service: Placed, region: { readonly name: string }): boolean =>
  service.in[region.name] !== undefined && roleOf(service, region) === "proxy";

/** How many machines of a role a region on EC2 has. */
export interface GroupSize {
  readonly count: number;
  /** When there is much to do. */
  readonly atMost: number;
}

/** As many as the region says, or as the one of the role's services wants that wants most: each is on all of them. */
export function groupSize(role: HostRole, region: Ec2Region, services: readonly Placed[]): GroupSize {
  const placements = services
    .filter((service) => roleOf(service, region) === role)
    .flatMap((service) => service.in[region.name] ?? []);
  const count = Math.max(region.servers[role].count, ...placements.map(({ instances = 0 }) => instances));
  return { count, atMost: Math.max(count, ...placements.map(({ atMost = 0 }) => atMost)) };
}

/** Servers of the region that may hold the service, in the region's order. */
export const candidates = (service: Placed, region: DedicatedRegion): readonly Server[] =>
  region.servers.filter(({ roles, retired }) => retired === false && roles.includes(roleOf(service, region)));

/**
 * Servers that hold the service: of each rack one, then of each rack a second one, until there are enough. Another
 * service changes nothing of that; another server does only where it makes the spread better.
 */
export function placed(service: Placed, region: DedicatedRegion): readonly Server[] {
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

/** Whether a server has a proxy and nothing besides: no other role, and none of these. */
export const isProxyAlone = (name: string, region: DedicatedRegion, all: readonly Placed[]): boolean =>
  region.servers.some(
    (server) => server.name === name && new Set(server.roles).size === 1 && server.roles[0] === "proxy",
  ) && !all.some((each) => placed(each, region).some((server) => server.name === name));
