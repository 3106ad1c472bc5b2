import { type FailureNode, isLeaf } from "./failure-graph";
import { FALSE, type Limits, TooLarge, TRUE } from "./node-table";
import { PriorityQueue } from "./priority-queue";
import { SetFamilies } from "./set-families";
import type { Module, Solution } from "./solution";

/** Components whose failure together takes the whole down, and of which none can be left out. */
export interface CutSet {
  /** Indices into the graph's components, rising. */
  readonly components: readonly number[];
  /** Probability that all are down together. */
  readonly unavailability: number;
}

export interface CutSetLimits {
  /** Largest number of components in a set. */
  readonly maxOrder: number;
  /** Largest number of sets. */
  readonly maxCount: number;
}

export interface CutSets {
  /** The most probable first. */
  readonly sets: readonly CutSet[];
  /** How many there are up to the order asked for. */
  readonly count: number;
}

/**
 * The most probable minimal cut sets up to an order.
 *
 * @param unavailability of each component
 * @returns undefined where they could not be found within the limits
 */
export function minimalCutSets(
  solution: Solution,
  unavailability: ArrayLike<number>,
  { maxOrder, maxCount }: CutSetLimits,
  limits: Limits,
): CutSets | undefined {
  try {
    const flat = new FlatFamilies(solution, maxOrder, limits);
    return flat.mostProbable(unavailability, maxCount);
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
}

/** The families of all modules put into one another. */
class FlatFamilies {
  private readonly families: SetFamilies;
  private readonly root: number;
  /** Component of each variable of the families. */
  private readonly components: number[] = [];

  constructor(
    private readonly solution: Solution,
    private readonly maxOrder: number,
    limits: Limits,
  ) {
    this.families = new SetFamilies(limits);
    const familyOf = this.literals();
    for (const module of solution.modules) familyOf.set(module.node, this.minimal(module, familyOf));
    this.root = familyOf.get(solution.graph.root) as number;
  }

  /** The family of each leaf. Variables are numbered as met, so those of one module stand together. */
  private literals(): Map<number, number> {
    const { graph, modules } = this.solution;
    const moduleAt = new Map(modules.map((module) => [module.node, module]));
    const literals = new Map<number, number>();
    const open = [graph.root];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const node = graph.nodes[index] as FailureNode;
      if (isLeaf(node)) {
        const variable = this.components.push(node.component) - 1;
        literals.set(index, this.families.family(variable, FALSE, TRUE));
      } else {
        const { inputs } = moduleAt.get(index) as Module;
        for (let at = inputs.length - 1; at >= 0; at--) open.push(inputs[at] as number);
      }
    }
    return literals;
  }

  /** Minimal cut sets of a module (Rauzy, 1993), from those of its inputs. */
  private minimal({ diagram, inputs }: Module, familyOf: ReadonlyMap<number, number>): number {
    if (diagram === undefined) throw new TooLarge("no diagram");
    const { families } = this;
    const { lows, highs, variables, root } = diagram;
    const orders = reachedOrders(root, this.maxOrder, (node) => [
      lows[node] as number,
      highs[node] as number,
    ]);
    const known = new Map<number, number>();
    const at = (node: number, order: number): number =>
      node === FALSE || order < 0
        ? FALSE
        : node === TRUE
          ? TRUE
          : (known.get(this.key(node, order)) as number);
    for (const [node, reached] of orders) {
      const input = familyOf.get(inputs[variables[node] as number] as number) as number;
      for (const order of reached) {
        const without = at(lows[node] as number, order);
        const beyond = at(highs[node] as number, order - 1);
        const withInput = families.product(input, families.without(beyond, without));
        known.set(this.key(node, order), families.union(withInput, without));
      }
    }
    return at(root, this.maxOrder);
  }

  /** Walks from the root, always on from where the most probable set may still lie. */
  mostProbable(unavailability: ArrayLike<number>, maxCount: number): CutSets {
    const { families } = this;
    const figure = (node: number): number =>
      unavailability[this.components[families.variable(node)] as number] ?? 0;
    const below = this.bestBelow(figure);

    interface Walk {
      readonly node: number;
      readonly chosen: readonly number[];
      readonly probability: number;
    }
    const queue = new PriorityQueue<Walk>();
    const push = (node: number, chosen: readonly number[], probability: number): void => {
      const { best, count } = below(node, this.maxOrder - chosen.length);
      if (count > 0) queue.push({ node, chosen, probability }, best * probability);
    };
    push(this.root, [], 1);
    const sets: CutSet[] = [];
    while (sets.length < maxCount) {
      const walk = queue.pop();
      if (walk === undefined) break;
      const { node, chosen, probability } = walk;
      if (node === TRUE) {
        sets.push({ components: [...chosen].sort((a, b) => a - b), unavailability: probability });
        continue;
      }
      const component = this.components[families.variable(node)] as number;
      push(families.low(node), chosen, probability);
      push(families.high(node), [...chosen, component], probability * figure(node));
    }
    return { sets, count: below(this.root, this.maxOrder).count };
  }

  /** Of the sets up to a given order below each node: the best probability, and how many there are. */
  private bestBelow(figure: (node: number) => number): (node: number, order: number) => Below {
    const { families } = this;
    const known = new Map<number, Below>();
    const below = (node: number, order: number): Below => {
      if (node === FALSE || order < 0) return { best: -1, count: 0 };
      if (node === TRUE) return { best: 1, count: 1 };
      return known.get(this.key(node, order)) as Below;
    };
    const orders = reachedOrders(this.root, this.maxOrder, (node) => [
      families.low(node),
      families.high(node),
    ]);
    for (const [node, reached] of orders) {
      for (const order of reached) {
        const low = below(families.low(node), order);
        const high = below(families.high(node), order - 1);
        const best = Math.max(low.best, high.best < 0 ? -1 : high.best * figure(node));
        known.set(this.key(node, order), { best, count: low.count + high.count });
      }
    }
    return below;
  }

  private key(node: number, order: number): number {
    return node * (this.maxOrder + 1) + order;
  }
}

interface Below {
  readonly best: number;
  readonly count: number;
}

/** The nodes under a root, children first, each with the orders that are left for sets when it is reached. */
function reachedOrders(
  root: number,
  maxOrder: number,
  childrenOf: (node: number) => readonly [low: number, high: number],
): [node: number, orders: ReadonlySet<number>][] {
  const orders = new Map<number, Set<number>>();
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node <= TRUE || orders.has(node)) continue;
    orders.set(node, new Set());
    open.push(...childrenOf(node));
  }
  orders.get(root)?.add(maxOrder);
  // A child is numbered before its parents.
  const rising = [...orders].sort(([a], [b]) => a - b);
  for (let at = rising.length - 1; at >= 0; at--) {
    const [node, reached] = rising[at] as [number, Set<number>];
    const [low, high] = childrenOf(node);
    for (const order of reached) {
      orders.get(low)?.add(order);
      if (order > 0) orders.get(high)?.add(order - 1);
    }
  }
  return rising;
}
