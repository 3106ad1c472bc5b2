import { type Block, blockOf, type BlockSource, type Component } from "../block";
import { bounded } from "./bounded";
import { declaredGroups, withCommonCauses } from "./common-cause";
import { complement } from "./complement";
import { type CutSetLimits, minimalCutSets } from "./cut-sets";
import { downtime } from "./downtime";
import type { CommonResult, EvaluateOptions, Evaluation, ListedCutSets } from "./evaluation";
import { failureGraph } from "./failure-graph";
import { frechetBounds, type Interval } from "./frechet";
import { importances } from "./importance";
import type { Limits } from "./node-table";
import { checkMaintenance, planned } from "./planned-work";
import { ExactProbabilities, type Figures, type Probabilities, singlePoints } from "./probability";
import { solve, type Solution } from "./solution";

const DEFAULT_TIME_LIMIT_MILLIS = 5000;
const DEFAULT_NODE_LIMIT = 2_000_000;
const DEFAULT_CUT_SETS: CutSetLimits = { maxOrder: 4, maxCount: 100 };

/**
 * What a composition can promise. Exact (binary decision diagrams over independent modules, both sides of every
 * probability computed for themselves), or proven bounds with the reason where the structure is too large.
 *
 * @throws RangeError for a cycle, two figures under one id, an unresolved remote service, or a wrong option
 */
export function evaluate(source: BlockSource, options: EvaluateOptions = {}): Evaluation {
  const block = blockOf(source);
  const graph = failureGraph(block);
  const limits = limitsOf(options);
  const figures = figuresOf(graph.components);
  const common: CommonResult = {
    components: graph.components,
    bounds: frechetAvailability(graph, figures),
    singlePoints: singlePoints(graph).map((index) => idAt(graph.components, index)),
  };
  const groups = [...declaredGroups(graph.components), ...(options.commonCauses ?? [])];
  const correlatedBlock = withCommonCauses(block, groups);
  checkMaintenance(options.maintenance, graph.components);

  const solution = solve(graph, limits);
  if (solution.modules.some(({ diagram }) => diagram === undefined)) {
    return { ...common, exact: false, ...bounded(solution, figures, limits) };
  }
  const exact = new ExactProbabilities(solution, figures);
  const { down, up } = exact.whole;
  return {
    ...common,
    exact: true,
    availability: up,
    unavailability: down,
    downtime: downtime(down),
    correlated: groups.length === 0 ? both(up, down) : resultWithin(correlatedBlock, limits),
    planned: planned(exact, graph.components, options.maintenance),
    cutSets: listedCutSets(solution, figures, options.cutSets, limits),
    importance: importances(exact, graph.components),
  };
}

const both = (availability: number, unavailability: number): Probabilities => ({
  availability,
  unavailability,
});

function figuresOf(components: readonly Component[]): Figures {
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
  const graph = failureGraph(block);
  const solution = solve(graph, limits);
  if (solution.modules.some(({ diagram }) => diagram === undefined)) return undefined;
  const { down, up } = new ExactProbabilities(solution, figuresOf(graph.components)).whole;
  return both(up, down);
}

function limitsOf({
  nodeLimit = DEFAULT_NODE_LIMIT,
  timeLimitMillis = DEFAULT_TIME_LIMIT_MILLIS,
}: EvaluateOptions): Limits {
  return {
    nodes: positive("nodeLimit", nodeLimit),
    deadline: performance.now() + positive("timeLimitMillis", timeLimitMillis),
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
