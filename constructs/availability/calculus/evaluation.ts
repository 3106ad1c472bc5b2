import type { Component } from "./block";
import type { Cause, CommonCauseGroup } from "./common-cause";
import type { CutSetLimits } from "./cut-sets";
import type { Downtime } from "./downtime";
import type { Interval } from "./frechet";
import type { HeldResults } from "./held";
import type { Importance } from "./importance";
import type { RollingMaintenance } from "./planned-work";
import type { OutageFrequency } from "./outage-frequency";
import type { Probabilities } from "./probability";
import type { Estimate } from "./simulation";

export interface EvaluateOptions {
  /** Common-cause groups besides those that components name themselves. */
  readonly commonCauses?: readonly CommonCauseGroup[];
  /** Hosts taken out one after another for planned work. @default - no planned work */
  readonly maintenance?: RollingMaintenance | readonly RollingMaintenance[];
  /** Which minimal cut sets to list; false for none. @default - up to 4 components each, the 100 most probable */
  readonly cutSets?: Partial<CutSetLimits> | false;
  /**
   * Time for everything, in milliseconds: half of it goes to an exact result, and what is left then to proven bounds
   * and an estimate. @default 5000
   */
  readonly timeLimitMillis?: number;
  /** Nodes of one decision diagram after which bounds are given. @default 2000000 */
  readonly nodeLimit?: number;
  /** Of the estimate that is given beside bounds. @default 1 */
  readonly seed?: number;
}

export type Evaluation = ExactEvaluation | BoundedEvaluation;

export interface CommonResult {
  /** The distinct components, in the order in which they appear. */
  readonly components: readonly Component[];
  /** Availability when nothing is known about how failures depend on one another. */
  readonly bounds: Interval;
  /** Ids of the components whose failure alone takes everything down. */
  readonly singlePoints: readonly string[];
  /** What the common causes come to. */
  readonly causes: readonly Cause[];
  /** All that may be held against a target, exact or as bounds. */
  readonly results: HeldResults;
}

/** Components fail independently of one another unless said otherwise. */
export interface ExactEvaluation extends CommonResult {
  readonly exact: true;
  /** 0 to 1. */
  readonly availability: number;
  /** 0 to 1, computed for itself: small values keep their digits. */
  readonly unavailability: number;
  readonly downtime: Downtime;
  /** Under the common causes, the independent result where none is declared; undefined where it is too large. */
  readonly correlated: Probabilities | undefined;
  /** With planned work, under the common causes; undefined where none was asked for or it is too large. */
  readonly planned: Probabilities | undefined;
  /** How often it goes down under the common causes; undefined where that was too large. */
  readonly frequency: OutageFrequency | undefined;
  /** Undefined where they were not asked for or could not be listed within the limits. */
  readonly cutSets: ListedCutSets | undefined;
  /** The costliest component first. */
  readonly importance: readonly Importance[];
}

/** The structure was too large within the limits: the independent result lies in a proven interval. */
export interface BoundedEvaluation extends CommonResult {
  readonly exact: false;
  /** Why there is no exact result. */
  readonly reason: string;
  /** Interval that holds the availability if components fail independently. */
  readonly independent: Interval;
  /** Where in the interval it may be found: drawn by chance, not proven. */
  readonly estimate: Estimate;
}

export interface ListedCutSets {
  /** The most probable first. */
  readonly sets: readonly { readonly components: readonly string[]; readonly unavailability: number }[];
  /** How many there are up to `maxOrder`. */
  readonly count: number;
  readonly maxOrder: number;
}
