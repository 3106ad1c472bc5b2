import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MINUTES_PER_YEAR } from "../../constructs/availability/calculus/downtime";
import {
  type Held,
  held,
  type HeldOptions,
  type HeldResults,
} from "../../constructs/availability/calculus/held";
import { percent } from "../../constructs/availability/calculus/percent";

/** The parts of `availability.json` that a plan's summary shows. */
export interface AvailabilityReport {
  readonly stacks: ReadonlyArray<{
    readonly stack: string;
    readonly services: readonly ServiceFigures[];
  }>;
}

interface ServiceFigures {
  readonly service: string;
  /** All figures that may be held against a target; runs of earlier versions are without. */
  readonly results?: HeldResults;
  /** With the basis on which it is held. */
  readonly target?:
    | (HeldOptions & {
        readonly atLeast: number;
        readonly verdict: string;
        /** Why the verdict is so, and what would change it: a headline, then details. */
        readonly explanation?: readonly string[];
      })
    | null;
}

/** A target that keeps the app from being synthesised. */
export interface MissedTarget {
  readonly stack: string;
  readonly service: string;
  readonly explanation: readonly string[];
}

export interface AvailabilityChange {
  readonly stack: string;
  readonly service: string;
  /** Availability as text, on the basis of the newer target; absent for a service that is new. */
  readonly before?: string;
  /** Absent for a service that is gone. */
  readonly after?: string;
  /** Expected downtime more or less per year, as text; absent when nothing changes or one side is unknown. */
  readonly difference?: string;
  /** Whether the service's target is met, in the words of the availability report; absent without a target. */
  readonly target?: string;
}

const FILE = "availability.json";
const SCHEMA = "tricloud/availability/v1";

/** Reads what synth wrote about availability; an app that writes nothing has none. */
export function readAvailability(out: string): AvailabilityReport | undefined {
  const file = join(out, FILE);
  if (!existsSync(file)) return undefined;
  const report = JSON.parse(readFileSync(file, "utf8")) as AvailabilityReport & { readonly schema?: string };
  if (report.schema !== SCHEMA) {
    throw new Error(`${file} is of schema "${String(report.schema)}"; this version reads "${SCHEMA}"`);
  }
  return report;
}

/** The targets that are not met, with what would reach them. */
export function missedTargets(report: AvailabilityReport): MissedTarget[] {
  return report.stacks.flatMap(({ stack, services }) =>
    services.flatMap(({ service, target }) =>
      target?.verdict === "missed" || target?.verdict === "undecided"
        ? [{ stack, service, explanation: target.explanation ?? [target.verdict] }]
        : [],
    ),
  );
}

/** Compares the services of the given stacks; without a base, lists them. */
export function availabilityChanges(
  head: AvailabilityReport,
  base: AvailabilityReport | undefined,
  stacks: readonly string[],
): AvailabilityChange[] {
  return stacks.flatMap((stack) => {
    const after = servicesOf(head, stack);
    const before = servicesOf(base, stack);
    const names = [...new Set([...after.keys(), ...before.keys()])];
    return names.map((service) => compare(stack, service, before.get(service), after.get(service)));
  });
}

function servicesOf(report: AvailabilityReport | undefined, stack: string): Map<string, ServiceFigures> {
  const services = report?.stacks.find((one) => one.stack === stack)?.services ?? [];
  return new Map(services.map((service) => [service.service, service]));
}

function compare(
  stack: string,
  service: string,
  before: ServiceFigures | undefined,
  after: ServiceFigures | undefined,
): AvailabilityChange {
  const basis = after?.target ?? before?.target ?? {};
  const [from, to] = [figureOf(before, basis), figureOf(after, basis)];
  return {
    stack,
    service,
    before: before === undefined ? undefined : textOf(from),
    after: after === undefined ? undefined : textOf(to),
    difference: difference(from, to),
    target:
      after?.target === undefined || after.target === null
        ? undefined
        : `${after.target.verdict} (${percent(after.target.atLeast)})`,
  };
}

const figureOf = (service: ServiceFigures | undefined, basis: HeldOptions): Held | undefined =>
  service?.results === undefined ? undefined : held(service.results, basis);

function textOf(figure: Held | undefined): string {
  if (figure === undefined) return "unknown";
  const { lower, upper } = figure.availability;
  return lower === upper
    ? percent(lower, figure.unavailability.upper)
    : `${percent(lower)} to ${percent(upper)}`;
}

function difference(from: Held | undefined, to: Held | undefined): string | undefined {
  if (from === undefined || to === undefined) return undefined;
  if ([from, to].some(({ availability: { lower, upper } }) => lower < upper)) return undefined;
  const minutes = (to.unavailability.upper - from.unavailability.upper) * MINUTES_PER_YEAR;
  if (minutes === 0) return undefined;
  const amount = Math.abs(minutes);
  const shown = amount < 0.1 ? "less than 0.1" : amount.toFixed(1);
  return `${shown} min/year ${minutes > 0 ? "more" : "less"} downtime`;
}
