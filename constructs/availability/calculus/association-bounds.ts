import type { FailureGraph, FailureNode } from "./failure-graph";
import type { Interval } from "./frechet";
import { PriorityQueue } from "./priority-queue";
import { gatesWithin } from "./variable-order";

/**
 * Proven bounds on the probability that a module is down, for modules too large to be solved exactly. Components
 * fail independently, so gates that share components are positively associated (Esary, Proschan and Walkup,
 * 1967): of those gates, all fail at least as often, and any at most as often, as if they shared nothing. The
 * bounds close in on the exact value as components are fixed up and down in turn; time ends that, not trust.
 *
 * @param figures probability of being down, by node, for the inputs of the module
 * @param deadline milliseconds of `performance.now()`
 */
export function associationBounds(
  graph: FailureGraph,
  root: number,
  inputs: readonly number[],
  figures: ArrayLike<number>,
  deadline: number,
): Interval {
  const pass = new BoundingPass(graph, root, inputs, figures);
  const queue = new PriorityQueue<Case>();
  let settledLower = 0;
  let settledUpper = 0;
  const fixed = new Int8Array(inputs.length);
  const enter = (last: Fixed | undefined, weight: number): void => {
    fixed.fill(FREE);
    for (let one = last; one !== undefined; one = one.before) fixed[one.input] = one.state;
    const { lower, upper, split } = pass.bounds(fixed);
    const width = weight * (upper - lower);
    if (split === undefined || width <= 0) {
      settledLower += weight * lower;
      settledUpper += weight * upper;
    } else queue.push({ last, weight, lower, upper, split }, width);
  };
  enter(undefined, 1);
  // At least one split, so that a deadline already passed still gives more than the first look.
  for (let steps = 0; queue.size > 0 && queue.size < MOST_CASES; steps++) {
    if (steps > 0 && performance.now() > deadline) break;
    const { last, weight, split } = queue.pop() as Case;
    const down = figures[inputs[split] as number] as number;
    enter({ input: split, state: 1, before: last }, weight * down);
    enter({ input: split, state: 0, before: last }, weight * (1 - down));
  }
  let lower = settledLower;
  let upper = settledUpper;
  for (let left = queue.pop(); left !== undefined; left = queue.pop()) {
    lower += left.weight * left.lower;
    upper += left.weight * left.upper;
  }
  // Sums of many terms may stray by a few units in the last place: stay on the safe side of them.
  return { lower: Math.max(0, lower * (1 - SLACK)), upper: Math.min(1, upper * (1 + SLACK)) };
}

const FREE = -1;
/** As many as fit in memory beside everything else. */
const MOST_CASES = 2_000_000;
const SLACK = 1e-12;

/** An input fixed down (1) or up (0), and those fixed before it. */
interface Fixed {
  readonly input: number;
  readonly state: 0 | 1;
  readonly before: Fixed | undefined;
}

interface Case {
  readonly last: Fixed | undefined;
  readonly weight: number;
  readonly lower: number;
  readonly upper: number;
  /** The input to fix next. */
  readonly split: number;
}

interface NodeBounds extends Interval {
  /** Inputs not fixed on which the node depends, one bit each. */
  readonly support: bigint;
  /** Of these, the ones that several children of the node depend on. */
  readonly overlap: bigint;
}

class BoundingPass {
  /** The module's nodes, children first. */
  private readonly order: readonly number[];
  private readonly inputIndex: ReadonlyMap<number, number>;

  constructor(
    private readonly graph: FailureGraph,
    private readonly root: number,
    inputs: readonly number[],
    private readonly figures: ArrayLike<number>,
  ) {
    this.inputIndex = new Map(inputs.map((input, index) => [input, index]));
    this.order = [...inputs, ...gatesWithin(graph.nodes, root, new Set(inputs))];
  }

  bounds(fixed: Int8Array): Interval & { split: number | undefined } {
    const at = new Map<number, NodeBounds>();
    const shared = new Map<number, number>();
    for (const index of this.order) {
      const made = this.node(index, fixed, at);
      at.set(index, made);
      for (const input of bits(made.overlap)) shared.set(input, (shared.get(input) ?? 0) + 1);
    }
    const { lower, upper } = at.get(this.root) as NodeBounds;
    let split: number | undefined;
    for (const [input, count] of shared) {
      if (split === undefined || count > (shared.get(split) as number)) split = input;
    }
    return { lower, upper, split };
  }

  private node(index: number, fixed: Int8Array, at: ReadonlyMap<number, NodeBounds>): NodeBounds {
    const input = this.inputIndex.get(index);
    if (input !== undefined) {
      const state = fixed[input] as number;
      if (state !== FREE) return state === 1 ? CERTAIN : IMPOSSIBLE;
      const figure = this.figures[index] as number;
      return { lower: figure, upper: figure, support: 1n << BigInt(input), overlap: 0n };
    }
    const { k, children } = this.graph.nodes[index] as Extract<FailureNode, { k: number }>;
    const parts = children.map((child) => at.get(child) as NodeBounds);
    const certain = parts.filter((part) => part === CERTAIN).length;
    const open = parts.filter((part) => part !== CERTAIN && part !== IMPOSSIBLE);
    if (certain >= k) return CERTAIN;
    if (k - certain > open.length) return IMPOSSIBLE;
    return gateBounds(k - certain, open);
  }
}

function* bits(set: bigint): Generator<number> {
  for (let bit = 0; set > 0n; bit++, set >>= 1n) if (set & 1n) yield bit;
}

const CERTAIN: NodeBounds = { lower: 1, upper: 1, support: 0n, overlap: 0n };
const IMPOSSIBLE: NodeBounds = { lower: 0, upper: 0, support: 0n, overlap: 0n };

function gateBounds(k: number, parts: readonly NodeBounds[]): NodeBounds {
  let support = 0n;
  let overlap = 0n;
  for (const part of parts) {
    overlap |= support & part.support;
    support |= part.support;
  }
  return { ...(overlap === 0n ? independent(k, parts) : associated(k, parts)), support, overlap };
}

function independent(k: number, parts: readonly NodeBounds[]): Interval {
  return {
    lower: atLeastIndependent(
      k,
      parts.map(({ lower }) => lower),
    ),
    upper: atLeastIndependent(
      k,
      parts.map(({ upper }) => upper),
    ),
  };
}

function associated(k: number, parts: readonly NodeBounds[]): Interval {
  const n = parts.length;
  const falling = parts.map(({ lower }) => lower).sort((a, b) => b - a);
  const rising = parts.map(({ upper }) => upper).sort((a, b) => a - b);
  const apartLow = apart(parts, (a, b) => b.lower - a.lower).map(({ lower }) => lower);
  const apartHigh = apart(parts, (a, b) => a.upper - b.upper).map(({ upper }) => upper);
  // Parts that share nothing are independent: enough of them failing is one way for the gate to fail ...
  let lower = Math.max(all(falling.slice(0, k)), apartLow.length >= k ? atLeastIndependent(k, apartLow) : 0);
  if (k === 1) lower = Math.max(lower, falling[0] as number);
  // ... and the gate takes one of any n - k + 1 parts to fail.
  let upper = any(rising.slice(0, n - k + 1));
  if (k === n) upper = Math.min(rising[0] as number, all(apartHigh));
  return { lower, upper };
}

/** As many of the parts as share nothing with one another, the first in the order given having precedence. */
function apart(
  parts: readonly NodeBounds[],
  precedence: (a: NodeBounds, b: NodeBounds) => number,
): NodeBounds[] {
  let taken = 0n;
  return [...parts].sort(precedence).filter(({ support }) => {
    if (taken & support) return false;
    taken |= support;
    return true;
  });
}

const all = (probabilities: readonly number[]): number =>
  probabilities.reduce((product, p) => product * p, 1);

/** Probability that any of independent events happens, without 1 - (1 - p). */
const any = (probabilities: readonly number[]): number =>
  probabilities.reduce((sum, p) => sum + p - sum * p, 0);

/** Probability that at least k of independent events happen. */
function atLeastIndependent(k: number, probabilities: readonly number[]): number {
  if (k === 1) return any(probabilities);
  if (k === probabilities.length) return all(probabilities);
  const reached = [1, ...Array<number>(k).fill(0)];
  for (const p of probabilities) {
    for (let j = k; j >= 1; j--) {
      reached[j] = (reached[j] as number) * (1 - p) + (reached[j - 1] as number) * p;
    }
  }
  return reached[k] as number;
}
