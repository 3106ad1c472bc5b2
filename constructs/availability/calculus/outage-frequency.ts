import type { Component } from "./block";
import { HOURS_PER_YEAR } from "./downtime";
import type { ExactProbabilities } from "./probability";

/** How often something goes down, and for how long. */
export interface OutageFrequency {
  /** Outages in a year of 8,760 hours; undefined where `unknown` names components. */
  readonly perYear: number | undefined;
  /** Mean duration of one outage; undefined where that is not known, or there is none. */
  readonly meanOutageHours: number | undefined;
  /** Ids of components that matter and of which nobody said how long an outage lasts. */
  readonly unknown: readonly string[];
}

/**
 * Exact for independent components in the steady state, whatever the distributions of their times up and down: a
 * component goes down q / outage times an hour, and is then decisive with its Birnbaum importance, so that the whole
 * goes down the sum of the products (Barlow and Proschan, 1975). Its mean outage is its unavailability over that.
 */
export function outageFrequency(
  exact: ExactProbabilities,
  components: readonly Component[],
): OutageFrequency {
  const slopes = exact.birnbaum();
  const unknown: string[] = [];
  let perHour = 0;
  components.forEach(({ id, unavailability, meanOutageHours }, index) => {
    const slope = slopes[index] as number;
    if (unavailability === 0 || slope <= 0) return;
    if (meanOutageHours === undefined) unknown.push(id);
    else perHour += (slope * unavailability) / meanOutageHours;
  });
  if (unknown.length > 0) return { perYear: undefined, meanOutageHours: undefined, unknown };
  return {
    perYear: perHour * HOURS_PER_YEAR,
    meanOutageHours: perHour === 0 ? undefined : exact.whole.down / perHour,
    unknown,
  };
}
