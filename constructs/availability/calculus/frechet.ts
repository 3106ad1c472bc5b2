import { type FailureGraph, isLeaf } from "./failure-graph";
import { minimalCutSets } from "./cut-sets";
import { largestPacking } from "./packing";
import { type Figures, singlePoints } from "./probability";
import { solve } from "./solution";

/** Both ends belong to the interval; 0 to 1. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Bounds on the probability of being down when nothing is known about how failures depend on one another: they
 * may exclude each other or always come together. For structures of a size that a stack has, the tightest there
 * are (Zemel, 1982): the most that can be down is the most that can be packed into the minimal cut sets, the most
 * that can be up what can be packed into the minimal path sets. For larger ones the bounds go gate by gate, which
 * is the tightest where no part appears twice, and proven but wider otherwise.
 *
 * @param figures of each component
 */
export function frechetBounds(graph: FailureGraph, figures: Figures): Interval {
  const { lower, upper } = gateByGate(graph, figures.down);
  const cuts = fewCutSets(graph, figures.down);
  const paths = fewCutSets(dual(graph), figures.up);
  // A sum of many terms may stray by a few units in the last place: stay on the safe side of them.
  const mostDown = cuts === undefined ? 1 : largestPacking(cuts, figures.down) * (1 + NOISE);
  const mostUp = paths === undefined ? 1 : largestPacking(paths, figures.up);
  return { lower: Math.max(lower, 1 - mostUp - NOISE), upper: Math.min(upper, mostDown) };
}

const NOISE = 1e-12;

/** Beyond this many sets the linear program takes longer than its bounds are worth. */
const FEW_SETS = 150;
/** Enough for the structure of a stack; a limit of nodes, not of time, keeps the bounds the same on every run. */
const FEW_NODES = 1500;

/** All minimal cut sets, or undefined where there are too many. */
function fewCutSets(graph: FailureGraph, down: ArrayLike<number>): number[][] | undefined {
  if (graph.components.length > FEW_SETS) return undefined;
  const limits = { nodes: FEW_NODES, deadline: Infinity };
  const all = { maxOrder: graph.components.length, maxCount: FEW_SETS + 1 };
  const found = minimalCutSets(solve(graph, limits), down, all, limits);
  if (found === undefined || found.count > FEW_SETS) return undefined;
  return found.sets.map(({ components }) => [...components]);
}

/** The graph in which up and down have changed places: its minimal cut sets are the other's minimal path sets. */
function dual(graph: FailureGraph): FailureGraph {
  const nodes = graph.nodes.map((node) =>
    isLeaf(node) ? node : { ...node, k: node.children.length - node.k + 1 },
  );
  return { ...graph, nodes };
}

/** Single points of failure are taken together once; the rest goes gate by gate. */
function gateByGate(graph: FailureGraph, down: ArrayLike<number>): Interval {
  const single = new Set(singlePoints(graph));
  const figures = [...single].map((component) => down[component] as number);
  const intervals: Interval[] = [];
  for (const node of graph.nodes) {
    if (isLeaf(node)) {
      const figure = single.has(node.component) ? 0 : (down[node.component] as number);
      intervals.push({ lower: figure, upper: figure });
    } else {
      const children = node.children.map((child) => intervals[child] as Interval);
      intervals.push({
        lower: leastOfAtLeast(
          node.k,
          children.map(({ lower }) => lower),
        ),
        upper: mostOfAtLeast(
          node.k,
          children.map(({ upper }) => upper),
        ),
      });
    }
  }
  const rest = intervals[graph.root] as Interval;
  return {
    lower: leastOfAtLeast(1, [...figures, rest.lower]),
    upper: mostOfAtLeast(1, [...figures, rest.upper]),
  };
}

/** Greatest probability that at least k of these events happen (Rueger, 1978). */
function mostOfAtLeast(k: number, probabilities: readonly number[]): number {
  const rising = [...probabilities].sort((a, b) => a - b);
  let most = 1;
  let sum = rising.reduce((total, p) => total + p, 0);
  // Leaving out the j most probable events, each way to reach k has at least k - j of the others.
  for (let j = 0; j < k; j++) {
    most = Math.min(most, sum / (k - j));
    sum = Math.max(0, sum - (rising[rising.length - 1 - j] as number));
  }
  return most;
}

/** Least probability that at least k of these events happen: the complement's greatest, without going by way of 1 - p. */
function leastOfAtLeast(k: number, probabilities: readonly number[]): number {
  const falling = [...probabilities].sort((a, b) => b - a);
  let least = 0;
  let sum = 0;
  falling.forEach((probability, index) => {
    sum += probability;
    const others = index + 1 - (k - 1);
    if (others > 0) least = Math.max(least, (sum - (k - 1)) / others);
  });
  return least;
}
