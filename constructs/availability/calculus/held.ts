import { complement } from "./complement";
import type { Interval } from "./frechet";
import type { Probabilities } from "./probability";

/** What is assumed of how failures depend on one another. */
export type Basis =
  /** They do not. */
  | "independent"
  /** By the declared common causes, and not otherwise. */
  | "correlated"
  /** As unfavourably as they can. */
  | "bounds";

export const BASES: readonly Basis[] = ["independent", "correlated", "bounds"];

/** Which figure is held against a target. */
export interface HeldOptions {
  /** @default "correlated" */
  readonly basis?: Basis;
  /** Count planned work as down. @default true */
  readonly planned?: boolean;
}

/** What a composition can promise on a basis: both ends are the same where the result is exact. */
export interface Held {
  readonly basis: Basis;
  readonly planned: boolean;
  readonly availability: Interval;
  readonly unavailability: Interval;
}

/** The results of a composition that may be held against a target, as an evaluation or a run has them. */
export interface HeldResults {
  readonly independent: Probabilities | Interval;
  readonly correlated: Probabilities | Interval;
  readonly bounds: Interval;
  /** With planned work; undefined where there is none. */
  readonly planned:
    | {
        readonly independent: Probabilities | Interval;
        readonly correlated: Probabilities | Interval;
        readonly bounds: Interval;
      }
    | undefined;
}

export function held(results: HeldResults, { basis = "correlated", planned = true }: HeldOptions = {}): Held {
  const found = (planned ? results.planned : undefined) ?? results;
  if (basis === "bounds") {
    const { lower } = found.bounds;
    return { basis, planned, ...both({ lower, upper: lower }) };
  }
  const figure = found[basis];
  if ("lower" in figure) return { basis, planned, ...both(figure) };
  const { availability, unavailability } = figure;
  return {
    basis,
    planned,
    availability: { lower: availability, upper: availability },
    unavailability: { lower: unavailability, upper: unavailability },
  };
}

const both = ({ lower, upper }: Interval): Pick<Held, "availability" | "unavailability"> => ({
  availability: { lower, upper },
  unavailability: { lower: complement(upper), upper: complement(lower) },
});

/** What is held, in words that follow a figure. */
export function heldText({ basis, planned }: Held, causes: boolean, maintenance: boolean): string {
  const words = {
    independent: "if its parts fail independently",
    correlated: causes ? "under the declared common causes" : "if its parts fail independently",
    bounds: "with nothing known about dependence",
  };
  return `${words[basis]}${maintenance ? `, ${planned ? "with" : "without"} planned work` : ""}`;
}

/** Digits beyond this are noise of the arithmetic, not a miss. */
const TOLERANCE = 1e-12;

/** Whether an unavailability keeps a target. */
export const meets = (unavailability: number, atLeast: number): boolean =>
  unavailability <= complement(atLeast) * (1 + TOLERANCE);
