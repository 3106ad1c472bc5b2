import { compositionText } from "../calculus/composition-text";
import type { HeldResults } from "../calculus/held";
import { percent } from "../calculus/percent";
import type {
  AvailabilityRun,
  ComponentResult,
  ServiceAvailability,
  TargetResult,
} from "../collect/availability-run";
import { restored } from "../collect/stored-block";
import { duration, independentText, share, VERDICTS } from "./figures";

/** What became of one service between two runs. */
export interface Difference {
  readonly stack: string;
  readonly service: string;
  readonly change: "added" | "removed" | "better" | "worse" | "same-figure";
  /** Availability before and after; null where there is none or no exact result. */
  readonly before: number | null;
  readonly after: number | null;
  /** Sentences: what changed, then why. */
  readonly details: readonly string[];
}

/** Every service that differs, in the order of the newer run; those that are gone come last. */
export function differences(base: AvailabilityRun, run: AvailabilityRun): Difference[] {
  const before = byName(base);
  const after = byName(run);
  const found: Difference[] = [];
  for (const [name, { stack, service }] of after) {
    const old = before.get(name)?.service;
    const change = old === undefined ? added(stack, service) : changed(stack, old, service);
    if (change !== undefined) found.push(change);
  }
  for (const [name, { stack, service }] of before) {
    if (after.has(name)) continue;
    const details = [`removed; it was ${independentText(service)}`];
    found.push({
      stack,
      service: service.service,
      change: "removed",
      before: figure(service),
      after: null,
      details,
    });
  }
  return found;
}

interface Named {
  readonly stack: string;
  readonly service: ServiceAvailability;
}

function byName({ stacks }: AvailabilityRun): Map<string, Named> {
  const entries = stacks.flatMap(({ stack, services }) =>
    services.map((service): [string, Named] => [`${stack}/${service.service}`, { stack, service }]),
  );
  return new Map(entries);
}

const figure = ({ independent }: ServiceAvailability): number | null => independent?.availability ?? null;

function added(stack: string, service: ServiceAvailability): Difference {
  const details = [`new: ${independentText(service)}`, `composition: ${service.composition}`];
  return { stack, service: service.service, change: "added", before: null, after: figure(service), details };
}

function changed(stack: string, old: ServiceAvailability, now: ServiceAvailability): Difference | undefined {
  const reasons = [
    ...componentChanges(old, now),
    ...compositionChange(old, now),
    ...causeChanges(old, now),
    ...FIGURES.flatMap(([name, text]) => told(name, text(old), text(now))),
    ...softChanges(old, now),
    ...told("target", targetText(old), targetText(now)),
  ];
  const [was, is] = [independentText(old), independentText(now)];
  const moved = old.independent?.unavailability !== now.independent?.unavailability || was !== is;
  if (!moved && reasons.length === 0) return undefined;
  const details = [moved ? `${was} to ${is}${downtimeChange(old, now)}` : `still ${is}`, ...reasons];
  const [before, after] = [figure(old), figure(now)];
  const gained = (old.independent?.unavailability ?? 0) - (now.independent?.unavailability ?? 0);
  const change = !moved || gained === 0 ? "same-figure" : gained > 0 ? "better" : "worse";
  return { stack, service: now.service, change, before, after, details };
}

function downtimeChange(old: ServiceAvailability, now: ServiceAvailability): string {
  if (old.downtime === null || now.downtime === null) return "";
  const minutes = now.downtime.minutesPerYear - old.downtime.minutesPerYear;
  return ` (${duration(Math.abs(minutes))} a year ${minutes > 0 ? "more" : "less"} downtime)`;
}

function componentChanges(old: ServiceAvailability, now: ServiceAvailability): string[] {
  const before = new Map(old.components.map((one) => [one.id, one]));
  const after = new Map(now.components.map((one) => [one.id, one]));
  const sentences: string[] = [];
  for (const [id, one] of after) {
    const was = before.get(id);
    if (was === undefined) sentences.push(`added ${named(one)} at ${promised(one)}${cost(one)}`);
    else if (was.unavailability !== one.unavailability) {
      sentences.push(`${named(one)}: ${promised(was)} to ${promised(one)}${cost(one)}`);
    }
    if (was !== undefined && was.source !== one.source) {
      sentences.push(`${named(one)}: source ${was.source ?? "unknown"} to ${one.source ?? "unknown"}`);
    }
  }
  for (const [id, one] of before) {
    if (!after.has(id)) sentences.push(`removed ${named(one)} at ${promised(one)}`);
  }
  return sentences;
}

const named = ({ id, label }: ComponentResult): string => (label === id ? id : `${label} (${id})`);
const promised = ({ availability, unavailability }: ComponentResult): string =>
  percent(availability, unavailability);
const cost = ({ importance }: ComponentResult): string =>
  importance === null ? "" : `, costs ${duration(importance.minutesPerYear)} a year`;

function compositionChange(old: ServiceAvailability, now: ServiceAvailability): string[] {
  return old.composition === now.composition ? [] : [`composition: ${old.composition} to ${now.composition}`];
}

const told = (name: string, was: string, is: string): string[] =>
  was === is ? [] : [`${name}: ${was} to ${is}`];

/** Results besides the independent one, which changes without a part that does. */
const FIGURES: readonly (readonly [string, (one: ServiceAvailability) => string])[] = [
  ["correlated", ({ results }) => figureText(results?.correlated)],
  ["bounds", ({ bounds }) => figureText(bounds)],
  ["with planned work", ({ results }) => figureText(results?.planned?.correlated)],
  ["full, degraded, down", outcomesText],
];

function figureText(figure: HeldResults["independent"] | undefined): string {
  if (figure === undefined) return "none";
  return "lower" in figure
    ? `${percent(figure.lower)} to ${percent(figure.upper)}`
    : percent(figure.availability, figure.unavailability);
}

function outcomesText({ outcomes }: ServiceAvailability): string {
  if (outcomes === null) return "unknown";
  const { full, degraded, down } = outcomes;
  return `${percent(full)}, ${share(degraded)}, ${share(down)}`;
}

function causeChanges(old: ServiceAvailability, now: ServiceAvailability): string[] {
  const before = new Map(old.commonCauses.map((one) => [one.group, one]));
  const after = new Map(now.commonCauses.map((one) => [one.group, one]));
  const text = (one: { beta: number; components: number } | undefined): string =>
    one === undefined ? "none" : `beta ${one.beta} over ${one.components} components`;
  const causes = (one: ServiceAvailability): Map<string, string> =>
    new Map((one.causes ?? []).map(({ group, unavailability }) => [group, `down ${share(unavailability)}`]));
  const [was, is] = [causes(old), causes(now)];
  return [...new Set([...before.keys(), ...after.keys(), ...was.keys(), ...is.keys()])].flatMap((group) => [
    ...told(`common cause "${group}"`, text(before.get(group)), text(after.get(group))),
    ...told(`common cause "${group}"`, was.get(group) ?? "none", is.get(group) ?? "none"),
  ]);
}

function softChanges(old: ServiceAvailability, now: ServiceAvailability): string[] {
  const words = ({ degradesWithout, parts }: ServiceAvailability): string =>
    degradesWithout === null ? "nothing" : compositionText(restored(degradesWithout, parts));
  const reasons = ({ softened }: ServiceAvailability): string =>
    softened.map(({ composition, because }) => `${composition}: ${because}`).join("; ") || "nothing";
  return [
    ...told("degrades without", words(old), words(now)),
    ...told("made soft", reasons(old), reasons(now)),
  ];
}

/** On what a target is held, where that is not what goes without saying. */
const holding = ({ basis, planned }: TargetResult): string[] => [
  ...(basis === undefined || basis === "correlated" ? [] : [basis]),
  ...(planned === false ? ["without planned work"] : []),
];

const targetText = ({ target }: ServiceAvailability): string =>
  target === null
    ? "none"
    : `${percent(target.atLeast)} (${[VERDICTS[target.verdict], ...holding(target)].join(", ")})`;
