import { isDay } from "./calendar";
import { complement } from "./complement";

/**
 * What availability is made of: a component that is up or down, or an arrangement of blocks. Blocks are plain
 * immutable values; a component's id is its identity, so one that appears in many places is still one thing.
 */
export type Block = Component | Series | Parallel | AtLeast | Remote;

/** Whatever can fail. The block follows the topology of what implements it. */
export interface HasAvailability {
  /** What it can promise, composed of its own parts (docs/availability.md). */
  readonly availability: Block;
}

/** What the combinators take: a block, or something that has one. */
export type BlockSource = Block | HasAvailability;

export interface Component {
  readonly type: "component";
  readonly id: string;
  /** Probability of being down at a moment, 0 to 1. Kept beside `availability` so that neither loses digits. */
  readonly unavailability: number;
  /** Probability of being up at a moment, 0 to 1. */
  readonly availability: number;
  /** How long one outage lasts in the mean, in hours. Absent where that is not known. */
  readonly meanOutageHours?: number;
  readonly about: About;
}

/** Works when every block works. */
export interface Series {
  readonly type: "series";
  readonly blocks: readonly Block[];
}

/** Works when at least one block works. */
export interface Parallel {
  readonly type: "parallel";
  readonly blocks: readonly Block[];
}

/** Works when at least `k` of the blocks work. */
export interface AtLeast {
  readonly type: "atLeast";
  readonly k: number;
  readonly blocks: readonly Block[];
}

/** Another stack's service, by name. Replaced by that service's own composition before it is evaluated. */
export interface Remote {
  readonly type: "remote";
  readonly stack: string;
  readonly service: string;
}

/**
 * A component's figure, in whichever form it is known. `meanOutageHours` says how long one outage lasts; without it
 * nothing is known of how often the component fails.
 */
export type Figure =
  | { readonly availability: number; readonly meanOutageHours?: number }
  | { readonly unavailability: number; readonly meanOutageHours?: number }
  /** Mean operating time between failures and mean time to repair: unavailability = MTTR / (MTBF + MTTR). */
  | { readonly mtbfHours: number; readonly mttrHours: number };

/** Where a figure comes from: promised by contract, taken as an assumption, or observed. */
export type FigureKind = "contractual" | "assumed" | "measured";

/** What is known of a component besides its figure. Nothing here changes the independent result. */
export interface About {
  /** Words for people. @default - the component's id */
  readonly label?: string;
  /** @default - unknown, reported as such */
  readonly kind?: FigureKind;
  /** Where the figure is written: an address or a sentence. */
  readonly source?: string;
  /** Since when the figure holds: YYYY, YYYY-MM or YYYY-MM-DD. */
  readonly effectiveDate?: string;
  /** The control plane makes changes possible; the serving plane carries requests. @default "serving" */
  readonly plane?: "control" | "serving";
  /** Causes that it shares with others: a zone, a provider, a bad release. Count in the correlated result only. */
  readonly commonCause?: CommonCause | readonly CommonCause[];
  /** What a reader of the report must know, for example a condition that the topology does not meet. */
  readonly warnings?: readonly string[];
}

/** Membership of a group of components that one cause takes down together. */
export type CommonCause = ShareOfFailures | CauseOfItsOwn;

/** The cause is behind some of the failures that the members' figures count already (beta factor). */
export interface ShareOfFailures {
  readonly group: string;
  /** Share of a member's failures that take down the whole group, 0 to 1. */
  readonly beta: number;
}

/** The cause comes on top of what the members' figures count, such as a bad release of what runs on them. */
export interface CauseOfItsOwn {
  readonly group: string;
  /** How often the cause has the whole group down. */
  readonly figure: Figure;
  /** Where that figure comes from. */
  readonly source: string;
}

/**
 * One thing that can fail.
 *
 * @param id its identity, for example `aws/us-east-1/a`
 * @throws RangeError when the id is empty or the figure is missing or out of range
 */
export function component(id: string, figure: Figure, about: About = {}): Component {
  if (typeof id !== "string" || id.trim() === "") {
    throw new RangeError(`component id must be a non-empty string, got ${JSON.stringify(id)}`);
  }
  checkAbout(id, about);
  return Object.freeze({
    type: "component",
    id,
    ...probabilities(id, figure),
    ...meanOutage(id, figure),
    about: Object.freeze({ ...about }),
  });
}

/** Works when every block works. @throws RangeError when there is none */
export function series(...blocks: BlockSource[]): Series {
  return Object.freeze({ type: "series", blocks: blocksOf("series", blocks) });
}

/** Works when at least one block works. @throws RangeError when there is none */
export function parallel(...blocks: BlockSource[]): Parallel {
  return Object.freeze({ type: "parallel", blocks: blocksOf("parallel", blocks) });
}

/**
 * Works when at least `k` of the blocks work.
 *
 * @throws RangeError when `k` is not a whole number from 1 to the number of blocks
 */
export function atLeast(k: number, ...blocks: BlockSource[]): AtLeast {
  const checked = blocksOf("atLeast", blocks);
  if (!Number.isInteger(k) || k < 1 || k > checked.length) {
    throw new RangeError(`atLeast: k must be a whole number from 1 to ${checked.length}, got ${String(k)}`);
  }
  return Object.freeze({ type: "atLeast", k, blocks: checked });
}

/** A service that another stack declares, for example `remote("uk", "checkout")`. */
export function remote(stack: string, service: string): Remote {
  for (const [what, name] of Object.entries({ stack, service })) {
    if (typeof name !== "string" || name === "") {
      throw new RangeError(`remote: ${what} must be a non-empty string, got ${JSON.stringify(name)}`);
    }
  }
  return Object.freeze({ type: "remote", stack, service });
}

/** The block itself, or the block of what has one. @throws TypeError when it is neither */
export function blockOf(source: BlockSource): Block {
  if (isBlock(source)) return source;
  const inner: unknown = (source as Partial<HasAvailability> | undefined)?.availability;
  if (isBlock(inner)) return inner;
  throw new TypeError(`expected a block or something with an availability block, got ${describe(source)}`);
}

export function isBlock(value: unknown): value is Block {
  const type = (value as Partial<Block> | null | undefined)?.type;
  return (
    type === "component" ||
    type === "series" ||
    type === "parallel" ||
    type === "atLeast" ||
    type === "remote"
  );
}

function blocksOf(combinator: string, sources: readonly BlockSource[]): readonly Block[] {
  if (sources.length === 0) throw new RangeError(`${combinator}: expected at least one block, got none`);
  return Object.freeze(sources.map(blockOf));
}

function probabilities(id: string, figure: Figure): Pick<Component, "availability" | "unavailability"> {
  const given: Partial<Record<"availability" | "unavailability" | "mtbfHours" | "mttrHours", number>> =
    figure ?? {};
  if (given.availability !== undefined) {
    const availability = probability(id, "availability", given.availability);
    return { availability, unavailability: complement(availability) };
  }
  if (given.unavailability !== undefined) {
    const unavailability = probability(id, "unavailability", given.unavailability);
    return { availability: complement(unavailability), unavailability };
  }
  const { mtbfHours, mttrHours } = given;
  if (mtbfHours === undefined || mttrHours === undefined) {
    throw new RangeError(
      `component "${id}" has no figure: expected availability, unavailability, or mtbfHours and mttrHours, ` +
        `got ${JSON.stringify(figure)}`,
    );
  }
  if (!(Number.isFinite(mtbfHours) && mtbfHours > 0)) {
    throw new RangeError(`component "${id}": mtbfHours must be a number above 0, got ${String(mtbfHours)}`);
  }
  if (!(Number.isFinite(mttrHours) && mttrHours >= 0)) {
    throw new RangeError(
      `component "${id}": mttrHours must be a number of at least 0, got ${String(mttrHours)}`,
    );
  }
  const cycle = mtbfHours + mttrHours;
  return { availability: mtbfHours / cycle, unavailability: mttrHours / cycle };
}

function meanOutage(id: string, figure: Figure): Pick<Component, "meanOutageHours"> {
  const hours: unknown = "mttrHours" in figure ? figure.mttrHours : figure.meanOutageHours;
  if (hours === undefined || ("mttrHours" in figure && hours === 0)) return {};
  if (typeof hours === "number" && Number.isFinite(hours) && hours > 0) return { meanOutageHours: hours };
  throw new RangeError(`component "${id}": meanOutageHours must be a number above 0, got ${String(hours)}`);
}

function probability(id: string, name: string, value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  const hint =
    typeof value === "number" && value > 1 && value <= 100 ? ` (${value} % is ${Number(`${value}e-2`)})` : "";
  throw new RangeError(
    `component "${id}": ${name} must be a number from 0 to 1, got ${String(value)}${hint}`,
  );
}

function checkAbout(id: string, about: About): void {
  const date = about.effectiveDate;
  if (date !== undefined && !(/^\d{4}(-\d\d(-\d\d)?)?$/.test(date) && isDay(`${date}-01-01`.slice(0, 10)))) {
    throw new RangeError(
      `component "${id}": effectiveDate must be YYYY, YYYY-MM or YYYY-MM-DD, got ${JSON.stringify(date)}`,
    );
  }
  for (const cause of commonCausesOf(about)) {
    if (typeof cause.group !== "string" || cause.group === "") {
      throw new RangeError(
        `component "${id}": commonCause.group must be a non-empty string, got ${JSON.stringify(cause.group)}`,
      );
    }
    if ("beta" in cause) probability(id, "commonCause.beta", cause.beta);
    else probabilities(`common cause: ${cause.group}`, cause.figure);
  }
}

/** The causes that a component shares with others, as a list. */
export function commonCausesOf({ commonCause }: About): readonly CommonCause[] {
  if (commonCause === undefined) return [];
  return Array.isArray(commonCause) ? (commonCause as readonly CommonCause[]) : [commonCause as CommonCause];
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  const name = (value.constructor as { name?: string } | undefined)?.name;
  const keys = Object.keys(value).slice(0, 5).join(", ");
  return `${name ?? "object"} {${keys}}`;
}
