import { peerName } from "../../../constructs/proxy/proxy-peers";
import type { DedicatedRegion, Region } from "../regions";
import type { ServiceEntrance, ServicePeers, ServiceValue } from "./service-value";

/** Whose proxies and those of other regions that have the same know one another. */
type PeeredRegion = DedicatedRegion & { readonly peered: NonNullable<DedicatedRegion["peered"]> };

export const isPeered = (region: Region): region is PeeredRegion =>
  region.platform === "dedicated" && region.peered !== undefined;

/** Where a region's proxies are called by others, as `HOST:PORT`. */
const peerAddresses = ({ peered: { port, hosts }, servers }: PeeredRegion): readonly string[] =>
  (
    hosts ??
    servers
      .filter(({ retired, roles }) => retired === false && roles.includes("proxy"))
      .map(({ address }) => address)
  ).map((host) => `${host}:${port}`);

/** Regions whose proxies answer others' for a service. None of them has an entrance by which one service can be asked. */
export function peersOf(
  service: Pick<ServiceValue, "in">,
  regions: readonly Region[],
): readonly ServicePeers[] {
  const peered = regions.filter(isPeered);
  return peered
    .filter(({ name }) => service.in[name] !== undefined)
    .map((region) => ({
      region: region.name,
      platform: region.platform,
      peer: peerName(region.name),
      addresses: peerAddresses(region),
      from: peered.map(({ name }) => name).filter((name) => name !== region.name),
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
