import { askedBy } from "./gateway-routes";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { ServiceValue } from "./values/services";
import type { Region } from "./values/regions";
import { entrancesElsewhere, waysElsewhere } from "./values/services/service-peers";
import { outsideHost } from "./values/services/service-value";
import type { Call } from "../constructs/topology";
import { servicesIn } from "./service-needs";

/** What services and gateways call, for the picture of a region that they run in. */
export const serviceCalls =
  (services: readonly ServiceValue[], gateways: readonly GatewayValue[] = []) =>
  (region: string): Call[] =>
    callers(services, gateways, region).flatMap(({ name, calls, ways }) =>
      calls.map((called) => {
        const service = services.find((each) => each.name === called);
        const others = service === undefined ? [] : ways(service, { name: region });
        const standIns = service?.in[region] === undefined ? [] : others.map((way) => way.region);
        return {
          kind: "call",
          from: name,
          to: outsideHost(called) ?? called,
          ...(standIns.length === 0 ? {} : { standIns }),
        };
      }),
    );

interface Caller extends Pick<ServiceValue, "name" | "calls"> {
  /** What may answer it for a service elsewhere. */
  readonly ways: (
    service: ServiceValue,
    region: Pick<Region, "name">,
  ) => readonly { readonly region: string }[];
}

/** A gateway calls the services that its routes lead to. */
const callers = (
  services: readonly ServiceValue[],
  gateways: readonly GatewayValue[],
  region: string,
): readonly Caller[] => [
  ...servicesIn(services, { name: region }).map(({ name, calls }) => ({ name, calls, ways: waysElsewhere })),
  ...gatewaysIn(gateways, { name: region }).map((gateway) => ({
    name: gateway.name,
    ways: entrancesElsewhere,
    calls: askedBy(gateway, services).map(({ name }) => name),
  })),
];
