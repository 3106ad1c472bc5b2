import type { ServiceValue } from "../constructs/service";
import { outsideHost } from "../constructs/service/service-value";
import type { Call } from "../constructs/topology";
import { servicesIn } from "./service-needs";

/** What services call, for the picture of a region that they run in. */
export const serviceCalls =
  (services: readonly ServiceValue[]) =>
  (region: string): Call[] =>
    servicesIn(services, { name: region }).flatMap(({ name, calls }) =>
      calls.map((called) => ({ kind: "call", from: name, to: outsideHost(called) ?? called })),
    );
