import type { BlockSource, ServiceProps } from "../constructs/availability";
import type { Region } from "../constructs/region";
import type { ServiceValue } from "../constructs/service";
import { outsideHost } from "../constructs/service/service-value";

/** What a service needs, and what it can do without. */
export type ServiceNeeds = Pick<ServiceProps, "requires" | "degradesWithout">;

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

/**
 * What each service of a region needs, by its name: itself, and all that those whom it cannot do without need in turn.
 *
 * @param here services of the region
 * @param stands what an instance of a service stands on
 * @param way what a call to an origin outside needs, by the origin's host name
 */
export function serviceNeeds(
  here: readonly ServiceValue[],
  stands: (name: string) => readonly BlockSource[],
  way: (host: string) => readonly BlockSource[],
): ReadonlyMap<string, ServiceNeeds> {
  const isSoft = ({ degradesWithout }: ServiceValue, called: string) => degradesWithout.includes(called);
  const needs = (service: ServiceValue): BlockSource[] => [
    ...stands(service.name),
    ...service.calls.filter((called) => !isSoft(service, called)).flatMap(called),
  ];
  const called = (name: string): readonly BlockSource[] => {
    const host = outsideHost(name);
    return host === undefined ? needs(here.find((service) => service.name === name)!) : way(host);
  };
  return new Map(
    here.map((service) => [
      service.name,
      {
        requires: [...new Set(needs(service))],
        degradesWithout: service.calls.filter((name) => isSoft(service, name)).flatMap(called),
      },
    ]),
  );
}
