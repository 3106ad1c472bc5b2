import type { Block, FigureKind } from "../block";
import type { Change } from "../calculus/cheapest-change";
import type { Downtime } from "../calculus/downtime";
import type { Interval } from "../calculus/frechet";
import type { Probabilities } from "../calculus/probability";
import type { Outcomes } from "../calculus/service";

/**
 * What a synth says about availability, as plain JSON: `cdktf.out/availability.json`. Fields are added, never
 * renamed or removed, while `schema` stays the same.
 */
export interface AvailabilityRun {
  readonly schema: typeof SCHEMA;
  readonly stacks: readonly StackAvailability[];
}

export const SCHEMA = "tricloud/availability/v1";

/** One stack and the services that it declares, in the order of declaration. */
export interface StackAvailability {
  readonly stack: string;
  readonly services: readonly ServiceAvailability[];
}

export interface ServiceAvailability {
  readonly service: string;
  /** The required composition in words. */
  readonly composition: string;
  readonly requires: Block;
  /** What the service degrades without; null where nothing is named. */
  readonly degradesWithout: Block | null;
  /** Dependencies that are soft only thanks to something, and thanks to what. */
  readonly softened: readonly { readonly composition: string; readonly because: string }[];
  /** The exact result for independent failures; null where `tooLarge` says why there is none. */
  readonly independent: Probabilities | null;
  readonly tooLarge: { readonly reason: string; readonly independent: Interval } | null;
  /** Under the declared common causes (beta factor); null where it could not be computed. */
  readonly correlated: Probabilities | null;
  readonly commonCauses: readonly {
    readonly group: string;
    readonly beta: number;
    readonly components: number;
  }[];
  /** With nothing known about dependence. */
  readonly bounds: Interval;
  /** With planned work on its hosts; null where none is declared. */
  readonly planned: Probabilities | null;
  readonly downtime: Downtime | null;
  readonly outcomes: Outcomes | null;
  readonly target: TargetResult | null;
  /** The costliest first. */
  readonly components: readonly ComponentResult[];
  readonly singlePoints: readonly string[];
  /** The most probable first. */
  readonly cutSets: readonly { readonly components: readonly string[]; readonly unavailability: number }[];
  /** How many minimal cut sets there are up to `cutSetOrder` components; null where they were not listed. */
  readonly cutSetCount: number | null;
  readonly cutSetOrder: number | null;
  /** Services of other stacks that the composition holds. */
  readonly dependsOn: readonly { readonly stack: string; readonly service: string }[];
  readonly warnings: readonly string[];
}

/** met-if-independent: met, but not with nothing known about dependence. */
export type Verdict = "met" | "met-if-independent" | "missed" | "undecided" | "waived";

export interface TargetResult {
  /** 0 to 1. */
  readonly atLeast: number;
  readonly verdict: Verdict;
  /** Why it is missed, what costs most and what would reach it; empty where it is met. */
  readonly explanation: readonly string[];
  /** What would reach it with the least change; null where it is met or the structure is too large. */
  readonly cheapestChange: Change | null;
  readonly waiver: { readonly reason: string; readonly until: string; readonly expired: boolean } | null;
}

export interface ComponentResult {
  readonly id: string;
  readonly label: string;
  readonly availability: number;
  readonly unavailability: number;
  readonly kind: FigureKind | "unknown";
  readonly source: string | null;
  readonly effectiveDate: string | null;
  readonly plane: "control" | "serving";
  /** Null where the structure is too large for an exact result. */
  readonly importance: {
    readonly birnbaum: number;
    readonly criticality: number;
    /** Null: infinite. */
    readonly riskAchievement: number | null;
    /** Null: infinite, nothing else can take the service down. */
    readonly riskReduction: number | null;
    readonly minutesPerYear: number;
  } | null;
}
