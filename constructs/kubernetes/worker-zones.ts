import { type HasAvailability } from "../availability";

/** What pods run on: nodes in several zones, each zone failing as one. */
export interface IWorkerZones {
  /** One for each zone, in the order in which pods are spread. */
  readonly zones: readonly HasAvailability[];
}

/**
 * Where each of `pods` pods stands when they are spread evenly over the zones.
 *
 * @throws Error when there is no zone
 */
export function spreadOver(workers: IWorkerZones, pods: number): HasAvailability[] {
  const { zones } = workers;
  return Array.from({ length: pods }, (_, index) => {
    const zone = zones[index % zones.length];
    if (zone === undefined) throw new Error(`pods must be spread over at least one zone, got: none`);
    return zone;
  });
}
