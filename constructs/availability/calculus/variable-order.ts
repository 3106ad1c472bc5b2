import { type FailureGraph, type FailureNode, isLeaf } from "./failure-graph";

/**
 * Orders in which a diagram may look at the inputs of a module, the most promising first. The size of a diagram
 * depends on the order by orders of magnitude, and no rule is best for all structures: all walk the structure
 * depth first, so that what belongs together stays together, and differ in which child they visit first.
 *
 * @param root node of the module
 * @param inputs nodes at which the module ends: its leaves and the modules within it
 */
export function variableOrders(graph: FailureGraph, root: number, inputs: ReadonlySet<number>): number[][] {
  const { nodes } = graph;
  const parents = new Map<number, number>();
  const size = new Map<number, number>();
  const depth = new Map<number, number>();
  const measure = (index: number): void => {
    parents.set(index, (parents.get(index) ?? 0) + 1);
    if (size.has(index)) return;
    size.set(index, 1);
    depth.set(index, 0);
    for (const child of childrenOf(nodes, index, inputs)) {
      measure(child);
      size.set(index, (size.get(index) as number) + (size.get(child) as number));
      depth.set(index, Math.max(depth.get(index) as number, 1 + (depth.get(child) as number)));
    }
  };
  measure(root);

  const value = (map: Map<number, number>, index: number): number => map.get(index) as number;
  const rules: ((a: number, b: number) => number)[] = [
    (a, b) => value(depth, a) - value(depth, b) || value(size, b) - value(size, a),
    (a, b) => value(size, b) - value(size, a) || value(parents, b) - value(parents, a),
    (a, b) => value(parents, b) - value(parents, a) || value(size, a) - value(size, b),
    (a, b) => value(size, a) - value(size, b) || value(parents, b) - value(parents, a),
    () => 0,
  ];
  return rules.map((rule) => depthFirst(nodes, root, inputs, rule));
}

function depthFirst(
  nodes: readonly FailureNode[],
  root: number,
  inputs: ReadonlySet<number>,
  rule: (a: number, b: number) => number,
): number[] {
  const seen = new Set<number>();
  const order: number[] = [];
  const visit = (index: number): void => {
    if (seen.has(index)) return;
    seen.add(index);
    if (inputs.has(index)) order.push(index);
    else [...childrenOf(nodes, index, inputs)].sort(rule).forEach(visit);
  };
  visit(root);
  return order;
}

/** The children within the module: none below its inputs. */
export function childrenOf(
  nodes: readonly FailureNode[],
  index: number,
  inputs: ReadonlySet<number>,
): readonly number[] {
  const node = nodes[index] as FailureNode;
  return inputs.has(index) || isLeaf(node) ? [] : node.children;
}
