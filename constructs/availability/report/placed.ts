import { complement } from "../calculus/complement";
import { MINUTES_PER_YEAR } from "../calculus/downtime";
import type { Interval } from "../calculus/frechet";
import type { Basis } from "../calculus/held";
import { percent } from "../calculus/percent";
import { ASSUMED_SWITCHING, type Placement, placements } from "../calculus/placement";
import type { AvailabilityRun } from "../collect/availability-run";
import { type PlacedService, restoredGround } from "../collect/placed-services";
import { duration, share } from "./figures";

/** A service in every region and set of regions, and whether it needs several. */
export interface PlacedResult {
  readonly service: string;
  /** Instances that its callers' load takes. */
  readonly load: number;
  readonly basis: Basis;
  /** Whether planned work counts as down; false too where there is none. */
  readonly planned: boolean;
  readonly runsIn: readonly string[];
  readonly users: PlacedService["users"];
  /** Whether it may stay in one region because all that is known to use it goes on without it. */
  readonly mayStayInOne: boolean;
  /** What regions that it might stand in have not of their own. */
  readonly brought: readonly { readonly region: string; readonly what: string; readonly from: string }[];
  /** How callers come to another region, and where that comes from. */
  readonly switching: { readonly seconds: number; readonly source: string };
  /** The best first. */
  readonly placements: readonly Placement[];
  /** Sets of regions that there was no time for. */
  readonly left: number;
}

export interface PlacedOptions {
  /** @default - all services */
  readonly service?: string;
  /** @default "correlated" */
  readonly basis?: Basis;
  /** Count planned work as down. @default true */
  readonly planned?: boolean;
  /** For all services together, in milliseconds. @default 20000 */
  readonly timeLimitMillis?: number;
}

const DEFAULT_TIME_LIMIT_MILLIS = 20_000;

/**
 * Where the services of a run may stand.
 *
 * @throws RangeError for a service that the run does not hold, and for a run that says nothing of places
 */
export function placedResults(run: AvailabilityRun, options: PlacedOptions = {}): PlacedResult[] {
  const { basis = "correlated", planned = true, timeLimitMillis = DEFAULT_TIME_LIMIT_MILLIS } = options;
  if (run.placing === undefined) {
    throw new RangeError("the run does not say what services are made of elsewhere: synthesise anew");
  }
  const chosen = run.placing.filter(
    ({ service }) => options.service === undefined || service === options.service,
  );
  if (chosen.length === 0 && options.service !== undefined) {
    const known = run.placing.map(({ service }) => service).sort();
    throw new RangeError(
      `no service "${options.service}" in the run: expected one of ${known.join(", ") || "none"}`,
    );
  }
  return chosen.map((one) =>
    placedResult(one, { basis, planned, timeLimitMillis: timeLimitMillis / chosen.length }),
  );
}

function placedResult(placed: PlacedService, options: Required<PlacementLimits>): PlacedResult {
  const { basis, planned } = options;
  const { service, load, users, grounds } = placed;
  const switching = placed.switching ?? undefined;
  const { ranked, left } = placements(
    { name: service, load, grounds: grounds.map(restoredGround), switching },
    options,
  );
  return {
    service,
    load,
    basis,
    planned: planned && grounds.some(({ plans = [] }) => plans.length > 0),
    runsIn: grounds.filter(({ runs }) => runs).map(({ region }) => region),
    users,
    mayStayInOne: users.length > 0 && users.every(({ without }) => without !== "down"),
    brought: grounds.flatMap(({ region, brought }) => brought.map((one) => ({ region, ...one }))),
    switching: switching ?? ASSUMED_SWITCHING,
    placements: ranked,
    left,
  };
}

type PlacementLimits = Pick<PlacedOptions, "basis" | "planned" | "timeLimitMillis">;

/** For a terminal. */
export function textPlaced(results: readonly PlacedResult[]): string {
  if (results.length === 0) return "No stack declares a service.\n";
  return `${results.map(textOne).join("\n\n")}\n`;
}

const HEADINGS = ["regions", "full", "degraded", "down", "independent", "bounds", "a year"];

function textOne(result: PlacedResult): string {
  const { basis } = result;
  const rows = result.placements.map((one) => {
    const regions = one.regions.join(" + ");
    if (one.outcomes === undefined) return [regions, "cannot carry the load"];
    const { full, degraded, down } = one.outcomes[basis];
    return [
      regions,
      availabilityText(full),
      shareText(degraded),
      shareText(down),
      availabilityText(upOf(one.outcomes.independent.down)),
      availabilityText(upOf(one.outcomes.bounds.down)),
      gainText(one),
    ];
  });
  const widths = HEADINGS.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd();
  const instances = result.load === 1 ? "1 instance" : `${result.load} instances`;
  return [
    `${result.service}: runs in ${result.runsIn.join(", ")}; its load takes ${instances}; ${basis} figures` +
      `${result.planned ? " with planned work" : ""}, the best first`,
    line(HEADINGS),
    ...rows.map(line),
    ...placedNotes(result).map((text) => `    ${text}`),
  ].join("\n");
}

/** Down less or more than where it runs now. */
export function gainText({ gainedMinutesPerYear: gained }: Placement): string {
  if (gained === undefined) return "";
  if (Math.abs(gained) < 1 / 60) return "as now";
  return `${duration(Math.abs(gained))} ${gained > 0 ? "less" : "more"}`;
}

/** What is to be said of the service besides figures, as sentences. */
export function placedNotes(result: PlacedResult): string[] {
  const { placements: ranked } = result;
  const several = ranked.filter(({ regions, outcomes }) => regions.length > 1 && outcomes !== undefined);
  const best = several[0];
  return [
    usersText(result),
    ...(best === undefined ? [] : [capText(best)]),
    ...(best === undefined ? [] : [switchingText(result, best)]),
    ...tooSmallTexts(result),
    ...broughtTexts(result),
    ...(result.left > 0 ? [`no time for ${result.left} more sets of regions`] : []),
  ];
}

function usersText({ users, mayStayInOne }: PlacedResult): string {
  if (users.length === 0) return "no service here names it: whoever calls it is without it while it is down";
  const names = (without: string): string =>
    users
      .filter((one) => one.without === without)
      .map(({ stack, service }) => `${stack}/${service}`)
      .join(", ");
  if (mayStayInOne) {
    const [degraded, full] = [names("degraded"), names("full")];
    const parts = [
      ...(degraded === "" ? [] : [`${degraded} only degrade`]),
      ...(full === "" ? [] : [`${full} stay as they are`]),
    ];
    return `may stay in one region: without it ${parts.join(", and ")}`;
  }
  return `goes down with it: ${names("down")}`;
}

function capText({ regions, shared, cappedAtMinutesPerYear }: Placement): string {
  const where = regions.join(" + ");
  if (shared.length === 0) return `nothing takes ${where} down at once`;
  const parts = shared.map(
    ({ id, about, unavailability }) =>
      `${about.label ?? id} (${duration(unavailability * MINUTES_PER_YEAR)})`,
  );
  return `${duration(cappedAtMinutesPerYear)} a year remain in ${where}, however many regions: ${parts.join(", ")}`;
}

function switchingText({ switching: { seconds, source } }: PlacedResult, best: Placement): string {
  const recovery = `callers of a failed region are served again after ${duration(seconds / 60)} (${source})`;
  const cost = best.switching;
  if (cost?.times === undefined) {
    return `${recovery}; not counted, since it is not known how often ${(cost?.unknown ?? []).join(", ")} fails`;
  }
  const { failuresPerYear, affected } = cost.times;
  return `${recovery}: ${Number(failuresPerYear.toPrecision(3))} times a year in ${best.regions.join(" + ")}, for ${share(affected)} of them`;
}

function tooSmallTexts({ placements: ranked, load }: PlacedResult): string[] {
  return ranked
    .filter(({ regions }) => regions.length === 1)
    .flatMap(({ tooSmall }) => tooSmall)
    .map(
      ({ region, instances }) =>
        `${region} cannot take over alone: the load takes ${load} instances, and it has ${instances}`,
    );
}

function broughtTexts({ brought }: PlacedResult): string[] {
  const regions = [...new Set(brought.map(({ region }) => region))];
  return regions.map((region) => {
    const used = brought
      .filter((one) => one.region === region)
      .map(({ what, from }) => (what.endsWith(` ${from}`) ? what : `${what} of ${from}`));
    return `${region} uses from other regions: ${used.join(", ")}`;
  });
}

const upOf = ({ lower, upper }: Interval): Interval => ({
  lower: complement(upper),
  upper: complement(lower),
});

const availabilityText = ({ lower, upper }: Interval): string => fromTo(percent(lower), percent(upper));

const shareText = ({ lower, upper }: Interval): string => fromTo(share(lower), share(upper));

/** Proven bounds may be so near to one another that all digits shown are the same. */
const fromTo = (lower: string, upper: string): string => (lower === upper ? lower : `${lower} to ${upper}`);
