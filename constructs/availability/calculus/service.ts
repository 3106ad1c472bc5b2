import { type Block, blockOf, type BlockSource, series } from "./block";
import { exactResult } from "./evaluate";
import type { EvaluateOptions } from "./evaluation";
import { failureGraph, isLeaf } from "./failure-graph";
import type { RollingMaintenance } from "./planned-work";
import type { Placing } from "./site";

/** What a stack offers, and what it needs for it. */
export interface Service {
  readonly type: "service";
  readonly name: string;
  /** Without one of these the service is down. */
  readonly requires: readonly BlockSource[];
  /** Without one of these it still answers, but not as it should. */
  readonly degradesWithout: readonly (BlockSource | Softened)[];
  /** Planned work on its hosts. */
  readonly maintenance: RollingMaintenance | undefined;
  /** Where it runs; undefined: the stack says. */
  readonly region: string | undefined;
  readonly placing: Placing | undefined;
}

export interface ServiceProps {
  readonly requires: readonly BlockSource[];
  /** @default - nothing: the service is either full or down */
  readonly degradesWithout?: readonly (BlockSource | Softened)[];
  /** @default - none */
  readonly maintenance?: RollingMaintenance;
  /** Region that it runs in: services of one name in several regions are one service to its callers. @default - the stack's name */
  readonly region?: string;
  /** For what it would promise elsewhere. @default - it is compared only between regions in which it runs */
  readonly placing?: Placing;
}

/** What would be required, had something else not an answer in its stead: a cache, a stale record, a retry. */
export interface Softened {
  readonly type: "softened";
  readonly block: BlockSource;
  /** Shown in every report, for example "unbound serves expired answers for a day". */
  readonly because: string;
}

export type Outcome = "full" | "degraded" | "down";

/** Probabilities of the three outcomes; they add up to one. */
export interface Outcomes {
  readonly full: number;
  readonly degraded: number;
  readonly down: number;
}

/** @throws RangeError for an empty name, when nothing is required, or a placing by what it does not require */
export function service(name: string, props: ServiceProps): Service {
  if (typeof name !== "string" || name.trim() === "") {
    throw new RangeError(`service name must be a non-empty string, got ${JSON.stringify(name)}`);
  }
  if (props.requires.length === 0)
    throw new RangeError(`service "${name}" requires nothing: expected a block`);
  checkPlacing(name, props);
  return Object.freeze({
    type: "service",
    name,
    requires: [...props.requires],
    degradesWithout: [...(props.degradesWithout ?? [])],
    maintenance: props.maintenance,
    region: props.region,
    placing: props.placing,
  });
}

function checkPlacing(name: string, { requires, placing }: ServiceProps): void {
  if (placing === undefined) return;
  const { on, neededInstances = 1, brings = {}, callersUse = [], lends = {} } = placing;
  const parts = [
    ...Object.entries({ "what carries its load": on, ...brings, ...lends }),
    ...callersUse.map((source, at) => [`part ${at + 1} of what its callers use`, source] as const),
  ];
  for (const [what, source] of parts) {
    if (!requires.includes(source)) {
      throw new RangeError(`service "${name}" is placed by ${what}, which it does not require`);
    }
  }
  const most = on.instances.length;
  if (!Number.isInteger(neededInstances) || neededInstances < 1 || neededInstances > most) {
    throw new RangeError(
      `service "${name}": neededInstances must be a whole number from 1 to ${most}, got ${String(neededInstances)}`,
    );
  }
}

/** A hard dependency that something makes soft, and what does. For `degradesWithout`. */
export function softened(block: BlockSource, because: string): Softened {
  if (because.trim() === "") throw new RangeError("softened: expected a reason, got an empty string");
  return Object.freeze({ type: "softened", block, because });
}

export const isSoftened = (value: BlockSource | Softened): value is Softened =>
  (value as Partial<Softened>).type === "softened";

/** What must work for the service to answer at all. */
export function requiredBlock({ requires }: Service): Block {
  return requires.length === 1 ? blockOf(requires[0] as BlockSource) : series(...requires);
}

/** What must work for the service to be at its best. */
export function fullBlock({ requires, degradesWithout }: Service): Block {
  return series(...requires, ...degradesWithout.map((soft) => (isSoftened(soft) ? soft.block : soft)));
}

/**
 * How often the service is full, degraded and down.
 *
 * @returns undefined where the composition is too large for an exact result
 */
export function outcomes(service: Service, options: EvaluateOptions = {}): Outcomes | undefined {
  const required = exactResult(requiredBlock(service), options);
  if (required === undefined) return undefined;
  if (service.degradesWithout.length === 0) {
    return { full: required.availability, degraded: 0, down: required.unavailability };
  }
  const full = exactResult(fullBlock(service), options);
  if (full === undefined) return undefined;
  return {
    full: full.availability,
    degraded: Math.max(0, full.unavailability - required.unavailability),
    down: required.unavailability,
  };
}

/**
 * What becomes of the service when exactly these components are down.
 *
 * @param failed ids of components
 * @throws RangeError for an id that the service's composition does not hold
 */
export function outcome(service: Service, failed: Iterable<string>): Outcome {
  const down = new Set(failed);
  const full = fullBlock(service);
  const known = new Set(failureGraph(full).components.map(({ id }) => id));
  for (const id of down) {
    if (!known.has(id)) {
      throw new RangeError(
        `service "${service.name}" has no component "${id}": expected one of ${[...known].sort().join(", ")}`,
      );
    }
  }
  if (fails(requiredBlock(service), down)) return "down";
  return fails(full, down) ? "degraded" : "full";
}

/** Whether a block fails when exactly these components are down. */
export function fails(block: Block, down: ReadonlySet<string>): boolean {
  const { components, nodes, root } = failureGraph(block);
  const failing: boolean[] = [];
  for (const node of nodes) {
    if (isLeaf(node)) failing.push(down.has(components[node.component]?.id ?? ""));
    else failing.push(node.children.filter((child) => failing[child]).length >= node.k);
  }
  return failing[root] === true;
}
