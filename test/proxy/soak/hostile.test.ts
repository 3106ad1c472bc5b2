import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../../testbed/certificates";
import { becomes, bundle, type RunningProxy, scratch, socketsOf } from "../proxy-process";
import { rawOrigin } from "../raw-http";
import { type CallEnd, callHttp1, callHttp2 } from "./calls";
import { Clients } from "./clients";
import { DEPARTURES, HOSTILE_CLIENTS, type Prey } from "./hostile-clients";
import { startHostileOrigins } from "./hostile-origins";
import { complaint } from "./judgement";
import { startOrigins } from "./origins";
import { random, type Shape, shapes } from "./shapes";
import { hostOf, saidOf, SECONDS, SEED, startSubject, stillCounted, type Subject } from "./subject";

/** Exchanges of healthy partners at once, hostile clients, and calls to each hostile origin. */
const HEALTHY = 16;
const HOSTILE = 40;
/** Seconds that the proxy waits for anybody, and that a hostile partner holds on at most. */
const PATIENCE = 8;
const HOLD_MS = 12_000;
/** MiB that the proxy may have for all there is. */
const MEMORY_MIB = 400;
/** Milliseconds of one life of the proxy, between two signals to end. */
const LIFE_MS = [6_000, 20_000] as const;
/** Descriptors are missing for so long, and exchanges may feel it so long afterwards. */
const SHORTAGE_MS = 700;
const AFTERMATH_MS = 3_000;

const directory = scratch();
const certificates = makeCertificates(directory, ["localhost"]);
const ca = readFileSync(certificates.authority);
const logs = join(directory, "logs");

/** A log directory whose files of every other minute are on a full disk. */
function makeLogs(): void {
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs);
  for (let minute = 0; minute < 60; minute += 2) {
    const at = new Date(Date.now() + minute * 60_000);
    const two = (n: number): string => String(n).padStart(2, "0");
    const name = `access_log.${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}${two(at.getHours())}${two(at.getMinutes())}`;
    symlinkSync("/dev/full", join(logs, name));
  }
}

const startLife = (file: string, circuits: boolean): Promise<Subject> =>
  startSubject(file, certificates, {
    "--access-log-dir": logs,
    "--access-log-rotate-time": "1",
    "--keepalive-conns": "4",
    "--origin-idle-timeout": "2",
    "--read-timeout": String(PATIENCE),
    "--write-timeout": String(PATIENCE),
    "--proxy-read-timeout": String(PATIENCE),
    "--client-idle-timeout": String(PATIENCE),
    // A client that was told of this life has connected before the next one is all there is.
    "--drain-delay": "2",
    "--circuit-failures": circuits ? "20" : "0",
  });

function memoryMib({ child }: RunningProxy): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]) / 1024;
}

/** Exchanges without a fault of their own, whose origins may leave in order. */
function* healthy(seed: number, prefix: string): Generator<Shape, never> {
  for (const shape of shapes(seed, prefix)) {
    if (shape.fault !== undefined || shape.leavesAt !== undefined || shape.early) continue;
    if (shape.origin !== "h2-rough" && shape.origin !== "h2-leaving") yield shape;
  }
  throw new Error("there are always more shapes");
}

test(
  "among hostile clients and origins, without descriptors or disk, and restarted, nothing healthy fails and nothing is left",
  async () => {
    const next = random(SEED);
    const running = new Map<string, Shape>();
    const origins = await startOrigins((id) => running.get(id)!, {
      cert: readFileSync(certificates.certificate),
      key: readFileSync(certificates.key),
    });
    const hostileOrigins = await startHostileOrigins(next);
    const silent = await rawOrigin(() => undefined);
    const answering = createServer((asked, response) => {
      asked.resume();
      response.end(Buffer.alloc(Number(asked.headers["x-bytes"] ?? 2), "a"));
    });
    await new Promise<void>((resolve) => answering.listen(0, "127.0.0.1", resolve));
    const plainHost = (port: number): string => `localhost.ccnproxy:${port}`;
    const file = bundle(directory);
    makeLogs();

    const until = Date.now() + SECONDS * 1000;
    const wrong: string[] = [];
    const counts: Record<string, number> = {};
    const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
    const over = (): boolean => Date.now() > until || wrong.length > 20 || life.proxy.child.exitCode !== null;
    const begin = async (circuits: boolean): Promise<Subject> => {
      const begun = await startLife(file, circuits);
      begun.proxy.child.once("exit", (code, signal) => {
        if (begun === life) wrong.push(`died (${code ?? signal}):\n${begun.proxy.output().slice(-4_000)}`);
      });
      return begun;
    };
    let life = await begin(false);
    const ended: Promise<unknown>[] = [];
    const shortages: { from: number; to: number }[] = [];

    // GIVEN exchanges between healthy partners
    const clients = new Clients(3);
    let number = 0;
    const healthyClient = async (_: unknown, index: number): Promise<void> => {
      for (const shape of healthy(SEED * 1_000 + index, `h${index}`)) {
        if (over()) return;
        running.set(shape.id, shape);
        const { proxy, tlsPort } = life;
        const begun = Date.now();
        const outcome = await clients.ask(
          shape,
          { port: proxy.port, tlsPort, ca, host: hostOf(shape.origin, origins) },
          number++,
        );
        const problem = complaint(shape, outcome, origins.seen.get(shape.id));
        const short = shortages.some(({ from, to }) => begun < to + AFTERMATH_MS && Date.now() > from);
        if (problem === undefined) count("healthy");
        else if (short && outcome.end !== "hung") count("short of descriptors");
        else wrong.push(`${problem}: ${JSON.stringify(shape)} ${saidOf(proxy, shape.id)}`);
        origins.seen.delete(shape.id);
      }
    };
    // AND clients that do wrong in every way, and leave in every way
    const held = new Set<{ destroy(): void }>();
    const hostileClient = async (): Promise<void> => {
      while (!over()) {
        const names = Object.keys(HOSTILE_CLIENTS);
        const name = names[Math.floor(next() * names.length)]!;
        const { proxy, tlsPort } = life;
        const prey: Prey = {
          port: proxy.port,
          tlsPort,
          silent: plainHost(silent.port),
          answering: plainHost((answering.address() as AddressInfo).port),
        };
        const socket = await HOSTILE_CLIENTS[name]!(prey, next);
        held.add(socket);
        count(name);
        await sleep(next() * 300);
        const ways = Object.values(DEPARTURES);
        ways[Math.floor(next() * ways.length)]!(socket);
        setTimeout(() => held.delete(socket) && socket.destroy(), next() * HOLD_MS).unref();
      }
    };
    // AND origins that do wrong in every way
    const caller = async (
      name: string,
      port: number,
      call: (port: number, host: string) => Promise<CallEnd>,
    ): Promise<void> => {
      while (!over()) {
        const end = await call(life.proxy.port, plainHost(port));
        // Some say more than their answer, which is seen when it is out.
        const whole = typeof end === "number" && end < 400 && !name.includes("no answer");
        if (end === "hung" || whole) wrong.push(`an origin that ${name}: ${end}`);
        count(`an origin that ${name}`);
        await sleep(next() * 300);
      }
    };
    // AND an operator, and a machine, at their worst
    const operator = async (): Promise<void> => {
      for (let lives = 1; !over(); lives++) {
        const end = Math.min(until, Date.now() + LIFE_MS[0] + next() * (LIFE_MS[1] - LIFE_MS[0]));
        while (Date.now() < end) {
          await sleep(next() * 2_000);
          if (over()) return;
          const { proxy } = life;
          const at = next();
          if (at < 0.2) proxy.child.kill(at < 0.1 ? "SIGHUP" : "SIGUSR2");
          else if (at < 0.3) rmSync(logs, { recursive: true, force: true });
          else if (at < 0.4) makeLogs();
          else if (at < 0.5) {
            const open = String(socketsOf(proxy) + 10);
            const shortage = { from: Date.now(), to: Infinity };
            shortages.push(shortage);
            execFileSync("prlimit", [`--pid=${proxy.child.pid}`, `--nofile=${open}:`]);
            await sleep(SHORTAGE_MS);
            execFileSync("prlimit", [`--pid=${proxy.child.pid}`, "--nofile=1024:"]);
            shortage.to = Date.now();
            count("shortages of descriptors");
          }
        }
        if (over()) return;
        const before = life;
        life = await begin(lives % 2 === 1);
        count("restarts");
        ended.push(
          before.proxy.stop().then((code) => {
            if (code !== 0) wrong.push(`ended with ${code}:\n${before.proxy.output().slice(-2_000)}`);
          }),
        );
      }
    };
    // WHEN the time is up
    const under = new Map<string, number>();
    const watched = async (what: string, work: Promise<void>): Promise<void> => {
      under.set(what, (under.get(what) ?? 0) + 1);
      await work;
      under.set(what, under.get(what)! - 1);
    };
    const all = Promise.all([
      ...Array.from({ length: HEALTHY }, (_, i) => watched("healthy clients", healthyClient(_, i))),
      ...Array.from({ length: HOSTILE }, () => watched("hostile clients", hostileClient())),
      ...[...hostileOrigins.http1].map(([name, { port }]) => watched(name, caller(name, port, callHttp1))),
      ...[...hostileOrigins.http2].map(([name, { port }]) => watched(name, caller(name, port, callHttp2))),
      watched("the operator", operator()),
    ]);
    await Promise.race([all, sleep((SECONDS + 120) * 1000)]);
    expect([...under].filter(([, number]) => number > 0)).toEqual([]);
    clients.close();
    // THEN nothing was wrong, and every proxy that was told to end did so in order
    const inTime = await Promise.race([Promise.all(ended).then(() => true), sleep(120_000, false)]);
    expect({ wrong, inTime }).toEqual({ wrong: [], inTime: true });
    // AND all that is left of the last one is its listeners, once every partner's time is up
    const { proxy } = life;
    await becomes(() => stillCounted(proxy), [], 90_000);
    await becomes(() => Math.max(0, socketsOf(proxy) - life.listeners), 0);
    expect(memoryMib(proxy)).toBeLessThan(MEMORY_MIB);
    for (const socket of held) socket.destroy();
    expect(await proxy.stop()).toBe(0);
    await Promise.all([origins.close(), hostileOrigins.close(), silent.close()]);
    answering.closeAllConnections();
    answering.close();
    process.stderr.write(`hostile soak: ${JSON.stringify(counts)} in ${SECONDS} s, seed ${SEED}\n`);
  },
  (SECONDS + 400) * 1000,
);
