import { BUCKETS, type Family, type Snapshot } from "../proxy/engine";

/** The series that a gateway has besides those of the engine. */
export const ROUTE_FAMILIES: readonly Family[] = [
  ["route_requests_total", "counter", "Requests answered, by route, service and status."],
  [
    "route_request_seconds",
    "histogram",
    "Time from a request's first byte to its response's last, by route and service.",
  ],
  ["route_active", "gauge", "Requests of a route that are under way."],
  ["route_shadows_total", "counter", "Requests put to another service too, by what came of it."],
  ["route_shadows_active", "gauge", "Shadows of a route's requests that are under way."],
  ["route_unrouted_total", "counter", "Requests that no route took, where there is no monolith."],
];

/** What is counted of one route's requests to one service. */
export class RouteMetrics {
  private readonly byStatus = new Map<number, number>();
  private readonly buckets = new Float64Array(BUCKETS.length + 1);
  private seconds = 0;

  constructor(
    readonly route: string,
    readonly service: string,
  ) {}

  completed(status: number, seconds: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
    this.seconds += seconds;
    let i = 0;
    while (i < BUCKETS.length && seconds > BUCKETS[i]!) i++;
    this.buckets[i]!++;
  }

  into(snapshot: Snapshot): void {
    const labels = `route="${this.route}",service="${this.service}"`;
    for (const [status, count] of this.byStatus)
      snapshot[`route_requests_total{${labels},status="${status}"}`] = count;
    let sum = 0;
    this.buckets.forEach((count, i) => {
      sum += count;
      snapshot[`route_request_seconds_bucket{${labels},le="${BUCKETS[i] ?? "+Inf"}"}`] = sum;
    });
    snapshot[`route_request_seconds_sum{${labels}}`] = this.seconds;
    snapshot[`route_request_seconds_count{${labels}}`] = sum;
  }
}
