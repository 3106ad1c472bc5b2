import type { Component } from "../block";
import type { ExactProbabilities, Probabilities } from "./probability";

/** Hosts taken out one after another for planned work. */
export interface RollingMaintenance {
  /** Ids of the components that are taken out, one at a time. */
  readonly components: readonly string[];
  /** Hours that each is out in 30 days. */
  readonly hoursPer30Days: number;
}

const HOURS_PER_30_DAYS = 720;

/** One host out at a time: the states "this one is out" exclude each other, so their results are weighed. */
export function planned(
  exact: ExactProbabilities,
  components: readonly Component[],
  maintenance: RollingMaintenance | undefined,
): Probabilities | undefined {
  if (maintenance === undefined) return undefined;
  const share = maintenance.hoursPer30Days / HOURS_PER_30_DAYS;
  let { down, up } = exact.whole;
  const rest = 1 - share * maintenance.components.length;
  down *= rest;
  up *= rest;
  for (const id of maintenance.components) {
    const out = exact.given(
      components.findIndex((component) => component.id === id),
      "down",
    );
    down += share * out.down;
    up += share * out.up;
  }
  return { availability: up, unavailability: down };
}

/** @throws RangeError for an unknown component, or more hours than there are */
export function checkMaintenance(
  maintenance: RollingMaintenance | undefined,
  components: readonly Component[],
): void {
  if (maintenance === undefined) return;
  const known = new Set(components.map(({ id }) => id));
  for (const id of maintenance.components) {
    if (!known.has(id)) throw new RangeError(`maintenance: no component "${id}"`);
  }
  const { hoursPer30Days } = maintenance;
  const most = HOURS_PER_30_DAYS / maintenance.components.length;
  if (!(hoursPer30Days >= 0 && hoursPer30Days <= most)) {
    throw new RangeError(
      `maintenance: hoursPer30Days must be a number from 0 to ${most} for ${maintenance.components.length} hosts ` +
        `one after another, got ${String(hoursPer30Days)}`,
    );
  }
}
