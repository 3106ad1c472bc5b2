import { fold } from "../calculus/fold";
import { fullBlock, outcome, type Outcome } from "../calculus/service";
import type { AvailabilityRun } from "../collect/availability-run";
import { serviceOfRun } from "../collect/service-of-run";

/** What becomes of one service when a place is away. */
export interface WithoutPlace {
  readonly stack: string;
  readonly service: string;
  readonly outcome: Outcome;
  /** Its components that are away with the place. */
  readonly lost: readonly string[];
}

/**
 * What becomes of every service when all that lies in a place is down.
 *
 * @param place a failure domain, such as `aws`, `aws/us-east-1` or `google`: the beginning of its components' ids
 * @throws RangeError when no service has a component there
 */
export function withoutPlace(run: AvailabilityRun, place: string): WithoutPlace[] {
  const places = new Set<string>();
  const results = run.stacks.flatMap(({ stack, services }) =>
    services.map(({ service: name }): WithoutPlace => {
      const service = serviceOfRun(run, stack, name);
      const ids = new Set<string>();
      fold<void>(fullBlock(service), (one) => {
        if (one.type === "component") ids.add(one.id);
      });
      for (const id of ids) places.add(id.split("/")[0] as string);
      const lost = [...ids].filter((id) => id === place || id.startsWith(`${place}/`));
      return { stack, service: name, outcome: outcome(service, lost), lost };
    }),
  );
  if (results.every(({ lost }) => lost.length === 0)) {
    throw new RangeError(
      `no service has a component in "${place}": expected one of ${[...places].sort().join(", ")}, or a place in it`,
    );
  }
  return results;
}

/** One line for each service, for a terminal. */
export function textWithoutPlace(place: string, results: readonly WithoutPlace[]): string {
  const names = results.map(({ stack, service }) => `${stack}/${service}`);
  const width = Math.max(...names.map(({ length }) => length));
  const lines = results.map(({ outcome: state, lost }, index) => {
    const parts = lost.length === 0 ? "nothing of it is there" : `without ${lost.length} of its components`;
    return `  ${(names[index] as string).padEnd(width)}  ${state.padEnd("degraded".length)}  ${parts}`;
  });
  return `without ${place}\n${lines.join("\n")}\n`;
}
