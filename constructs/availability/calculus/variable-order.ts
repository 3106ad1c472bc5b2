import { type FailureGraph, type FailureNode, type Gate, isLeaf } from "./failure-graph";

/**
 * Orders in which a diagram may look at the inputs of a module, the most promising first. The size of a diagram
 * depends on the order by orders of magnitude, and no rule is best for all structures: all walk the structure
 * depth first, so that what belongs together stays together, and differ in which child they visit first.
 * Each is worked out when it is asked for: the first is nearly always good enough.
 *
 * @param root node of the module
 * @param inputs nodes at which the module ends: its leaves and the modules within it
 */
export function* variableOrders(
  graph: FailureGraph,
  root: number,
  inputs: ReadonlySet<number>,
): Generator<number[]> {
  const { nodes } = graph;
  const parents = new Map<number, number>([[root, 1]]);
  const size = new Map<number, number>();
  const depth = new Map<number, number>();
  for (const input of inputs) {
    size.set(input, 1);
    depth.set(input, 0);
  }
  for (const index of gatesWithin(nodes, root, inputs)) {
    let [total, deepest] = [1, 0];
    for (const child of (nodes[index] as Gate).children) {
      parents.set(child, (parents.get(child) ?? 0) + 1);
      total += size.get(child) as number;
      deepest = Math.max(deepest, 1 + (depth.get(child) as number));
    }
    size.set(index, total);
    depth.set(index, deepest);
  }

  const value = (map: Map<number, number>, index: number): number => map.get(index) as number;
  const rules: ((a: number, b: number) => number)[] = [
    (a, b) => value(depth, a) - value(depth, b) || value(size, b) - value(size, a),
    (a, b) => value(size, b) - value(size, a) || value(parents, b) - value(parents, a),
    (a, b) => value(parents, b) - value(parents, a) || value(size, a) - value(size, b),
    (a, b) => value(size, a) - value(size, b) || value(parents, b) - value(parents, a),
    () => 0,
  ];
  const [first, ...others] = rules.map((rule) => () => depthFirst(nodes, root, inputs, rule));
  const start = first?.() ?? [];
  yield start;
  yield gathered(graph, root, inputs, start);
  for (const order of others) yield order();
}

const ROUNDS = 40;

/**
 * Moves what belongs to the same gates together (the FORCE heuristic; Aloul, Markov and Sakallah, 2003): every gate
 * pulls itself and its children towards their middle, small gates more than large ones, until the order settles.
 * Finds, say, the machines of one rack where the structure names them in turns.
 */
function gathered(
  { nodes }: FailureGraph,
  root: number,
  inputs: ReadonlySet<number>,
  start: readonly number[],
): number[] {
  const pulls = gatePulls(nodes, root, inputs);
  // Gates begin at the middle of what is below them.
  const place = new Map(start.map((input, index) => [input, index]));
  for (const [gate, ...children] of pulls) place.set(gate as number, mean(children, place));
  let best = [...start];
  let least = spread(pulls, place);
  for (let round = 0; round < ROUNDS; round++) {
    const force = new Map<number, { sum: number; weight: number }>();
    for (const pull of pulls) {
      const middle = mean(pull, place);
      for (const node of pull) {
        const felt = force.get(node) ?? { sum: 0, weight: 0 };
        felt.sum += middle / pull.length;
        felt.weight += 1 / pull.length;
        force.set(node, felt);
      }
    }
    const wanted = [...force].map(([node, { sum, weight }]) => [node, sum / weight] as const);
    wanted.sort((a, b) => a[1] - b[1] || (place.get(a[0]) as number) - (place.get(b[0]) as number));
    wanted.forEach(([node], index) => place.set(node, index));
    const now = spread(pulls, place);
    if (now < least) {
      least = now;
      best = [...start].sort((a, b) => (place.get(a) as number) - (place.get(b) as number));
    }
  }
  return best;
}

/** Each gate of the module with its children, children's gates first. */
function gatePulls(nodes: readonly FailureNode[], root: number, inputs: ReadonlySet<number>): number[][] {
  return gatesWithin(nodes, root, inputs).map((index) => [index, ...(nodes[index] as Gate).children]);
}

const mean = (all: readonly number[], place: ReadonlyMap<number, number>): number =>
  all.reduce((sum, one) => sum + (place.get(one) as number), 0) / all.length;

/** How far gates reach in all, large gates counting less. */
function spread(pulls: readonly (readonly number[])[], place: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const pull of pulls) {
    let low = Infinity;
    let high = -Infinity;
    for (const node of pull) {
      const at = place.get(node) as number;
      if (at < low) low = at;
      if (at > high) high = at;
    }
    sum += (high - low) / pull.length;
  }
  return sum;
}

function depthFirst(
  nodes: readonly FailureNode[],
  root: number,
  inputs: ReadonlySet<number>,
  rule: (a: number, b: number) => number,
): number[] {
  const seen = new Set<number>();
  const order: number[] = [];
  const open = [root];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    if (inputs.has(index)) order.push(index);
    else for (const child of [...(nodes[index] as Gate).children].sort(rule).reverse()) open.push(child);
  }
  return order;
}

/** The gates of a module, children first: those below `root` and above the inputs, and `root` itself. */
export function gatesWithin(
  nodes: readonly FailureNode[],
  root: number,
  inputs: ReadonlySet<number>,
): number[] {
  const seen = new Set<number>();
  const open = [root];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const node = nodes[index] as FailureNode;
    if (seen.has(index) || inputs.has(index) || isLeaf(node)) continue;
    seen.add(index);
    for (const child of node.children) open.push(child);
  }
  return [...seen].sort((a, b) => a - b);
}
