import { DecisionDiagram } from "./decision-diagram";
import { type FailureGraph, type FailureNode, type Gate, isLeaf } from "./failure-graph";
import { modules } from "./modules";
import { FALSE, type Limits, TooLarge, TRUE } from "./node-table";
import { gatesWithin, variableOrders } from "./variable-order";

/** A failure graph cut into modules, each with its decision diagram. Holds for any figures of the components. */
export interface Solution {
  readonly graph: FailureGraph;
  /** Innermost first; the last stands for the whole. */
  readonly modules: readonly Module[];
}

export interface Module {
  /** Node of the failure graph that it stands for. */
  readonly node: number;
  /** What each variable of the diagram is: a leaf or an inner module, as a node of the failure graph. */
  readonly inputs: readonly number[];
  /** Undefined where the diagram passed the limits. */
  readonly diagram: Diagram | undefined;
}

/** A finished decision diagram. Node 0 is false, node 1 is true, children come before their parents. */
export interface Diagram {
  readonly variables: Int32Array;
  readonly lows: Int32Array;
  readonly highs: Int32Array;
  readonly root: number;
}

/** The tries begin with this many nodes, or some for each input, and get eight times as many in each round. */
const FIRST_LIMIT = 4096;
const FIRST_PER_INPUT = 8;
const LIMIT_GROWTH = 8;

export function solve(graph: FailureGraph, limits: Limits): Solution {
  const found = modules(graph);
  const isModule = new Set(found);
  return {
    graph,
    modules: found.map((node) => {
      const inputs = moduleInputs(graph, node, isModule);
      const attempt = smallDiagram(graph, node, inputs, limits);
      return { node, inputs: attempt?.order ?? [...inputs], diagram: attempt?.diagram };
    }),
  };
}

/** The leaves and inner modules at which the module of `root` ends. */
export function moduleInputs(graph: FailureGraph, root: number, isModule: ReadonlySet<number>): Set<number> {
  const inputs = new Set<number>();
  const seen = new Set<number>();
  const open = [root];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    const node = graph.nodes[index] as FailureNode;
    if (isLeaf(node) || (index !== root && isModule.has(index))) inputs.add(index);
    else for (let at = node.children.length - 1; at >= 0; at--) open.push(node.children[at] as number);
  }
  return inputs;
}

/** Tries every order with few nodes, then with more, so that a good order is not kept waiting by a bad one. */
function smallDiagram(
  graph: FailureGraph,
  root: number,
  inputs: ReadonlySet<number>,
  limits: Limits,
): { order: number[]; diagram: Diagram } | undefined {
  const orders = new KeptOrders(variableOrders(graph, root, inputs));
  for (let nodes = Math.max(FIRST_LIMIT, FIRST_PER_INPUT * inputs.size); ; nodes *= LIMIT_GROWTH) {
    for (const order of orders.each()) {
      if (performance.now() > limits.deadline) return undefined;
      try {
        const allowed = { nodes: Math.min(nodes, limits.nodes), deadline: limits.deadline };
        return { order, diagram: build(graph, root, inputs, order, allowed) };
      } catch (error) {
        if (!(error instanceof TooLarge)) throw error;
      }
    }
    if (nodes >= limits.nodes) return undefined;
  }
}

function build(
  { nodes }: FailureGraph,
  root: number,
  inputs: ReadonlySet<number>,
  order: readonly number[],
  limits: Limits,
): Diagram {
  const diagram = new DecisionDiagram(limits);
  const built = new Map<number, number>();
  order.forEach((input, variable) => built.set(input, diagram.literal(variable)));
  for (const index of gatesWithin(nodes, root, inputs)) {
    const gate = nodes[index] as Gate;
    const children = gate.children.map((child) => built.get(child) as number);
    // What is looked at last is combined first: each step then adds on top of what is there.
    children.sort((a, b) => diagram.variable(b) - diagram.variable(a));
    built.set(index, diagram.atLeast(gate.k, children));
  }
  return compact(diagram, built.get(root) as number);
}

/** Only what the root needs, children first. */
function compact(diagram: DecisionDiagram, root: number): Diagram {
  const seen = new Set<number>([FALSE, TRUE]);
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(diagram.low(node), diagram.high(node));
  }
  const kept = Int32Array.from(seen).sort();
  const position = new Map<number, number>();
  kept.forEach((node, index) => position.set(node, index));
  const at = (node: number): number => position.get(node) as number;
  return {
    variables: kept.map((node) => diagram.variable(node)),
    lows: kept.map((node) => (node <= TRUE ? node : at(diagram.low(node)))),
    highs: kept.map((node) => (node <= TRUE ? node : at(diagram.high(node)))),
    root: at(root),
  };
}

/** Orders to go through again and again, each worked out once and equal ones kept once. */
class KeptOrders {
  private readonly kept = new Map<string, number[]>();

  constructor(private readonly source: Iterator<number[]>) {}

  *each(): Generator<number[]> {
    yield* this.kept.values();
    for (let next = this.source.next(); next.done !== true; next = this.source.next()) {
      const key = next.value.join();
      if (this.kept.has(key)) continue;
      this.kept.set(key, next.value);
      yield next.value;
    }
  }
}
