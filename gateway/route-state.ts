import { type Snapshot } from "../proxy/engine";
import { type RouteOptions } from "./options/gateway-options";
import { type BodySchema } from "./bodies/body-schema";
import { type Cors } from "./cors/cors";
import { type KeptFields } from "./fields/kept-fields";
import { RouteMetrics } from "./route-metrics";
import { type Gate } from "./safety/gate";
import { ShadowCounts } from "./shadow/shadow-counts";
import { type Transcoder } from "./transcoding/transcoder";

/** A route as it is in force: its options, and what outlives them at a reload. */
export class RouteState {
  /** Requests under way. */
  active = 0;
  /** What they have to pass. */
  gate: Gate | undefined;
  cors: Cors | undefined;
  /** Fields that go on to the service, and to the client; undefined for all. */
  requestFields: KeptFields | undefined;
  answerFields: KeptFields | undefined;

  /** What bodies of its requests have to be like. */
  schema: BodySchema | undefined;

  /** What puts its requests as calls of gRPC; undefined where they go on as they are. */
  transcoder: Transcoder | undefined;

  readonly shadows: ShadowCounts;

  private readonly parts = new Map<string, number>();
  private readonly refusals = new Map<string, number>();
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

  /** A request was not let through. */
  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  /** What came of asking for a part of an answer. */
  partCame(part: string, outcome: string): void {
    const labels = `part="${part}",outcome="${outcome}"`;
    this.parts.set(labels, (this.parts.get(labels) ?? 0) + 1);
  }

  into(snapshot: Snapshot): void {
    for (const [labels, count] of this.parts)
      snapshot[`route_parts_total{route="${this.options.name}",${labels}}`] = count;
    for (const [reason, count] of this.refusals)
      snapshot[`route_refused_total{route="${this.options.name}",reason="${reason}"}`] = count;
    for (const metrics of this.metricsByService.values()) metrics.into(snapshot);
    snapshot[`route_active{route="${this.options.name}"}`] = this.active;
    this.shadows.into(snapshot);
  }

  get full(): boolean {
    const { maxConcurrent } = this.options;
    return maxConcurrent > 0 && this.active >= maxConcurrent;
  }
}
