import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../../testbed/certificates";
import {
  bundle,
  freePort,
  metricsOf,
  type RunningProxy,
  scratch,
  socketsOf,
  startProxy,
} from "../proxy-process";
import { Clients } from "./clients";
import { complaint } from "./judgement";
import { type Origins, startOrigins } from "./origins";
import { type OriginKind, type Shape, shapes } from "./shapes";

/** Seconds of exchanges: `npm run soak` gives them. */
const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 10);
const SEED = Number(process.env["SOAK_SEED"] ?? process.env["PROPERTY_SEED"] ?? 1);
/** Exchanges at once. */
const AT_ONCE = 80;
/** MiB that the proxy may have for its objects: what leaks meets this bound in a long run. */
const HEAP_MIB = 96;

const directory = scratch();
const certificates = makeCertificates(directory, ["localhost"]);
const tlsPort = freePort();
const running = new Map<string, Shape>();
let origins: Origins;
let proxy: RunningProxy;

beforeAll(async () => {
  origins = await startOrigins((id) => running.get(id)!, {
    cert: readFileSync(certificates.certificate),
    key: readFileSync(certificates.key),
  });
  const flags = {
    "--allow": "localhost",
    "--allow-address": "127.0.0.0/8",
    "--ca-file": certificates.authority,
    "--access-log-dir": "none",
    "--tls-port": String(tlsPort),
    "--tls-cert-file": certificates.certificate,
    "--tls-key-file": certificates.key,
    "--max-conns-per-host": "12",
    "--keepalive-conns": "8",
    "--origin-idle-timeout": "2",
    "--circuit-failures": "0",
  };
  proxy = await startProxy(bundle(directory), Object.entries(flags).flat(), {
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
  });
  await proxy.said(`"port":${tlsPort}`);
}, 60_000);
afterAll(async () => {
  proxy.child.kill("SIGKILL");
  await proxy.stop();
  await origins.close();
});

function hostOf(kind: OriginKind): string {
  const label = kind === "h1" || kind === "h2c" ? "ccnproxy" : "ccnproxy-https";
  return `localhost.${label}:${origins.ports[kind]}`;
}

test(
  "exchanges of every shape between all protocols are right, or fail as they should, and leave nothing behind",
  async () => {
    const complaints: [wrong: string, shape: Shape][] = [];
    // GIVEN a proxy whose rehearsal is over
    await sleep(500);
    const before = socketsOf(proxy);
    const clients = new Clients(3);
    const faulty = new Set<string>();
    const counts = { whole: 0, cut: 0, left: 0, hung: 0 };
    // AND clients that keep so many exchanges under way
    const until = Date.now() + SECONDS * 1000;
    let number = 0;
    const client = async (_: unknown, index: number): Promise<void> => {
      for (const shape of shapes(SEED * 1_000 + index, `s${index}`)) {
        if (Date.now() > until || complaints.length > 20) return;
        running.set(shape.id, shape);
        const way = {
          port: proxy.port,
          tlsPort,
          ca: readFileSync(certificates.authority),
          host: hostOf(shape.origin),
        };
        const outcome = await clients.ask(shape, way, number++);
        counts[outcome.end]++;
        const wrong = complaint(shape, outcome, origins.seen.get(shape.id));
        if (wrong !== undefined) complaints.push([wrong, shape]);
        if (
          shape.fault !== undefined ||
          shape.leavesAt !== undefined ||
          outcome.end !== "whole" ||
          outcome.status === 502
        )
          faulty.add(shape.id);
        origins.seen.delete(shape.id);
      }
    };
    // WHEN the time is up
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    clients.close();
    // THEN none of them was wrong
    const said = ({ id }: Shape): string =>
      proxy
        .output()
        .split("\n")
        .filter((line) => line.includes(`"${id}"`))
        .join("\n");
    expect(complaints.map(([wrong, shape]) => `${wrong}: ${JSON.stringify(shape)}\n${said(shape)}`)).toEqual(
      [],
    );
    expect(origins.problems).toEqual([]);
    expect(counts.whole).toBeGreaterThan(counts.cut + counts.left);
    // AND what was logged is of the exchanges that were to fail
    const logged = proxy
      .output()
      .split("\n")
      .filter((line) => line !== "");
    const unexpected = logged.filter((line) => {
      if (!line.startsWith("{")) return true;
      const { message, chocon_req, problem } = JSON.parse(line) as Record<string, string>;
      if (message === "listening") return false;
      return message !== "exchange failed" || !faulty.has(chocon_req!) || /ERR_STREAM_WRITE/.test(problem!);
    });
    expect(unexpected.slice(0, 20)).toEqual([]);
    // AND nothing is left: neither connections nor whoever waits for one
    const idle = async (): Promise<boolean> => {
      const now = await metricsOf(proxy);
      const left = [...now].filter(
        ([series, value]) =>
          value !== 0 && /^tricloud_proxy_(clients|origin_connections|origin_waiting)\b/.test(series),
      );
      // The question itself was a connection.
      await sleep(50);
      return left.length === 0 && socketsOf(proxy) <= before;
    };
    const giveUp = Date.now() + 60_000;
    while (!(await idle()) && Date.now() < giveUp) await sleep(100);
    const last = await metricsOf(proxy);
    await sleep(50);
    expect({
      left: [...last]
        .filter(([series]) => /^tricloud_proxy_(clients|origin_connections|origin_waiting)\b/.test(series))
        .filter(([, value]) => value !== 0),
      sockets: Math.max(0, socketsOf(proxy) - before),
    }).toEqual({ left: [], sockets: 0 });
    process.stderr.write(`soak: ${JSON.stringify(counts)} in ${SECONDS} s, seed ${SEED}\n`);
  },
  (SECONDS + 200) * 1000,
);
