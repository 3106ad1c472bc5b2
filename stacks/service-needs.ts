import {
  type Block,
  blockOf,
  type BlockSource,
  changeFigure,
  component,
  type HasInstances,
  series,
  type ServiceProps,
} from "../constructs/availability";
import type { CalledService } from "../constructs/proxy";
import type { Region } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { waysElsewhere } from "./values/services/service-peers";
import { outsideHost, type ServiceEntrance, type ServicePeers } from "./values/services/service-value";

/** What a service needs, what it can do without, and what it would need elsewhere. */
export type ServiceNeeds = Pick<ServiceProps, "requires" | "degradesWithout" | "placing">;

/** What is needed, by names that mean the same in every region. */
export type NamedNeeds = Readonly<Record<string, BlockSource>>;

/** What the instances of a service stand on. */
export interface Standing {
  /** What carries its load. */
  readonly on: HasInstances;
  /** What all of them need. @default - nothing */
  readonly besides?: NamedNeeds;
}

/** Services that run in the region. */
export const servicesIn = (
  services: readonly ServiceValue[],
  { name }: Pick<Region, "name">,
): readonly ServiceValue[] => services.filter((service) => service.in[name] !== undefined);

/** Origins outside that services of the region call. */
export const outsideCalls = (
  services: readonly ServiceValue[],
  region: Pick<Region, "name">,
): readonly string[] =>
  servicesIn(services, region).flatMap(({ calls }) => calls.flatMap((call) => outsideHost(call) ?? []));

/** Services that those of the region call, and what answers for them: its own instances, then other regions' entrances. */
export const calledServices = (
  services: readonly ServiceValue[],
  region: Pick<Region, "name">,
): readonly CalledService[] => {
  const here = servicesIn(services, region);
  return services
    .filter(({ name }) => here.some(({ calls }) => calls.includes(name)))
    .map((service) => calledFrom(service, region));
};

/** Services of the region that those of other regions call from proxy to proxy, and the regions that do. */
export const calledByPeers = (
  services: readonly ServiceValue[],
  region: Pick<Region, "name">,
): readonly { readonly service: ServiceValue; readonly from: readonly string[] }[] =>
  servicesIn(services, region).flatMap((service) => {
    const callers = services.filter(({ calls }) => calls.includes(service.name));
    const from = service.peers
      .filter((peers) => peers.region === region.name)
      .flatMap((peers) => peers.from)
      .filter((name) => callers.some((caller) => caller.in[name] !== undefined));
    return from.length === 0 ? [] : [{ service, from }];
  });

/** A service as those of a region ask it. @param ways what answers for it elsewhere. @default - all that there is */
export const calledFrom = (
  service: ServiceValue,
  region: Pick<Region, "name">,
  ways: readonly (ServiceEntrance | ServicePeers)[] = waysElsewhere(service, region),
): CalledService => ({
  name: service.name,
  answerSeconds: service.answerSeconds,
  ...(service.in[region.name] === undefined ? {} : { port: service.port }),
  elsewhere: ways.map((way) => ("host" in way ? way.host : { peer: way.peer, addresses: way.addresses })),
  ...(service.substitute && { substitute: service.substitute }),
  ...(service.stale && { stale: service.stale }),
});

/** One and the same part in every region: a bad release is bad wherever it goes. */
const releasesOf = ({ name, releases }: ServiceValue): NamedNeeds => {
  if (releases === undefined) return {};
  const { perMonth, failureShare, hoursToTakeBack } = releases;
  const figure = changeFigure({ releasesPerMonth: perMonth, failureShare, hoursToTakeBack });
  return {
    [`releases of ${name}`]: component(`service/${name}/releases`, figure, {
      label: `releases of ${name}`,
      kind: "assumed",
      source: `its file: ${perMonth} in 30 days, a share of ${failureShare} of them bad, ${hoursToTakeBack} h to take one back`,
    }),
  };
};

const nameOfService = (name: string): string => `service ${name}`;

/** What carries the services of a region, for others that would come there and need them. */
export const ownServices = (needs: ReadonlyMap<string, ServiceNeeds>): NamedNeeds =>
  Object.fromEntries(
    [...needs].flatMap(([name, { placing }]) => (placing ? [[nameOfService(name), placing.on]] : [])),
  );

/** What calls go through. */
export interface CallWays {
  readonly proxies: NamedNeeds;
  /** What a call to an origin outside needs besides, by the origin's host name. */
  readonly outside: (host: string) => NamedNeeds;
  /**
   * A service that other regions answer for too, or alone; undefined where none does.
   *
   * @param here the same in this region, where it runs there, with all that it needs
   */
  readonly elsewhere: (name: string, here: Block | undefined) => BlockSource | undefined;
}

/**
 * What each service of a region needs, by its name: itself, and all that those whom it cannot do without need in turn.
 * In a region that it came to it would use what that has of the same, and else what it uses here.
 *
 * @param here services of the region
 * @param stands what an instance of a service stands on
 */
export function serviceNeeds(
  here: readonly ServiceValue[],
  stands: (name: string) => Standing,
  ways: CallWays,
): ReadonlyMap<string, ServiceNeeds> {
  const isSoft = ({ degradesWithout }: ServiceValue, called: string) => degradesWithout.includes(called);
  const besides = (service: ServiceValue): NamedNeeds =>
    Object.assign(
      {},
      stands(service.name).besides,
      releasesOf(service),
      ...service.calls.filter((called) => !isSoft(service, called)).map(called),
    ) as NamedNeeds;
  const called = (name: string): NamedNeeds => {
    const host = outsideHost(name);
    if (host !== undefined) return { ...ways.proxies, ...ways.outside(host) };
    const service = here.find((one) => one.name === name);
    const own: NamedNeeds =
      service === undefined ? {} : { [nameOfService(name)]: stands(name).on, ...besides(service) };
    const whole = service === undefined ? undefined : series(...Object.values(own).map(blockOf));
    const several = ways.elsewhere(name, whole);
    // What several regions answer for needs no part of this one.
    return { ...ways.proxies, ...(several === undefined ? own : { [nameOfService(name)]: several }) };
  };
  return new Map(
    here.map((service) => {
      const { on } = stands(service.name);
      const lends = besides(service);
      return [
        service.name,
        {
          requires: [...new Set([on, ...Object.values(lends)])],
          degradesWithout: service.calls
            .filter((name) => isSoft(service, name))
            .flatMap((name) => Object.values(called(name))),
          placing: { on, lends },
        },
      ];
    }),
  );
}
