import { type Block, blockOf, type BlockSource, series, type ServiceProps } from "../constructs/availability";
import type { GatewayRouting, GatewayUpstream } from "../constructs/gateway";
import { MONOLITH } from "../constructs/gateway/gateway-grammar";
import type { CalledService } from "../constructs/proxy";
import { originsOfService } from "../constructs/proxy/service-groups";
import type { GatewayValue } from "./values/gateways";
import type { Region } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { entrancesElsewhere } from "./values/services/service-peers";
import { calledFrom, type NamedNeeds, type ServiceNeeds } from "./service-needs";

/** Names of the services that routes send requests to, and copies of them. */
const routedTo = (routes: GatewayValue["routes"]): readonly (string | undefined)[] =>
  Object.values(routes).flatMap((route) => [
    route.service,
    route.shadow?.service,
    ...partsOf(route).map(({ service }) => service),
  ]);

/** What a route's answer is made of: services by name, and whether it can do without what they say. */
const partsOf = ({
  service: own,
  join,
}: GatewayValue["routes"][string]): readonly { readonly service: string; readonly soft: boolean }[] =>
  join === undefined
    ? [{ service: own, soft: false }]
    : Object.values(join).map(({ service = own, soft = false }) => ({ service, soft }));

/** Services that a gateway sends requests to, each once; the monolith among them where it is one. */
export const askedBy = (
  { routes, monolith }: GatewayValue,
  services: readonly ServiceValue[],
): readonly ServiceValue[] => {
  const names = [...routedTo(routes), monolith?.service];
  return services.filter(({ name }) => names.includes(name));
};

/** A service as a region's gateways ask it, which other regions' proxies do not know: elsewhere, its entrances alone. */
export const askedFrom = (service: ServiceValue, region: Pick<Region, "name">): CalledService =>
  calledFrom(service, region, entrancesElsewhere(service, region));

/**
 * Where a gateway's requests go in one region: by the routes that are the same everywhere, to what answers for a service
 * there.
 *
 * @param domain service discovery's, for example `consul`
 */
export function routingIn(
  gateway: GatewayValue,
  services: readonly ServiceValue[],
  region: Pick<Region, "name">,
  domain: string,
): Omit<GatewayRouting, "trustedHops"> {
  const { routes, issuers, limits, apis, openTelemetry, settings } = gateway;
  const upstream = (service: ServiceValue): GatewayUpstream =>
    originsOfService(askedFrom(service, region), domain);
  const named = routedTo(routes);
  const asked = askedBy(gateway, services);
  const { service: own, ...how } = gateway.monolith ?? {};
  const monolith = asked.find(({ name }) => name === own);
  return {
    services: Object.fromEntries(
      asked.filter(({ name }) => named.includes(name)).map((service) => [service.name, upstream(service)]),
    ),
    monolith: gateway.monolith && (monolith === undefined ? how : { ...upstream(monolith), ...how }),
    ...{ routes, issuers, limits, apis, openTelemetry, settings },
  };
}

/** What the requests of a region's gateway stand on. */
export interface RouteGrounds {
  /** What each of them needs: the entrance of the region, and the gateway. */
  readonly front: readonly BlockSource[];
  /** What the region's services need, by name. */
  readonly made: ReadonlyMap<string, ServiceNeeds>;
  /** What answers for a service where other regions do too, or alone; undefined where none does. */
  readonly elsewhere: (service: ServiceValue, here: Block | undefined) => BlockSource | undefined;
  /** What is known of an origin outside, by its host name. */
  readonly outside: (host: string) => NamedNeeds;
}

/**
 * What each route of a gateway needs, by its name, and `rest` for what no route takes: the gateway, and the service that
 * has it with all that this cannot do without, or each of those whose answers are joined. Where the monolith still has a
 * part of the users, it is needed too.
 */
export function routeNeeds(
  gateway: GatewayValue,
  services: readonly ServiceValue[],
  { front, made, elsewhere, outside }: RouteGrounds,
): ReadonlyMap<string, Pick<ServiceProps, "requires" | "degradesWithout">> {
  const needsOf = (name: string): Required<Pick<ServiceProps, "requires" | "degradesWithout">> => {
    const own = name === MONOLITH ? gateway.monolith?.service : name;
    const service = services.find((each) => each.name === own);
    if (service === undefined) return { requires: monolithOrigins(gateway, outside), degradesWithout: [] };
    const here = made.get(service.name);
    const several = elsewhere(service, here && series(...here.requires.map(blockOf)));
    return {
      requires: several === undefined ? here!.requires : [several],
      degradesWithout: several === undefined ? (here!.degradesWithout ?? []) : [],
    };
  };
  const together = (names: readonly string[], missable: readonly string[] = []) => {
    const all = names.map(needsOf);
    const missed = missable.map(needsOf);
    return {
      requires: [...new Set([...front, ...all.flatMap(({ requires }) => requires)])],
      degradesWithout: [
        ...new Set([
          ...all.flatMap(({ degradesWithout }) => degradesWithout),
          ...missed.flatMap(({ requires, degradesWithout }) => [...requires, ...degradesWithout]),
        ]),
      ],
    };
  };
  const ofRoute = (route: GatewayValue["routes"][string]) => {
    const { share = 1 } = route;
    const parts = share > 0 ? partsOf(route) : [];
    const named = (wanted: boolean) =>
      parts.filter(({ soft }) => soft === wanted).map(({ service }) => service);
    return together([...named(false), ...(share < 1 ? [MONOLITH] : [])], named(true));
  };
  return new Map([
    ...Object.entries(gateway.routes).map(([name, route]) => [name, ofRoute(route)] as const),
    ...(gateway.monolith === undefined ? [] : [[REST, together([MONOLITH])] as const]),
  ]);
}

/** What metrics and log call the requests that no route takes. */
const REST = "rest";

/** One of them is enough, as far as the region says how available they are. */
function monolithOrigins(
  { monolith = {} }: GatewayValue,
  outside: RouteGrounds["outside"],
): readonly BlockSource[] {
  const [first] = [monolith.url ?? [], monolith.origins ?? []].flat();
  const url = typeof first === "object" ? first.url : first;
  return url === undefined ? [] : Object.values(outside(new URL(url).hostname));
}
