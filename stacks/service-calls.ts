import type { ServiceValue } from "./values/services";
import { outsideHost } from "./values/services/service-value";
import type { Call } from "../constructs/topology";
import { entrancesElsewhere, servicesIn } from "./service-needs";

/** What services call, for the picture of a region that they run in. */
export const serviceCalls =
  (services: readonly ServiceValue[]) =>
  (region: string): Call[] =>
    servicesIn(services, { name: region }).flatMap(({ name, calls }) =>
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
