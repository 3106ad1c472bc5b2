import { type Block, commonCausesOf, type Component } from "./block";
import { fold } from "./fold";

/**
 * A block seen from the failure side: an acyclic graph whose gates fail when enough of their children fail.
 * Equal parts are one node. Node numbers rise from children to parents, so one pass in order computes anything.
 */
export interface FailureGraph {
  /** The distinct components; a leaf refers to one by its index here. */
  readonly components: readonly Component[];
  readonly nodes: readonly FailureNode[];
  /** Index of the node that stands for the whole block: a gate. */
  readonly root: number;
}

export type FailureNode = Leaf | Gate;

export interface Leaf {
  readonly component: number;
}

/** Fails when at least `k` of the children fail: 1 is "any", the number of children is "all". */
export interface Gate {
  readonly k: number;
  readonly children: readonly number[];
}

export const isLeaf = (node: FailureNode): node is Leaf => "component" in node;

/**
 * The failure graph of a block: nested gates of one kind are merged and repeated parts removed.
 *
 * @throws RangeError for a cycle, for two figures under one id, and for a remote service that was not resolved
 */
export function failureGraph(block: Block): FailureGraph {
  return new GraphBuilder().build(block);
}

class GraphBuilder {
  private readonly components: Component[] = [];
  private readonly leafOf = new Map<string, number>();
  private readonly nodes: FailureNode[] = [];
  private readonly gateOf = new Map<string, number>();

  build(block: Block): FailureGraph {
    const only = fold<number>(block, (one, parts) => this.node(one, parts));
    // The root is always a gate: a lone component is the one child of "any of one".
    const root = isLeaf(this.nodes[only] as FailureNode) ? this.add({ k: 1, children: [only] }) : only;
    return withoutOrphans({ components: this.components, nodes: this.nodes, root });
  }

  private node(block: Block, parts: readonly number[]): number {
    switch (block.type) {
      case "component":
        return this.leaf(block);
      case "series":
        return this.gate(1, parts);
      case "parallel":
        return this.gate(parts.length, parts);
      case "atLeast":
        return this.gate(parts.length - block.k + 1, parts);
      case "remote":
        throw new RangeError(
          `service "${block.service}" of stack "${block.stack}" is required but not part of what is evaluated`,
        );
    }
  }

  private leaf(component: Component): number {
    const known = this.leafOf.get(component.id);
    if (known === undefined) {
      const node = this.add({ component: this.components.push(component) - 1 });
      this.leafOf.set(component.id, node);
      return node;
    }
    const first = this.components[(this.nodes[known] as Leaf).component] as Component;
    if (
      first.unavailability !== component.unavailability ||
      first.meanOutageHours !== component.meanOutageHours ||
      causesText(first) !== causesText(component)
    ) {
      throw new RangeError(
        `component "${component.id}" has two figures: ${figure(first)} and ${figure(component)}`,
      );
    }
    return known;
  }

  private gate(k: number, given: readonly number[]): number {
    const children = k === 1 || k === given.length ? this.merged(k === 1, given) : [...given];
    if (k !== 1) k = k === given.length ? children.length : k;
    const [only] = children;
    if (children.length === 1 && only !== undefined) return only;
    children.sort((a, b) => a - b);
    const key = `${k}:${children.join(",")}`;
    const known = this.gateOf.get(key);
    if (known !== undefined) return known;
    const node = this.add({ k, children });
    this.gateOf.set(key, node);
    return node;
  }

  /** Children with those of inner gates of the same kind in the gates' place, each once. */
  private merged(any: boolean, given: readonly number[]): number[] {
    const children = new Set<number>();
    for (const index of given) {
      const node = this.nodes[index] as FailureNode;
      if (!isLeaf(node) && node.k === (any ? 1 : node.children.length)) {
        for (const inner of node.children) children.add(inner);
      } else children.add(index);
    }
    return [...children];
  }

  private add(node: FailureNode): number {
    return this.nodes.push(node) - 1;
  }
}

/** Merging leaves gates that nothing refers to; they and components seen only through them go. */
function withoutOrphans({ components, nodes, root }: FailureGraph): FailureGraph {
  const used = new Uint8Array(nodes.length);
  used[root] = 1;
  for (let index = root; index >= 0; index--) {
    const node = nodes[index] as FailureNode;
    if (used[index] && !isLeaf(node)) for (const child of node.children) used[child] = 1;
  }
  const moved = new Int32Array(nodes.length);
  const kept: FailureNode[] = [];
  const keptComponents: Component[] = [];
  nodes.forEach((node, index) => {
    if (!used[index]) return;
    moved[index] = kept.length;
    if (isLeaf(node))
      kept.push({ component: keptComponents.push(components[node.component] as Component) - 1 });
    else kept.push({ k: node.k, children: node.children.map((child) => moved[child] as number) });
  });
  return { components: keptComponents, nodes: kept, root: moved[root] as number };
}

function figure(part: Component): string {
  const outage = part.meanOutageHours === undefined ? "" : `, ${part.meanOutageHours} h an outage`;
  return `unavailability ${part.unavailability}${outage}${causesText(part)}`;
}

const causesText = ({ about }: Component): string =>
  commonCausesOf(about)
    .map((cause) =>
      "beta" in cause
        ? ` in group "${cause.group}" with beta ${cause.beta}`
        : ` in group "${cause.group}" with ${JSON.stringify(cause.figure)}`,
    )
    .join();
