import { type Block, blockOf, type BlockSource, type Component } from "./block";
import { bounded } from "./bounded";
import { declaredGroups, ownCausesOf, withCommonCauses } from "./common-cause";
import { complement } from "./complement";
import { type CutSetLimits, minimalCutSets } from "./cut-sets";
import { downtime } from "./downtime";
import type { EvaluateOptions, Evaluation, ListedCutSets } from "./evaluation";
import { type FailureGraph, failureGraph } from "./failure-graph";
import { frechetBounds, type Interval } from "./frechet";
import type { HeldResults } from "./held";
import { importances } from "./importance";
import type { Limits } from "./node-table";
import { outageFrequency, type OutageFrequency } from "./outage-frequency";
import {
  checkMaintenance,
  mostPlannedWork,
  overPlannedWork,
  plansOf,
  type RollingMaintenance,
} from "./planned-work";
import { ExactProbabilities, type Figures, type Probabilities, singlePoints } from "./probability";
import { simulated } from "./simulation";
import { solve, type Solution } from "./solution";

const DEFAULT_TIME_LIMIT_MILLIS = 5000;
const DEFAULT_NODE_LIMIT = 2_000_000;
const DEFAULT_CUT_SETS: CutSetLimits = { maxOrder: 4, maxCount: 100 };

/** Of the time there is: until when diagrams are tried, and then bounds. The rest is for an estimate. */
const DIAGRAMS_UNTIL = 0.5;
const BOUNDS_UNTIL = 0.8;
const SAMPLES_PER_SECOND = 200_000;

/**
 * What a composition can promise. Exact (binary decision diagrams over independent modules, both sides of every
 * probability computed for themselves), or proven bounds with the reason where the structure is too large.
 *
 * @throws RangeError for a cycle, two figures under one id, an unresolved remote service, or a wrong option
 */
export function evaluate(source: BlockSource, options: EvaluateOptions = {}): Evaluation {
  const started = performance.now();
  const block = blockOf(source);
  const graph = failureGraph(block);
  const limits = limitsOf(options);
  const figures = figuresOf(graph.components);
  const groups = [...declaredGroups(graph.components), ...(options.commonCauses ?? [])];
  const correlation = withCommonCauses(block, groups);
  const plans = plansOf(options.maintenance);
  checkMaintenance(plans, graph.components);
  const common = {
    components: graph.components,
    bounds: frechetAvailability(graph, figures),
    singlePoints: singlePoints(graph).map((index) => idAt(graph.components, index)),
    causes: correlation.causes,
  };

  const { timeLimitMillis = DEFAULT_TIME_LIMIT_MILLIS } = options;
  const boundsUntil = started + BOUNDS_UNTIL * timeLimitMillis;
  const uncorrelated = new Composition(graph, figures, limits);
  if (!uncorrelated.exact) {
    const halfway = (performance.now() + boundsUntil) / 2;
    const { reason, independent } = uncorrelated.bounded(common.causes.length > 0 ? halfway : boundsUntil);
    const correlated =
      common.causes.length > 0
        ? compositionOf(correlation.block, limits).bounded(boundsUntil).independent
        : independent;
    const estimate = simulated(graph, figures.down, {
      deadline: started + timeLimitMillis,
      samples: (timeLimitMillis / 1000) * SAMPLES_PER_SECOND,
      seed: options.seed ?? 1,
    });
    const results: HeldResults = {
      independent,
      correlated,
      bounds: common.bounds,
      planned: resultsOver(
        plans,
        common.bounds,
        () => lessPlanned(independent, plans),
        () => lessPlanned(correlated, plans),
      ),
    };
    return { ...common, exact: false, reason, independent, estimate, results };
  }
  const correlated = common.causes.length > 0 ? compositionOf(correlation.block, limits) : uncorrelated;
  const { down, up } = uncorrelated.probabilities.whole;
  const results: HeldResults = {
    independent: both(up, down),
    correlated: correlated.result([], boundsUntil),
    bounds: common.bounds,
    planned: resultsOver(
      plans,
      common.bounds,
      () => uncorrelated.result(plans, boundsUntil),
      () => correlated.result(plans, boundsUntil),
    ),
  };
  return {
    ...common,
    exact: true,
    availability: up,
    unavailability: down,
    downtime: downtime(down),
    correlated: ifExact(results.correlated),
    planned: ifExact(results.planned?.correlated),
    frequency: correlated.exact ? frequencyOf(correlated, graph.components) : undefined,
    cutSets: listedCutSets(uncorrelated.solution, figures, options.cutSets, limits),
    importance: importances(uncorrelated.probabilities, graph.components),
    results,
  };
}

const ifExact = (result: Probabilities | Interval | undefined): Probabilities | undefined =>
  result !== undefined && "availability" in result ? result : undefined;

function resultsOver(
  plans: readonly RollingMaintenance[],
  bounds: Interval,
  independent: () => Probabilities | Interval,
  correlated: () => Probabilities | Interval,
): HeldResults["planned"] {
  if (plans.length === 0) return undefined;
  return { independent: independent(), correlated: correlated(), bounds: lessPlanned(bounds, plans) };
}

/** A graph, its solution and its figures. */
class Composition {
  readonly solution: Solution;
  readonly exact: boolean;
  private known: ExactProbabilities | undefined;

  constructor(
    readonly graph: FailureGraph,
    private readonly figures: Figures,
    private readonly limits: Limits,
  ) {
    this.solution = solve(graph, limits);
    this.exact = this.solution.modules.every(({ diagram }) => diagram !== undefined);
  }

  get probabilities(): ExactProbabilities {
    return (this.known ??= new ExactProbabilities(this.solution, this.figures));
  }

  bounded(until: number): { readonly reason: string; readonly independent: Interval } {
    return bounded(this.solution, this.figures, this.limits, until);
  }

  /** Exact, or bounds by then. */
  result(plans: readonly RollingMaintenance[], until: number): Probabilities | Interval {
    if (!this.exact) return lessPlanned(this.bounded(until).independent, plans);
    const indices = new Map(this.graph.components.map(({ id }, index) => [id, index]));
    const { down, up } =
      plans.length === 0
        ? this.probabilities.whole
        : overPlannedWork(
            plans,
            (id) => (indices.get(ownCausesOf(id)) ?? indices.get(id)) as number,
            this.figures,
            (figures) => new ExactProbabilities(this.solution, figures).whole,
          );
    return both(up, down);
  }
}

/** Names the components whose outages are not known as they are declared, not as causes split them. */
function frequencyOf({ probabilities, graph }: Composition, declared: readonly Component[]): OutageFrequency {
  const found = outageFrequency(probabilities, graph.components);
  const unknown = new Set(found.unknown);
  const named = declared.filter(({ id }) => unknown.has(id) || unknown.has(ownCausesOf(id)));
  return { ...found, unknown: named.map(({ id }) => id) };
}

function compositionOf(block: Block, limits: Limits): Composition {
  const graph = failureGraph(block);
  return new Composition(graph, figuresOf(graph.components), limits);
}

/** Whatever hosts are out for, at worst everything is down meanwhile. */
const lessPlanned = ({ lower, upper }: Interval, plans: readonly RollingMaintenance[]): Interval => ({
  lower: Math.max(0, lower - mostPlannedWork(plans)),
  upper,
});

const both = (availability: number, unavailability: number): Probabilities => ({
  availability,
  unavailability,
});

export function figuresOf(components: readonly Component[]): Figures {
  return {
    down: Float64Array.from(components, ({ unavailability }) => unavailability),
    up: Float64Array.from(components, ({ availability }) => availability),
  };
}

const idAt = (components: readonly Component[], index: number): string => (components[index] as Component).id;

function frechetAvailability(graph: Solution["graph"], figures: Figures): Interval {
  const down = frechetBounds(graph, figures);
  return { lower: complement(down.upper), upper: complement(down.lower) };
}

/**
 * The exact result alone, for when nothing else is asked.
 *
 * @returns undefined where the structure is too large
 */
export function exactResult(source: BlockSource, options: EvaluateOptions = {}): Probabilities | undefined {
  return resultWithin(blockOf(source), limitsOf(options));
}

function resultWithin(block: Block, limits: Limits): Probabilities | undefined {
  const found = compositionOf(block, limits);
  if (!found.exact) return undefined;
  const { down, up } = found.probabilities.whole;
  return both(up, down);
}

function limitsOf({
  nodeLimit = DEFAULT_NODE_LIMIT,
  timeLimitMillis = DEFAULT_TIME_LIMIT_MILLIS,
}: EvaluateOptions): Limits {
  return {
    nodes: positive("nodeLimit", nodeLimit),
    deadline: performance.now() + DIAGRAMS_UNTIL * positive("timeLimitMillis", timeLimitMillis),
  };
}

function listedCutSets(
  solution: Solution,
  figures: Figures,
  wanted: EvaluateOptions["cutSets"],
  limits: Limits,
): ListedCutSets | undefined {
  if (wanted === false) return undefined;
  const asked = { ...DEFAULT_CUT_SETS, ...wanted };
  positive("cutSets.maxOrder", asked.maxOrder);
  positive("cutSets.maxCount", asked.maxCount);
  const found = minimalCutSets(solution, figures.down, asked, limits);
  if (found === undefined) return undefined;
  return {
    sets: found.sets.map(({ components, unavailability }) => ({
      components: components.map((index) => idAt(solution.graph.components, index)),
      unavailability,
    })),
    count: found.count,
    maxOrder: asked.maxOrder,
  };
}

function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new RangeError(`${name} must be a number above 0, got ${String(value)}`);
}
