import { MINUTES_PER_30_DAYS } from "../calculus/downtime";
import { held, heldText } from "../calculus/held";
import { percent } from "../calculus/percent";
import type { Probabilities } from "../calculus/probability";
import type { Estimate } from "../calculus/simulation";
import type { AvailabilityRun, ServiceAvailability, Verdict } from "../collect/availability-run";

/** A time in the unit that suits it: "4.3 s", "25.9 min", "5.3 h". */
export function duration(minutes: number): string {
  if (minutes === 0) return "0 s";
  if (minutes < 1) return `${short(minutes * 60)} s`;
  if (minutes < 120) return `${short(minutes)} min`;
  if (minutes < 2 * 24 * 60) return `${short(minutes / 60)} h`;
  return `${short(minutes / 60 / 24)} d`;
}

function short(value: number): string {
  return value >= 100
    ? value.toFixed(0)
    : value >= 0.01
      ? value.toPrecision(3).replace(/\.?0+$/, "")
      : value.toExponential(1);
}

/** A small share of time, 0 to 1, with three digits. */
export const share = (part: number): string =>
  part === 0 ? "0 %" : `${Number((part * 100).toPrecision(3))} %`;

export const promise = ({ availability, unavailability }: Probabilities): string =>
  percent(availability, unavailability);

/** The independent result: exact, or the proven interval. */
export function independentText({ independent, tooLarge }: ServiceAvailability): string {
  if (independent !== null) return promise(independent);
  return tooLarge === null
    ? "unknown"
    : `${percent(tooLarge.independent.lower)} to ${percent(tooLarge.independent.upper)}`;
}

/** An estimate, marked as one. */
export const estimateText = ({ availability, confidence95, samples, seed }: Estimate): string =>
  `${percent(availability)} by chance and not proven: with 95 % confidence from ${percent(confidence95.lower)} ` +
  `to ${percent(confidence95.upper)} (${samples} samples, seed ${seed})`;

const FEW = 3;

/** How often a service goes down and for how long; undefined where it cannot be said at all. */
export function frequencyText({ frequency }: ServiceAvailability): string | undefined {
  if (frequency === null) return undefined;
  const { perYear, meanOutageHours, unknown } = frequency;
  if (perYear === null) {
    const more = unknown.length > FEW ? ` and ${unknown.length - FEW} more` : "";
    return `not known how often: nobody says how long an outage of ${unknown.slice(0, FEW).join(", ")}${more} lasts`;
  }
  if (meanOutageHours === null) return "none";
  return `${Number(perYear.toPrecision(3))} a year, ${duration(meanOutageHours * 60)} each in the mean`;
}

/** What one mean outage takes of the time that a target leaves in 30 days. */
export function budgetText({ target, frequency }: ServiceAvailability): string | undefined {
  const hours = frequency?.meanOutageHours ?? null;
  if (target === null || hours === null) return undefined;
  const budget = (1 - target.atLeast) * MINUTES_PER_30_DAYS;
  return `${share((hours * 60) / budget)} of the ${duration(budget)} of 30 days for each outage`;
}

/** What a failure means for users where others take over, each with what it takes of the target's budget. */
export function failoverTexts({ failovers, target }: ServiceAvailability): string[] {
  return failovers.map(
    ({ name, recoverySeconds, source, affected, failuresPerYear, meanDowntimeSeconds, unknown }) => {
      const recovery = `${name}: another serves ${duration(recoverySeconds / 60)} after a failure (${source})`;
      if (affected === null || failuresPerYear === null || meanDowntimeSeconds === null) {
        return `${recovery}; not known how often: nobody says how long an outage of ${unknown.slice(0, FEW).join(", ")} lasts`;
      }
      const often = `${Number(failuresPerYear.toPrecision(3))} a year, each for ${share(affected)} of the requests`;
      if (target === null) return `${recovery}; ${often}`;
      const budget = (1 - target.atLeast) * MINUTES_PER_30_DAYS;
      const used = (meanDowntimeSeconds / 60) * affected;
      return `${recovery}; ${often}: ${share(used / budget)} of the error budget of 30 days`;
    },
  );
}

/** The figure that is held against the target, and what it assumes. */
export function heldAgainst({ target, causes, results }: ServiceAvailability): string | undefined {
  if (target === null) return undefined;
  const figure = held(results, target);
  const { lower, upper } = figure.availability;
  const shown =
    lower === upper ? percent(lower, figure.unavailability.upper) : `${percent(lower)} to ${percent(upper)}`;
  return `${shown}, ${heldText(figure, causes.length > 0, Boolean(results.planned))}`;
}

export const boundsText = ({ bounds }: ServiceAvailability): string =>
  `${percent(bounds.lower)} to ${percent(bounds.upper)}`;

export const VERDICTS: { readonly [V in Verdict]: string } = {
  met: "met",
  "met-if-independent": "met if independent",
  missed: "missed",
  undecided: "not shown",
  waived: "waived",
};

/** One line for a service: figures and verdict. */
export interface SummaryRow {
  readonly name: string;
  readonly independent: string;
  readonly correlated: string;
  readonly bounds: string;
  readonly downtime: string;
  readonly target: string;
  readonly verdict: string;
}

export const SUMMARY_HEADINGS: SummaryRow = {
  name: "service",
  independent: "independent",
  correlated: "correlated",
  bounds: "bounds",
  downtime: "down per 30 d / year",
  target: "target",
  verdict: "verdict",
};

export function summaryRow(one: ServiceAvailability): SummaryRow {
  const { target, downtime } = one;
  return {
    name: one.service,
    independent: independentText(one),
    correlated: one.correlated === null ? "-" : promise(one.correlated),
    bounds: boundsText(one),
    downtime:
      downtime === null
        ? "-"
        : `${duration(downtime.minutesPer30Days)} / ${duration(downtime.minutesPerYear)}`,
    target: target === null ? "-" : percent(target.atLeast),
    verdict: target === null ? "-" : VERDICTS[target.verdict],
  };
}

/** The components that cost most, as sentences. */
export function costliest({ components }: ServiceAvailability, count = 3): string[] {
  return components
    .filter(({ importance }) => importance !== null && importance.minutesPerYear > 0)
    .slice(0, count)
    .map(({ label, availability, unavailability, kind, importance }) => {
      const cost = duration(importance?.minutesPerYear ?? 0);
      return `${label} ${cost} a year (${percent(availability, unavailability)}, ${kind})`;
    });
}

/** Another stack's service and what it promises: its target if it has one, else its result. */
export function dependencyText({ stack, service }: Dependency, { stacks }: AvailabilityRun): string {
  const found = stacks.find((one) => one.stack === stack)?.services.find((one) => one.service === service);
  const name = `${stack}/${service}`;
  if (found === undefined) return `${name}, which is not part of this run`;
  if (found.target !== null) return `${name}, which promises ${percent(found.target.atLeast)} (its target)`;
  const { availability, unavailability } = held(found.results);
  const { lower, upper } = availability;
  const promised =
    lower === upper ? percent(lower, unavailability.upper) : `${percent(lower)} to ${percent(upper)}`;
  return `${name}, which can promise ${promised}`;
}

type Dependency = ServiceAvailability["dependsOn"][number];
