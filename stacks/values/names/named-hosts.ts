import { isPublicAddress } from "../../../constructs/grammar/public-address";
import type { GatewayValue } from "../gateways";
import { shownGateway } from "../gateways/gateway-entrances";
import { zoneOf } from "../public-hosts";
import type { DedicatedRegion, Region } from "../regions";
import type { ValueProblem } from "../regions/region-errors";
import type { ServiceValue } from "../services";
import { answersItsHealthPath } from "../services/public-services";
import type { Shown } from "../services/service-entrances";
import { InvalidNamesError } from "./load-names";
import type { NamesValue } from "./names-value";

/** What answers under a name, whose health path is one that people can ask for. */
export type Led = Pick<Shown, "name" | "in" | "public" | "health" | "named">;

/** A host name that the stack `names` leads to regions. */
export interface NamedHost {
  readonly host: string;
  readonly zone: string;
  /**
   * Services that answer under it, each at paths of its own, or a gateway, which has all of them; the first is the one by
   * whose health it is led.
   */
  readonly services: readonly Led[];
  /** Regions that answer, in the order of that one. */
  readonly regions: readonly Region[];
}

/**
 * All host names of services and gateways that lie in the zones.
 *
 * @param gateways each with its `healthPath` where one of its hosts is named. @default - none
 * @throws InvalidNamesError when nothing says how near a region is, a front has no public address, no service under a name
 *   has its health path there, or no service has a name in the zones
 */
export function namedHosts(
  names: NamesValue,
  services: readonly ServiceValue[],
  regions: readonly Region[],
  gateways: readonly GatewayValue[] = [],
): readonly NamedHost[] {
  const led: readonly Led[] = [...services, ...gateways.map(ledGateway)];
  const hosts = [...new Set(led.flatMap((each) => each.named))].sort();
  const named = hosts.map((host): NamedHost => {
    const under = led.filter((each) => each.named.includes(host));
    const judged = under.find(answersItsHealthPath) ?? under[0]!;
    return {
      ...{ host, zone: zoneOf(host, names)! },
      services: [judged, ...under.filter((service) => service !== judged)],
      regions: Object.keys(judged.in).map((place) => regions.find(({ name }) => name === place)!),
    };
  });
  const answering = [...new Set(named.flatMap((each) => each.regions))];
  const problems = [
    ...(hosts.length > 0 ? [] : [noneNamed(names)]),
    ...named.flatMap(unlikeServices),
    ...answering.flatMap((region) => withoutNearest(region, names)),
    ...sameNearest(answering, names),
    ...unknownTargets(named, names),
    ...answering.flatMap((region) => (region.platform === "dedicated" ? withoutPublicAddress(region) : [])),
  ];
  if (problems.length > 0) throw new InvalidNamesError(problems);
  return named;
}

/** Entrances ask it for its own health; people by way of its routes. */
const ledGateway = (gateway: GatewayValue): Led => ({
  ...shownGateway(gateway),
  ...(gateway.healthPath !== undefined && { health: { path: gateway.healthPath } }),
});

const noneNamed = ({ zones }: NamesValue): ValueProblem => ({
  path: "zones",
  value: JSON.stringify(zones),
  expectation: "expected zones in which a service has one of its public.hosts, or a gateway one of its hosts",
});

/** One name leads to regions that all have the same to say. */
function unlikeServices({ host, services: [judged, ...others], regions }: NamedHost): ValueProblem[] {
  const places = regions.map(({ name }) => name).sort();
  const unlike = others.filter((other) => Object.keys(other.in).sort().join() !== places.join());
  return [
    ...(answersItsHealthPath(judged!)
      ? []
      : [
          {
            path: `${host} of service ${judged!.name}`,
            value: JSON.stringify(judged!.health.path),
            expectation:
              "expected a health.path below the service's own public.paths, by which regions are judged",
          },
        ]),
    ...unlike.map((other) => ({
      path: `${host} of service ${other.name}`,
      value: JSON.stringify(Object.keys(other.in)),
      expectation: `expected the regions that ${judged!.name} runs in (${places.join(", ")}), for one name leads to both`,
    })),
  ];
}

/** Under which a service of a host is told of in the report. */
export const promisedAs = (host: string, path: string): string => `${host}${path === "/" ? "" : path}`;

function unknownTargets(named: readonly NamedHost[], { availability }: NamesValue): ValueProblem[] {
  const known = named.flatMap(({ host, services }) =>
    services.flatMap((each) => each.public!.paths.map((path) => promisedAs(host, path))),
  );
  return Object.keys(availability.targets)
    .filter((target) => !known.includes(target))
    .map((target) => ({
      path: "availability.targets",
      value: JSON.stringify(target),
      expectation: `expected hosts and paths that are led (${known.join(", ")})`,
    }));
}

const withoutNearest = (region: Region, names: NamesValue): ValueProblem[] =>
  nearestOf(region, names) === undefined
    ? [
        {
          path: `nearest.${region.name}`,
          value: "nothing",
          expectation: `expected the AWS region that is nearest to ${region.name}, such as ap-northeast-1, for public names lead there`,
        },
      ]
    : [];

function sameNearest(answering: readonly Region[], names: NamesValue): ValueProblem[] {
  const taken = new Map<string, string>();
  return answering.flatMap((region) => {
    const awsRegion = nearestOf(region, names);
    if (awsRegion === undefined) return [];
    const by = taken.get(awsRegion);
    taken.set(awsRegion, by ?? region.name);
    if (by === undefined) return [];
    return [
      {
        path: `nearest.${region.name}`,
        value: JSON.stringify(awsRegion),
        expectation: `expected another AWS region than ${by} has, for Route 53 leads to one by each`,
      },
    ];
  });
}

/** AWS region whose latency counts as that region's; undefined where nothing says. */
export const nearestOf = (region: Region, { nearest }: NamesValue): string | undefined =>
  nearest[region.name] ?? (region.platform === "ec2" ? region.awsRegion : undefined);

/** Fronts of a region, by the addresses at which the internet reaches them. */
export const publicAddresses = (region: DedicatedRegion): Readonly<Record<string, string>> =>
  Object.fromEntries(
    frontsOf(region).map(({ name, address, publicAddress }) => [name, publicAddress ?? address]),
  );

const frontsOf = ({ servers }: DedicatedRegion) =>
  servers.filter(({ roles, retired }) => roles.includes("front") && retired === false);

const withoutPublicAddress = (region: DedicatedRegion): ValueProblem[] =>
  frontsOf(region)
    .filter(({ address, publicAddress }) => publicAddress === undefined && !isPublicAddress(address))
    .map(({ name, address }) => ({
      path: `server ${name} of region ${region.name}: publicAddress`,
      value: JSON.stringify(address),
      expectation: "expected the address at which the internet reaches this front, for its own is private",
    }));
