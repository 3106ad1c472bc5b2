import { type FailureGraph, type FailureNode, type Gate, isLeaf } from "./failure-graph";

/**
 * Finds the gates whose parts appear nowhere else. Each can be solved apart and then stands in its parents as
 * one component, which keeps diagrams small. Linear time: a gate is a module when everything below it is first
 * and last met between the first and the last visit of the gate itself (Dutuit and Rauzy, 1996).
 *
 * @returns node indices, innermost first; the root is the last
 */
export function modules({ nodes, root }: FailureGraph): number[] {
  const first = new Int32Array(nodes.length);
  const second = new Int32Array(nodes.length);
  const last = new Int32Array(nodes.length);
  let clock = 0;
  const path: { readonly index: number; next: number }[] = [];
  /** Meets a node; goes into it the first time. */
  const meet = (index: number): void => {
    clock++;
    last[index] = clock;
    if (first[index] !== 0) return;
    first[index] = clock;
    if (isLeaf(nodes[index] as FailureNode)) second[index] = clock;
    else path.push({ index, next: 0 });
  };
  meet(root);
  for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
    const child = (nodes[step.index] as Gate).children[step.next++];
    if (child !== undefined) {
      meet(child);
      continue;
    }
    clock++;
    second[step.index] = last[step.index] = clock;
    path.pop();
  }

  const lowest = new Int32Array(nodes.length);
  const highest = new Int32Array(nodes.length);
  const found: number[] = [];
  nodes.forEach((node, index) => {
    if (isLeaf(node)) return;
    let low = Infinity;
    let high = 0;
    for (const child of node.children) {
      const inner = isLeaf(nodes[child] as FailureNode);
      low = Math.min(low, first[child] as number, inner ? Infinity : (lowest[child] as number));
      high = Math.max(high, last[child] as number, inner ? 0 : (highest[child] as number));
    }
    lowest[index] = low;
    highest[index] = high;
    if (index === root || (low > (first[index] as number) && high < (second[index] as number)))
      found.push(index);
  });
  return found;
}
