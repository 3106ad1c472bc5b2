import { FRONT_ADMIN_PORT } from "../../../constructs/front/front-config";
import { CRON_JOB_NAME_LENGTH, cronJobName } from "../../../constructs/kubernetes/job-run";
import type { DedicatedRegion, Ec2Region, GkeRegion, Region } from "../regions";
import { MOST_MACHINES } from "../regions/ec2-region";
import { problemText } from "../regions/region-errors";
import { type NamedZones, zoneOf } from "../public-hosts";
import { publicProblems } from "./public-services";
import { nameOf, type ValueSource } from "../regions/validate-regions";
import { entrancesOf } from "./service-entrances";
import { isPeered, nearestPlaces, peersOf, strangers, waysElsewhere } from "./service-peers";
import { refusal, type ServiceProblem } from "./service-problem";
import { candidates, CLUSTER_INSTANCES, placed, roleOf } from "./service-placement";
import { hasRegistry, outsideHost, readService, tasksIn, type ServiceValue } from "./service-value";

/** Services are wrong; nothing has been constructed or written. */
export class InvalidServicesError extends Error {
  constructor(readonly problems: readonly ServiceProblem[]) {
    super(
      problems.map(({ service, ...problem }) => `service ${service}: ${problemText(problem)}`).join("\n"),
    );
    this.name = "InvalidServicesError";
  }
}

/**
 * Checks each service alone, then all of them together and against the regions that they run in.
 *
 * @param names zones whose names lead to all regions that run a service. @default - none
 * @throws InvalidServicesError that lists every problem found.
 */
export function validateServices(
  sources: readonly ValueSource[],
  regions: readonly Region[],
  names: NamedZones = { zones: [] },
): readonly ServiceValue[] {
  const problems: ServiceProblem[] = [];
  const services: ServiceValue[] = [];
  const unread: string[] = [];
  for (const source of sources) {
    const read = readService(source.value);
    if ("name" in read) {
      const named = (read.public?.hosts ?? []).filter((host) => zoneOf(host, names) !== undefined);
      const nearest = nearestPlaces(read, regions);
      const shown = { ...read, named, nearest, entrances: entrancesOf(read, regions) };
      services.push({ ...shown, peers: peersOf(shown, regions) });
    } else {
      unread.push(nameOf(source));
      problems.push(...read.map((problem) => ({ service: nameOf(source), ...problem })));
    }
  }
  problems.push(
    ...takenNames(services),
    ...services.flatMap((service) => placementProblems(service, services, regions)),
    ...regions.flatMap((region) => (region.platform === "gke" ? [] : takenPorts(services, region))),
    ...regions.flatMap((region) => entranceToNobody(services, region)),
    ...publicProblems(services, regions),
    ...services.flatMap((service) => callProblems(service, { services, unread, regions })),
    ...services.flatMap(taskProblems),
    ...services.flatMap((service) => databaseProblems(service, regions)),
    ...circles(services),
  );
  if (problems.length > 0) throw new InvalidServicesError(problems);
  return services;
}

/** Names under which Consul knows what is always there. */
export const OWN_NAMES = ["consul", "proxy", "front"];

function takenNames(services: readonly ServiceValue[]): ServiceProblem[] {
  return services.flatMap((service, index) => {
    const { name } = service;
    const refuse = (expectation: string) => [refusal(service, "name", name, expectation)];
    if (OWN_NAMES.includes(name))
      return refuse(
        `expected another name than ${OWN_NAMES.slice(0, -1).join(", ")} and ${OWN_NAMES.at(-1)} have`,
      );
    const isTaken = services.slice(0, index).some((earlier) => earlier.name === name);
    return isTaken ? refuse("expected a name that no other service has") : [];
  });
}

function placementProblems(
  service: ServiceValue,
  services: readonly ServiceValue[],
  regions: readonly Region[],
): ServiceProblem[] {
  return Object.keys(service.in).flatMap((name) => {
    const region = regions.find((each) => each.name === name);
    if (region === undefined) {
      const known = regions.map((each) => each.name).join(", ");
      return [refusal(service, "in", name, `expected regions that there are (${known})`)];
    }
    switch (region.platform) {
      case "dedicated":
        return problemsOnHosts(service, region);
      case "ec2":
        return problemsInGroup(service, services, region);
      case "gke":
        return problemsInCluster(service, services, region);
    }
  });
}

function problemsOnHosts(service: ServiceValue, region: DedicatedRegion): ServiceProblem[] {
  const { name } = region;
  const { instances, atMost, on = "app" } = service.in[name]!;
  const most = candidates(service, region).length;
  const problems: (ServiceProblem | false)[] = [
    (most === 0 || (instances ?? 1) > most) &&
      refusal(
        service,
        `in.${name}.instances`,
        instances,
        `expected no more than one on each of the ${most} servers of ${name} with role ${on}`,
      ),
    atMost !== undefined &&
      refusal(
        service,
        `in.${name}.atMost`,
        atMost,
        `expected no such field, for the servers of ${name} are as many as they are`,
      ),
    withoutRegistry(service, region),
  ];
  return problems.filter((problem) => problem !== false);
}

/** Machines of a group are alike: each has what the group has. */
function problemsInGroup(
  service: ServiceValue,
  services: readonly ServiceValue[],
  region: Ec2Region,
): ServiceProblem[] {
  const { name, entrance } = region;
  const { instances, atMost } = service.in[name]!;
  const role = roleOf(service, region);
  const { count } = region.servers[role];
  const least = Math.max(count, instances ?? 0);
  const hasQuorum = role === "consul-server";
  const problems: (ServiceProblem | false)[] = [
    hasQuorum &&
      least > count &&
      refusal(
        service,
        `in.${name}.instances`,
        instances,
        `expected no more than one on each of the ${count} machines with role ${role}, whose number decides for Consul`,
      ),
    hasQuorum &&
      atMost !== undefined &&
      refusal(
        service,
        `in.${name}.atMost`,
        atMost,
        `expected no such field, for the number of machines with role ${role} decides for Consul`,
      ),
    least > MOST_MACHINES &&
      refusal(service, `in.${name}.instances`, instances, `expected at most ${MOST_MACHINES}, one a machine`),
    !hasQuorum &&
      atMost !== undefined &&
      (atMost < least || atMost > MOST_MACHINES) &&
      refusal(
        service,
        `in.${name}.atMost`,
        atMost,
        `expected no less than the ${least} machines that there always are, and at most ${MOST_MACHINES}`,
      ),
    withoutRegistry(service, region),
    ...Object.entries(tasksIn(service, region)).map(
      ([task, { every, timeoutSeconds }]) =>
        every === undefined &&
        timeoutSeconds >= region.bootTimeoutSeconds &&
        refusal(
          service,
          `tasks.${task}.timeoutSeconds`,
          timeoutSeconds,
          `expected less than the ${region.bootTimeoutSeconds} s in which a machine of ${name} must have started (bootTimeoutSeconds), for it runs there`,
        ),
    ),
    ...(entrance === undefined
      ? []
      : entranceProblems(service, services, { region: name, field: "entrance", ...entrance })),
  ];
  return problems.filter((problem) => problem !== false);
}

const withoutRegistry = (
  service: ServiceValue,
  { name, registry }: DedicatedRegion | Ec2Region,
): ServiceProblem | false =>
  registry === undefined &&
  !hasRegistry(service.image) &&
  refusal(
    service,
    "image",
    service.image,
    `expected an image with its registry in front, for region ${name} names none (registry.address)`,
  );

/** What an entrance of a region leads to. */
interface Entrance {
  readonly region: string;
  /** Field of the region that says so. */
  readonly field: string;
  readonly service?: string | undefined;
  readonly port: number;
  readonly healthPath: string;
}

function entranceProblems(
  service: ServiceValue,
  services: readonly ServiceValue[],
  entrance: Entrance,
): (ServiceProblem | false)[] {
  const { region, field, port, healthPath } = entrance;
  const isPublic = entrance.service === service.name;
  const isOurs = services.some(({ name, in: places }) => name === entrance.service && region in places);
  return [
    // What is behind the entrance and nobody described here has that name already.
    service.name === "web" &&
      !isOurs &&
      refusal(
        service,
        "name",
        service.name,
        `expected another name, for it is that of what the entrance of ${region} leads to (${field}.service)`,
      ),
    isPublic &&
      (port !== service.port || healthPath !== service.health.path) &&
      refusal(
        service,
        "port",
        service.port,
        `expected port and health path that the entrance of ${region} leads to (${port} and ${healthPath} of ${field})`,
      ),
  ];
}

/** A service that an entrance on EC2 leads to, and that does not run there; in a cluster it may be somebody else's. */
function entranceToNobody(services: readonly ServiceValue[], region: Region): ServiceProblem[] {
  if (region.platform !== "ec2" || region.entrance?.service === undefined) return [];
  const { name, entrance } = region;
  if (services.some((service) => service.name === entrance.service && service.in[name] !== undefined))
    return [];
  return [
    refusal(
      { name: entrance.service! },
      `in.${name}`,
      undefined,
      `expected a service that runs in ${name}, for its entrance leads there (entrance.service)`,
    ),
  ];
}

function problemsInCluster(
  service: ServiceValue,
  services: readonly ServiceValue[],
  region: GkeRegion,
): ServiceProblem[] {
  const { name, entrance } = region;
  const { instances = CLUSTER_INSTANCES, atMost, on } = service.in[name]!;
  const { backend } = entrance ?? {};
  const problems: (ServiceProblem | false)[] = [
    on !== undefined &&
      refusal(service, `in.${name}.on`, on, `expected no such field, for no machine of ${name} has a role`),
    atMost !== undefined &&
      atMost < instances &&
      refusal(service, `in.${name}.atMost`, atMost, `expected no less than its ${instances} instances`),
    service.name === APPLICATIONS_ACCOUNT &&
      refusal(service, "name", service.name, "expected another name, for it is that of other pods' account"),
    ...Object.keys(tasksIn(service, region)).map((task) => {
      const cronJob = cronJobName(service.name, task);
      return (
        cronJob.length > CRON_JOB_NAME_LENGTH &&
        refusal(
          service,
          `tasks.${task}`,
          cronJob,
          `expected a name of at most ${CRON_JOB_NAME_LENGTH} characters with its service's in ${name}`,
        )
      );
    }),
    ...(backend === undefined
      ? []
      : entranceProblems(service, services, { region: name, field: "entrance.backend", ...backend })),
  ];
  return problems.filter((problem) => problem !== false);
}

/** Name of what pods that nobody described here act as. */
const APPLICATIONS_ACCOUNT = "app";

/** Ports of a server, or of a group's machines, that are taken, and by what. */
function takenPorts(
  services: readonly ServiceValue[],
  region: DedicatedRegion | Ec2Region,
): ServiceProblem[] {
  const byPlace = new Map<string, Map<number, string>>();
  return services.flatMap((service) =>
    placesOf(service, region).flatMap(({ name, roles }) => {
      const taken = byPlace.get(name) ?? new Map(platformPorts(region, roles));
      byPlace.set(name, taken);
      const by = taken.get(service.port);
      taken.set(service.port, by ?? `service ${service.name}`);
      if (by === undefined) return [];
      return [
        refusal(
          service,
          "port",
          service.port,
          `expected a port that is free on ${name} of region ${region.name}, where ${by} has it`,
        ),
      ];
    }),
  );
}

/** Servers that hold the service, or the group whose machines do. */
function placesOf(
  service: ServiceValue,
  region: DedicatedRegion | Ec2Region,
): readonly { readonly name: string; readonly roles: readonly string[] }[] {
  if (region.platform === "dedicated") return placed(service, region);
  if (service.in[region.name] === undefined) return [];
  const role = roleOf(service, region);
  return [{ name: `machines with role ${role}`, roles: [role] }];
}

export function platformPorts(
  region: DedicatedRegion | Ec2Region,
  roles: readonly string[],
): [number, string][] {
  return [
    ...(region.platform === "dedicated" ? [[region.ssh.port, "SSH"] as [number, string]] : []),
    ...(roles.includes("app") ? applicationPort(region) : []),
    ...(region.platform === "dedicated" && roles.includes("front") ? frontPorts(region) : []),
    ...[8300, 8301, 8302, 8500, 8600].map((port): [number, string] => [port, "Consul"]),
    ...(roles.includes("proxy")
      ? [region.proxy.port, 9300, ...(isPeered(region) ? [region.peered.port] : [])].map(
          (port): [number, string] => [port, "the proxy"],
        )
      : []),
  ];
}

const frontPorts = ({ front }: DedicatedRegion): [number, string][] =>
  [front.httpsPort, front.httpPort, FRONT_ADMIN_PORT].map((port) => [port, "the front"]);

/** That of an application that is no service. */
function applicationPort(region: DedicatedRegion | Ec2Region): [number, string][] {
  if (region.platform === "dedicated" || region.entrance === undefined) return [];
  const { service, port } = region.entrance;
  return service === undefined ? [[port, "what the entrance leads to"]] : [];
}

/** What calls lead to. */
interface Surroundings {
  readonly services: readonly ServiceValue[];
  /** Services that are wrong themselves: that others call them is no mistake of theirs. */
  readonly unread: readonly string[];
  readonly regions: readonly Region[];
}

function callProblems(service: ServiceValue, { services, unread, regions }: Surroundings): ServiceProblem[] {
  return service.calls.flatMap((called, index) => {
    if (outsideHost(called) !== undefined || unread.includes(called)) return [];
    const refuse = (expectation: string) => [refusal(service, `calls[${index}]`, called, expectation)];
    const callee = services.find(({ name }) => name === called);
    if (callee === undefined) {
      return refuse(
        `expected a service that there is (${services.map(({ name }) => name).join(", ")}), or an origin such as https://api.example.com`,
      );
    }
    const standIn = (["substitute", "stale"] as const).find((each) => callee[each] !== undefined);
    if (standIn !== undefined && !service.degradesWithout.includes(called))
      return refuse(
        `expected ${service.name} to name it in degradesWithout, for proxies may answer in its place (${called}: ${standIn})`,
      );
    const missing = Object.keys(service.in).filter(
      (name) => callee.in[name] === undefined && waysElsewhere(callee, { name }).length === 0,
    );
    if (missing.length === 0) return [];
    const there = Object.keys(callee.in);
    return refuse(
      `expected a service that runs wherever ${service.name} does, or has a way to it from there: ${called} does not run in ${missing.join(", ")}, no entrance of ${there.join(", ")} leads to it (public.hosts with all paths, or entrance.service on EC2 and entrance.backend.service on GKE), and their proxies do not know one another (${strangers(missing, there, regions)})`,
    );
  });
}

/** Tasks in regions that the service does not run in. */
const taskProblems = (service: ServiceValue): ServiceProblem[] =>
  Object.entries(service.tasks).flatMap(([name, { in: regions = [] }]) =>
    regions.flatMap((region, index) =>
      service.in[region] === undefined
        ? [
            refusal(
              service,
              `tasks.${name}.in[${index}]`,
              region,
              `expected a region that the service runs in (${Object.keys(service.in).join(", ")})`,
            ),
          ]
        : [],
    ),
  );

/** Databases that regions of the service lack. */
const databaseProblems = (service: ServiceValue, regions: readonly Region[]): ServiceProblem[] =>
  service.database === undefined
    ? []
    : regions
        .filter(({ name, database }) => service.in[name] !== undefined && database?.name !== service.database)
        .map(({ name, database }) =>
          refusal(
            service,
            "database",
            service.database,
            database === undefined
              ? `expected region ${name} to have a database, for the service runs there (its field database)`
              : `expected the database of region ${name} (${database.name}), for the service runs there`,
          ),
        );

/** Services that need one another: none of them could start, and none could be released, without all others. */
function circles(services: readonly ServiceValue[]): ServiceProblem[] {
  const hard = (name: string): readonly string[] => {
    const service = services.find((each) => each.name === name);
    return service?.calls.filter((called) => !service.degradesWithout.includes(called)) ?? [];
  };
  /** A way of hard calls from one service to another, by names. */
  const way = (from: string, to: string, seen: Set<string>): readonly string[] | undefined => {
    for (const next of hard(from)) {
      if (next === to) return [from, to];
      if (seen.has(next)) continue;
      const rest = way(next, to, seen.add(next));
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  };
  const told = new Set<string>();
  return services.flatMap(({ name }) => {
    if (told.has(name)) return [];
    const circle = way(name, name, new Set());
    if (circle === undefined) return [];
    for (const member of circle) told.add(member);
    return [
      {
        service: name,
        path: "calls",
        value: circle.join(" -> "),
        expectation: "expected no service to need itself: name one of the calls in degradesWithout",
      },
    ];
  });
}
