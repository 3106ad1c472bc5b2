import type { Block } from "../block";
import { type Component, component, parallel } from "../block";
import { complement } from "./complement";
import { exactResult } from "./evaluate";
import type { ExactEvaluation } from "./evaluation";
import { percent } from "./percent";

/** What would make a missed target met, and by how much the components change. */
export interface Change {
  /** Ids of the components to improve. */
  readonly components: readonly string[];
  /** The availability that it must reach, where one component suffices. */
  readonly needed: number | null;
  /** A sentence for people. */
  readonly text: string;
}

/**
 * The change that reaches a target with the fewest components touched and, among those, the smallest
 * improvement: one component made better by the least factor, else the fewest of the costliest components doubled.
 *
 * @param availability target, 0 to 1
 * @returns undefined where the target is met already
 */
export function cheapestChange(
  block: Block,
  result: ExactEvaluation,
  availability: number,
): Change | undefined {
  const allowed = complement(availability);
  if (result.unavailability <= allowed) return undefined;
  return oneBetter(result, allowed) ?? severalDoubled(block, result, availability);
}

function oneBetter(result: ExactEvaluation, allowed: number): Change | undefined {
  let best: { id: string; needed: number; factor: number } | undefined;
  for (const { id, unavailability, birnbaum, riskReduction } of result.importance) {
    const without = riskReduction === Infinity ? 0 : result.unavailability / riskReduction;
    if (without > allowed || birnbaum <= 0) continue;
    const needed = (allowed - without) / birnbaum;
    const factor = unavailability / needed;
    if (best === undefined || factor < best.factor) best = { id, needed, factor };
  }
  if (best === undefined) return undefined;
  const part = named(result, best.id);
  const doubled =
    part.unavailability ** 2 <= best.needed
      ? "; a second one beside it that fails independently does it"
      : "";
  return {
    components: [best.id],
    needed: complement(best.needed),
    text:
      `raise ${part.about.label ?? best.id} from ${percent(part.availability, part.unavailability)} to ` +
      `${percent(complement(best.needed), best.needed, "more")}${doubled}`,
  };
}

function severalDoubled(block: Block, result: ExactEvaluation, availability: number): Change {
  const chosen = new Set<string>();
  for (const { id } of result.importance) {
    chosen.add(id);
    const trial = exactResult(doubled(block, chosen));
    if (trial === undefined || trial.availability < availability) continue;
    const labels = [...chosen].map((one) => named(result, one).about.label ?? one);
    return {
      components: [...chosen],
      needed: null,
      text: `no single component suffices; put a second, independent one beside each of: ${labels.join(", ")}`,
    };
  }
  return {
    components: [],
    needed: null,
    text: "not even a second one of every component reaches it: the composition needs better parts",
  };
}

const named = (result: ExactEvaluation, id: string): Component =>
  result.components.find((part) => part.id === id) as Component;

function doubled(block: Block, ids: ReadonlySet<string>): Block {
  if (block.type === "component") {
    const { id, unavailability, about } = block;
    return ids.has(id) ? parallel(block, component(`${id} (second)`, { unavailability }, about)) : block;
  }
  if (block.type === "remote") return block;
  return { ...block, blocks: block.blocks.map((inner) => doubled(inner, ids)) };
}
