import type { ValueProblem } from "../regions/region-errors";
import type { ServiceValue } from "./service-value";

/** One thing wrong with a service. */
export interface ServiceProblem extends ValueProblem {
  readonly service: string;
}

/** A value of a service that cannot be taken, and what would be. */
export const refusal = (
  service: Pick<ServiceValue, "name">,
  path: string,
  value: unknown,
  expectation: string,
): ServiceProblem => ({
  service: service.name,
  path,
  value: JSON.stringify(value) ?? "nothing",
  expectation,
});
