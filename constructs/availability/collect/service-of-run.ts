import { service, type Service } from "../calculus/service";
import type { AvailabilityRun } from "./availability-run";
import { restored } from "./stored-block";

/**
 * A service as a run holds it, other stacks' services included, to ask `outcome` or `evaluate` of it.
 *
 * @throws RangeError when the run does not hold it
 */
export function serviceOfRun(run: AvailabilityRun, stack: string, name: string): Service {
  const found = run.stacks.find((one) => one.stack === stack)?.services.find((one) => one.service === name);
  if (found === undefined) {
    const known = run.stacks.flatMap((one) => one.services.map((each) => `${one.stack}/${each.service}`));
    throw new RangeError(
      `the run has no service ${stack}/${name}: expected one of ${known.join(", ") || "none"}`,
    );
  }
  const { requires, degradesWithout, parts } = found;
  return service(name, {
    requires: [restored(requires, parts)],
    degradesWithout: degradesWithout === null ? [] : [restored(degradesWithout, parts)],
  });
}
