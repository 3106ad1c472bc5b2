import { type Snapshot } from "../../proxy/engine";
import { type LimitOptions } from "../options/limit-options";
import { type AskForQuota, RateLimit } from "./rate-limit";

/** All limits by name; what is as it was keeps its counts when the options are read again. */
export class Limits {
  private readonly byName = new Map<string, { readonly made: string; readonly limit: RateLimit }>();

  constructor(private readonly ask: AskForQuota) {}

  /** @param gateways of the region, to which requests come evenly */
  declare(all: readonly LimitOptions[], gateways: number, workers: number): void {
    for (const name of this.byName.keys())
      if (!all.some((options) => options.name === name)) this.byName.delete(name);
    for (const options of all) {
      const made = JSON.stringify([options, gateways, workers]);
      if (this.byName.get(options.name)?.made === made) continue;
      const quota = Math.max(1, Math.round(options.requests / gateways));
      const limit = new RateLimit(options, quota, gateways, workers, this.ask);
      this.byName.set(options.name, { made, limit });
    }
  }

  get(name: string): RateLimit {
    return this.byName.get(name)!.limit;
  }

  into(snapshot: Snapshot): void {
    for (const { limit } of this.byName.values()) limit.into(snapshot);
  }
}
