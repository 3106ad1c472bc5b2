import { type Snapshot } from "../observation/metrics";
import { originKey } from "../route";
import { type OriginGroup } from "./groups/origin-group";
import { type OriginPool } from "./origin-pool";
import { type Resolver } from "./resolver";

export function poolInto(snapshot: Snapshot, pool: OriginPool): void {
  const origin = `origin="${originKey(pool.origin)}"`;
  const add = (name: string, value: number, labels = origin): void => {
    const series = `origin_${name}{${labels}}`;
    snapshot[series] = (snapshot[series] ?? 0) + value;
  };
  const { counts } = pool;
  add("connections", pool.idleCount, `${origin},state="idle"`);
  add("connections", pool.busyCount, `${origin},state="busy"`);
  add("connections", pool.size - pool.idleCount - pool.busyCount, `${origin},state="connecting"`);
  add("waiting", pool.waitingCount);
  add("addresses_aside", pool.book.asideCount());
  // Pools of one origin for several protocols may share a circuit.
  const circuit = `origin_circuit_open{${origin}}`;
  snapshot[circuit] = Math.max(
    snapshot[circuit] ?? 0,
    { closed: 0, "half-open": 0.5, open: 1 }[pool.circuit.state],
  );
  add("connects_total", counts.connects);
  add("connect_failures_total", counts.connectFailures);
  add("handshakes_total", counts.handshakes);
  add("resumptions_total", counts.resumptions);
  add("exchanges_total", counts.exchanges);
  add("reuses_total", counts.reuses);
  add("queued_total", counts.queued);
  add("rejected_total", counts.rejected);
}

export function groupInto(snapshot: Snapshot, group: OriginGroup): void {
  const name = group.options.name;
  snapshot[`group_unaffordable_total{group="${name}"}`] = group.counts.unaffordable;
  snapshot[`group_hedges_total{group="${name}"}`] = group.counts.hedges;
  snapshot[`group_hedges_won_total{group="${name}"}`] = group.counts.hedgesWon;
  snapshot[`group_substitutes_total{group="${name}"}`] = group.counts.substitutes;
  snapshot[`group_stale_total{group="${name}"}`] = group.counts.stale;
  if (group.store !== undefined) snapshot[`group_stored_bytes{group="${name}"}`] = group.store.bytes;
  for (const { origin, state, active, asked, movedHere, movedOn } of group.report().origins) {
    const labels = `{group="${name}",origin="${origin}"}`;
    snapshot[`group_serving${labels}`] = state === "serving" || state === "returning" ? 1 : 0;
    snapshot[`group_active${labels}`] = active;
    snapshot[`group_asked_total${labels}`] = asked;
    snapshot[`group_moved_here_total${labels}`] = movedHere;
    snapshot[`group_moved_on_total${labels}`] = movedOn;
  }
}

export function resolverInto(snapshot: Snapshot, { counts }: Resolver): void {
  snapshot["dns_queries_total"] = counts.queries;
  snapshot["dns_failures_total"] = counts.failures;
  snapshot["dns_stale_answers_total"] = counts.staleAnswers;
  snapshot["dns_cached_total"] = counts.cached;
}
