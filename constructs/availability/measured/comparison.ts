import { HOURS_PER_YEAR } from "../calculus/downtime";
import { gammaQuantile, poissonAtMost } from "../calculus/gamma-distribution";
import { held } from "../calculus/held";
import { SENSITIVITY_FACTOR } from "../calculus/sensitivity";
import type { AvailabilityRun, ComponentResult, ServiceAvailability } from "../collect/availability-run";
import type { ComponentMeasurement, Measurement, Measurements } from "./measurements";

/** A service as promised, as predicted and as measured. */
export interface MeasuredService {
  readonly stack: string;
  readonly service: string;
  /** Its target; null without one. */
  readonly promised: number | null;
  /** On the target's basis; the lower end where there is no exact result. */
  readonly predicted: number;
  readonly measured: Measurement;
  /**
   * How far what was measured lies from the prediction, in standard deviations of the time down that the model lets
   * expect in that time; above 0 for more downtime. Null where the model does not know how often it fails.
   */
  readonly deviations: number | null;
  /** Whether the difference is more than chance: beyond the middle 95 %. Null where that cannot be said. */
  readonly differs: boolean | null;
  /** Assumed figures that alone would explain the difference, the most plausible first; empty where there is none. */
  readonly suspects: readonly Suspect[];
}

/** An assumed figure that would explain a difference by itself. */
export interface Suspect {
  readonly id: string;
  readonly label: string;
  /** How many times as long as assumed it would have to be down. */
  readonly factor: number;
  /** Posterior probability among the suspects, if just one of them is wrong. */
  readonly plausibility: number;
  /** Whether the data cannot tell it from the first: less than ten to one. */
  readonly asPlausibleAsFirst: boolean;
}

/** How often a component fails, before and after its failures were counted. */
export interface MeasuredComponent {
  readonly id: string;
  readonly label: string;
  /** Mean hours between failures, up to up, as assumed; null where the run does not know it. */
  readonly assumedMtbfHours: number | null;
  readonly failures: number;
  readonly hours: number;
  /** The updated figure, and the middle 95 % of its distribution. */
  readonly mtbfHours: number | null;
  readonly credible95: { readonly lower: number; readonly upper: number } | null;
  /** Whether so few or so many failures are too unlikely (below 5 %) if the assumption holds. */
  readonly speaksAgainst: boolean | null;
}

export interface Comparison {
  readonly services: readonly MeasuredService[];
  readonly components: readonly MeasuredComponent[];
  /** Services that are predicted, but not measured. */
  readonly unmeasured: readonly string[];
  /** What is measured, but not in the run. */
  readonly unknown: readonly string[];
}

/** What is believed of assumed figures before anything is measured, in words for reports. */
export const PRIORS = {
  services: `one assumed figure is wrong, each as likely as another, by a factor that is log-normal around 1 and within ${SENSITIVITY_FACTOR} either way in 95 of 100 cases`,
  components:
    "the rate of failures is gamma-distributed around the assumed one with shape 1: the assumption is worth one failure seen",
} as const;

/** Puts what was measured beside what was promised and predicted. */
export function compared(run: AvailabilityRun, measurements: Measurements): Comparison {
  const services: MeasuredService[] = [];
  const unmeasured: string[] = [];
  const components = new Map<string, ComponentResult>();
  const known = new Set<string>();
  for (const { stack, services: all } of run.stacks) {
    for (const one of all) {
      const name = `${stack}/${one.service}`;
      known.add(name);
      for (const part of one.components) components.set(part.id, part);
      const measured = measurements.services.get(name);
      if (measured === undefined) unmeasured.push(name);
      else services.push(measuredService(stack, one, measured));
    }
  }
  const found: MeasuredComponent[] = [];
  const unknown = [...measurements.services.keys()].filter((name) => !known.has(name));
  for (const [id, measured] of measurements.components) {
    const part = components.get(id);
    if (part === undefined) unknown.push(id);
    else found.push(measuredComponent(part, measured));
  }
  return { services, components: found, unmeasured, unknown };
}

/** Beyond so many standard deviations lies 5 % of a normal distribution. */
const TWO_SIDED = 1.959964;

function measuredService(stack: string, one: ServiceAvailability, measured: Measurement): MeasuredService {
  const figure = held(one.results, one.target ?? {}).unavailability.upper;
  const down = 1 - measured.availability;
  const { perYear = null, meanOutageHours = null } = one.frequency ?? {};
  const spread =
    perYear === null || meanOutageHours === null
      ? null
      : Math.sqrt(2 * ((perYear * measured.hours) / HOURS_PER_YEAR)) * meanOutageHours;
  const deviations =
    spread === null || spread === 0 || measured.hours === 0
      ? null
      : ((down - figure) * measured.hours) / spread;
  const differs = deviations === null ? null : Math.abs(deviations) > TWO_SIDED;
  return {
    stack,
    service: one.service,
    promised: one.target?.atLeast ?? null,
    predicted: 1 - figure,
    measured,
    deviations,
    differs,
    suspects: differs === true ? suspectsOf(one.components, down - figure) : [],
  };
}

/** So that in 95 of 100 cases a figure is right within the factor. */
const LOG_SPREAD = Math.log(SENSITIVITY_FACTOR) / TWO_SIDED;
const TOLD_APART = 10;
/** Less plausible ones are not worth a word. */
const LEAST_PLAUSIBLE = 1e-4;

/**
 * A service's unavailability is linear in that of each part, with its Birnbaum importance as slope: that says how wrong
 * a figure must be to explain the difference alone, and the prior says how plausible that is.
 */
function suspectsOf(components: readonly ComponentResult[], difference: number): Suspect[] {
  const found = components.flatMap(({ id, label, kind, unavailability, importance }) => {
    if (kind !== "assumed" || importance === null || unavailability === 0 || importance.birnbaum <= 0)
      return [];
    const needed = unavailability + difference / importance.birnbaum;
    if (!(needed > 0 && needed <= 1)) return [];
    const factor = needed / unavailability;
    return [{ id, label, factor, weight: Math.exp(-((Math.log(factor) / LOG_SPREAD) ** 2) / 2) }];
  });
  const sum = found.reduce((total, { weight }) => total + weight, 0);
  const most = Math.max(...found.map(({ weight }) => weight));
  return found
    .filter(({ weight }) => weight > 0 && weight / sum >= LEAST_PLAUSIBLE)
    .sort((a, b) => b.weight - a.weight)
    .map(({ id, label, factor, weight }) => ({
      id,
      label,
      factor,
      plausibility: weight / sum,
      asPlausibleAsFirst: weight * TOLD_APART >= most,
    }));
}

const SIGNIFICANT = 0.05;

function measuredComponent(part: ComponentResult, measured: ComponentMeasurement): MeasuredComponent {
  const { id, label, unavailability, availability, meanOutageHours } = part;
  const { failures, hours } = measured;
  const common = { id, label, failures, hours };
  if (meanOutageHours === null || unavailability === 0) {
    return { ...common, assumedMtbfHours: null, mtbfHours: null, credible95: null, speaksAgainst: null };
  }
  const assumedMtbfHours = (meanOutageHours / unavailability) * availability;
  const up = hours * measured.availability;
  const [shape, rate] = [1 + failures, assumedMtbfHours + up];
  const expected = up / assumedMtbfHours;
  const atMost = poissonAtMost(failures, expected);
  const atLeast = failures === 0 ? 1 : 1 - poissonAtMost(failures - 1, expected);
  return {
    ...common,
    assumedMtbfHours,
    mtbfHours: rate / shape,
    credible95: { lower: rate / gammaQuantile(shape, 0.975), upper: rate / gammaQuantile(shape, 0.025) },
    speaksAgainst: 2 * Math.min(atMost, atLeast) < SIGNIFICANT,
  };
}
