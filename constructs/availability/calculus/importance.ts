import type { Component } from "./block";
import { MINUTES_PER_YEAR } from "./downtime";
import type { ExactProbabilities } from "./probability";

/** What one component means for the whole (U: unavailability of the whole, q: of the component). */
export interface Importance {
  readonly id: string;
  readonly unavailability: number;
  /** Birnbaum: U with the component down less U with it up. */
  readonly birnbaum: number;
  /** Probability that the component is down and decides, given that the whole is down. */
  readonly criticality: number;
  /** U with the component down, over U. 1 where U is 0 either way. */
  readonly riskAchievement: number;
  /**
   * U over U with the component never down. Infinite where nothing else can take the whole down; in structures of
   * thousands of parts in parallel, at least this.
   */
  readonly riskReduction: number;
  /** What the component costs: downtime that would go if it never failed. */
  readonly minutesPerYear: number;
}

/** Below this share of the whole, U - qB has lost digits, and U with the component up is computed anew. */
const CANCELLATION = 1e-3;

/** Nodes passed in computing U anew: every part of a large parallel would ask for it. */
const MOST_ANEW = 10_000_000;

/** Of every component, the costliest first. */
export function importances(exact: ExactProbabilities, components: readonly Component[]): Importance[] {
  const whole = exact.whole.down;
  const slopes = exact.birnbaum();
  let anew = Math.max(1, Math.floor(MOST_ANEW / exact.size));
  const found = components.map(({ id, unavailability, availability }, index): Importance => {
    const birnbaum = slopes[index] as number;
    const lost = unavailability * birnbaum;
    const digits = whole - lost > CANCELLATION * whole;
    const without =
      digits || --anew < 0 ? Math.max(whole - lost, CANCELLATION * whole) : exact.given(index, "up").down;
    const broken = whole + availability * birnbaum;
    return {
      id,
      unavailability,
      birnbaum,
      criticality: whole === 0 ? 0 : lost / whole,
      riskAchievement: whole === 0 ? (broken === 0 ? 1 : Infinity) : broken / whole,
      riskReduction: whole === 0 ? 1 : whole / without,
      minutesPerYear: lost * MINUTES_PER_YEAR,
    };
  });
  return found.sort((a, b) => b.minutesPerYear - a.minutesPerYear || (a.id < b.id ? -1 : 1));
}
