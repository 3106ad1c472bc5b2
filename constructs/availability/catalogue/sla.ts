import { type About, type Component, component, type Figure, type FigureKind } from "../calculus/block";
import { percent } from "../calculus/percent";
import { CATALOGUE, type Entry, type SlaService, type Topologies } from "./entries";

/** What is promised for a service in a given topology. */
export interface Sla {
  readonly service: SlaService;
  readonly label: string;
  /** 0 to 1; undefined where nothing is promised. */
  readonly availability: number | undefined;
  readonly kind: FigureKind;
  /** Condition under which the figure holds, and where it is written. */
  readonly source: string;
  /** YYYY, YYYY-MM or YYYY-MM-DD; undefined where the agreement's date is not known. */
  readonly effectiveDate: string | undefined;
  /** Day on which it was last compared with its source, YYYY-MM-DD; undefined where it was not. */
  readonly compared: string | undefined;
  /** How long one outage lasts in the mean, in hours: an assumption. */
  readonly meanOutageHours: number;
  readonly plane: "control" | "serving";
  /** What the topology forgoes, and what is to be known of the figure. */
  readonly warnings: readonly string[];
}

export interface SlaOptions {
  /** The day on which a figure's age is judged. @default - today */
  readonly asOf?: Date;
}

export interface SlaComponentOptions extends SlaOptions {
  /** Figure to use where nothing is promised. It is shown as assumed. @default - counts as never up */
  readonly assumed?: Figure & { readonly source: string };
  /** What else is known of the component. */
  readonly about?: Pick<About, "label" | "commonCause">;
}

/**
 * The best figure whose condition the topology meets. Where a better one exists whose condition is not met, a
 * warning names it; where none is met there is no SLA.
 *
 * @throws RangeError for a service that the catalogue does not hold, or a number of zones that cannot be
 */
export function sla<S extends SlaService>(
  service: S,
  topology: Topologies[S],
  options: SlaOptions = {},
): Sla {
  const entry = Object.hasOwn(CATALOGUE, service) ? (CATALOGUE[service] as Entry<Topologies[S]>) : undefined;
  if (entry === undefined) {
    throw new RangeError(
      `no SLA entry "${String(service)}": expected one of ${Object.keys(CATALOGUE).join(", ")}`,
    );
  }
  checkZones(service, topology);
  const index = entry.tiers.findIndex((tier) => tier.holds(topology));
  const tier = entry.tiers[index];
  const best = entry.tiers[0];
  const warnings: string[] = [];
  const applies = tier === undefined ? "no SLA" : percent(tier.availability);
  if (best === undefined) warnings.push(`${service}: no SLA: ${entry.remark ?? "nothing is promised"}`);
  else if (tier !== best) {
    warnings.push(
      `${service}: ${percent(best.availability)} needs ${best.condition}; ${applies} applies (${inWords(topology)})`,
    );
  }
  if (tier?.secondary) warnings.push(`${service}: ${applies} was read in a secondary source`);
  if (tier !== undefined) warnings.push(...ageWarnings(service, entry, options.asOf ?? new Date()));
  const remark = entry.remark === undefined ? "" : `, ${entry.remark}`;
  const compared = entry.compared === undefined ? "not compared" : `compared on ${entry.compared}`;
  const outage = `; an outage is assumed to last ${entry.assumedOutageHours} h`;
  return {
    service,
    label: entry.label,
    availability: tier?.availability,
    kind: "contractual",
    source:
      tier === undefined
        ? entry.source
        : `${entry.source} (${tier.condition}${remark}; ${compared}${outage})`,
    effectiveDate: entry.effectiveDate,
    compared: entry.compared,
    meanOutageHours: entry.assumedOutageHours,
    plane: entry.plane,
    warnings,
  };
}

/**
 * A component with the figure that is promised for it. Where nothing is promised the component counts as never
 * up, unless `assumed` states what to assume instead; either way a warning says so.
 *
 * @param id its identity: use the same for the same thing everywhere
 */
export function slaComponent<S extends SlaService>(
  id: string,
  service: S,
  topology: Topologies[S],
  options: SlaComponentOptions = {},
): Component {
  const { availability, warnings, meanOutageHours, ...found } = sla(service, topology, options);
  const about: About = {
    label: found.label,
    plane: found.plane,
    effectiveDate: found.effectiveDate,
    ...options.about,
  };
  if (availability !== undefined) {
    return component(
      id,
      { availability, meanOutageHours },
      { ...about, kind: found.kind, source: found.source, warnings },
    );
  }
  const { assumed } = options;
  if (assumed !== undefined) {
    const { source, ...figure } = assumed;
    return component(id, figure, { ...about, kind: "assumed", source, effectiveDate: undefined, warnings });
  }
  const nothing = `${service}: nothing is promised for "${id}", so it counts as never up; state an assumed figure`;
  return component(
    id,
    { availability: 0 },
    { ...about, kind: "contractual", source: found.source, warnings: [...warnings, nothing] },
  );
}

/**
 * What to know of a figure's age on a day: whether it was compared with its source within a year, and if it never
 * was, whether it is older than that.
 */
function ageWarnings(
  name: string,
  { compared, effectiveDate }: Pick<Entry<never>, "compared" | "effectiveDate">,
  asOf: Date,
): string[] {
  if (compared !== undefined) {
    return asOf.getTime() <= anniversary(compared)
      ? []
      : [`${name}: the figure was last compared with its source on ${compared}, over one year ago`];
  }
  if (effectiveDate === undefined) return [`${name}: the figure's effective date is not known`];
  if (asOf.getTime() <= anniversary(effectiveDate)) return [];
  return [`${name}: the figure of ${effectiveDate} is over one year old`];
}

/**
 * One year after a date, in milliseconds.
 *
 * @param date YYYY, YYYY-MM or YYYY-MM-DD; a part that is not given is taken as the last possible
 */
function anniversary(date: string): number {
  const [year = 0, month = 12, day] = date.split("-").map(Number);
  return Date.UTC(year + 1, day === undefined ? month : month - 1, day ?? 0);
}

function checkZones(service: string, topology: object): void {
  if (!("zones" in topology)) return;
  const zones: unknown = topology.zones;
  if (typeof zones !== "number" || !Number.isInteger(zones) || zones < 0) {
    throw new RangeError(`${service}: zones must be a whole number of at least 0, got ${String(zones)}`);
  }
}

function inWords(topology: object): string {
  const facts = Object.entries(topology).map(([name, value]) => `${name} = ${String(value)}`);
  return facts.length === 0 ? "unconditional" : facts.join(", ");
}
