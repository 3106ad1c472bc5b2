import type { FigureKind } from "../calculus/block";
import type { Change } from "../calculus/cheapest-change";
import type { Cause } from "../calculus/common-cause";
import type { Downtime } from "../calculus/downtime";
import type { Interval } from "../calculus/frechet";
import type { Basis, HeldResults } from "../calculus/held";
import type { Probabilities } from "../calculus/probability";
import type { Sensitivity } from "../calculus/sensitivity";
import type { Outcomes } from "../calculus/service";
import type { Estimate } from "../calculus/simulation";
import type { PlacedService } from "./placed-services";
import type { StoredBlock } from "./stored-block";

/**
 * What a synth says about availability, as plain JSON: `cdktf.out/availability.json`. Fields are added, never
 * renamed or removed, while `schema` stays the same.
 */
export interface AvailabilityRun {
  readonly schema: typeof SCHEMA;
  readonly stacks: readonly StackAvailability[];
  /** What each service is made of wherever it runs or might; in runs of the whole app. */
  readonly placing?: readonly PlacedService[];
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
  readonly requires: StoredBlock;
  /** What the service degrades without; null where nothing is named. */
  readonly degradesWithout: StoredBlock | null;
  /** What the names in `requires` and `degradesWithout` stand for, in compositions too large to write out. */
  readonly parts: Readonly<Record<string, StoredBlock>>;
  /** Dependencies that are soft only thanks to something, and thanks to what. */
  readonly softened: readonly { readonly composition: string; readonly because: string }[];
  /** The exact result for independent failures; null where `tooLarge` says why there is none. */
  readonly independent: Probabilities | null;
  readonly tooLarge: {
    readonly reason: string;
    readonly independent: Interval;
    /** Drawn by chance, no proof. */
    readonly estimate: Estimate;
  } | null;
  /** All that may be held against a target, exact or as bounds. */
  readonly results: HeldResults;
  /** Under the declared common causes; null where it could not be computed. */
  readonly correlated: Probabilities | null;
  readonly commonCauses: readonly {
    readonly group: string;
    readonly beta: number;
    readonly components: number;
  }[];
  /** What the common causes come to. */
  readonly causes: readonly Cause[];
  /** With nothing known about dependence. */
  readonly bounds: Interval;
  /** How often it goes down, under the common causes; null where that could not be computed. */
  readonly frequency: {
    /** Null where `unknown` names components. */
    readonly perYear: number | null;
    readonly meanOutageHours: number | null;
    /** Ids of components of which nobody said how long an outage lasts. */
    readonly unknown: readonly string[];
  } | null;
  /** Where others take over within what it requires of its own stack. */
  readonly failovers: readonly FailoverResult[];
  /** What depends on each assumed figure, the most first; null where it could not be computed. */
  readonly sensitivity: readonly Sensitivity[] | null;
  /** With planned work on its hosts, under the common causes; null where none is declared. */
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

/** What a failure means for users where something takes over. */
export interface FailoverResult {
  /** For example "proxy of jp". */
  readonly name: string;
  /** From a failure until another serves. */
  readonly recoverySeconds: number;
  /** What that time is made of. */
  readonly source: string;
  /** Share of the requests that a failure meets, 0 to 1; null where `unknown` names components. */
  readonly affected: number | null;
  readonly failuresPerYear: number | null;
  /** Mean downtime of a failure for those whom it meets, failures that nobody notices included. */
  readonly meanDowntimeSeconds: number | null;
  /** Ids of components of which nobody said how long an outage lasts. */
  readonly unknown: readonly string[];
}

/** met-if-independent: met on the target's basis, but not with nothing known about dependence. */
export type Verdict = "met" | "met-if-independent" | "missed" | "undecided" | "waived";

export interface TargetResult {
  /** 0 to 1. */
  readonly atLeast: number;
  /** Which figure is held against it. */
  readonly basis: Basis;
  /** Whether that figure counts planned work. */
  readonly planned: boolean;
  /** That figure; both ends are the same where it is exact. */
  readonly held: Interval;
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
  /** Null where that is not known. */
  readonly meanOutageHours: number | null;
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
