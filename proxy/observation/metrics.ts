import { Histogram } from "./histogram";
import { type LogLines } from "./log-lines";

/** Numbers by series, `name` or `name{label="value"}`, without the program's own prefix: what one worker knows, and what adds up over workers. */
export type Snapshot = Record<string, number>;

/** Name, type and meaning of a family of series. */
export type Family = readonly [name: string, type: "counter" | "gauge" | "histogram", help: string];

/** How a program's series are called: the prefix of all, and those that it alone has. */
export interface MetricFamilies {
  readonly prefix: string;
  readonly own: readonly Family[];
}

const FAMILIES: readonly Family[] = [
  ["requests_total", "counter", "Requests answered, by status."],
  ["request_seconds", "histogram", "Time from a request's first byte to its response's last."],
  ["response_body_bytes_total", "counter", "Bytes of body sent to clients."],
  ["refused_total", "counter", "Malformed or too large requests."],
  ["peer_requests_total", "counter", "Requests answered that came from other regions' proxies, by whose."],
  ["peers_refused_total", "counter", "Connections of other regions' proxies that were refused."],
  ["retries_total", "counter", "Requests sent a second time because their connection had died."],
  ["clients", "gauge", "Open client connections."],
  ["draining", "gauge", "1 while shutting down."],
  ["configuration", "gauge", "Processes that run with the configuration of this hash."],
  ["origin_connections", "gauge", "Connections to an origin, by state."],
  ["origin_waiting", "gauge", "Requests waiting for a connection to an origin."],
  ["origin_addresses_aside", "gauge", "Addresses of an origin set aside for failing."],
  [
    "origin_circuit_open",
    "gauge",
    "1 while requests to an origin fail at once, 0.5 while one is let through.",
  ],
  ["origin_connects_total", "counter", "Connections made to an origin."],
  ["origin_connect_failures_total", "counter", "Connections to an origin that could not be made."],
  ["origin_handshakes_total", "counter", "TLS handshakes with an origin."],
  ["origin_resumptions_total", "counter", "TLS handshakes that resumed a session."],
  ["origin_exchanges_total", "counter", "Requests sent to an origin."],
  ["origin_reuses_total", "counter", "Requests sent on a connection that had served before."],
  ["origin_queued_total", "counter", "Requests that had to wait for a connection."],
  ["origin_rejected_total", "counter", "Requests refused because too many waited."],
  ["group_serving", "gauge", "1 while an origin of a group is sent requests."],
  ["group_active", "gauge", "Requests under way at an origin of a group."],
  ["group_asked_total", "counter", "Requests that asked an origin of a group first."],
  ["group_moved_here_total", "counter", "Requests that came to it from another origin."],
  ["group_moved_on_total", "counter", "Requests that moved on from it."],
  ["group_unaffordable_total", "counter", "Attempts that a group's retry budget did not allow."],
  ["group_hedges_total", "counter", "Requests that asked another origin too, since the first was slow."],
  ["group_hedges_won_total", "counter", "Those of them whose answer came from that other origin."],
  ["group_substitutes_total", "counter", "Answers given in the place of a group's origins."],
  ["group_stale_total", "counter", "Earlier answers given again in the place of a group's origins."],
  ["group_stored_bytes", "gauge", "Answers kept for when none of a group's origins has one."],
  ["log_failures_total", "counter", "Times that a log could not be written or rotated."],
  ["log_lines_lost_total", "counter", "Log lines given up because too many waited."],
  ["dns_queries_total", "counter", "Questions put to DNS servers."],
  ["dns_failures_total", "counter", "Questions without an answer."],
  ["dns_stale_answers_total", "counter", "Expired answers used for want of new ones."],
  ["dns_cached_total", "counter", "Look-ups answered from the cache."],
];

/** What is counted per request, on the hot path: plain numbers in arrays. */
export class RequestMetrics {
  refused = 0;
  retries = 0;
  peersRefused = 0;
  private readonly byPeer = new Map<string, number>();
  private readonly byStatus = new Float64Array(1000);
  private readonly times = new Histogram();
  private bodyBytes = 0;

  completed(status: number, sent: number, seconds: number): void {
    this.byStatus[status]!++;
    this.bodyBytes += sent;
    this.times.add(seconds);
  }

  fromPeer(name: string): void {
    this.byPeer.set(name, (this.byPeer.get(name) ?? 0) + 1);
  }

  get requests(): number {
    return this.byStatus.reduce((sum, count) => sum + count, 0);
  }

  countsByStatus(): Map<number, number> {
    const counts = new Map<number, number>();
    this.byStatus.forEach((count, status) => count > 0 && counts.set(status, count));
    return counts;
  }

  into(snapshot: Snapshot): void {
    for (const [status, count] of this.countsByStatus()) {
      snapshot[`requests_total{status="${status}"}`] = count;
    }
    this.times.into(snapshot, "request_seconds");
    snapshot["response_body_bytes_total"] = this.bodyBytes;
    snapshot["refused_total"] = this.refused;
    snapshot["retries_total"] = this.retries;
    for (const [peer, count] of this.byPeer) snapshot[`peer_requests_total{peer="${peer}"}`] = count;
    if (this.peersRefused > 0) snapshot["peers_refused_total"] = this.peersRefused;
  }
}

export function logInto(snapshot: Snapshot, logs: readonly (LogLines | undefined)[]): void {
  const counts = logs.flatMap((lines) => (lines === undefined ? [] : [lines.counts]));
  snapshot["log_failures_total"] = counts.reduce((all, { failures }) => all + failures, 0);
  snapshot["log_lines_lost_total"] = counts.reduce((all, { lost }) => all + lost, 0);
}

/** The numbers of several workers as one. */
export function sum(snapshots: readonly Snapshot[]): Snapshot {
  const total: Snapshot = {};
  for (const snapshot of snapshots) {
    for (const [series, value] of Object.entries(snapshot)) total[series] = (total[series] ?? 0) + value;
  }
  return total;
}

/** Prometheus' text format. */
export function exposition({ prefix, own: more }: MetricFamilies, snapshot: Snapshot): string {
  const series = Object.keys(snapshot);
  return [...FAMILIES, ...more]
    .map(([name, type, help]) => {
      const own = series.filter((key) => {
        const bare = key.split("{", 1)[0]!;
        return bare === name || (type === "histogram" && bare.startsWith(`${name}_`));
      });
      if (own.length === 0) return "";
      const lines = own.map((key) => `${prefix}${key} ${snapshot[key]}`);
      return [`# HELP ${prefix}${name} ${help}`, `# TYPE ${prefix}${name} ${type}`, ...lines, ""].join("\n");
    })
    .join("");
}
