import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { ADDRESS, DnsLab } from "../test/e2e/dns-lab";
import { findProgram } from "../test/constructs/dns/real-binaries";

/*
 * Speed of look-ups on real unbound and Consul with the configuration this library writes, by dnsperf:
 * `npm run bench:dns`. Latency is taken one question at a time, throughput with up to 100 under way from 20 clients.
 * The load generator shares the machine's cores with the servers, and so does whatever else runs: the load average is
 * printed, and the server's own processor time for a look-up, which depends little on either.
 */

const SECONDS = Number(process.argv[2] ?? 10);
const RUNS = 3;
/** One thread to ask: a second one takes the cores from the server and a third of its throughput. */
const THROUGHPUT = ["-q", "100", "-c", "20", "-T", "1"];

interface Case {
  readonly name: string;
  /** Name of the process in the laboratory, and the address it answers on. */
  readonly process: string;
  readonly server: string;
  readonly port: number;
  readonly question: string;
}

interface Result {
  readonly p50: number;
  readonly p99: number;
  readonly queriesPerSecond: number;
  readonly processorMicroseconds: number;
  readonly lost: number;
}

const APP = ADDRESS.app("jp");
const CASES: readonly Case[] = [
  {
    name: "unbound, cached Consul name",
    process: `unbound ${APP}`,
    server: APP,
    port: 53,
    question: "proxy.service.consul A",
  },
  {
    name: "unbound, name under a suffix",
    process: `unbound ${APP}`,
    server: APP,
    port: 53,
    question: "api.example.com.ccnproxy-https A",
  },
  {
    name: "unbound, cached public name",
    process: `unbound ${APP}`,
    server: APP,
    port: 53,
    question: "www.example.net A",
  },
  {
    name: "Consul agent directly",
    process: `consul ${APP}`,
    server: APP,
    port: 8600,
    question: "proxy.service.consul A",
  },
];

async function main(): Promise<void> {
  const dnsperf = findProgram("dnsperf") === undefined ? "needs dnsperf: apt-get install dnsperf" : undefined;
  const obstacle = DnsLab.obstacle() ?? dnsperf;
  if (obstacle !== undefined) throw new Error(`bench:dns ${obstacle}`);
  const lab = await DnsLab.create();
  const scratch = mkdtempSync(join(tmpdir(), "tricloud-bench-dns-"));
  try {
    await lab.startServers(["jp"]);
    await lab.startUpstream(3600);
    await lab.startAgent("jp", APP);
    for (const address of ADDRESS.proxies("jp")) await lab.startProxy("jp", address);
    await lab.startResolver("jp", APP, { threads: Math.min(2, cpus().length) });
    await lab.untilResolves(APP, "proxy.service.consul", ADDRESS.proxies("jp"));
    console.log(
      `unbound ${await lab.unboundRelease()}, Consul ${await lab.consulRelease()}, ${cpus().length} cores, ` +
        `median of ${RUNS} runs of ${SECONDS} s, load average before ${loadavg()[0]!.toFixed(1)}`,
    );
    console.log("");
    console.log("| look-up | p50 | p99 | queries a second | processor time each | lost |");
    console.log("|---|---|---|---|---|---|");
    // In turn, so that what else the machine does in one minute does not fall on one case.
    const all = new Map<Case, Result[]>(CASES.map((each) => [each, []]));
    for (let i = 0; i < RUNS; i++) {
      for (const [each, results] of all) results.push(await measure(lab, each, scratch));
    }
    for (const [each, results] of all) {
      const median = (pick: (result: Result) => number): number =>
        results.map(pick).sort((a, b) => a - b)[Math.floor(RUNS / 2)]!;
      const lost = results.reduce((sum, result) => sum + result.lost, 0);
      const [p50, p99] = [median((one) => one.p50), median((one) => one.p99)];
      const processor = median((one) => one.processorMicroseconds).toFixed(1);
      const rate = Math.round(median((one) => one.queriesPerSecond) / 100) / 10;
      console.log(`| ${each.name} | ${micro(p50)} | ${micro(p99)} | ${rate} k | ${processor} us | ${lost} |`);
    }
    console.log("");
    console.log(`load average after ${loadavg()[0]!.toFixed(1)}, its own of about 3 included`);
  } finally {
    rmSync(scratch, { recursive: true });
    await lab.stop();
  }
}

async function measure(lab: DnsLab, each: Case, scratch: string): Promise<Result> {
  const questions = join(scratch, "questions");
  writeFileSync(questions, `${each.question}\n`);
  const perf = (...options: string[]) =>
    lab.inside(["dnsperf", "-s", each.server, "-p", String(each.port), "-d", questions, ...options]);
  const single = await perf("-v", "-q", "1", "-Q", "2000", "-l", String(SECONDS));
  const latencies = [...single.matchAll(/^> \S+ \S+ \S+ ([\d.]+)/gm)]
    .map((match) => Number(match[1]))
    .sort((a, b) => a - b);
  if (latencies.length === 0) throw new Error(`dnsperf shows no look-up of ${each.name}:\n${single}`);
  const before = lab.processorSeconds(each.process);
  const many = await perf(...THROUGHPUT, "-l", String(SECONDS));
  const processorSeconds = lab.processorSeconds(each.process) - before;
  const figure = (name: string): number => {
    const found = new RegExp(`${name}:\\s+([\\d.]+)`).exec(many)?.[1];
    if (found === undefined) throw new Error(`dnsperf tells no "${name}":\n${many}`);
    return Number(found);
  };
  if (figure("Queries completed") === 0) throw new Error(`no look-up of ${each.name} was answered:\n${many}`);
  return {
    p50: latencies[Math.floor(latencies.length / 2)]!,
    p99: latencies[Math.floor(latencies.length * 0.99)]!,
    queriesPerSecond: figure("Queries per second"),
    processorMicroseconds: (processorSeconds / figure("Queries completed")) * 1e6,
    lost: figure("Queries lost"),
  };
}

const micro = (seconds: number): string =>
  seconds < 0.001 ? `${Math.round(seconds * 1e6)} us` : `${(seconds * 1000).toFixed(1)} ms`;

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
