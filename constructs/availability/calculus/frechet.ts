import { type FailureGraph, isLeaf } from "./failure-graph";
import { singlePoints } from "./probability";

/** Both ends belong to the interval; 0 to 1. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Bounds on the probability of being down when nothing is known about how failures depend on one another: they
 * may exclude each other or always come together. Single points of failure are taken together once; the rest
 * goes gate by gate, which is the tightest interval where no part appears twice, and a proven one otherwise.
 *
 * @param down probability of each component
 */
export function frechetBounds(graph: FailureGraph, down: ArrayLike<number>): Interval {
  const single = new Set(singlePoints(graph));
  const figures: number[] = [];
  for (const component of single) figures.push(down[component] as number);
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
