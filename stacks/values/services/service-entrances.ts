import type { Ec2Region, GkeRegion, Region } from "../regions";
import type { ServiceEntrance, ServiceValue } from "./service-value";

/** What the internet reaches, and where: a service, or a gateway with all of its hosts. */
export interface Shown extends Pick<ServiceValue, "name" | "in" | "public" | "port" | "named"> {
  readonly health: Pick<ServiceValue["health"], "path"> & {
    /** undefined: that of its requests. */
    readonly port?: number;
  };
  /** Calls of gRPC go on to it by HTTP/2. @default false */
  readonly grpc?: boolean;
}

/** Regions whose public entrance leads to several services. */
export type EntranceRegion = Ec2Region | GkeRegion;

/** What of the internet's requests to a region on EC2 or GKE goes to one of its services or gateways, and not to all others' one. */
export interface EntranceRoute<S extends Shown = Shown> {
  readonly service: S;
  /** Its public hosts, and those by which it is reached in this region alone. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
}

/** What is shown of a service before it is known where. */
type Unplaced = Pick<Shown, "name" | "in" | "public">;

/** The name that leads to a region on EC2 alone, by one that other regions may answer too. */
export const ownEntranceName = (region: string, domain: string): string => `${region}.${domain}`;

/** Service, or Service of somebody else, that an entrance leads to wherever nothing else is said. */
export const entranceService = (region: EntranceRegion): string | undefined =>
  region.platform === "ec2" ? region.entrance?.service : region.entrance?.backend.service;

/** Names that the entrance itself has, all of which lead to that one. */
export function entranceNames(region: EntranceRegion): readonly string[] {
  if (region.entrance === undefined) return [];
  return region.platform === "ec2"
    ? [region.entrance.domain, ownEntranceName(region.name, region.entrance.domain)]
    : region.entrance.hosts;
}

/** Names by which a public service is reached in that region alone. */
const ownNames = ({ name, public: shown }: Unplaced, region: EntranceRegion): readonly string[] =>
  region.platform === "ec2"
    ? shown!.hosts.map((host) => ownEntranceName(region.name, host))
    : [`${name}.${region.entrance!.zone}`];

/** What a region's entrance leads to besides its own service: one for each other public service that runs there. */
export const entranceRoutes = <S extends Shown>(
  services: readonly S[],
  region: EntranceRegion,
): readonly EntranceRoute<S>[] =>
  region.entrance === undefined
    ? []
    : services
        .filter((service) => isRouted(service, region))
        .map((service) => ({
          service,
          hosts: [...service.public!.hosts, ...ownNames(service, region)],
          paths: service.public!.paths,
        }));

const isRouted = ({ name, public: shown, in: places }: Unplaced, region: EntranceRegion): boolean =>
  shown !== undefined && places[region.name] !== undefined && name !== entranceService(region);

/** Hosts of routes of which no service has all paths. */
export function closedHosts(
  routes: readonly EntranceRoute[],
  services: readonly Unplaced[],
  region: EntranceRegion,
): readonly string[] {
  const main = services.find(({ name }) => name === entranceService(region))?.public?.hosts ?? [];
  const open = [
    ...entranceNames(region),
    ...main.flatMap((host) => [host, ownEntranceName(region.name, host)]),
    ...routes.flatMap(({ hosts, paths }) => (paths.includes("/") ? hosts : [])),
  ];
  return [...new Set(routes.flatMap(({ hosts }) => hosts))].filter((host) => !open.includes(host));
}

/** Public hosts of the services of a region, each once. */
export const publicHostsIn = (
  services: readonly Unplaced[],
  { name }: Pick<Region, "name">,
): readonly string[] => [
  ...new Set(
    services.flatMap(({ in: places, public: shown }) =>
      places[name] === undefined ? [] : (shown?.hosts ?? []),
    ),
  ),
];

/** Host names that lead to an entrance on GKE: by records of its own zone, and by those of the stack of names. */
export function entranceHosts(
  services: readonly Shown[],
  region: GkeRegion,
): { readonly hosts: readonly string[]; readonly otherHosts: readonly string[] } {
  const names = [
    ...entranceNames(region),
    ...publicHostsIn(services, region),
    ...entranceRoutes(services, region).flatMap((route) => route.hosts),
  ];
  const isNamed = (host: string) => services.some(({ named }) => named.includes(host));
  const hosts = names.filter(
    (host) => entranceNames(region).includes(host) || (isBelowEntrance(host, region) && !isNamed(host)),
  );
  return {
    hosts: [...new Set(hosts)],
    otherHosts: [...new Set(names)].filter((host) => !hosts.includes(host)),
  };
}

/** Whether the certificate of an entrance on GKE is for that host: its domain, and one label below it. */
export const isBelowEntrance = (host: string, { entrance }: Pick<GkeRegion, "entrance">): boolean =>
  entrance !== undefined && (host === entrance.zone || host.replace(/^[^.]+\./, "") === entrance.zone);

/** Where regions show a service to the internet, in the order in which it names them. */
export const entrancesOf = (service: Unplaced, regions: readonly Region[]): readonly ServiceEntrance[] =>
  Object.keys(service.in).flatMap((place) => {
    const region = regions.find((each) => each.name === place);
    const host = region && entranceHost(service, region);
    return host === undefined ? [] : [{ region: region!.name, platform: region!.platform, host }];
  });

function entranceHost(service: Unplaced, region: Region): string | undefined {
  if (region.platform === "dedicated" || region.entrance === undefined) return undefined;
  if (entranceService(region) === service.name) {
    return region.platform === "ec2"
      ? ownEntranceName(region.name, region.entrance.domain)
      : region.entrance.hosts[0];
  }
  // Callers ask for any path.
  return isRouted(service, region) && service.public!.paths.includes("/")
    ? ownNames(service, region)[0]
    : undefined;
}
