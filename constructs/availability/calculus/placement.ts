import { atLeast, type Block, component, type Component, parallel, series } from "./block";
import { declaredGroups, withCommonCauses } from "./common-cause";
import { MINUTES_PER_YEAR } from "./downtime";
import { evaluate } from "./evaluate";
import type { Evaluation } from "./evaluation";
import { failureGraph } from "./failure-graph";
import { ASSUMED_COVERAGE, type Switching, type SwitchingCost, switchingFrom } from "./failover";
import type { Interval } from "./frechet";
import { type Basis, BASES, held } from "./held";
import { plansOn } from "./planned-work";
import { singlePoints } from "./probability";
import { fails, type Outcome } from "./service";
import type { Ground } from "./site";

/** Where a service may stand, and what it has to carry there. */
export interface Placeable {
  readonly name: string;
  readonly grounds: readonly Ground[];
  /** Instances that carry the load of all its callers, wherever it stands. */
  readonly load: number;
  /** How callers come to another region. @default ASSUMED_SWITCHING */
  readonly switching?: Switching;
}

/** Where nothing takes callers to another region yet: public names with health checks, as providers set them up. */
export const ASSUMED_SWITCHING: Switching = {
  seconds: 150,
  coverage: ASSUMED_COVERAGE,
  source: "assumed: three checks every 30 s, names live for 60 s",
};

/** Shares of the requests; both ends are the same where they are exact. */
export interface OutcomeIntervals {
  readonly full: Interval;
  readonly degraded: Interval;
  readonly down: Interval;
}

/** What a service would promise in some regions at once. */
export interface Placement {
  readonly regions: readonly string[];
  /** Whether it runs in each of them. */
  readonly runs: boolean;
  /** What callers see on each basis; undefined where the load cannot be carried even with all of it up. */
  readonly outcomes: Readonly<Record<Basis, OutcomeIntervals>> | undefined;
  /** Down less than in the best region in which it runs alone, in minutes of a year of 8,760 h; below 0 for more. */
  readonly gainedMinutesPerYear: number | undefined;
  /** Components and causes that take all of its regions down at once, for all callers or those of some regions. */
  readonly shared: readonly Component[];
  /** Minutes a year that these alone cost: no further region goes below that. */
  readonly cappedAtMinutesPerYear: number;
  /** Regions that could not carry the whole load alone, and the instances that they have. */
  readonly tooSmall: readonly { readonly region: string; readonly instances: number }[];
  /** Of switching between its regions; undefined for one region alone. */
  readonly switching: SwitchingCost | undefined;
}

export interface PlacementOptions {
  /** On which basis they are ranked and gains are told. @default "correlated" */
  readonly basis?: Basis;
  /** Count planned work as down. @default true */
  readonly planned?: boolean;
  /** Most regions at once. @default 3 */
  readonly mostRegions?: number;
  /** For all placements together, in milliseconds. @default 10000 */
  readonly timeLimitMillis?: number;
}

export interface Placements {
  /** The best first; of equal ones, that with fewest regions. */
  readonly ranked: readonly Placement[];
  /** Sets of regions that there was no time for. */
  readonly left: number;
}

const DEFAULT_TIME_LIMIT_MILLIS = 10_000;
const DEFAULT_MOST_REGIONS = 3;
const MOST_MILLIS_EACH = 5000;
/** Of the time for one placement, the whole takes as much as so many of its regions by themselves. */
const WHOLE_WEIGHT = 4;
/** However late it is, an answer for one region alone takes no longer than this. */
const LEAST_MILLIS_EACH = 20;

/**
 * What a service would promise in each region, and in each set of them.
 *
 * The load is the same wherever it stands and is spread evenly over the regions that are up, in whole instances: one
 * that takes over carries what the others did, so that more of its instances must be up. The service is down when no
 * set of its regions can carry the load, and for the callers of a failed region until they are switched. Degraded is
 * the mean over the regions of what each is by itself. Where callers of each region use something of their own, such as
 * a resolver, figures are the mean over them.
 */
export function placements(service: Placeable, options: PlacementOptions = {}): Placements {
  const {
    basis = "correlated",
    planned = true,
    mostRegions = DEFAULT_MOST_REGIONS,
    timeLimitMillis = DEFAULT_TIME_LIMIT_MILLIS,
  } = options;
  const deadline = performance.now() + timeLimitMillis;
  const sets = subsets(service.grounds, mostRegions);
  const model = new Model(service, planned);
  const found: Placement[] = [];
  sets.forEach((grounds, index) => {
    const left = deadline - performance.now();
    if (left <= 0 && grounds.length > 1) return;
    const share = Math.min(MOST_MILLIS_EACH, left / (sets.length - index));
    found.push(model.placement(grounds, Math.max(LEAST_MILLIS_EACH, share)));
  });
  const downIn = ({ outcomes }: Placement): number => outcomes?.[basis].down.upper ?? 1;
  const now = Math.min(
    ...found.filter(({ regions, runs }) => runs && regions.length === 1).map((one) => downIn(one)),
  );
  const ranked = found
    .sort((a, b) => downIn(a) - downIn(b) || a.regions.length - b.regions.length)
    .map((one) => ({
      ...one,
      gainedMinutesPerYear:
        one.outcomes === undefined || !Number.isFinite(now)
          ? undefined
          : (now - downIn(one)) * MINUTES_PER_YEAR,
    }));
  return { ranked, left: sets.length - found.length };
}

type Unranked = Omit<Placement, "gainedMinutesPerYear"> & { readonly gainedMinutesPerYear: undefined };

class Model {
  private readonly degraded = new Map<Ground, Map<number, readonly Degraded[]>>();
  private readonly callers: readonly Callers[];

  constructor(
    private readonly service: Placeable,
    private readonly planned: boolean,
  ) {
    this.callers = callersOf(service.grounds);
  }

  placement(grounds: readonly Ground[], timeLimitMillis: number): Unranked {
    const { load, name, switching = ASSUMED_SWITCHING } = this.service;
    const { callers } = this;
    const time = new SharedTime(timeLimitMillis, (WHOLE_WEIGHT + 3 * grounds.length) * callers.length);
    const several = grounds.length > 1;
    const shareEach = Math.ceil(load / grounds.length);
    const own = grounds.flatMap((ground) => carrying(ground, shareEach) ?? []);
    const cost =
      several && own.length === grounds.length
        ? switchingFrom(`${name} in ${grounds.map(({ region }) => region).join(", ")}`, own, switching, {
            timeLimitMillis: time.take(own.length) / own.length,
          })
        : undefined;
    const serving = servingBlock(grounds, load);
    const common = {
      regions: grounds.map(({ region }) => region),
      runs: grounds.every(({ runs }) => runs),
      gainedMinutesPerYear: undefined,
      tooSmall: grounds
        .filter(({ instances }) => instances.length < load)
        .map(({ region, instances }) => ({ region, instances: instances.length })),
      switching: cost,
    };
    if (serving === undefined) {
      return { ...common, outcomes: undefined, shared: [], cappedAtMinutesPerYear: MINUTES_PER_YEAR };
    }
    const whole = callers.map(({ use }) =>
      this.evaluated(
        series(serving, ...use, ...(cost?.parts ?? []), ...leavingIn(grounds)),
        grounds,
        time.take(WHOLE_WEIGHT),
      ),
    );
    const degraded = grounds.flatMap((ground) => this.degradedIn(ground, shareEach, time));
    const shared = sharedParts(serving, callers);
    const left = shared.reduce((up, { availability }) => up * availability, 1);
    return {
      ...common,
      outcomes: Object.fromEntries(
        BASES.map((basis) => [basis, outcomesOn(basis, whole, degraded)]),
      ) as unknown as Record<Basis, OutcomeIntervals>,
      shared,
      cappedAtMinutesPerYear: (1 - left) * MINUTES_PER_YEAR,
    };
  }

  /** The same ground stands in many sets, often with the same share. */
  private degradedIn(
    ground: Ground,
    share: number,
    time: SharedTime,
  ): readonly Degraded[] | readonly undefined[] {
    const needed = Math.min(share, ground.instances.length);
    const carried = carrying(ground, needed);
    if (carried === undefined || ground.degradesWithout.length === 0)
      return this.callers.map(() => undefined);
    const known = this.degraded.get(ground) ?? new Map<number, readonly Degraded[]>();
    this.degraded.set(ground, known);
    const found =
      known.get(needed) ??
      this.callers.map(({ use }) => {
        const required = series(carried, ...use);
        return {
          required: this.evaluated(required, [ground], time.take(1)),
          full: this.evaluated(series(required, ...ground.degradesWithout), [ground], time.take(1)),
        };
      });
    if (found.every(({ required, full }) => required.exact && full.exact)) known.set(needed, found);
    return found;
  }

  private evaluated(block: Block, grounds: readonly Ground[], timeLimitMillis: number): Evaluation {
    const plans = this.planned ? grounds.flatMap((ground) => ground.plans ?? []) : [];
    return evaluate(block, { cutSets: false, timeLimitMillis, maintenance: plansOn(plans, [block]) });
  }
}

/** A time that several share by their weights: what one leaves goes to those after it. */
class SharedTime {
  private readonly deadline: number;

  constructor(
    millis: number,
    private weightLeft: number,
  ) {
    this.deadline = performance.now() + millis;
  }

  /** Milliseconds for the next. */
  take(weight: number): number {
    const left = Math.max(LEAST_MILLIS_EACH, this.deadline - performance.now());
    const share = left * Math.min(1, weight / this.weightLeft);
    this.weightLeft = Math.max(weight, this.weightLeft - weight);
    return share;
  }
}

/** Callers that use the same of their own, which go on using it wherever the service stands. */
interface Callers {
  /** Where they are, for people; undefined where all of them are alike. */
  readonly where: string | undefined;
  readonly use: readonly Block[];
}

/** The callers of each region in which it runs, all of them alike where they use nothing of their own. */
function callersOf(grounds: readonly Ground[]): readonly Callers[] {
  const found = grounds.filter(({ runs }) => runs);
  if (found.every(({ callersUse = [] }) => callersUse.length === 0)) return [{ where: undefined, use: [] }];
  return found.map(({ region, callersUse = [] }) => ({ where: region, use: callersUse }));
}

/** Another region does not help those who are with an instance that failed, and each has its part of the callers. */
function leavingIn(grounds: readonly Ground[]): Component[] {
  const count = grounds.length;
  const parts = grounds.flatMap(({ leaving = [] }) => leaving);
  if (count === 1) return parts;
  return parts.map(({ id, unavailability, meanOutageHours, about }) =>
    component(`${id} for 1/${count}`, { unavailability: unavailability / count, meanOutageHours }, about),
  );
}

/** The region with so many of its instances up; undefined where it has not so many. */
function carrying({ requires, instances }: Ground, needed: number): Block | undefined {
  if (needed > instances.length) return undefined;
  return series(...requires, needed === 1 ? parallel(...instances) : atLeast(needed, ...instances));
}

/**
 * What callers of a service see who come to any of its regions, when exactly these components are down. Degraded where
 * one of the regions that are left is; down too when no callers have what they use of their own.
 *
 * @param down ids of components
 */
export function outcomeAnywhere(
  grounds: readonly Ground[],
  load: number,
  down: ReadonlySet<string>,
): Outcome {
  const serving = servingBlock(grounds, load);
  if (serving === undefined || fails(serving, down)) return "down";
  const use = callersOf(grounds).map((callers) => callers.use);
  if (use.every((blocks) => blocks.some((block) => fails(block, down)))) return "down";
  const left = grounds.filter((ground) => !fails(carrying(ground, 1) as Block, down));
  return left.some(({ degradesWithout }) => degradesWithout.some((soft) => fails(soft, down)))
    ? "degraded"
    : "full";
}

/** Some set of the regions carries the load, each an even share of it in whole instances. */
function servingBlock(grounds: readonly Ground[], load: number): Block | undefined {
  const ways = subsets(grounds, grounds.length).flatMap((set) => {
    const parts = set.flatMap((ground) => carrying(ground, Math.ceil(load / set.length)) ?? []);
    return parts.length < set.length ? [] : [parts.length === 1 ? (parts[0] as Block) : series(...parts)];
  });
  return ways.length === 0 ? undefined : ways.length === 1 ? ways[0] : parallel(...ways);
}

interface Degraded {
  readonly required: Evaluation;
  readonly full: Evaluation;
}

function outcomesOn(
  basis: Basis,
  whole: readonly Evaluation[],
  degraded: readonly (Degraded | undefined)[],
): OutcomeIntervals {
  const down = meanOf(
    whole.map((one) =>
      basis === "bounds" ? complements(boundsOf(one)) : held(one.results, { basis }).unavailability,
    ),
  );
  const mean = degraded.reduce(
    (sum, one) => {
      if (one === undefined) return sum;
      const [required, full] = [one.required, one.full].map((evaluation) =>
        basis === "bounds" ? boundsOf(evaluation) : held(evaluation.results, { basis }).availability,
      ) as [Interval, Interval];
      return {
        lower: sum.lower + Math.max(0, required.lower - full.upper) / degraded.length,
        upper: sum.upper + Math.max(0, required.upper - full.lower) / degraded.length,
      };
    },
    { lower: 0, upper: 0 },
  );
  return {
    full: {
      lower: Math.max(0, 1 - down.upper - mean.upper),
      upper: Math.max(0, 1 - down.lower - mean.lower),
    },
    degraded: mean,
    down,
  };
}

function meanOf(intervals: readonly Interval[]): Interval {
  const mean = (ends: readonly number[]): number =>
    ends.reduce((sum, end) => sum + end, 0) / intervals.length;
  return {
    lower: mean(intervals.map(({ lower }) => lower)),
    upper: mean(intervals.map(({ upper }) => upper)),
  };
}

/** Both ends: `held` is the worse one. */
const boundsOf = ({ results }: Evaluation): Interval => (results.planned ?? results).bounds;

const complements = ({ lower, upper }: Interval): Interval => ({ lower: 1 - upper, upper: 1 - lower });

/**
 * What takes the whole down alone, common causes included, the worst first; what does so for the callers of some
 * regions only, as for their part of all.
 */
function sharedParts(serving: Block, callers: readonly Callers[]): Component[] {
  const met = new Map<string, { readonly part: Component; readonly where: string[] }>();
  for (const { where = "", use } of callers) {
    for (const part of singleParts(series(serving, ...use))) {
      const known = met.get(part.id) ?? { part, where: [] };
      met.set(part.id, known);
      known.where.push(where);
    }
  }
  return [...met.values()]
    .map(({ part, where }) => {
      if (where.length === callers.length) return part;
      const { id, unavailability, meanOutageHours, about } = part;
      return component(
        `${id} for ${where.join(", ")}`,
        { unavailability: (unavailability * where.length) / callers.length, meanOutageHours },
        { ...about, label: `${about.label ?? id} for callers in ${where.join(", ")}` },
      );
    })
    .sort((a, b) => b.unavailability - a.unavailability);
}

function singleParts(block: Block): Component[] {
  const plain = failureGraph(block);
  const { block: correlated } = withCommonCauses(block, declaredGroups(plain.components));
  const graph = failureGraph(correlated);
  return singlePoints(graph)
    .map((index) => graph.components[index] as Component)
    .filter(({ unavailability }) => unavailability > 0);
}

/** All sets of up to so many, the smallest first. */
function subsets<T>(all: readonly T[], most: number): T[][] {
  let last: T[][] = [[]];
  const found: T[][] = [];
  for (let size = 1; size <= Math.min(most, all.length); size++) {
    last = last.flatMap((set) =>
      all.slice(set.length === 0 ? 0 : all.indexOf(set.at(-1) as T) + 1).map((one) => [...set, one]),
    );
    found.push(...last);
  }
  return found;
}
