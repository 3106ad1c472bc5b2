import {
  type Block,
  blockOf,
  type BlockSource,
  component,
  type Component,
  type HasAvailability,
  parallel,
  series,
} from "./block";
import { HOURS_PER_YEAR } from "./downtime";
import { evaluate } from "./evaluate";
import type { EvaluateOptions } from "./evaluation";
import { failureGraph } from "./failure-graph";
import { replaced } from "./fold";
import type { HasInstances } from "./site";
import type { MarkovChain } from "./markov-chain";

/** How long users are without an answer until something else serves them, and how surely. */
export interface Switching {
  /** From the failure until the other serves: checks that must fail, names that must expire, moving. */
  readonly seconds: number;
  /** Share of the failures that are noticed and switched from, 0 to 1. @default ASSUMED_COVERAGE */
  readonly coverage?: number;
  /** Where the time comes from, in words. */
  readonly source: string;
}

/** Share of failures that a check notices. An assumption: half-dead machines pass checks. */
export const ASSUMED_COVERAGE = 0.99;

/** How something takes over for something else: neither at once nor always. */
export interface FailoverProps {
  /** For example `shop`: in the ids of what the failover itself costs. */
  readonly name: string;
  /** Serves while it is up. It is switched from when it fails. */
  readonly primary: BlockSource;
  /** Takes over. */
  readonly standby: BlockSource;
  /** Share of the primary's failures that are noticed and switched from, 0 to 1; the others last until it is repaired. */
  readonly coverage: number;
  /** From the failure until the standby serves, in hours: checks that must fail, names that must expire, moving. */
  readonly switchHours: number;
  /** Besides `switchHours`, until a cold standby serves, in hours: it must be started first. @default 0, warm */
  readonly startHours?: number;
  /** Where coverage and times come from. */
  readonly source: string;
}

/** What a failure means for users, where something else takes over. */
export interface FailoverTimes {
  /** Recovery time of a failure that is switched from, in hours. */
  readonly recoveryHours: number;
  /** Failures in a year of 8,760 hours. */
  readonly failuresPerYear: number;
  /** Mean downtime of one failure for those whom it meets, failures that are not noticed included, in hours. */
  readonly meanDowntimeHours: number;
  /** Share of the requests that one failure meets, 0 to 1. */
  readonly affected: number;
}

/**
 * Two ways to serve and what lies between them. Down while both are, while it switches, and while a failure of the
 * primary goes unnoticed: primary and standby keep their parts, shared ones count once, and the failover adds two
 * components of its own, one for its time and one for its coverage.
 *
 * The method takes each of these by itself. Against the Markov chain of the same pair (`failoverChain`) it errs by
 * terms of second order: relatively by no more than about the primary's and standby's unavailabilities plus the
 * switching time over the primary's times to failure and to repair.
 *
 * @throws RangeError for a share or times that cannot be, and for a primary of which it is not known how often it fails
 */
export function failover(props: FailoverProps): {
  readonly availability: Block;
  readonly times: FailoverTimes;
} {
  const { name, coverage, switchHours, startHours = 0, source } = props;
  if (!(switchHours >= 0 && startHours >= 0 && Number.isFinite(switchHours + startHours))) {
    throw new RangeError(
      `failover "${name}": switchHours and startHours must be numbers of at least 0, got ${switchHours} and ${startHours}`,
    );
  }
  const [primary, standby] = [blockOf(props.primary), blockOf(props.standby)];
  const seconds = (switchHours + startHours) * SECONDS_PER_HOUR;
  const { parts, times, unknown } = switchingFrom(name, [primary], { seconds, coverage, source });
  if (times === undefined) {
    throw new RangeError(
      `failover "${name}": it is not known how often the primary fails (${unknown.join(", ")})`,
    );
  }
  return { availability: series(parallel(primary, standby), ...parts), times };
}

/** With what the ids of components begin that stand for the cost of switching. */
export const SWITCHING_ID = "failover/";

/** What it costs that failures must be noticed and switched from. */
export interface SwitchingCost {
  /** Components to stand in series with what is switched between: the time that it takes, and what goes unnoticed. */
  readonly parts: readonly Component[];
  /** Undefined where it is not known how often they fail. */
  readonly times: FailoverTimes | undefined;
  /** Who keeps it from being known: ids of components, or that a block is too large. */
  readonly unknown: readonly string[];
}

/** Who switches. */
export interface SwitchedBy {
  /** Any of them can: while what they all stand on is down, nobody does. @default - callers that nothing here takes down */
  readonly by?: readonly Block[];
}

/**
 * The cost of switching between blocks that share the load evenly (one alone carries it all): a failure of one is an
 * outage for its share of the requests, for as long as switching takes, or until its repair where nobody notices. What
 * they all stand on is left out, since nothing can be switched to when that fails.
 *
 * @param options time for each of the blocks
 * @throws RangeError for a coverage or time that cannot be
 */
export function switchingFrom(
  name: string,
  blocks: readonly Block[],
  { seconds, coverage = ASSUMED_COVERAGE, source }: Switching,
  { by = [], ...options }: Pick<EvaluateOptions, "timeLimitMillis"> & SwitchedBy = {},
): SwitchingCost {
  if (!(coverage >= 0 && coverage <= 1)) {
    throw new RangeError(
      `failover "${name}": coverage must be a number from 0 to 1, got ${String(coverage)}`,
    );
  }
  if (!(seconds >= 0 && Number.isFinite(seconds))) {
    throw new RangeError(
      `failover "${name}": seconds must be a number of at least 0, got ${String(seconds)}`,
    );
  }
  const shared = new Set([...(blocks.length > 1 ? sharedByAll(blocks) : []), ...sharedByAll(by)]);
  const recoveryHours = seconds / SECONDS_PER_HOUR;
  const affected = 1 / blocks.length;
  const unknown = new Set<string>();
  let perYear = 0;
  let down = 0;
  for (const block of blocks) {
    const found = evaluate(without(block, shared), { ...options, cutSets: false });
    if (!found.exact) unknown.add(found.reason);
    else if (found.frequency?.perYear === undefined) {
      for (const id of found.frequency?.unknown ?? []) unknown.add(id);
    } else {
      perYear += found.frequency.perYear;
      down += (found.correlated ?? found).unavailability;
    }
  }
  if (unknown.size > 0) return { parts: [], times: undefined, unknown: [...unknown] };
  const repairHours = perYear === 0 ? 0 : (down / perYear) * HOURS_PER_YEAR;
  const switching = Math.min(1, (affected * coverage * perYear * recoveryHours) / HOURS_PER_YEAR);
  const unnoticed = affected * (1 - coverage) * down;
  const own = (what: string, unavailability: number, meanOutageHours: number): Component[] =>
    unavailability === 0 || meanOutageHours === 0
      ? []
      : [
          component(
            `${SWITCHING_ID}${name}/${what}`,
            { unavailability, meanOutageHours },
            { label: `${what} of ${name}`, kind: "assumed", source },
          ),
        ];
  return {
    parts: [
      ...own("switching", switching, recoveryHours),
      ...own("unnoticed failures", unnoticed, repairHours),
    ],
    times: {
      recoveryHours,
      failuresPerYear: perYear,
      meanDowntimeHours: coverage * recoveryHours + (1 - coverage) * repairHours,
      affected,
    },
    unknown: [],
  };
}

/** Ids of the components that stand in each of the blocks. */
function sharedByAll(blocks: readonly Block[]): Set<string> {
  const [first = new Set<string>(), ...others] = blocks.map(
    (block) => new Set(failureGraph(block).components.map(({ id }) => id)),
  );
  return new Set([...first].filter((id) => others.every((ids) => ids.has(id))));
}

const without = (block: Block, ids: ReadonlySet<string>): Block =>
  replaced(block, (leaf) =>
    leaf.type === "component" && ids.has(leaf.id) ? component(leaf.id, { unavailability: 0 }) : undefined,
  );

/** Something that others take over from when a part of it fails. */
export interface HasFailover extends HasAvailability {
  /** Undefined while nothing takes over. */
  readonly failover: Failover | undefined;
}

/** What takes over from what, and what that costs. */
export interface Failover {
  /** For people: "proxies of jp". */
  readonly name: string;
  readonly switching: Switching;
  readonly cost: SwitchingCost;
  /** What is switched from, where services of other stacks stand in it: what that costs is known once these are put in. */
  readonly from?: readonly Block[];
}

/**
 * Alike instances of which one is enough, with what it costs that callers must leave one that failed.
 *
 * @param switching undefined: nothing is known of it, and it counts as instant
 */
export function pool(
  name: string,
  instances: readonly Block[],
  switching: Switching | undefined,
): { readonly availability: Block; readonly failover: Failover | undefined } {
  const whole = parallel(...instances);
  if (switching === undefined || instances.length < 2) return { availability: whole, failover: undefined };
  const cost = switchingFrom(name, instances, switching);
  return {
    availability: cost.parts.length === 0 ? whole : series(whole, ...cost.parts),
    failover: { name, switching, cost },
  };
}

/** The same of a service of a stack, named after both. */
export function servicePool(
  { serviceName, node }: { readonly serviceName: string; readonly node: { readonly path: string } },
  instances: readonly Block[],
  switching: Switching | undefined,
) {
  const [stack] = node.path.split("/");
  return pool(`${serviceName} of ${stack}`, instances, switching);
}

/** The same of something that has instances: its own parts, with what leaving a failed one costs. */
export function pooled(
  name: string,
  on: HasInstances,
  switching: Switching | undefined,
): HasInstances & HasFailover {
  const { instances } = on;
  return { instances, ...pool(name, instances.map(blockOf), switching) };
}

/** Things of which one is enough, as instances that share a load. */
export const alike = (instances: readonly BlockSource[]): HasInstances => ({
  instances,
  availability: parallel(...instances),
});

const SECONDS_PER_HOUR = 3600;

/** Rates of a pair of which each is one repairable unit, per hour. */
export interface FailoverRates {
  readonly primaryFails: number;
  readonly primaryRepaired: number;
  readonly standbyFails: number;
  readonly standbyRepaired: number;
  readonly coverage: number;
  /** One over the time to switch. */
  readonly switched: number;
}

/**
 * The same pair as a continuous-time Markov chain: both up; switching; standby serves; both down; an unnoticed failure
 * of the primary; standby down while the primary serves; standby down during an unnoticed failure.
 */
export function failoverChain(rates: FailoverRates): MarkovChain {
  const { primaryFails, primaryRepaired, standbyFails, standbyRepaired, coverage, switched } = rates;
  const transitions: readonly (readonly [from: number, to: number, rate: number])[] = [
    [0, 1, coverage * primaryFails],
    [0, 4, (1 - coverage) * primaryFails],
    [0, 5, standbyFails],
    [1, 0, primaryRepaired],
    [1, 2, switched],
    [1, 3, standbyFails],
    [2, 0, primaryRepaired],
    [2, 3, standbyFails],
    [3, 5, primaryRepaired],
    [3, 2, standbyRepaired],
    [4, 0, primaryRepaired],
    [4, 6, standbyFails],
    [5, 0, standbyRepaired],
    [5, 3, primaryFails],
    [6, 4, standbyRepaired],
    [6, 5, primaryRepaired],
  ];
  const table = Array.from({ length: 7 }, () => Array<number>(7).fill(0));
  for (const [from, to, rate] of transitions) (table[from] as number[])[to] = rate;
  return { rates: table, up: [true, false, true, false, false, true, false] };
}
