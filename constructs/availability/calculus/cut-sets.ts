import { type FailureNode, isLeaf } from "./failure-graph";
import { FALSE, type Limits, TooLarge, TRUE } from "./node-table";
import { PriorityQueue } from "./priority-queue";
import { SetFamilies } from "./set-families";
import type { Diagram, Module, Solution } from "./solution";

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
    const top = solution.modules.at(-1) as Module;
    this.root = this.of(top, new Map(solution.modules.map((module) => [module.node, module])));
  }

  /** Minimal cut sets of a module. Variables are numbered as met, so those of one module stand together. */
  private of(module: Module, moduleAt: ReadonlyMap<number, Module>): number {
    const { diagram } = module;
    if (diagram === undefined) throw new TooLarge("no diagram");
    const inputs = module.inputs.map((input) => {
      const node = this.solution.graph.nodes[input] as FailureNode;
      if (!isLeaf(node)) return this.of(moduleAt.get(input) as Module, moduleAt);
      return this.families.family(this.components.push(node.component) - 1, FALSE, TRUE);
    });
    return this.minimal(diagram, inputs, diagram.root, this.maxOrder, new Map());
  }

  private minimal(
    diagram: Diagram,
    inputs: readonly number[],
    node: number,
    order: number,
    known: Map<number, number>,
  ): number {
    if (node === FALSE || order < 0) return FALSE;
    if (node === TRUE) return TRUE;
    const key = node * (this.maxOrder + 1) + order;
    const found = known.get(key);
    if (found !== undefined) return found;
    const without = this.minimal(diagram, inputs, diagram.lows[node] as number, order, known);
    const beyond = this.minimal(diagram, inputs, diagram.highs[node] as number, order - 1, known);
    const input = inputs[diagram.variables[node] as number] as number;
    const withInput = this.families.product(input, this.families.without(beyond, without));
    const made = this.families.union(withInput, without);
    known.set(key, made);
    return made;
  }

  /** Walks from the root, always on from where the most probable set may still lie. */
  mostProbable(unavailability: ArrayLike<number>, maxCount: number): CutSets {
    const { families } = this;
    const figure = (node: number): number =>
      unavailability[this.components[families.variable(node)] as number] ?? 0;
    // Of the sets up to a given order below each node: the best probability, and how many there are.
    const known = new Map<number, { best: number; count: number }>();
    const below = (node: number, order: number): { best: number; count: number } => {
      if (node === FALSE || order < 0) return { best: -1, count: 0 };
      if (node === TRUE) return { best: 1, count: 1 };
      const key = node * (this.maxOrder + 1) + order;
      const found = known.get(key);
      if (found !== undefined) return found;
      const low = below(families.low(node), order);
      const high = below(families.high(node), order - 1);
      const best = Math.max(low.best, high.best < 0 ? -1 : high.best * figure(node));
      const made = { best, count: low.count + high.count };
      known.set(key, made);
      return made;
    };

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
}
