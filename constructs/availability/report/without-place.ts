import type { Block } from "../calculus/block";
import { SWITCHING_ID } from "../calculus/failover";
import { fold } from "../calculus/fold";
import { outcomeAnywhere } from "../calculus/placement";
import { fullBlock, outcome, type Outcome } from "../calculus/service";
import type { Ground } from "../calculus/site";
import type { AvailabilityRun } from "../collect/availability-run";
import { restoredGround } from "../collect/placed-services";
import { serviceOfRun } from "../collect/service-of-run";

const ELSEWHERE: { readonly [O in Outcome]: string } = {
  full: "its other regions carry the load",
  degraded: "its other regions carry the load, but not at their best",
  down: "its other regions cannot carry the load",
};

/** What becomes of one service when a place is away. */
export interface WithoutPlace {
  readonly stack: string;
  readonly service: string;
  readonly outcome: Outcome;
  /** The same for callers who come to any region in which it runs; null where that is one alone. */
  readonly anywhere: Outcome | null;
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
  const anywhere = (service: string): Outcome | null => {
    const placed = run.placing?.find((one) => one.service === service);
    const grounds = (placed?.grounds ?? []).filter(({ runs }) => runs).map(restoredGround);
    if (placed === undefined || grounds.length < 2) return null;
    return outcomeAnywhere(grounds, placed.load, new Set(grounds.flatMap((ground) => lostOf(ground, place))));
  };
  const results = run.stacks.flatMap(({ stack, services }) =>
    services.map(({ service: name }): WithoutPlace => {
      const service = serviceOfRun(run, stack, name);
      const ids = placesIn([fullBlock(service)]);
      for (const id of ids) places.add(id.split("/")[0] as string);
      const lost = ids.filter((id) => liesIn(id, place));
      return { stack, service: name, outcome: outcome(service, lost), anywhere: anywhere(name), lost };
    }),
  );
  if (results.every(({ lost }) => lost.length === 0)) {
    throw new RangeError(
      `no service has a component in "${place}": expected one of ${[...places].sort().join(", ")}, or a place in it`,
    );
  }
  return results;
}

/** Ids of what lies somewhere: what switching costs lies nowhere. */
function placesIn(blocks: readonly Block[]): string[] {
  const ids = new Set<string>();
  const known = new Map<Block, void>();
  for (const block of blocks) {
    fold<void>(
      block,
      (one) => {
        if (one.type === "component" && !one.id.startsWith(SWITCHING_ID)) ids.add(one.id);
      },
      known,
    );
  }
  return [...ids];
}

const liesIn = (id: string, place: string): boolean => id === place || id.startsWith(`${place}/`);

const lostOf = ({ requires, instances, degradesWithout, callersUse = [] }: Ground, place: string): string[] =>
  placesIn([...requires, ...instances, ...degradesWithout, ...callersUse]).filter((id) => liesIn(id, place));

/** One line for each service, for a terminal. */
export function textWithoutPlace(place: string, results: readonly WithoutPlace[]): string {
  const names = results.map(({ stack, service }) => `${stack}/${service}`);
  const width = Math.max(...names.map(({ length }) => length));
  const lines = results.map(({ outcome: state, anywhere, lost }, index) => {
    const left = state === "down" && anywhere !== null ? `; ${ELSEWHERE[anywhere]}` : "";
    const parts =
      lost.length === 0 ? "nothing of it is there" : `without ${lost.length} of its components${left}`;
    return `  ${(names[index] as string).padEnd(width)}  ${state.padEnd("degraded".length)}  ${parts}`;
  });
  return `without ${place}\n${lines.join("\n")}\n`;
}
