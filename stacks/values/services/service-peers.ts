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

/** Regions that run a service, as each that says which others are near it asks them: those it does not name come last. */
export const nearestPlaces = (
  { in: places }: Pick<ServiceValue, "in">,
  regions: readonly Region[],
): ServiceValue["nearest"] => {
  const all = Object.keys(places);
  return Object.fromEntries(
    regions
      .filter(({ nearest }) => nearest.length > 0)
      .map(({ name, nearest }) => [
        name,
        [...nearest.filter((near) => all.includes(near)), ...all.filter((place) => !nearest.includes(place))],
      ]),
  );
};

/** Where else a service runs, in the order in which a region asks there. */
const placesElsewhere = (
  { in: places, nearest }: Pick<ServiceValue, "in" | "nearest">,
  { name }: Pick<Region, "name">,
): readonly string[] => (nearest[name] ?? Object.keys(places)).filter((place) => place !== name);

/** Where other regions show a service to the internet, nearest first. */
export const entrancesElsewhere = (
  service: Pick<ServiceValue, "in" | "nearest" | "entrances">,
  region: Pick<Region, "name">,
): readonly ServiceEntrance[] =>
  placesElsewhere(service, region).flatMap((place) =>
    service.entrances.filter((entrance) => entrance.region === place),
  );

/** What answers a region's proxies for a service that runs elsewhere: entrances and proxies, nearest first. */
export const waysElsewhere = (
  service: Pick<ServiceValue, "in" | "nearest" | "entrances" | "peers">,
  region: Pick<Region, "name">,
): readonly (ServiceEntrance | ServicePeers)[] => {
  const ways = [...service.entrances, ...service.peers.filter(({ from }) => from.includes(region.name))];
  return placesElsewhere(service, region).flatMap((place) => ways.filter((way) => way.region === place));
};

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
