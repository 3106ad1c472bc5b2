import type { Block, Component } from "./block";
import { declaredGroups } from "./common-cause";
import { complement } from "./complement";
import type { EvaluateOptions, ExactEvaluation } from "./evaluation";
import { type HeldOptions, meets } from "./held";
import { percent } from "./percent";
import { Improvable } from "./improvable";
import { plansOf } from "./planned-work";

/** What would make a missed target met, and by how much the components change. */
export interface Change {
  /** Ids of the components to improve. */
  readonly components: readonly string[];
  /** The availability that it must reach, where one component suffices. */
  readonly needed: number | null;
  /** A sentence for people. */
  readonly text: string;
}

export type ChangeOptions = HeldOptions &
  Pick<EvaluateOptions, "commonCauses" | "maintenance" | "timeLimitMillis">;

const DEFAULT_TIME_LIMIT_MILLIS = 2000;

/**
 * The change that reaches a target with the fewest components touched and, among those, the smallest improvement:
 * one component made better by the least factor, else the fewest doubled, of these the costliest.
 *
 * @param availability target, 0 to 1
 * @param options what is held against the target; bounds are not improved upon, their independent part is
 * @returns undefined where the target is met already, or nothing can be said within the time
 */
export function cheapestChange(
  block: Block,
  result: ExactEvaluation,
  availability: number,
  options: ChangeOptions = {},
): Change | undefined {
  const deadline = performance.now() + (options.timeLimitMillis ?? DEFAULT_TIME_LIMIT_MILLIS);
  const { basis = "correlated", planned = true } = options;
  const groups =
    basis === "correlated" ? [...declaredGroups(result.components), ...(options.commonCauses ?? [])] : [];
  const plans = planned ? plansOf(options.maintenance) : [];
  const improvable = Improvable.of(block, result.components, groups, plans, deadline);
  if (improvable === undefined || meets(improvable.unavailability({}), availability)) return undefined;
  const search = new Search(improvable, result, availability, deadline);
  return search.oneBetter() ?? search.severalDoubled();
}

/** Steps in halving a figure's range: down to the last digit. */
const HALVINGS = 100;

class Search {
  private readonly allowed: number;
  private readonly byCost: readonly Component[];

  constructor(
    private readonly improvable: Improvable,
    result: ExactEvaluation,
    private readonly availability: number,
    private readonly deadline: number,
  ) {
    this.allowed = complement(availability);
    const components = new Map(result.components.map((one) => [one.id, one]));
    this.byCost = result.importance.map(({ id }) => components.get(id) as Component);
  }

  oneBetter(): Change | undefined {
    let best: { part: Component; needed: number; factor: number } | undefined;
    for (const part of this.byCost) {
      if (performance.now() > this.deadline) break;
      if (part.unavailability === 0) continue;
      const needed = this.neededOf(part);
      if (needed === undefined) continue;
      const factor = part.unavailability / needed;
      if (best === undefined || factor < best.factor) best = { part, needed, factor };
    }
    if (best === undefined) return undefined;
    const { part, needed } = best;
    const doubles = meets(this.improvable.unavailability({ doubled: new Set([part.id]) }), this.availability);
    return {
      components: [part.id],
      needed: complement(needed),
      text:
        `raise ${part.about.label ?? part.id} from ${percent(part.availability, part.unavailability)} to ` +
        `${percent(complement(needed), needed, "more")}` +
        (doubles ? "; a second one beside it that fails independently does it" : ""),
    };
  }

  /** The unavailability that a component may have at most; undefined where even perfection would not do. */
  private neededOf({ id, unavailability }: Component): number | undefined {
    const at = (figure: number): number =>
      this.improvable.unavailability({ better: new Map([[id, figure]]) });
    const perfect = at(0);
    if (perfect > this.allowed) return undefined;
    if (this.improvable.isLinear(id)) {
      const needed = (this.allowed - perfect) / (at(1) - perfect);
      return needed > 0 ? needed : undefined;
    }
    let [met, missed] = [0, unavailability];
    for (let step = 0; step < HALVINGS; step++) {
      const middle = (met + missed) / 2;
      if (middle === met || middle === missed) break;
      if (at(middle) <= this.allowed) met = middle;
      else missed = middle;
    }
    return met > 0 ? met : undefined;
  }

  severalDoubled(): Change {
    const found = this.fewest();
    if (found === undefined) {
      return {
        components: [],
        needed: null,
        text: "not even a second one of every component reaches it: the composition needs better parts",
      };
    }
    const labels = found.map(({ id, about }) => about.label ?? id);
    const text =
      labels.length === 1
        ? `no better ${labels[0]} suffices; put a second, independent one beside it`
        : `no single component suffices; put a second, independent one beside each of: ${labels.join(", ")}`;
    return {
      components: found.map(({ id }) => id),
      needed: null,
      text,
    };
  }

  private reaches(parts: readonly Component[]): boolean {
    const doubled = new Set(parts.map(({ id }) => id));
    return meets(this.improvable.unavailability({ doubled }), this.availability);
  }

  /** The smallest set that reaches the target when doubled; the smallest found where time runs out. */
  private fewest(): readonly Component[] | undefined {
    const parts = this.byCost.filter(({ unavailability }) => unavailability > 0);
    if (!this.reaches(parts)) return undefined;
    // Some set of the costliest reaches it; by halving, the shortest, since more doubled is never worse.
    let [short, long] = [0, parts.length];
    while (long - short > 1) {
      const middle = (short + long) >> 1;
      if (this.reaches(parts.slice(0, middle))) long = middle;
      else short = middle;
    }
    let best = parts.slice(0, long);
    for (const part of [...best].reverse()) {
      const fewer = best.filter((one) => one !== part);
      if (performance.now() < this.deadline && this.reaches(fewer)) best = fewer;
    }
    for (let size = best.length - 1; size >= 2; size--) {
      const smaller = this.ofSize(size, parts);
      if (smaller === undefined) break;
      best = [...smaller];
    }
    return best;
  }

  /** A set of that size, the costliest first, or undefined where there is none or no time to find it. */
  private ofSize(size: number, parts: readonly Component[]): readonly Component[] | undefined {
    const chosen: Component[] = [];
    const choose = (from: number): readonly Component[] | undefined => {
      if (chosen.length === size) return this.reaches(chosen) ? [...chosen] : undefined;
      for (let at = from; at <= parts.length - (size - chosen.length); at++) {
        // Not even with all that is left: then not with some of it either.
        if (performance.now() > this.deadline || !this.reaches([...chosen, ...parts.slice(at)]))
          return undefined;
        chosen.push(parts[at] as Component);
        const found = choose(at + 1);
        chosen.pop();
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return choose(0);
  }
}
