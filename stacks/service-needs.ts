import type { BlockSource, HasInstances, ServiceProps } from "../constructs/availability";
import type { Region } from "../constructs/region";
import type { ServiceValue } from "../constructs/service";
import { outsideHost } from "../constructs/service/service-value";

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

/** Services of the region that others of it call. */
export const calledServices = (
  services: readonly ServiceValue[],
  region: Pick<Region, "name">,
): readonly ServiceValue[] => {
  const here = servicesIn(services, region);
  return here.filter(({ name }) => here.some(({ calls }) => calls.includes(name)));
};

const nameOfService = (name: string): string => `service ${name}`;

/** What carries the services of a region, for others that would come there and need them. */
export const ownServices = (needs: ReadonlyMap<string, ServiceNeeds>): NamedNeeds =>
  Object.fromEntries(
    [...needs].flatMap(([name, { placing }]) => (placing ? [[nameOfService(name), placing.on]] : [])),
  );

/**
 * What each service of a region needs, by its name: itself, and all that those whom it cannot do without need in turn.
 * In a region that it came to it would use what that has of the same, and else what it uses here.
 *
 * @param here services of the region
 * @param stands what an instance of a service stands on
 * @param way what a call to an origin outside needs, by the origin's host name
 */
export function serviceNeeds(
  here: readonly ServiceValue[],
  stands: (name: string) => Standing,
  way: (host: string) => NamedNeeds,
): ReadonlyMap<string, ServiceNeeds> {
  const isSoft = ({ degradesWithout }: ServiceValue, called: string) => degradesWithout.includes(called);
  const besides = (service: ServiceValue): NamedNeeds =>
    Object.assign(
      {},
      stands(service.name).besides,
      ...service.calls.filter((called) => !isSoft(service, called)).map(called),
    ) as NamedNeeds;
  const called = (name: string): NamedNeeds => {
    const host = outsideHost(name);
    if (host !== undefined) return way(host);
    const service = here.find((one) => one.name === name)!;
    return { [nameOfService(name)]: stands(name).on, ...besides(service) };
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
