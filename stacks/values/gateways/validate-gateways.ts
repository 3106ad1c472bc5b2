import { MONOLITH } from "../../../constructs/gateway/gateway-grammar";
import type { DedicatedRegion, Region } from "../regions";
import { problemText } from "../regions/region-errors";
import { nameOf, type ValueSource } from "../regions/validate-regions";
import type { ServiceValue } from "../services";
import { candidates, placed, roleOf } from "../services/service-placement";
import { OWN_NAMES, platformPorts } from "../services/validate-services";
import { type GatewayProblem, ofGateway, ofService, refused } from "./gateway-problem";
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
 * @throws InvalidGatewaysError that lists every problem found.
 */
export function validateGateways(
  sources: readonly ValueSource[],
  regions: readonly Region[],
  services: readonly ServiceValue[],
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
  const { gateways, problems: ofRoutes } = gatherRoutes(alone, services);
  problems.push(
    ...ofRoutes,
    ...takenNames(gateways, services),
    ...takenHosts(gateways, services),
    ...gateways.flatMap((gateway) => placementProblems(gateway, regions)),
    ...regions.flatMap((region) => takenPorts(gateways, services, region)),
    ...gateways.flatMap((gateway) => reachProblems(gateway, services)),
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

function placementProblems(gateway: GatewayValue, regions: readonly Region[]): GatewayProblem[] {
  return Object.keys(gateway.in).flatMap((name) => {
    const refuse = (path: string, value: unknown, expectation: string) => [
      refused(ofGateway(gateway), path, value, expectation),
    ];
    const region = regions.find((each) => each.name === name);
    if (region === undefined)
      return refuse(
        "in",
        name,
        `expected regions that there are (${regions.map((each) => each.name).join(", ")})`,
      );
    if (region.platform !== "dedicated")
      return refuse(
        "in",
        name,
        "expected a region on dedicated servers: a gateway does not run on EC2 or GKE yet",
      );
    const { instances } = gateway.in[name]!;
    const most = candidates(gateway, region).length;
    const hasFront = region.servers.some(
      ({ roles, retired }) => roles.includes("front") && retired === false,
    );
    return [
      ...(most === 0 || (instances ?? 1) > most
        ? refuse(
            `in.${name}.instances`,
            instances,
            `expected no more than one on each of the ${most} servers of ${name} with role ${roleOf(gateway, region)}`,
          )
        : []),
      ...(hasFront
        ? []
        : refuse("hosts", gateway.hosts, `expected a server with role front in ${name}, for it runs there`)),
    ];
  });
}

function takenPorts(
  gateways: readonly GatewayValue[],
  services: readonly ServiceValue[],
  region: Region,
): GatewayProblem[] {
  if (region.platform !== "dedicated") return [];
  const byServer = new Map<string, Map<number, string>>();
  const takenOn = (server: DedicatedRegion["servers"][number]): Map<number, string> => {
    const known = byServer.get(server.name);
    if (known !== undefined) return known;
    const there = services.filter((service) => placed(service, region).includes(server));
    const taken = new Map([
      ...there.map((service): [number, string] => [service.port, ofService(service)]),
      ...platformPorts(region, server.roles),
    ]);
    byServer.set(server.name, taken);
    return taken;
  };
  return gateways.flatMap((gateway) =>
    placed(gateway, region).flatMap((server) =>
      (["port", "adminPort"] as const).flatMap((field) => {
        const taken = takenOn(server);
        const by = taken.get(gateway[field]);
        taken.set(gateway[field], by ?? ofGateway(gateway));
        if (by === undefined) return [];
        return [
          refused(
            ofGateway(gateway),
            field,
            gateway[field],
            `expected a port that is free on ${server.name} of region ${region.name}, where ${by} has it`,
          ),
        ];
      }),
    ),
  );
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
