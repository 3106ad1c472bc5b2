import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { makeCertificates } from "../test/testbed/certificates";
import { type LoadOrder, runLoad } from "./load/http-load";
import { load, medianBy } from "./load/measured-load";
import { cpuSeconds, ORIGIN, type Server, start, startOrigin } from "./load/proxy-contenders";

/*
 * What a request through the gateway costs with ten routes and with a thousand, beside the aggregation proxy:
 * `script/bench gateway`. Seven rounds of a second in which the three take turns, on one core; load and origin on
 * another; access logs off. Ratios are the median of the rounds' own.
 */

const ROUNDS = 7;
const CLIENTS = 32;
const WARM_UP = 20_000;
const ALLOWED = { accessLogDir: "none", allowAddress: ["127.0.0.0/8"], keepaliveConns: CLIENTS };
const ORIGIN_URL = `http://${ORIGIN.name}:${ORIGIN.http}`;

/** So many routes, of which the one that is asked for is the last. */
function routes(count: number): object {
  const names = Array.from({ length: count }, (_, i) => `r${i}`);
  const others = Object.fromEntries(
    names.slice(1).map((name) => [name, { path: `/v1/${name}/{id}`, service: "s" }]),
  );
  return { services: { s: ORIGIN_URL }, routes: { ...others, small: { path: "/small", service: "s" } } };
}

const SUBJECTS = [
  {
    name: "proxy",
    program: "proxy",
    port: 22_021,
    host: `localhost.ccnproxy:${ORIGIN.http}`,
    options: { allow: ["localhost"] },
  },
  { name: "gateway, 10 routes", program: "gateway", port: 22_022, host: "localhost", options: routes(10) },
  {
    name: "gateway, 1000 routes",
    program: "gateway",
    port: 22_023,
    host: "localhost",
    options: routes(1_000),
  },
];

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-bench-gateway-"));
  const running: Server[] = [];
  try {
    mkdirSync(join(directory, "www"));
    running.push(await startOrigin(directory, makeCertificates(directory, [ORIGIN.name]), 1));
    const contenders = [];
    for (const { name, program, port, host, options } of SUBJECTS) {
      const file = join(directory, `${port}.json`);
      writeFileSync(file, JSON.stringify({ port, ...ALLOWED, ...options }));
      const bundle = resolve(`dist/tricloud-${program}.js`);
      const server = await start([process.execPath, bundle, "--config", file], 0, port);
      running.push(server);
      contenders.push({ name, port, host, cpuSeconds: () => cpuSeconds(server.pid), costs: [] as number[] });
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const { port, host, cpuSeconds, costs } of contenders) {
        const order: LoadOrder = {
          address: "127.0.0.1",
          port,
          host,
          path: "/small",
          clients: CLIENTS,
          warmUp: round === 0 ? WARM_UP : WARM_UP / 10,
          seconds: 1,
        };
        const { cpu, errors } = await load(order, { cpuSeconds });
        if (errors > 0) throw new Error(`expected every request to be answered, got ${errors} errors`);
        costs.push(cpu);
      }
    }
    const [proxy, ten] = contenders;
    const ratio = (costs: readonly number[], others: readonly number[]): string =>
      medianBy(
        costs.map((cost, round) => cost / others[round]!),
        (each) => each,
      ).toFixed(2);
    console.log(`${"".padEnd(21)}CPU us/request  x proxy  x 10 routes`);
    for (const { name, costs } of contenders)
      console.log(
        name.padEnd(21),
        medianBy(costs, (each) => each)
          .toFixed(1)
          .padStart(13),
        ratio(costs, proxy!.costs).padStart(8),
        ratio(costs, ten!.costs).padStart(12),
      );
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "load") runLoad(JSON.parse(process.argv[3]!) as LoadOrder);
else
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
