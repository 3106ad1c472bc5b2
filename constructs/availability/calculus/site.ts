import type { Block, BlockSource, Component, HasAvailability } from "./block";
import type { Switching } from "./failover";
import type { RollingMaintenance } from "./planned-work";

/** Alike instances that share a load: machines, zones with nodes, pods. */
export interface HasInstances extends HasAvailability {
  /** One block each, with all that the instance stands on. */
  readonly instances: readonly BlockSource[];
}

/** A region as what a service would stand on if it came there. */
export interface Site {
  readonly region: string;
  /** What would carry the load. */
  readonly on: HasInstances;
  /** What a service needs there besides, such as an entrance. @default - nothing */
  readonly requires?: readonly BlockSource[];
  /** What it would degrade without. @default - nothing */
  readonly degradesWithout?: readonly BlockSource[];
  /** Planned work on its hosts. @default - none */
  readonly maintenance?: RollingMaintenance;
  /** What the region has of its own in place of what a service would use of another (`Placing`), by the same names. */
  readonly own?: Readonly<Record<string, BlockSource>>;
}

/** What makes it possible to say what a service would promise in other regions, or in several at once. */
export interface Placing {
  /** Which of what it requires carries its load. */
  readonly on: HasInstances;
  /** Instances that the load it has here takes. @default 1 */
  readonly neededInstances?: number;
  /**
   * Which of what it requires all of its callers go on using wherever it stands: its public name. By names for people.
   * @default - nothing
   */
  readonly brings?: Readonly<Record<string, BlockSource>>;
  /**
   * Which of what it requires its callers in this region go on using wherever it stands, and those of other regions
   * never do: their own resolver. @default - nothing
   */
  readonly callersUse?: readonly BlockSource[];
  /**
   * Which of what it requires a region would use from here in which it does not run yet, and that has none of its own:
   * its database. By names for people. @default - nothing
   */
  readonly lends?: Readonly<Record<string, BlockSource>>;
  /** How its callers come to another region when one fails. @default - nothing takes them there by itself yet */
  readonly switching?: Switching;
}

/** A region that may hold a service, and what the service is made of there. */
export interface Ground {
  readonly region: string;
  /** Whether it runs there. */
  readonly runs: boolean;
  /** What all instances need. */
  readonly requires: readonly Block[];
  readonly instances: readonly Block[];
  readonly degradesWithout: readonly Block[];
  /** What its callers in this region use, wherever it stands. @default - nothing of their own */
  readonly callersUse?: readonly Block[];
  /** What it costs there that callers must leave instances that failed. @default - nothing */
  readonly leaving?: readonly Component[];
  /** Planned work on what it needs there. @default - none */
  readonly plans?: readonly RollingMaintenance[];
}
