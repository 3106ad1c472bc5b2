import { type Snapshot } from "../proxy/engine";
import { type RouteOptions } from "./options/gateway-options";
import { RouteMetrics } from "./route-metrics";
import { ShadowCounts } from "./shadow/shadow-counts";

/** A route as it is in force: its options, and what outlives them at a reload. */
export class RouteState {
  /** Requests under way. */
  active = 0;

  readonly shadows: ShadowCounts;

  private readonly metricsByService = new Map<string, RouteMetrics>();

  constructor(public options: RouteOptions) {
    this.shadows = new ShadowCounts(options.name);
  }

  metricsOf(service: string): RouteMetrics {
    let metrics = this.metricsByService.get(service);
    if (metrics === undefined)
      this.metricsByService.set(service, (metrics = new RouteMetrics(this.options.name, service)));
    return metrics;
  }

  into(snapshot: Snapshot): void {
    for (const metrics of this.metricsByService.values()) metrics.into(snapshot);
    snapshot[`route_active{route="${this.options.name}"}`] = this.active;
    this.shadows.into(snapshot);
  }

  get full(): boolean {
    const { maxConcurrent } = this.options;
    return maxConcurrent > 0 && this.active >= maxConcurrent;
  }
}
