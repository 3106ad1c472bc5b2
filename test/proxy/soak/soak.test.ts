import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../../testbed/certificates";
import { becomes, bundle, scratch, socketsOf } from "../proxy-process";
import { Clients } from "./clients";
import { complaint } from "./judgement";
import { type Origins, startOrigins } from "./origins";
import { type Shape, shapes } from "./shapes";
import { hostOf, saidOf, SECONDS, SEED, startSubject, stillCounted, type Subject } from "./subject";

/** Exchanges at once. */
const AT_ONCE = 80;

const directory = scratch();
const certificates = makeCertificates(directory, ["localhost"]);
const running = new Map<string, Shape>();
let origins: Origins;
let subject: Subject;

beforeAll(async () => {
  origins = await startOrigins((id) => running.get(id)!, {
    cert: readFileSync(certificates.certificate),
    key: readFileSync(certificates.key),
  });
  subject = await startSubject(bundle(directory), certificates, {
    "--access-log-dir": "none",
    "--max-conns-per-host": "12",
    "--keepalive-conns": "8",
    "--origin-idle-timeout": "2",
    "--circuit-failures": "0",
  });
}, 60_000);
afterAll(async () => {
  subject.proxy.child.kill("SIGKILL");
  await subject.proxy.stop();
  await origins.close();
});

test(
  "exchanges of every shape between all protocols are right, or fail as they should, and leave nothing behind",
  async () => {
    const { proxy, tlsPort } = subject;
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
          host: hostOf(shape.origin, origins),
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
    expect(
      complaints.map(([wrong, shape]) => `${wrong}: ${JSON.stringify(shape)}\n${saidOf(proxy, shape.id)}`),
    ).toEqual([]);
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
    const left = async (): Promise<{ counted: [string, number][]; sockets: number }> => {
      const counted = await stillCounted(proxy);
      // The question itself was a connection.
      await sleep(50);
      return { counted, sockets: Math.max(0, socketsOf(proxy) - before) };
    };
    await becomes(left, { counted: [], sockets: 0 }, 60_000);
    process.stderr.write(`soak: ${JSON.stringify(counts)} in ${SECONDS} s, seed ${SEED}\n`);
  },
  (SECONDS + 200) * 1000,
);
