import { claimedTwice } from "../../../constructs/front/claims";
import type { Region } from "../regions";
import {
  entranceNames,
  type EntranceRegion,
  entranceRoutes,
  entranceService,
  isBelowEntrance,
  type Shown,
} from "./service-entrances";
import { refusal, type ServiceProblem } from "./service-problem";
import type { ServiceValue } from "./service-value";

/** What is wrong with the ways by which the internet reaches services. */
export const publicProblems = (
  services: readonly ServiceValue[],
  regions: readonly Region[],
): ServiceProblem[] => [
  ...takenPlaces(services),
  ...regions.flatMap((region) =>
    region.platform === "dedicated"
      ? servicesShownIn(services, region).flatMap((service) => withoutFront(service, region))
      : [
          ...servicesShownIn(services, region).flatMap((service) => withoutEntrance(service, region)),
          ...takenFromEntrance(services, region),
          ...withoutHealth(services, region),
        ],
  ),
];

const servicesShownIn = (services: readonly ServiceValue[], { name }: Region): readonly ServiceValue[] =>
  services.filter((service) => service.public !== undefined && service.in[name] !== undefined);

/** Host names and paths that lead to two services. */
const takenPlaces = (services: readonly ServiceValue[]): ServiceProblem[] =>
  claimedTwice(
    services.flatMap(({ name, public: claims }) => (claims === undefined ? [] : [{ name, ...claims }])),
  ).flatMap(({ service, host, path, by }) =>
    by === service.name
      ? []
      : refusal(
          service,
          `public.hosts[${service.hosts.indexOf(host)}]`,
          host,
          `expected a host that leads nowhere else at ${path}: service ${by} has it`,
        ),
  );

const withoutFront = (
  service: ServiceValue,
  { name, servers }: Extract<Region, { platform: "dedicated" }>,
): ServiceProblem[] =>
  servers.some(({ roles, retired }) => roles.includes("front") && retired === false)
    ? []
    : [
        refusal(
          service,
          "public.hosts",
          service.public!.hosts,
          `expected a server with role front in ${name}, for it runs there`,
        ),
      ];

/** Where a region's own entrance does not lead to the service under these names, nothing does. */
function withoutEntrance(service: ServiceValue, region: EntranceRegion): ServiceProblem[] {
  const { hosts, paths } = service.public!;
  const { name, entrance } = region;
  if (entrance === undefined) {
    return [
      refusal(
        service,
        "public.hosts",
        hosts,
        `expected region ${name} to have an entrance, for it runs there`,
      ),
    ];
  }
  return [
    ...hosts.flatMap((host, index) => {
      const expectation = unshown(service, host, region);
      return expectation === undefined ? [] : [refusal(service, `public.hosts[${index}]`, host, expectation)];
    }),
    ...(entranceService(region) !== service.name || paths.join() === "/"
      ? []
      : [
          refusal(
            service,
            "public.paths",
            paths,
            `expected all of them (/), for the entrance of ${name} leads to it what it leads to nobody else`,
          ),
        ]),
  ];
}

/** Why a host cannot lead to that region, if it cannot: somebody must let its certificate be made. */
function unshown(service: ServiceValue, host: string, region: EntranceRegion): string | undefined {
  const { zone } = region.entrance!;
  if (region.platform === "ec2") {
    return `.${host}`.endsWith(`.${zone}`)
      ? undefined
      : `expected a name in the zone of the entrance of ${region.name} (${zone}), where its certificate is shown to be right`;
  }
  return isBelowEntrance(host, region) || service.named.includes(host)
    ? undefined
    : `expected a name that the entrance of ${region.name} has (${entranceNames(region).join(", ")}), one in its zone, or one in a zone of names/`;
}

/** Hosts that the entrance has itself, or that lead to one region alone, and that a service claims all the same. */
function takenFromEntrance(services: readonly ServiceValue[], region: EntranceRegion): ServiceProblem[] {
  const main = entranceService(region);
  const claims = [
    { name: main ?? `no service`, service: undefined, hosts: entranceNames(region), paths: ["/"] },
    ...entranceRoutes(services, region).map(({ service, hosts, paths }) => ({
      ...{ name: service.name, service, hosts, paths },
    })),
  ];
  const taken = claimedTwice(claims);
  return taken.flatMap(({ service: { service, name }, host, path, by }) => {
    if (service === undefined || by === name) return [];
    const index = service.public!.hosts.indexOf(host);
    const isTold =
      index < 0
        ? // With the host that this name comes of.
          taken.some((each) => each.by === by && service.public!.hosts.includes(each.host))
        : services.some((each) => each.name === by && each.public?.hosts.includes(host));
    if (isTold) return [];
    return [
      refusal(
        service,
        index < 0 ? "name" : `public.hosts[${index}]`,
        index < 0 ? name : host,
        `expected ${index < 0 ? `a name with which ${host} leads` : "a host that leads"} nowhere else at ${path}: the entrance of ${region.name} leads it to ${by}`,
      ),
    ];
  });
}

/** Hosts for which the region's own stack says how well they are, by the health of a service that has them. */
const withoutHealth = (services: readonly ServiceValue[], region: EntranceRegion): ServiceProblem[] =>
  region.platform !== "ec2"
    ? []
    : entranceRoutes(services, region).flatMap(({ service }) =>
        service
          .public!.hosts.filter(
            (host) =>
              !service.named.includes(host) &&
              !entranceNames(region).includes(host) &&
              judgeOf(host, services, region) === undefined,
          )
          .map((host) =>
            refusal(
              service,
              "health.path",
              service.health.path,
              `expected a path below the service's own public.paths, by which ${host} is led to ${region.name}`,
            ),
          ),
      );

/** The service by whose health people are led to a host, or not; undefined where none says it there. */
export const judgeOf = (
  host: string,
  services: readonly ServiceValue[],
  region: EntranceRegion,
): ServiceValue | undefined =>
  servicesShownIn(services, region).find(
    (service) => service.public!.hosts.includes(host) && answersItsHealthPath(service),
  );

/** Who asks a name for its health must come to the service whose it is. */
export const answersItsHealthPath = ({ health, public: shown }: Pick<Shown, "health" | "public">): boolean =>
  shown!.paths.some((path) => path === "/" || health.path === path || health.path.startsWith(`${path}/`));
