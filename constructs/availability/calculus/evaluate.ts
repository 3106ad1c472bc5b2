import type { BlockSource, Component } from "../block";
import { blockOf } from "../block";
import { associationBounds } from "./association-bounds";
import { type CommonCauseGroup, declaredGroups, withCommonCauses } from "./common-cause";
import { complement } from "./complement";
import { type CutSetLimits, minimalCutSets } from "./cut-sets";
import { type Downtime, downtime, MINUTES_PER_YEAR } from "./downtime";
import { failureGraph, isLeaf } from "./failure-graph";
import { frechetBounds, type Interval } from "./frechet";
import type { Limits } from "./node-table";
import { diagramProbabilities, ExactProbabilities, type Figures, singlePoints } from "./probability";
import { solve, type Solution } from "./solution";

export interface EvaluateOptions {
  /** Common-cause groups besides those that components name themselves. */
  readonly commonCauses?: readonly CommonCauseGroup[];
  /** Hosts taken out one after another for planned work. @default - no planned work */
  readonly maintenance?: RollingMaintenance;
  /** Which minimal cut sets to list; false for none. @default - up to 4 components each, the 100 most probable */
  readonly cutSets?: Partial<CutSetLimits> | false;
  /** Time after which proven bounds are given instead of an exact result, in milliseconds. @default 5000 */
  readonly timeLimitMillis?: number;
  /** Nodes of one decision diagram after which bounds are given. @default 2000000 */
  readonly nodeLimit?: number;
}

export interface RollingMaintenance {
  /** Ids of the components that are taken out, one at a time. */
  readonly components: readonly string[];
  /** Hours that each is out in 30 days. */
  readonly hoursPer30Days: number;
}

export type Evaluation = ExactEvaluation | BoundedEvaluation;

interface CommonResult {
  /** The distinct components, in the order in which they appear. */
  readonly components: readonly Component[];
  /** Availability when nothing is known about how failures depend on one another. */
  readonly bounds: Interval;
  /** Ids of the components whose failure alone takes everything down. */
  readonly singlePoints: readonly string[];
}

/** Components fail independently of one another unless said otherwise. */
export interface ExactEvaluation extends CommonResult {
  readonly exact: true;
  /** 0 to 1. */
  readonly availability: number;
  /** 0 to 1, computed for itself: small values keep their digits. */
  readonly unavailability: number;
  readonly downtime: Downtime;
  /** Under the beta-factor model; equals the independent result where no group is declared. */
  readonly correlated: { readonly availability: number; readonly unavailability: number } | undefined;
  /** With planned work; undefined where none was asked for. */
  readonly planned: { readonly availability: number; readonly unavailability: number } | undefined;
  /** Undefined where they were not asked for or could not be listed within the limits. */
  readonly cutSets: ListedCutSets | undefined;
  /** The costliest component first. */
  readonly importance: readonly Importance[];
}

/** The structure was too large within the limits: the independent result lies in a proven interval. */
export interface BoundedEvaluation extends CommonResult {
  readonly exact: false;
  /** Why there is no exact result. */
  readonly reason: string;
  /** Interval that holds the availability if components fail independently. */
  readonly independent: Interval;
}

export interface ListedCutSets {
  /** The most probable first. */
  readonly sets: readonly { readonly components: readonly string[]; readonly unavailability: number }[];
  /** How many there are up to `maxOrder`. */
  readonly count: number;
  readonly maxOrder: number;
}

/** What one component means for the whole (U: unavailability of the whole, q: of the component). */
export interface Importance {
  readonly id: string;
  readonly unavailability: number;
  /** Birnbaum: U with the component down less U with it up. */
  readonly birnbaum: number;
  /** Probability that the component is down and decides, given that the whole is down. */
  readonly criticality: number;
  /** U with the component down, over U. 1 where U is 0 either way. */
  readonly riskAchievement: number;
  /** U over U with the component never down. Infinite where nothing else can take the whole down. */
  readonly riskReduction: number;
  /** What the component costs: downtime that would go if it never failed. */
  readonly minutesPerYear: number;
}

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
  const limits: Limits = {
    nodes: positive("nodeLimit", options.nodeLimit ?? DEFAULT_NODE_LIMIT),
    deadline:
      performance.now() + positive("timeLimitMillis", options.timeLimitMillis ?? DEFAULT_TIME_LIMIT_MILLIS),
  };
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
    correlated: groups.length === 0 ? both(up, down) : correlated(correlatedBlock, limits),
    planned: planned(exact, graph.components, options.maintenance),
    cutSets: listedCutSets(solution, figures, options.cutSets, limits),
    importance: importances(exact, graph.components, down),
  };
}

const both = (availability: number, unavailability: number) => ({ availability, unavailability });

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

function correlated(block: BlockSource, limits: Limits): ExactEvaluation["correlated"] {
  const graph = failureGraph(blockOf(block));
  const solution = solve(graph, limits);
  if (solution.modules.some(({ diagram }) => diagram === undefined)) return undefined;
  const { down, up } = new ExactProbabilities(solution, figuresOf(graph.components)).whole;
  return both(up, down);
}

/** Milliseconds spent on narrowing the bounds of each module that is too large: the diagrams had the rest. */
const BOUNDS_MILLIS = 200;

/** Modules without a diagram get proven bounds; everything above them is monotone and carries both ends up. */
function bounded(
  { graph, modules }: Solution,
  figures: Figures,
  limits: Limits,
): Pick<BoundedEvaluation, "reason" | "independent"> {
  const [least, most] = [figuresByNode(graph, figures), figuresByNode(graph, figures)];
  for (const { node, inputs, diagram } of modules) {
    const down = (ends: Figures): Interval => {
      if (diagram === undefined) {
        return associationBounds(graph, node, inputs, ends.down, performance.now() + BOUNDS_MILLIS);
      }
      const exact = diagramProbabilities(diagram, inputs, ends).down[diagram.root] as number;
      return { lower: exact, upper: exact };
    };
    const low = down(least);
    const high = inputs.some((input) => least.down[input] !== most.down[input]) ? down(most) : low;
    least.down[node] = low.lower;
    most.down[node] = high.upper;
    least.up[node] = 1 - low.lower;
    most.up[node] = 1 - high.upper;
  }
  const large = modules.filter(({ diagram }) => diagram === undefined).map(({ inputs }) => inputs.length);
  return {
    reason:
      `too large: ${large.length} of ${modules.length} modules (${large.join(", ")} inputs) passed the limit of ` +
      `${limits.nodes} nodes or of time; the availability lies within proven bounds`,
    independent: {
      lower: complement(most.down[graph.root] as number),
      upper: complement(least.down[graph.root] as number),
    },
  };
}

function figuresByNode({ nodes }: Solution["graph"], figures: Figures): Figures {
  const down = new Float64Array(nodes.length);
  const up = new Float64Array(nodes.length);
  nodes.forEach((node, index) => {
    if (!isLeaf(node)) return;
    down[index] = figures.down[node.component] as number;
    up[index] = figures.up[node.component] as number;
  });
  return { down, up };
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

/** Below this share of the whole, U - qB has lost digits, and U with the component up is computed anew. */
const CANCELLATION = 1e-3;

function importances(
  exact: ExactProbabilities,
  components: readonly Component[],
  whole: number,
): Importance[] {
  const slopes = exact.birnbaum();
  const found = components.map(({ id, unavailability, availability }, index): Importance => {
    const birnbaum = slopes[index] as number;
    const lost = unavailability * birnbaum;
    const without = whole - lost > CANCELLATION * whole ? whole - lost : exact.given(index, "up").down;
    const broken = whole + availability * birnbaum;
    return {
      id,
      unavailability,
      birnbaum,
      criticality: whole === 0 ? 0 : lost / whole,
      riskAchievement: whole === 0 ? (broken === 0 ? 1 : Infinity) : broken / whole,
      riskReduction: whole === 0 ? 1 : whole / without,
      minutesPerYear: lost * MINUTES_PER_YEAR,
    };
  });
  return found.sort((a, b) => b.minutesPerYear - a.minutesPerYear || (a.id < b.id ? -1 : 1));
}

const HOURS_PER_30_DAYS = 720;

/** One host out at a time: the states "this one is out" exclude each other, so their results are weighed. */
function planned(
  exact: ExactProbabilities,
  components: readonly Component[],
  maintenance: RollingMaintenance | undefined,
): ExactEvaluation["planned"] {
  if (maintenance === undefined) return undefined;
  const share = maintenance.hoursPer30Days / HOURS_PER_30_DAYS;
  let { down, up } = exact.whole;
  const rest = 1 - share * maintenance.components.length;
  down *= rest;
  up *= rest;
  for (const id of maintenance.components) {
    const out = exact.given(
      components.findIndex((component) => component.id === id),
      "down",
    );
    down += share * out.down;
    up += share * out.up;
  }
  return both(up, down);
}

function checkMaintenance(
  maintenance: RollingMaintenance | undefined,
  components: readonly Component[],
): void {
  if (maintenance === undefined) return;
  const known = new Set(components.map(({ id }) => id));
  for (const id of maintenance.components) {
    if (!known.has(id)) throw new RangeError(`maintenance: no component "${id}"`);
  }
  const { hoursPer30Days } = maintenance;
  const most = HOURS_PER_30_DAYS / maintenance.components.length;
  if (!(hoursPer30Days >= 0 && hoursPer30Days <= most)) {
    throw new RangeError(
      `maintenance: hoursPer30Days must be a number from 0 to ${most} for ${maintenance.components.length} hosts ` +
        `one after another, got ${String(hoursPer30Days)}`,
    );
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new RangeError(`${name} must be a number above 0, got ${String(value)}`);
}
