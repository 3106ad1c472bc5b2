import { type FailureNode, isLeaf } from "./failure-graph";
import { FALSE, TRUE } from "./node-table";
import type { Diagram, Module, Solution } from "./solution";

/** Probabilities of being up and down, 0 to 1. */
export interface Probabilities {
  readonly availability: number;
  readonly unavailability: number;
}

/** Probabilities of both sides, each computed for itself so that the small one keeps its digits. */
export interface Probability {
  readonly down: number;
  readonly up: number;
}

/** Down and up probabilities, by index of a component or a node. */
export interface Figures {
  readonly down: Float64Array;
  readonly up: Float64Array;
}

/** Everything exact that a solved graph tells under given figures. All modules must have diagrams. */
export class ExactProbabilities {
  /** By node of the failure graph: leaves and modules. */
  readonly down: Float64Array;
  readonly up: Float64Array;
  /** Per module, the probabilities of each node of its diagram. */
  private readonly within: Figures[] = [];

  constructor(
    private readonly solution: Solution,
    private readonly figures: Figures,
  ) {
    const { nodes } = solution.graph;
    this.down = new Float64Array(nodes.length);
    this.up = new Float64Array(nodes.length);
    nodes.forEach((node, index) => {
      if (!isLeaf(node)) return;
      this.down[index] = figures.down[node.component] as number;
      this.up[index] = figures.up[node.component] as number;
    });
    for (const module of solution.modules) this.solveModule(module);
  }

  /** Nodes that each computation passes. */
  get size(): number {
    return this.within.reduce((sum, { down }) => sum + down.length, this.down.length);
  }

  /** The smaller side as computed, the other as what is left of one: rounding then never parts them. */
  get whole(): Probability {
    const { root } = this.solution.graph;
    const down = this.down[root] as number;
    const up = this.up[root] as number;
    return down < up ? { down, up: 1 - down } : { down: 1 - up, up };
  }

  /** The whole when one component is certainly up or down. */
  given(component: number, state: "up" | "down"): Probability {
    const down = this.figures.down.slice();
    const up = this.figures.up.slice();
    down[component] = state === "down" ? 1 : 0;
    up[component] = state === "down" ? 0 : 1;
    return new ExactProbabilities(this.solution, { down, up }).whole;
  }

  /** Per component: by how much the whole is more likely down when the component is down than when it is up. */
  birnbaum(): Float64Array {
    const { graph, modules } = this.solution;
    const slope = new Float64Array(graph.nodes.length);
    slope[graph.root] = 1;
    for (let index = modules.length - 1; index >= 0; index--) {
      const { node, inputs, diagram } = modules[index] as Module & { diagram: Diagram };
      const { down, up } = this.within[index] as Figures;
      const reach = new Float64Array(diagram.variables.length);
      reach[diagram.root] = slope[node] as number;
      for (let at = diagram.root; at > TRUE; at--) {
        const input = inputs[diagram.variables[at] as number] as number;
        const low = diagram.lows[at] as number;
        const high = diagram.highs[at] as number;
        const here = reach[at] as number;
        // The difference is taken on the side where the numbers are small.
        const step =
          (down[low] as number) > 0.5
            ? (up[low] as number) - (up[high] as number)
            : (down[high] as number) - (down[low] as number);
        slope[input] = (slope[input] as number) + here * step;
        reach[low] = (reach[low] as number) + here * (this.up[input] as number);
        reach[high] = (reach[high] as number) + here * (this.down[input] as number);
      }
    }
    const result = new Float64Array(graph.components.length);
    graph.nodes.forEach((node, index) => {
      if (isLeaf(node)) result[node.component] = slope[index] as number;
    });
    return result;
  }

  private solveModule({ node, inputs, diagram }: Module): void {
    if (diagram === undefined) throw new Error(`module ${node} has no diagram`);
    const within = diagramProbabilities(diagram, inputs, this);
    this.within.push(within);
    this.down[node] = within.down[diagram.root] as number;
    this.up[node] = within.up[diagram.root] as number;
  }
}

/**
 * Probabilities of every node of a diagram.
 *
 * @param inputs what the variables are, as nodes of the failure graph
 * @param figures by node of the failure graph
 */
export function diagramProbabilities(diagram: Diagram, inputs: readonly number[], figures: Figures): Figures {
  const down = new Float64Array(diagram.variables.length);
  const up = new Float64Array(diagram.variables.length);
  down[TRUE] = up[FALSE] = 1;
  for (let at = 2; at < down.length; at++) {
    const input = inputs[diagram.variables[at] as number] as number;
    const low = diagram.lows[at] as number;
    const high = diagram.highs[at] as number;
    const p = figures.down[input] as number;
    const q = figures.up[input] as number;
    down[at] = p * (down[high] as number) + q * (down[low] as number);
    up[at] = p * (up[high] as number) + q * (up[low] as number);
  }
  return { down, up };
}

/** Components whose failure alone takes the whole down, by index. */
export function singlePoints({ nodes, root }: Solution["graph"]): number[] {
  const failing: ReadonlySet<number>[] = [];
  for (const node of nodes as readonly FailureNode[]) {
    if (isLeaf(node)) failing.push(new Set([node.component]));
    else {
      const hits = new Map<number, number>();
      for (const child of node.children) {
        for (const component of failing[child] ?? []) hits.set(component, (hits.get(component) ?? 0) + 1);
      }
      failing.push(new Set([...hits].filter(([, count]) => count >= node.k).map(([component]) => component)));
    }
  }
  return [...(failing[root] ?? [])].sort((a, b) => a - b);
}
