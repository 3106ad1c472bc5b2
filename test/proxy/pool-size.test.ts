import { Agent, request } from "node:http";
import { bundle, eventually, metricsOf, type RunningProxy, scratch, usingProxy } from "./proxy-process";
import { rawOrigin } from "./raw-http";

const file = bundle(scratch());
const FLAGS = ["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8", "--access-log-dir", "none"];

const origin = rawOrigin((socket) =>
  setTimeout(() => socket.destroyed || socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 5),
);
afterAll(async () => (await origin).close());

/** Asks with so many requests at once, again and again, until there were `total`. */
async function load(proxy: RunningProxy, atOnce: number, total: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const headers = { host: `127.0.0.1.ccnproxy:${(await origin).port}` };
  let left = total;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      await new Promise<void>((resolve, reject) => {
        const asked = request({ agent, host: "127.0.0.1", port: proxy.port, headers }, (response) => {
          response.resume().on("end", () => resolve());
        });
        asked.on("error", reject).end();
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  agent.destroy();
}

async function of(proxy: RunningProxy, series: RegExp): Promise<number> {
  return [...(await metricsOf(proxy))]
    .filter(([name]) => series.test(name))
    .reduce((sum, [, n]) => sum + n, 0);
}

test("GIVEN the defaults WHEN 200 requests are under way at a time THEN connections are opened once, and go slowly", async () => {
  await usingProxy(file, FLAGS, async (proxy) => {
    await load(proxy, 200, 4_000);
    // THEN no more were made than were ever needed
    expect(await of(proxy, /origin_connects_total/)).toBeLessThanOrEqual(210);
    const idle = (): Promise<number> => of(proxy, /origin_connections\{.*state="idle"/);
    const peak = await idle();
    expect(peak).toBeGreaterThan(100);
    // AND what is not needed any more goes, but not all at once
    const seen: number[] = [];
    await eventually(async () => (seen.push(await idle()), seen.at(-1)! <= peak / 2), 40_000);
    expect(Math.max(...seen.slice(1).map((count, i) => seen[i]! - count))).toBeLessThan(peak / 2);
  });
}, 60_000);

test("GIVEN that no idle connection is to be kept THEN none is", async () => {
  await usingProxy(file, [...FLAGS, "--keepalive-conns", "0"], async (proxy) => {
    await load(proxy, 4, 40);
    expect(await of(proxy, /origin_connections\{.*state="idle"/)).toBe(0);
  });
});
