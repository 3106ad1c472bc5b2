import { type Change } from "./contents";

/** What a deploy does to one place: a host, a group of machines, a workload on Kubernetes. */
export interface Matter {
  /** Name of the place, e.g. `jp-1`. */
  readonly place: string;
  readonly changes: readonly Change[];
  /** What starts anew, e.g. `tricloud-proxy restarts`. */
  readonly effects: readonly string[];
  /** When it is this place's turn, among the places of its kind that change. */
  readonly turn?: {
    readonly what: "batch" | "group" | "retirement";
    readonly number: number;
    readonly of: number;
  };
  /** How long the effects take at the least. Unit: seconds. Absent where nothing is known to take time. */
  readonly atLeastSeconds?: number;
}

/** The places of resources in the order in which they come, those that come together having one number. */
export function turnsOf(orders: Iterable<number>): Map<number, number> {
  const distinct = [...new Set(orders)].sort((a, b) => a - b);
  return new Map(distinct.map((order, index) => [order, index + 1]));
}
