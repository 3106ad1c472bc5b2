import { associationBounds } from "./association-bounds";
import { complement } from "./complement";
import { isLeaf } from "./failure-graph";
import type { Interval } from "./frechet";
import type { Limits } from "./node-table";
import { diagramProbabilities, type Figures } from "./probability";
import type { Solution } from "./solution";

/**
 * Modules without a diagram get proven bounds; everything above them is monotone and carries both ends up.
 *
 * @param deadline milliseconds of `performance.now()`: the time until then is shared by the modules that are too large
 */
export function bounded(
  { graph, modules }: Solution,
  figures: Figures,
  limits: Limits,
  deadline: number,
): { readonly reason: string; readonly independent: Interval } {
  const [least, most] = [figuresByNode(graph, figures), figuresByNode(graph, figures)];
  const large = modules.filter(({ diagram }) => diagram === undefined).map(({ inputs }) => inputs.length);
  let left = large.length;
  for (const { node, inputs, diagram } of modules) {
    const unsure = inputs.some((input) => least.down[input] !== most.down[input]);
    const now = performance.now();
    const share = Math.max(0, deadline - now) / Math.max(1, left);
    const down = (ends: Figures, until: number): Interval => {
      if (diagram === undefined) return associationBounds(graph, node, inputs, ends.down, until);
      const exact = diagramProbabilities(diagram, inputs, ends).down[diagram.root] as number;
      return { lower: exact, upper: exact };
    };
    const low = down(least, now + (unsure ? share / 2 : share));
    const high = unsure ? down(most, now + share) : low;
    if (diagram === undefined) left--;
    least.down[node] = low.lower;
    most.down[node] = high.upper;
    least.up[node] = 1 - low.lower;
    most.up[node] = 1 - high.upper;
  }
  return {
    reason:
      `too large: ${large.length} of ${modules.length} modules (${large.join(", ")} inputs) passed the limit of ` +
      `${limits.nodes} nodes or of time; the availability lies within proven bounds`,
    independent: {
      lower: complement(most.down[graph.root] as number),
      upper: complement(least.down[graph.root] as number),
    },
  };
}

function figuresByNode({ nodes }: Solution["graph"], figures: Figures): Figures {
  const down = new Float64Array(nodes.length);
  const up = new Float64Array(nodes.length);
  nodes.forEach((node, index) => {
    if (!isLeaf(node)) return;
    down[index] = figures.down[node.component] as number;
    up[index] = figures.up[node.component] as number;
  });
  return { down, up };
}
