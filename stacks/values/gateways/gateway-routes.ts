import { gatewayProblem, type RoutedRoute } from "../../../constructs/gateway";
import { MONOLITH, rivalRoutes, routeProblem } from "../../../constructs/gateway/gateway-grammar";
import type { ServiceValue } from "../services";
import { type GatewayProblem, ofGateway, ofService, refused } from "./gateway-problem";
import type { GatewayAlone, GatewayValue } from "./gateway-value";

/** A route with who says it. */
interface SaidRoute {
  readonly name: string;
  readonly route: RoutedRoute;
  readonly whose: string;
  /** Where a refusal of it stands in the value of who says it. */
  readonly path: string;
}

/** A gateway with all its routes, of which nobody has said yet which hosts are led. */
type Routed = Omit<GatewayValue, "named">;

/** What comes of services' routes: gateways that have them, and what is wrong with them. */
export interface GatheredRoutes {
  readonly gateways: readonly Routed[];
  readonly problems: readonly GatewayProblem[];
}

/** Brings each service's routes to the gateway that has their hosts. */
export function gatherRoutes(
  gateways: readonly GatewayAlone[],
  services: readonly ServiceValue[],
): GatheredRoutes {
  const problems: GatewayProblem[] = [];
  const said = new Map<string, SaidRoute[]>(
    gateways.map((gateway) => [
      gateway.name,
      Object.entries(gateway.routes).map(([name, route]) => ({
        name,
        route: { ...gateway.everyRoute, ...route, service: MONOLITH },
        whose: ofGateway(gateway),
        path: `routes.${name}`,
      })),
    ]),
  );
  for (const service of services) {
    for (const [name, route] of Object.entries(service.routes)) {
      const path = `routes.${name}`;
      const found = gatewayOf(route.hosts, gateways);
      if ("expectation" in found) {
        problems.push(refused(ofService(service), `${path}.hosts`, route.hosts, found.expectation));
        continue;
      }
      said.get(found.name)!.push({
        name,
        route: { ...found.everyRoute, ...route, service: service.name },
        whose: ofService(service),
        path,
      });
    }
  }
  const whole = gateways.map(({ everyRoute: _, ...gateway }): Routed => {
    const routes = said.get(gateway.name)!;
    problems.push(...routeProblems(gateway, routes));
    return { ...gateway, routes: byName(routes) };
  });
  return { gateways: whole, problems };
}

function gatewayOf(
  hosts: readonly string[] | undefined,
  gateways: readonly GatewayAlone[],
): GatewayAlone | { readonly expectation: string } {
  const known = gateways.map(({ name, hosts: own }) => `${name}: ${own.join(", ")}`).join("; ");
  if (gateways.length === 0)
    return { expectation: "expected a gateway that has it, and there is none (gateways/)" };
  if (hosts === undefined) {
    return gateways.length === 1
      ? gateways[0]!
      : { expectation: `expected hosts of one gateway, since there are several (${known})` };
  }
  const found = gateways.find((gateway) => hosts.every((host) => gateway.hosts.includes(host.toLowerCase())));
  return found ?? { expectation: `expected hosts that one gateway has (${known})` };
}

/** What the gateway would refuse in its file, told to who said it. */
function routeProblems(
  gateway: Omit<GatewayAlone, "everyRoute">,
  said: readonly SaidRoute[],
): GatewayProblem[] {
  const names = said.flatMap(({ name, whose, path }, index) => {
    const other = said.slice(0, index).find((each) => each.name === name);
    return other === undefined
      ? []
      : [refused(whose, path, name, `expected another name than a route of ${other.whose} has`)];
  });
  const hosts = said.flatMap(({ route, whose, path }) =>
    whose !== ofGateway(gateway)
      ? []
      : (route.hosts ?? [])
          .filter((host) => !gateway.hosts.includes(host.toLowerCase()))
          .map((host) =>
            refused(
              whose,
              `${path}.hosts`,
              host,
              `expected hosts of the gateway (${gateway.hosts.join(", ")})`,
            ),
          ),
  );
  if (names.length > 0 || hosts.length > 0) return [...names, ...hosts];
  const withEvery = said.flatMap(({ name, route: { service: _, ...route }, whose, path }) => {
    const found = routeProblem(name, route);
    if (found === undefined) return [];
    return [refused(whose, [path, ...found.path.slice(1)].join("."), found.value, found.expectation)];
  });
  if (withEvery.length > 0) return withEvery;
  const rivals = claimedTwice(said);
  return rivals.length > 0 ? rivals : wholeProblem(gateway, said);
}

/** Two that take the same requests. */
function claimedTwice(said: readonly SaidRoute[]): GatewayProblem[] {
  return rivalRoutes(byName(said)).map(({ name, rival }) => {
    const [one, other] = [name, rival].map((each) => said.find((route) => route.name === each)!);
    return refused(
      one!.whose,
      `${one!.path}.path`,
      one!.route.path,
      `expected other requests than route ${rival} of ${other!.whose} takes`,
    );
  });
}

const byName = (said: readonly SaidRoute[]): Readonly<Record<string, RoutedRoute>> =>
  Object.fromEntries(said.map(({ name, route }) => [name, route]));

/** A service wherever it is: whether it is there is another question. */
const ANYWHERE = "http://somewhere.invalid";

function wholeProblem(
  gateway: Omit<GatewayAlone, "everyRoute">,
  said: readonly SaidRoute[],
): GatewayProblem[] {
  if (said.length === 0 && gateway.monolith === undefined)
    return [refused(ofGateway(gateway), "monolith", undefined, "expected one, or a service with a route")];
  const { issuers, limits, apis, openTelemetry, settings, monolith } = gateway;
  const names = said
    .flatMap(({ route: { service, shadow, join = {} } }) => [
      service,
      shadow?.service ?? MONOLITH,
      ...Object.values(join).map((part) => part.service ?? service),
    ])
    .filter((name) => name !== MONOLITH);
  const problem = gatewayProblem({
    ...{ issuers, limits, apis, openTelemetry, settings, port: gateway.port },
    adminListen: `127.0.0.1:${gateway.adminPort}`,
    gateways: 1,
    monolith: monolith && ANYWHERE,
    services: Object.fromEntries(names.map((name) => [name, ANYWHERE])),
    routes: byName(said),
  });
  if (problem === undefined) return [];
  const { path, value, expectation } = problem;
  const of = said.find(
    ({ path: own }) => path === own || (/^[.[]/.test(path.replace(own, "")) && path.startsWith(own)),
  );
  return [refused(of?.whose ?? ofGateway(gateway), path, value, expectation)];
}
