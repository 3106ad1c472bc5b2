import type { Block } from "./block";
import { declaredGroups } from "./common-cause";
import { complement } from "./complement";
import type { EvaluateOptions, ExactEvaluation } from "./evaluation";
import { type HeldOptions, meets } from "./held";
import { Improvable } from "./improvable";
import { plansOf } from "./planned-work";

/** What becomes of a composition if one assumed figure is wrong. */
export interface Sensitivity {
  /** Id of the component whose figure is assumed. */
  readonly id: string;
  /** Its unavailability as assumed. */
  readonly assumed: number;
  /** Unavailability of the whole if it is down a tenth as long, and ten times as long. */
  readonly low: number;
  readonly high: number;
  /**
   * How many times as long it must be down for the target to turn from met to missed (above 1) or from missed to met
   * (below 1); null where it alone does not turn it, or there is no target.
   */
  readonly turnsAt: number | null;
}

export type SensitivityOptions = HeldOptions &
  Pick<EvaluateOptions, "maintenance" | "timeLimitMillis"> & {
    /** Availability to hold the whole against, 0 to 1. */
    readonly atLeast?: number;
  };

/** By how much assumed figures are taken to be wrong in either direction. */
export const SENSITIVITY_FACTOR = 10;

const DEFAULT_TIME_LIMIT_MILLIS = 1000;
const NODE_TIME_SHARE = 0.5;
const HALVINGS = 60;

/**
 * How much depends on each assumed figure, what matters most first. Of components that share common causes, the cause
 * moves with the figure.
 *
 * @returns as many as there was time for; undefined where the composition is too large
 */
export function sensitivities(
  block: Block,
  result: ExactEvaluation,
  options: SensitivityOptions = {},
): Sensitivity[] | undefined {
  const started = performance.now();
  const {
    basis = "correlated",
    planned = true,
    timeLimitMillis = DEFAULT_TIME_LIMIT_MILLIS,
    atLeast,
  } = options;
  const groups = basis === "correlated" ? declaredGroups(result.components) : [];
  const plans = planned ? plansOf(options.maintenance) : [];
  const model = Improvable.of(
    block,
    result.components,
    groups,
    plans,
    started + NODE_TIME_SHARE * timeLimitMillis,
  );
  if (model === undefined) return undefined;
  const components = new Map(result.components.map((one) => [one.id, one]));
  const found: Sensitivity[] = [];
  for (const { id } of result.importance) {
    const part = components.get(id);
    if (part === undefined || part.about.kind !== "assumed" || part.unavailability === 0) continue;
    if (performance.now() > started + timeLimitMillis) break;
    const assumed = part.unavailability;
    const at = (figure: number): number =>
      model.unavailability({ better: new Map([[id, Math.min(1, figure)]]) });
    found.push({
      id,
      assumed,
      low: at(assumed / SENSITIVITY_FACTOR),
      high: at(assumed * SENSITIVITY_FACTOR),
      turnsAt: atLeast === undefined ? null : turning(at, assumed, atLeast),
    });
  }
  return found.sort((a, b) => b.high - b.low - (a.high - a.low));
}

/** The factor on the figure at which the target turns, by halving. */
function turning(at: (figure: number) => number, assumed: number, atLeast: number): number | null {
  const met = (figure: number): boolean => meets(at(figure), atLeast);
  const now = met(assumed);
  const far = now ? 1 : 0;
  if (complement(atLeast) <= 0 || met(far) === now) return null;
  let [same, turned] = [assumed, far];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (same + turned) / 2;
    if (met(middle) === now) same = middle;
    else turned = middle;
  }
  return turned / assumed;
}
