import { askedBy } from "./gateway-routes";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { ServiceValue } from "./values/services";
import { outsideHost } from "./values/services/service-value";
import type { Call } from "../constructs/topology";
import { entrancesElsewhere, servicesIn } from "./service-needs";

/** What services and gateways call, for the picture of a region that they run in. */
export const serviceCalls =
  (services: readonly ServiceValue[], gateways: readonly GatewayValue[] = []) =>
  (region: string): Call[] =>
    callers(services, gateways, region).flatMap(({ name, calls }) =>
      calls.map((called) => {
        const service = services.find((each) => each.name === called);
        const others = service === undefined ? [] : entrancesElsewhere(service, { name: region });
        const standIns = service?.in[region] === undefined ? [] : others.map((entrance) => entrance.region);
        return {
          kind: "call",
          from: name,
          to: outsideHost(called) ?? called,
          ...(standIns.length === 0 ? {} : { standIns }),
        };
      }),
    );

/** A gateway calls the services that its routes lead to. */
const callers = (
  services: readonly ServiceValue[],
  gateways: readonly GatewayValue[],
  region: string,
): readonly Pick<ServiceValue, "name" | "calls">[] => [
  ...servicesIn(services, { name: region }),
  ...gatewaysIn(gateways, { name: region }).map((gateway) => ({
    name: gateway.name,
    calls: askedBy(gateway, services).map(({ name }) => name),
  })),
];
