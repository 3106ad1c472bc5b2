import { MONOLITH, routeTaking } from "../../../constructs/gateway/gateway-grammar";
import { type NamedZones, zoneOf } from "../public-hosts";
import type { DedicatedRegion, Ec2Region, GkeRegion, Region } from "../regions";
import { MOST_MACHINES } from "../regions/ec2-region";
import { problemText } from "../regions/region-errors";
import { nameOf, type ValueSource } from "../regions/validate-regions";
import type { ServiceValue } from "../services";
import {
  entranceNames,
  type EntranceRegion,
  entranceRoutes,
  isBelowEntrance,
} from "../services/service-entrances";
import {
  candidates,
  CLUSTER_INSTANCES,
  groupSize,
  type Placed,
  placed,
  roleOf,
} from "../services/service-placement";
import { OWN_NAMES, platformPorts } from "../services/validate-services";
import { type GatewayProblem, ofGateway, ofService, refused } from "./gateway-problem";
import { gatewaysIn, shownGateway } from "./gateway-entrances";
import { gatherRoutes } from "./gateway-routes";
import { type GatewayAlone, type GatewayValue, readGateway } from "./gateway-value";

/** Gateways, or what services say to them, are wrong; nothing has been constructed or written. */
export class InvalidGatewaysError extends Error {
  constructor(readonly problems: readonly GatewayProblem[]) {
    super(problems.map(({ whose, ...problem }) => `${whose}: ${problemText(problem)}`).join("\n"));
    this.name = "InvalidGatewaysError";
  }
}

/**
 * Checks each gateway alone, then all of them together, with the services whose routes they have, and against the
 * regions that they run in.
 *
 * @param names zones whose names lead to all regions that run a gateway. @default - none
 * @throws InvalidGatewaysError that lists every problem found.
 */
export function validateGateways(
  sources: readonly ValueSource[],
  regions: readonly Region[],
  services: readonly ServiceValue[],
  names: NamedZones = { zones: [] },
): readonly GatewayValue[] {
  const problems: GatewayProblem[] = [];
  const alone: GatewayAlone[] = [];
  for (const source of sources) {
    const read = readGateway(source.value);
    if ("name" in read) alone.push(read);
    else
      problems.push(...read.map((problem) => ({ whose: ofGateway({ name: nameOf(source) }), ...problem })));
  }
  // What a gateway that is wrong would have is missed by routes of services: that is no mistake of theirs.
  if (problems.length > 0) throw new InvalidGatewaysError(problems);
  const { gateways: routed, problems: ofRoutes } = gatherRoutes(alone, services);
  const gateways = routed.map((gateway) => ({
    ...gateway,
    named: gateway.hosts.filter((host) => zoneOf(host, names) !== undefined),
  }));
  problems.push(
    ...ofRoutes,
    ...takenNames(gateways, services),
    ...takenHosts(gateways, services),
    ...gateways.flatMap((gateway) => placementProblems(gateway, regions, [...services, ...gateways])),
    ...regions.flatMap((region) =>
      region.platform === "dedicated" ? [] : takenAtEntrance(gateways, services, region),
    ),
    ...regions.flatMap((region) => takenPorts(gateways, services, region)),
    ...gateways.flatMap((gateway) => reachProblems(gateway, services)),
    // Which route takes a path is told by routes that are right.
    ...(ofRoutes.length > 0 ? [] : gateways.flatMap(withoutHealth)),
  );
  if (problems.length > 0) throw new InvalidGatewaysError(problems);
  return gateways;
}

function takenNames(gateways: readonly GatewayValue[], services: readonly ServiceValue[]): GatewayProblem[] {
  return gateways.flatMap((gateway, index) => {
    const { name } = gateway;
    const others = [...services.map(ofService), ...gateways.slice(0, index).map(ofGateway)];
    const by = others.find((other) => other.endsWith(` ${name}`));
    const own = [...OWN_NAMES, MONOLITH];
    if (own.includes(name))
      return [refused(ofGateway(gateway), "name", name, `expected another name than ${own.join(", ")}`)];
    return by === undefined
      ? []
      : [refused(ofGateway(gateway), "name", name, `expected another name than ${by} has`)];
  });
}

/** A host that leads to a gateway leads nowhere else: what of it other services have, its routes say. */
function takenHosts(gateways: readonly GatewayValue[], services: readonly ServiceValue[]): GatewayProblem[] {
  return gateways.flatMap((gateway, index) =>
    gateway.hosts.flatMap((host, at) => {
      const by = [
        ...services.filter((service) => service.public?.hosts.includes(host)).map(ofService),
        ...gateways
          .slice(0, index)
          .filter((other) => other.hosts.includes(host))
          .map(ofGateway),
      ];
      return by.map((other) =>
        refused(
          ofGateway(gateway),
          `hosts[${at}]`,
          host,
          `expected a host that nothing else claims: ${other} has it${other.startsWith("service") ? " (public.hosts)" : ""}`,
        ),
      );
    }),
  );
}

function placementProblems(
  gateway: GatewayValue,
  regions: readonly Region[],
  placedWith: readonly Placed[],
): GatewayProblem[] {
  return Object.keys(gateway.in).flatMap((name) => {
    const region = regions.find((each) => each.name === name);
    if (region === undefined)
      return refused(
        ofGateway(gateway),
        "in",
        name,
        `expected regions that there are (${regions.map((each) => each.name).join(", ")})`,
      );
    switch (region.platform) {
      case "dedicated":
        return problemsOnHosts(gateway, region);
      case "ec2":
        return [...problemsInGroup(gateway, region, placedWith), ...entranceProblems(gateway, region)];
      case "gke":
        return [...problemsInCluster(gateway, region), ...entranceProblems(gateway, region)];
    }
  });
}

const found = (problems: readonly (GatewayProblem | false)[]): GatewayProblem[] =>
  problems.filter((problem) => problem !== false);

function problemsOnHosts(gateway: GatewayValue, region: DedicatedRegion): GatewayProblem[] {
  const { name } = region;
  const whose = ofGateway(gateway);
  const { instances, atMost } = gateway.in[name]!;
  const most = candidates(gateway, region).length;
  return found([
    (most === 0 || (instances ?? 1) > most) &&
      refused(
        whose,
        `in.${name}.instances`,
        instances,
        `expected no more than one on each of the ${most} servers of ${name} with role ${roleOf(gateway, region)}`,
      ),
    atMost !== undefined &&
      refused(
        whose,
        `in.${name}.atMost`,
        atMost,
        `expected no such field, for the servers of ${name} are as many as they are`,
      ),
    !region.servers.some(({ roles, retired }) => roles.includes("front") && retired === false) &&
      refused(
        whose,
        "hosts",
        gateway.hosts,
        `expected a server with role front in ${name}, for it runs there`,
      ),
  ]);
}

/** Machines of a group are alike: each has a gateway. */
function problemsInGroup(
  gateway: GatewayValue,
  region: Ec2Region,
  placedWith: readonly Placed[],
): GatewayProblem[] {
  const { name } = region;
  const whose = ofGateway(gateway);
  const { instances, atMost } = gateway.in[name]!;
  const role = roleOf(gateway, region);
  const { count, atMost: most } = groupSize(role, region, placedWith);
  return found([
    role === "consul-server" &&
      refused(
        whose,
        `in.${name}.on`,
        role,
        "expected role app or proxy, for the number of machines with role consul-server decides for Consul",
      ),
    (instances ?? 1) > MOST_MACHINES &&
      refused(whose, `in.${name}.instances`, instances, `expected at most ${MOST_MACHINES}, one a machine`),
    atMost !== undefined &&
      (atMost < Math.max(instances ?? 0, region.servers[role].count) || atMost > MOST_MACHINES) &&
      refused(
        whose,
        `in.${name}.atMost`,
        atMost,
        `expected no less than the machines that there always are, and at most ${MOST_MACHINES}`,
      ),
    hasLimits(gateway) &&
      most > count &&
      refused(
        whose,
        "limits",
        Object.keys(gateway.limits),
        `expected none where machines of ${name} with role ${role} become more with load (${count} to ${most}): each gateway keeps to its part`,
      ),
  ]);
}

function problemsInCluster(gateway: GatewayValue, { name }: GkeRegion): GatewayProblem[] {
  const whose = ofGateway(gateway);
  const { instances = CLUSTER_INSTANCES, atMost = instances, on } = gateway.in[name]!;
  return found([
    on !== undefined &&
      refused(whose, `in.${name}.on`, on, `expected no such field, for no machine of ${name} has a role`),
    instances < 2 &&
      refused(whose, `in.${name}.instances`, instances, "expected two at least, so that one can be replaced"),
    atMost < instances &&
      refused(whose, `in.${name}.atMost`, atMost, `expected no less than its ${instances} instances`),
    hasLimits(gateway) &&
      atMost > instances &&
      refused(
        whose,
        `in.${name}.atMost`,
        atMost,
        `expected its ${instances} instances, for each of them keeps to its part of limits`,
      ),
  ]);
}

const hasLimits = ({ limits }: GatewayValue): boolean => Object.keys(limits).length > 0;

/** Where a region's own entrance does not lead to the gateway under these names, nothing does. */
function entranceProblems(gateway: GatewayValue, region: EntranceRegion): GatewayProblem[] {
  const { name, entrance } = region;
  const { hosts } = gateway;
  if (entrance === undefined)
    return [
      refused(
        ofGateway(gateway),
        "hosts",
        hosts,
        `expected region ${name} to have an entrance, for it runs there`,
      ),
    ];
  return hosts.flatMap((host, index) => {
    const expectation = unshown(gateway, host, region);
    return expectation === undefined
      ? []
      : [refused(ofGateway(gateway), `hosts[${index}]`, host, expectation)];
  });
}

/** Why a host cannot lead to a gateway there: it is somebody else's, or nobody lets its certificate be made. */
function unshown({ named }: GatewayValue, host: string, region: EntranceRegion): string | undefined {
  const { name, entrance } = region;
  if (entranceNames(region).includes(host))
    return `expected another host than the entrance of ${name} has itself`;
  const isInZone =
    region.platform === "ec2"
      ? `.${host}`.endsWith(`.${entrance!.zone}`)
      : isBelowEntrance(host, region) || named.includes(host);
  return isInZone
    ? undefined
    : `expected a name in the zone of the entrance of ${name} (${entrance!.zone}${region.platform === "gke" ? ", or one label below it, or in a zone of names/" : ""}), where its certificate is shown to be right`;
}

/** Hosts that people are led to by what they are answered there. */
function withoutHealth(gateway: GatewayValue): GatewayProblem[] {
  const { named, healthPath, monolith, routes } = gateway;
  const refuse = (expectation: string) => [
    refused(ofGateway(gateway), "healthPath", healthPath, expectation),
  ];
  if (named.length === 0) return [];
  if (healthPath === undefined)
    return refuse(
      `expected a path that is answered with 200 to 399, by which ${named.join(", ")} is led to the nearest region that is well`,
    );
  return named.flatMap((host) => {
    const route = routeTaking(routes, { host, path: healthPath });
    if (route === undefined)
      return monolith !== undefined ? [] : refuse(`expected a path that a route takes on ${host}`);
    return route.jwt === undefined
      ? []
      : refuse(`expected a path of a route that asks for no token, for route ${route.name} does on ${host}`);
  });
}

/** Names by which a gateway is reached in one region alone, and that services claim all the same, or the other way round. */
function takenAtEntrance(
  gateways: readonly GatewayValue[],
  services: readonly ServiceValue[],
  region: EntranceRegion,
): GatewayProblem[] {
  const theirs = entranceRoutes(services, region);
  return entranceRoutes(gatewaysIn(gateways, region).map(shownGateway), region).flatMap(
    ({ service, hosts }) =>
      theirs.flatMap((other) =>
        hosts
          .filter((host) => other.hosts.includes(host) && !service.public!.hosts.includes(host))
          .map((host) =>
            refused(
              ofGateway(service),
              "name",
              service.name,
              `expected a name with which ${host} leads nowhere else in ${region.name}: ${ofService(other.service)} has it`,
            ),
          ),
      ),
  );
}

function takenPorts(
  gateways: readonly GatewayValue[],
  services: readonly ServiceValue[],
  region: Region,
): GatewayProblem[] {
  const byPlace = new Map<string, Map<number, string>>();
  const takenOn = ({ name, roles, holds }: PortPlace): Map<number, string> => {
    const known = byPlace.get(name);
    if (known !== undefined) return known;
    const taken = new Map([
      ...services.filter(holds).map((service): [number, string] => [service.port, ofService(service)]),
      ...platformPorts(region as DedicatedRegion | Ec2Region, roles),
    ]);
    byPlace.set(name, taken);
    return taken;
  };
  return gateways.flatMap((gateway) =>
    portPlaces(gateway, region).flatMap((place) =>
      (["port", "adminPort"] as const).flatMap((field) => {
        const taken = takenOn(place);
        const by = taken.get(gateway[field]);
        taken.set(gateway[field], by ?? ofGateway(gateway));
        if (by === undefined) return [];
        return [
          refused(
            ofGateway(gateway),
            field,
            gateway[field],
            `expected a port that is free on ${place.name} of region ${region.name}, where ${by} has it`,
          ),
        ];
      }),
    ),
  );
}

/** Where all that runs shares one set of ports. */
interface PortPlace {
  readonly name: string;
  readonly roles: readonly string[];
  readonly holds: (service: ServiceValue) => boolean;
}

function portPlaces(gateway: GatewayValue, region: Region): readonly PortPlace[] {
  if (region.platform === "gke" || gateway.in[region.name] === undefined) return [];
  if (region.platform === "dedicated")
    return placed(gateway, region).map((server) => ({
      name: server.name,
      roles: server.roles,
      holds: (service) => placed(service, region).includes(server),
    }));
  const role = roleOf(gateway, region);
  return [
    {
      name: `machines with role ${role}`,
      roles: [role],
      holds: (service) => service.in[region.name] !== undefined && roleOf(service, region) === role,
    },
  ];
}

/** Services that a gateway would send requests to, and that it does not find. */
function reachProblems(gateway: GatewayValue, services: readonly ServiceValue[]): GatewayProblem[] {
  const asked: [whose: string, path: string, name: string][] = [
    ...Object.entries(gateway.routes).flatMap(([name, { service, shadow, join = {} }]) => {
      const whose = service === MONOLITH ? ofGateway(gateway) : ofService({ name: service });
      return [
        [whose, `routes.${name}`, service] as [string, string, string],
        ...Object.entries(join).flatMap(([part, { service: other }]) =>
          other === undefined || other === service
            ? []
            : [[whose, `routes.${name}.join.${part}.service`, other] as [string, string, string]],
        ),
        ...(shadow === undefined
          ? []
          : [[whose, `routes.${name}.shadow.service`, shadow.service] as [string, string, string]]),
      ];
    }),
    ...(gateway.monolith?.service === undefined
      ? []
      : [[ofGateway(gateway), "monolith", gateway.monolith.service] as [string, string, string]]),
  ];
  return asked.flatMap(([whose, path, name]) => {
    if (name === MONOLITH) return [];
    const service = services.find((each) => each.name === name);
    if (service === undefined)
      return [
        refused(
          whose,
          path,
          name,
          `expected a service that there is (${services.map((each) => each.name).join(", ")})`,
        ),
      ];
    const missing = Object.keys(gateway.in).filter((region) => service.in[region] === undefined);
    if (missing.length === 0 || service.entrances.length > 0) return [];
    return [
      refused(
        whose,
        path,
        name,
        `expected a service that runs wherever gateway ${gateway.name} does, or has a way to it from there: ${name} does not run in ${missing.join(", ")}, and no entrance of ${Object.keys(service.in).join(", ")} leads to it (public.hosts with all paths, or entrance.service on EC2 and entrance.backend.service on GKE)`,
      ),
    ];
  });
}
