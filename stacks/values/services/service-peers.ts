import { peerName, proxyNameIn } from "../../../constructs/proxy/proxy-peers";
import type { DedicatedRegion, Ec2Region, GkeRegion, Region } from "../regions";
import type { ServiceEntrance, ServicePeers, ServiceValue } from "./service-value";

/** Has what makes a region's proxies and those of other regions that have the same know one another. */
type Peered<R extends Region> = R & { readonly peered: NonNullable<R["peered"]> };
export type PeeredRegion = Peered<DedicatedRegion> | Peered<Ec2Region> | Peered<GkeRegion>;

export const isPeered = (region: Region): region is PeeredRegion => region.peered !== undefined;

/** Whether either joins the other's Consul, so that names of one are known in the other. */
const federate = (one: Region, other: Region): boolean =>
  one.consul.peers[other.name] !== undefined || other.consul.peers[one.name] !== undefined;

/** Whether the proxies of one region find those of another, and are let in. */
export const reaches = (from: PeeredRegion, to: PeeredRegion): boolean =>
  from.name !== to.name &&
  (to.platform === "dedicated" || (federate(from, to) && to.consulWanNetworks.length > 0));

/** Where a region's proxies are called by others, as `HOST:PORT`. */
const peerAddresses = (region: PeeredRegion): readonly string[] =>
  proxyHosts(region).map((host) => `${host}:${region.peered.port}`);

const proxyHosts = (region: PeeredRegion): readonly string[] =>
  region.platform !== "dedicated"
    ? [proxyNameIn(region.name)]
    : (region.peered.hosts ??
      region.servers
        .filter(({ retired, roles }) => retired === false && roles.includes("proxy"))
        .map(({ address }) => address));

/** Regions whose proxies answer others' for a service: those that show it to the internet are asked by their entrances. */
export function peersOf(
  { in: places, entrances }: Pick<ServiceValue, "in" | "entrances">,
  regions: readonly Region[],
): readonly ServicePeers[] {
  const peered = regions.filter(isPeered);
  const isShown = ({ name }: Region) => entrances.some(({ region }) => region === name);
  return peered
    .filter((region) => places[region.name] !== undefined && !isShown(region))
    .map((region) => ({
      region: region.name,
      platform: region.platform,
      peer: peerName(region.name),
      addresses: peerAddresses(region),
      from: peered.filter((other) => reaches(other, region)).map(({ name }) => name),
    }));
}

/** What answers a region's proxies for a service that runs elsewhere: entrances and proxies, in the order of its `in`. */
export const waysElsewhere = (
  { in: places, entrances, peers }: Pick<ServiceValue, "in" | "entrances" | "peers">,
  { name }: Pick<Region, "name">,
): readonly (ServiceEntrance | ServicePeers)[] =>
  Object.keys(places).flatMap((place) =>
    [...entrances, ...peers.filter(({ from }) => from.includes(name))].filter(
      ({ region }) => region === place && region !== name,
    ),
  );

/**
 * Why the proxies of some regions cannot call those of others: which of them are not peered, or else who does not find
 * whom.
 *
 * @param from names of regions, as are those of `to`
 */
export function strangers(
  from: readonly string[],
  to: readonly string[],
  regions: readonly Region[],
): string {
  const peered = regions.filter(isPeered);
  const named = (names: readonly string[]) => peered.filter(({ name }) => names.includes(name));
  const without = [...from, ...to].filter((name) => named([name]).length === 0);
  if (without.length > 0) return `peered: not that of ${without.join(", ")}`;
  return named(to)
    .filter((region) => named(from).some((other) => !reaches(other, region)))
    .map(
      ({ name }) =>
        `those of ${name} are found by Consul: consul.peers between ${from.join(", ")} and ${name}, and consulWanNetworks in ${name}`,
    )
    .join("; ");
}
