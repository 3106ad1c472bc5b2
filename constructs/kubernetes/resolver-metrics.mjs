// Tells Prometheus what unbound counts, mostly by the names of letsencrypt/unbound_exporter, which dashboards know. Runs beside
// unbound, as `node resolver-metrics.mjs SOCKET PORT`, and ends for nothing that unbound does: who is asked for names must
// not go because nobody counts them.

import { createServer } from "node:http";
import { connect } from "node:net";

/** Milliseconds that unbound may take for its figures. */
const PATIENCE_MS = 5_000;

/** For keys of unbound's (`*` is the label's value): name, type, help, label. Of a key for each thread there is one for all. */
const METRICS = [
  ["*.num.queries", "queries_total", "counter", "Questions that came in.", "thread"],
  ["*.num.cachehits", "cache_hits_total", "counter", "Questions that the cache answered.", "thread"],
  ["*.num.cachemiss", "cache_misses_total", "counter", "Questions that needed others.", "thread"],
  ["*.num.prefetch", "prefetches_total", "counter", "Answers fetched anew before they ended.", "thread"],
  ["*.num.expired", "expired_total", "counter", "Answers given beyond their time.", "thread"],
  [
    "*.num.recursivereplies",
    "recursive_replies_total",
    "counter",
    "Answers that others were asked for.",
    "thread",
  ],
  ["*.requestlist.current.all", "request_list_current_all", "gauge", "Questions under way.", "thread"],
  ["*.requestlist.current.user", "request_list_current_user", "gauge", "Of these, clients' own.", "thread"],
  [
    "*.requestlist.exceeded",
    "request_list_exceeded_total",
    "counter",
    "Questions dropped: too many.",
    "thread",
  ],
  [
    "*.requestlist.overwritten",
    "request_list_overwritten_total",
    "counter",
    "Questions pushed out by newer.",
    "thread",
  ],
  ["*.recursion.time.avg", "recursion_time_seconds_avg", "gauge", "Mean time that others took.", "thread"],
  ["*.recursion.time.median", "recursion_time_seconds_median", "gauge", "Its median.", "thread"],
  ["num.query.type.*", "query_types_total", "counter", "Questions by type.", "type"],
  ["num.query.class.*", "query_classes_total", "counter", "Questions by class.", "class"],
  ["num.query.opcode.*", "query_opcodes_total", "counter", "Questions by operation.", "opcode"],
  ["num.query.flags.*", "query_flags_total", "counter", "Questions with a flag set.", "flag"],
  ["num.query.tcp", "query_tcp_total", "counter", "Questions over TCP."],
  ["num.query.tcpout", "query_tcpout_total", "counter", "Questions of its own over TCP."],
  ["num.query.udpout", "query_udpout_total", "counter", "Questions of its own over UDP."],
  ["num.query.ipv6", "query_ipv6_total", "counter", "Questions over IPv6."],
  ["num.query.edns.present", "query_edns_present_total", "counter", "Questions with EDNS."],
  ["num.query.edns.DO", "query_edns_DO_total", "counter", "Questions that ask for DNSSEC's records."],
  ["num.answer.rcode.*", "answer_rcodes_total", "counter", "Answers by their code.", "rcode"],
  ["num.answer.secure", "answers_secure_total", "counter", "Answers that were proven."],
  ["num.answer.bogus", "answers_bogus_total", "counter", "Answers that could not be proven."],
  ["unwanted.queries", "unwanted_queries_total", "counter", "Questions of who may not ask."],
  ["unwanted.replies", "unwanted_replies_total", "counter", "Answers that nobody asked for."],
  ["mem.cache.*", "memory_caches_bytes", "gauge", "What caches hold.", "cache"],
  ["mem.mod.*", "memory_modules_bytes", "gauge", "What modules hold.", "module"],
  ["msg.cache.count", "message_cache_entries", "gauge", "Answers in the cache."],
  ["rrset.cache.count", "rrset_cache_entries", "gauge", "Sets of records in the cache."],
  ["time.up", "time_up_seconds_total", "counter", "Time since unbound started."],
].map(([key, name, type, help, label]) => {
  const pattern = key.replaceAll(".", "\\.").replace("*", "([A-Za-z0-9_]+)");
  return { pattern: new RegExp(`^${pattern}$`), name: `unbound_${name}`, type, help, label };
});

const BUCKET = /^histogram\.[0-9.]+\.to\.(\d+)\.(\d+)$/;

/** Lines `KEY=NUMBER` as Prometheus' text. */
function expositionOf(text) {
  const figures = text
    .split("\n")
    .map((line) => line.split("="))
    .filter(([key, value]) => value !== undefined && !key.startsWith("total."));
  const families = METRICS.flatMap(({ pattern, name, type, help, label }) => {
    const series = figures.flatMap(([key, value]) => {
      const found = pattern.exec(key);
      if (found === null) return [];
      const thread = label === "thread" ? found[1].replace("thread", "") : found[1];
      return [`${name}${label === undefined ? "" : `{${label}="${thread}"}`} ${value}`];
    });
    return series.length === 0 ? [] : family(name, type, help, series);
  });
  return [
    ...family("unbound_up", "gauge", "1 while unbound tells its figures.", ["unbound_up 1"]),
    ...families,
    ...times(text, figures),
  ];
}

/** How long questions took that others had to be asked for. */
function times(text, figures) {
  const name = "unbound_response_time_seconds";
  let count = 0;
  const buckets = figures.flatMap(([key, value]) => {
    const found = BUCKET.exec(key);
    if (found === null) return [];
    count += Number(value);
    return [`${name}_bucket{le="${Number(`${found[1]}.${found[2]}`)}"} ${count}`];
  });
  if (buckets.length === 0) return [];
  const mean = Number(/^total\.recursion\.time\.avg=(.*)$/m.exec(text)?.[1] ?? 0);
  return family(name, "histogram", "Time of answers that others were asked for.", [
    ...buckets,
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${mean * count}`,
    `${name}_count ${count}`,
  ]);
}

const family = (name, type, help, series) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...series];

/** What unbound answers to a command over its control socket. */
function ask(socket, command) {
  return new Promise((resolve, reject) => {
    let text = "";
    const connection = connect(socket);
    connection.setTimeout(PATIENCE_MS, () => connection.destroy(new Error("no answer in time")));
    connection.on("error", reject).on("data", (bytes) => (text += bytes));
    // "end" alone: after an error there is none.
    connection.on("end", () => (text.startsWith("error") ? reject(new Error(text.trim())) : resolve(text)));
    // The 1 is the protocol's version.
    connection.write(`UBCT1 ${command}\n`);
  });
}

const [socket, port] = process.argv.slice(2);
createServer((request, response) => {
  request.resume();
  if (request.url !== "/metrics") {
    response.writeHead(404).end();
    return;
  }
  ask(socket, "stats_noreset")
    .then(expositionOf)
    .catch((error) => {
      console.error(`unbound at ${socket}: ${error.message}`);
      return family("unbound_up", "gauge", "1 while unbound tells its figures.", ["unbound_up 0"]);
    })
    .then((lines) =>
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(`${lines.join("\n")}\n`),
    );
}).listen(Number(port), () => console.log(`listening on ${port}`));
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => process.exit(0));
