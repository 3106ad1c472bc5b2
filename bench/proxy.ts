import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type Contender,
  onPath,
  ORIGIN,
  type Scheme,
  type Server,
  startContenders,
  startOrigin,
} from "./load/proxy-contenders";
import { makeCertificates } from "../test/testbed/certificates";
import { type LoadOrder, runLoad } from "./load/http-load";
import { load, type Measured, medianBy } from "./load/measured-load";
import { newNames, substitutes } from "./load/own-answers";

/*
 * The proxy's cost per request beside nginx, HAProxy and, where it is on PATH, chocon: `npm run bench:proxy`, options
 * `--seconds 1 --rounds 7`. One core for the proxies, another for load and origin; access logs off. The contenders take
 * turns within each round. Figures are those of the median round, ratios the median of the rounds' own: a machine that
 * slows down for a while slows all of them. Then what ours takes for idle clients, names that are new, and substitutes:
 * `--own` measures these alone. Prints tables and writes JSON.
 */

const CLIENTS = 32;
const WARM_UP = 20_000;
const IDLE_CLIENTS = 10_000;
/** Patterns in the allow list. */
const ALLOWED = [1, 10_000];
const RESULT = ".testbed/bench/proxy.json";
const CASES = [
  { scheme: "http", path: "/small", body: "22 B" },
  { scheme: "https", path: "/small", body: "22 B" },
  { scheme: "h2", path: "/small", body: "22 B" },
  { scheme: "http", path: "/large", body: "64 KiB" },
  { scheme: "https", path: "/large", body: "64 KiB" },
  { scheme: "h2", path: "/large", body: "64 KiB" },
] as const;

const ORIGINS: Readonly<Record<Scheme, string>> = {
  http: "http origin",
  https: "https origin",
  h2: "https origin with HTTP/2 (nginx: HTTP/1.1)",
};

interface Row extends Measured {
  readonly proxy: string;
  readonly scheme: string;
  readonly body: string;
  /** CPU per request over nginx's. */
  readonly toNginx: number;
  /** The same over chocon's; null when it is not on PATH. */
  readonly toChocon: number | null;
}

async function main(): Promise<void> {
  const seconds = option("--seconds", 1);
  const rounds = option("--rounds", 7);
  const missing = ["nginx", "haproxy", "openssl", "taskset"].filter((program) => !onPath(program));
  if (missing.length > 0)
    throw new Error(
      `bench:proxy needs ${missing.join(", ")}: apt-get install nginx-light haproxy openssl util-linux`,
    );
  if (cpus().length < 2) throw new Error("bench:proxy needs two cores: one for the proxy, one for the load");
  const directory = mkdtempSync(join(tmpdir(), "tricloud-bench-proxy-"));
  const running: { stop(): Promise<void> }[] = [];
  const cleanUp = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  };
  const interrupted = (): void => void cleanUp().then(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  // Nobody reads the table any more, or a contender has ended: what was started is to end too.
  process.stdout.once("error", interrupted);
  process.once("uncaughtException", (error) => {
    console.error(error.message);
    void cleanUp().then(() => process.exit(1));
  });
  try {
    const certificates = makeCertificates(directory, [ORIGIN.name]);
    mkdirSync(join(directory, "www"));
    writeFileSync(join(directory, "www/large"), Buffer.alloc(65_536, "x"));
    running.push(await startOrigin(directory, certificates, 1));
    const contenders = await startContenders(directory, certificates, BUNDLE, 0, (each) =>
      running.push(each),
    );
    console.log(
      `${cpus().length} cores, ${cpus()[0]?.model ?? ""}, Node ${process.version}; median of ${rounds} rounds of ${seconds} s, ${CLIENTS} clients`,
    );
    if (!onPath("chocon")) console.log("chocon is not on PATH and is left out");
    const rows: Row[] = [];
    const cases = process.argv.includes("--own") ? [] : CASES;
    for (const each of cases) rows.push(...(await measure(contenders, each, seconds, rounds)));
    const idle = await idleClients(contenders[0]!);
    console.log(`\nours with ${IDLE_CLIENTS} idle clients: ${idle.toFixed(0)} MiB resident`);
    const asked = { directory, bundle: BUNDLE, started: (server: Server) => running.push(server) };
    const names = await newNames(asked, ALLOWED, rounds);
    const costs = [...names].map(([count, cost]) => `${cost.toFixed(1)} us with ${count} in the allow list`);
    console.log(`ours, CPU for a name that was never asked before: ${costs.join(", ")}`);
    const substitute = await substitutes(asked, seconds);
    console.log(
      `ours, a lone service's substitute with its circuit open: p50 ${substitute.p50.toFixed(2)} ms, p99 ${substitute.p99.toFixed(2)} ms, errors ${substitute.errors}`,
    );
    mkdirSync(join(RESULT, ".."), { recursive: true });
    writeFileSync(
      RESULT,
      `${JSON.stringify({ seconds, rounds, clients: CLIENTS, rows, idleClients: IDLE_CLIENTS, idleMiB: idle, newNames: Object.fromEntries(names), substitute }, null, 2)}\n`,
    );
    console.log(`written to ${RESULT}`);
  } finally {
    await cleanUp();
  }
}

function option(name: string, initial: number): number {
  const at = process.argv.indexOf(name);
  if (at < 0) return initial;
  const value = Number(process.argv[at + 1]);
  if (!(value > 0)) throw new Error(`${name}: ${process.argv[at + 1]} is not a number above 0`);
  return value;
}

/** The file that is shipped; script/bench has built it. */
const BUNDLE = resolve("dist/tricloud-proxy.js");

async function measure(
  contenders: readonly Contender[],
  { scheme, path, body }: (typeof CASES)[number],
  seconds: number,
  rounds: number,
): Promise<Row[]> {
  const results = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const order: LoadOrder = {
        address: "127.0.0.1",
        port: contender.port,
        host: contender.host(scheme),
        path,
        clients: CLIENTS,
        warmUp: round === 0 ? WARM_UP : WARM_UP / 10,
        seconds,
      };
      results.get(contender.name)!.push(await load(order, contender));
    }
  }
  console.log(
    `\n${ORIGINS[scheme]}, ${body}\n${"".padEnd(9)} CPU us/request  x nginx  x chocon  requests/s   p50 ms   p99 ms  errors`,
  );
  const over = (name: string, other: string): number | null => {
    const others = results.get(other);
    if (others === undefined) return null;
    const ratios = results.get(name)!.map(({ cpu }, round) => cpu / others[round]!.cpu);
    return medianBy(ratios, (ratio) => ratio);
  };
  return contenders.map(({ name }) => {
    const row: Row = {
      proxy: name,
      scheme,
      body,
      ...medianBy(results.get(name)!, ({ cpu }) => cpu),
      toNginx: over(name, "nginx")!,
      toChocon: over(name, "chocon"),
    };
    const cells = [
      row.cpu.toFixed(1).padStart(14),
      row.toNginx.toFixed(2).padStart(8),
      (row.toChocon?.toFixed(2) ?? "?").padStart(9),
      row.rate.toFixed(0).padStart(11),
    ];
    console.log(
      name.padEnd(9),
      ...cells,
      row.p50.toFixed(2).padStart(8),
      row.p99.toFixed(2).padStart(8),
      String(row.errors).padStart(7),
    );
    return row;
  });
}

/** Resident memory with many clients that have asked once and keep their connection. */
async function idleClients(contender: Contender): Promise<number> {
  const sockets: Socket[] = [];
  const request = `GET /small HTTP/1.1\r\nHost: ${contender.host("http")}\r\n\r\n`;
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: contender.port });
      sockets.push(socket);
      socket.once("error", reject).once("data", () => resolve());
      socket.write(request);
    });
  try {
    for (let i = 0; i < IDLE_CLIENTS; i += 100) await Promise.all(Array.from({ length: 100 }, ask));
    return contender.memory();
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

if (process.argv[2] === "load") runLoad(JSON.parse(process.argv[3]!) as LoadOrder);
else
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
