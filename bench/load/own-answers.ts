import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { NODE } from "../../test/proxy/node-program";
import { load, medianBy, type Measured } from "./measured-load";
import { cpuSeconds, type Server, start } from "./proxy-contenders";

/** Where proxies of this bench listen, and where nobody does. */
const FIRST_PORT = 22_041;
const NOBODY = 22_049;
const GROUP = "search.example.com";
const SUBSTITUTE = '{"results":[]}';

interface Asked {
  readonly directory: string;
  readonly bundle: string;
  /** Told of each server at once, so that none is left behind. */
  readonly started: (server: Server) => void;
}

async function startOurs(
  { directory, bundle, started }: Asked,
  port: number,
  config: object,
): Promise<Server> {
  const file = join(directory, `own-${port}.json`);
  writeFileSync(file, JSON.stringify({ listen: "127.0.0.1", port, accessLogDir: "none", ...config }));
  const server = await start([NODE, bundle, "--config", file], 0, port);
  started(server);
  return server;
}

/**
 * Microseconds of CPU for a request to a name that was never asked before and that no pattern lets through, by how many
 * patterns there are: names and `*.` names by halves. Medians of rounds in which all take turns.
 */
export async function newNames(
  asked: Asked,
  counts: readonly number[],
  rounds: number,
): Promise<ReadonlyMap<number, number>> {
  const servers: [count: number, port: number, pid: number][] = [];
  for (const [index, count] of counts.entries()) {
    const port = FIRST_PORT + index;
    const allow = Array.from({ length: count }, (_, i) => `${i % 2 === 0 ? "" : "*."}n${i}.example.net`);
    servers.push([count, port, (await startOurs(asked, port, { allow })).pid]);
  }
  const costs = new Map<number, number[]>(counts.map((count) => [count, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [count, port, pid] of servers) {
      const before = cpuSeconds(pid);
      await askNames(port, round);
      // The first one is for the compiler.
      if (round > 0) costs.get(count)!.push(((cpuSeconds(pid) - before) / NAMES) * 1e6);
    }
  }
  return new Map([...costs].map(([count, all]) => [count, medianBy(all, (cost) => cost)]));
}

const NAMES = 10_000;
/** Requests that are sent together. */
const TOGETHER = 100;

/** Requests for one name after another, some of them under way together. */
function askNames(port: number, round: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let [asked, answered, rest] = [0, 0, ""];
    const ask = (): void => {
      const hosts = Array.from(
        { length: TOGETHER },
        () => `a${round}-${asked++}.shop.example.org.ccnproxy-https`,
      );
      socket.write(hosts.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(""));
    };
    socket.on("connect", ask).on("error", reject);
    socket.on("close", () => reject(new Error("a connection that asks for new names was closed")));
    socket.on("data", (bytes: Buffer) => {
      const text = rest + bytes.toString("latin1");
      let seen = 0;
      for (const [head, status] of text.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        if (status !== "403") return void socket.destroy(new Error(`expected 403, got: ${status}`));
        seen = text.indexOf(head, seen) + head.length;
        answered++;
      }
      // The rest may end within a status line.
      rest = text.slice(Math.max(seen, text.length - 12));
      if (answered < asked) return;
      if (asked < NAMES) return ask();
      resolve();
      socket.destroy();
    });
  });
}

/** How long a substitute takes once the circuit of the group's only origin is open: one client, one request at a time. */
export async function substitutes(asked: Asked, seconds: number): Promise<Measured> {
  const port = FIRST_PORT + 4;
  const server = await startOurs(asked, port, {
    allowAddress: ["127.0.0.0/8"],
    groups: {
      [GROUP]: {
        origins: [`http://127.0.0.1:${NOBODY}`],
        substitute: { body: SUBSTITUTE },
        circuitPause: "1h",
      },
    },
  });
  const order = { address: "127.0.0.1", port, host: `${GROUP}.ccnproxy`, path: "/", clients: 1 };
  return load({ ...order, warmUp: 5_000, seconds }, { cpuSeconds: () => cpuSeconds(server.pid) });
}
