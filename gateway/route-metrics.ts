import { type Family, Histogram, type Snapshot } from "../proxy/engine";

/** The series that a gateway has besides those of the engine. */
export const ROUTE_FAMILIES: readonly Family[] = [
  ["route_requests_total", "counter", "Requests answered, by route, service and status."],
  [
    "route_request_seconds",
    "histogram",
    "Time from a request's first byte to its response's last, by route and service.",
  ],
  ["route_active", "gauge", "Requests of a route that are under way."],
  ["route_refused_total", "counter", "Requests of a route that were not let through, by reason."],
  ["route_parts_total", "counter", "Parts of joined answers by what came of asking for them."],
  ["route_shadows_total", "counter", "Requests put to another service too, by what came of it."],
  ["route_shadows_active", "gauge", "Shadows of a route's requests that are under way."],
  ["issuer_looks_total", "counter", "Times that an issuer was asked for its keys."],
  ["issuer_look_failures_total", "counter", "Times that it did not tell them."],
  ["limit_exceeded_total", "counter", "Requests beyond a limit."],
  [
    "limit_keys_forgotten_total",
    "counter",
    "Times that somebody's quota began anew, since too many had one.",
  ],
  ["limit_unknown_total", "counter", "Requests let through since nobody told what was left of a limit."],
  [
    "trace_spans_total",
    "counter",
    "Spans by what came of them: exported, full (too many waited), or failed.",
  ],
  ["route_unrouted_total", "counter", "Requests that no route took, where there is no monolith."],
];

/** What is counted of one route's requests to one service. */
export class RouteMetrics {
  private readonly byStatus = new Map<number, number>();
  private readonly times = new Histogram();

  constructor(
    readonly route: string,
    readonly service: string,
  ) {}

  completed(status: number, seconds: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
    this.times.add(seconds);
  }

  into(snapshot: Snapshot): void {
    const labels = `route="${this.route}",service="${this.service}"`;
    for (const [status, count] of this.byStatus)
      snapshot[`route_requests_total{${labels},status="${status}"}`] = count;
    this.times.into(snapshot, "route_request_seconds", labels);
  }
}
