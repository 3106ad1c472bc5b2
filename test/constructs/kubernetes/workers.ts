import { component, series } from "../../../constructs/availability";
import { type IWorkerZones } from "../../../constructs/kubernetes";

/** Nodes in three zones with unlike figures, so that a test can tell them apart. */
export const WORKERS: IWorkerZones = {
  zones: ["a", "b", "c"].map((zone, index) => ({
    availability: series(component(`zone-${zone}`, { unavailability: (index + 1) / 1000 })),
  })),
};
