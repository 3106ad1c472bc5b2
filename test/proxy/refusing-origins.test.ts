import { Agent, request as httpRequest } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { readFileSync } from "node:fs";
import { type AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { AddressBook } from "../../proxy/origins/address-book";
import { equalPlace } from "../../proxy/origins/place";
import { OriginConnector } from "../../proxy/origins/origin-connector";
import { makeCertificates } from "../testbed/certificates";
import { hasNginx, startNginx } from "./nginx-origin";
import {
  bundle,
  eventually,
  freePort,
  metricsOf,
  type RunningProxy,
  scratch,
  usingProxy,
} from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";

const directory = scratch();
const certificates = makeCertificates(directory, ["localhost"]);
const file = bundle(directory);
const FLAGS = [
  ...["--allow", "localhost", "--allow-address", "127.0.0.0/8", "--ca-file", certificates.authority],
  ...["--access-log-dir", "none"],
];

/** Statuses of `total` requests, `atOnce` under way at any time, and how many there were of each. */
async function ask(
  proxy: RunningProxy,
  host: string,
  { total, atOnce, method = "GET" }: { total: number; atOnce: number; method?: string },
): Promise<Record<string, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const counts: Record<string, number> = {};
  let begun = 0;
  const one = (): Promise<string> =>
    new Promise((resolve) => {
      const asked = httpRequest(
        { agent, host: "127.0.0.1", port: proxy.port, method, headers: { host, "content-length": "0" } },
        (response) => response.resume().on("end", () => resolve(String(response.statusCode))),
      );
      asked.on("error", (error) => resolve(error.message)).end();
    });
  const client = async (): Promise<void> => {
    while (begun++ < total) {
      const status = await one();
      counts[status] = (counts[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  agent.destroy();
  return counts;
}

async function failuresSeen(proxy: RunningProxy): Promise<readonly (readonly [string, number])[]> {
  return [...(await metricsOf(proxy))].filter(
    ([series, value]) => value !== 0 && /circuit_open|addresses_aside/.test(series),
  );
}

describe("GIVEN a healthy HTTP/2 origin that leaves requests unread", () => {
  (hasNginx ? test : test.skip)(
    "WHEN nginx ends each connection after 1,000 requests THEN none fails, and nothing counts against it",
    async () => {
      const nginx = await startNginx(
        directory,
        certificates,
        `keepalive_requests 1000; location / { return 200 "ok"; }`,
        "http2",
      );
      await usingProxy(file, FLAGS, async (proxy) => {
        const host = `localhost.ccnproxy-https:${nginx.httpsPort}`;
        expect(await ask(proxy, host, { total: 4_000, atOnce: 100 })).toEqual({ "200": 4_000 });
        expect(await failuresSeen(proxy)).toEqual([]);
      });
      await nginx.stop();
    },
    60_000,
  );

  test("WHEN it takes ten streams at once and refuses others THEN none fails, whatever the method", async () => {
    const server: Http2SecureServer = createSecureServer({
      cert: readFileSync(certificates.certificate),
      key: readFileSync(certificates.key),
      settings: { maxConcurrentStreams: 10 },
    });
    server.on("stream", (stream) => {
      stream.on("error", () => undefined).resume();
      setTimeout(() => {
        if (stream.destroyed) return;
        stream.respond({ ":status": 200 });
        stream.end("ok");
      }, 5);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `localhost.ccnproxy-https:${(server.address() as AddressInfo).port}`;
    await usingProxy(file, FLAGS, async (proxy) => {
      for (const method of ["GET", "POST"]) {
        expect(await ask(proxy, host, { total: 400, atOnce: 80, method })).toEqual({ "200": 400 });
      }
      expect(await failuresSeen(proxy)).toEqual([]);
      // AND a later connection begins with what the last one allowed
      const retries = (await metricsOf(proxy)).get("tricloud_proxy_retries_total")!;
      expect(retries).toBeLessThan(200);
    });
    server.close();
  }, 60_000);
});

describe("GIVEN an origin that has failed", () => {
  test("WHEN its failures are further apart than a tick THEN they open the circuit all the same", async () => {
    const origin = await rawOrigin((socket) => socket.destroy());
    const host = `localhost.ccnproxy:${origin.port}`;
    await usingProxy(file, [...FLAGS, "--circuit-failures", "3"], async (proxy) => {
      const get = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      for (let i = 0; i < 3; i++) {
        await talk(proxy.port, get, 100);
        await sleep(700);
      }
      expect((await failuresSeen(proxy)).map(([series]) => series.replace(/\{.*/, ""))).toEqual([
        "tricloud_proxy_origin_circuit_open",
      ]);
    });
    await origin.close();
  }, 30_000);

  test("WHEN nobody has asked for it for long THEN it is forgotten, its circuit too", async () => {
    const flags = [
      ...["--circuit-failures", "1", "--circuit-pause", "500ms"],
      ...["--origin-idle-timeout", "1", "--keepalive-conns", "4"],
    ];
    await usingProxy(file, [...FLAGS, ...flags], async (proxy) => {
      const ports = Array.from({ length: 50 }, () => freePort());
      for (const port of ports)
        await talk(proxy.port, `GET / HTTP/1.0\r\nHost: localhost.ccnproxy:${port}\r\n\r\n`, 50);
      const known = async (): Promise<number> =>
        [...(await metricsOf(proxy)).keys()].filter((series) => series.includes("circuit_open")).length;
      expect(await known()).toBe(50);
      await eventually(async () => (await known()) === 0);
    });
  }, 30_000);

  test("WHEN idle connections of a healthy one end just as they are used THEN that counts against nobody", async () => {
    // GIVEN an origin that closes each connection with its second request
    const origin = await rawOrigin((socket, text) => {
      if (text.split("\r\n\r\n").length > 2) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    await usingProxy(file, [...FLAGS, "--circuit-failures", "2", "--keepalive-conns", "8"], async (proxy) => {
      const host = `localhost.ccnproxy:${origin.port}`;
      await ask(proxy, host, { total: 8, atOnce: 8 });
      // POST is not asked for again, since it may have been read
      const counts = await ask(proxy, host, { total: 8, atOnce: 8, method: "POST" });
      expect(Object.keys(counts).every((status) => /^(200|502)$/.test(status))).toBe(true);
      expect(proxy.output()).not.toContain("circuit open");
      expect(await ask(proxy, host, { total: 1, atOnce: 1 })).toEqual({ "200": 1 });
    });
    await origin.close();
  });
});

test("GIVEN an answer over TLS without a length WHEN its connection ends THEN the log says so", async () => {
  const server = createTlsServer(
    { cert: readFileSync(certificates.certificate), key: readFileSync(certificates.key) },
    (socket) =>
      socket.on("error", () => undefined).on("data", () => socket.end("HTTP/1.1 200 OK\r\n\r\nhalf")),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await usingProxy(file, FLAGS, async (proxy) => {
    const host = `localhost.ccnproxy-https:${(server.address() as AddressInfo).port}`;
    expect(await talk(proxy.port, `GET / HTTP/1.0\r\nHost: ${host}\r\nX-Chocon-Id: cut\r\n\r\n`)).toMatch(
      /half$/,
    );
    await proxy.said("answer without a length ended with its TLS connection");
    expect(proxy.output()).toMatch(/ended with its TLS[^\n]*"chocon_req":"cut"/);
  });
  server.close();
});

test("GIVEN connection races WHEN some are lost THEN no address counts as having more connections than it has", async () => {
  // GIVEN two addresses, one of which takes connections late, but takes them
  const origin = await rawOrigin(() => undefined);
  const book = new AddressBook(5);
  const counts = { handshakes: 0, resumptions: 0 };
  let late = 0;
  const reached = { host: "localhost", port: origin.port, tls: false, authority: "localhost" };
  const owner = {
    origin: reached,
    book,
    counts,
    streamLimit: 100,
    released: () => undefined,
    closed: () => undefined,
    roomMade: () => undefined,
    ended: () => undefined,
    answered: () => undefined,
    unanswered: () => undefined,
    endUnconfirmed: () => undefined,
  };
  const connector = new OriginConnector(
    reached,
    {
      options: { connectTimeout: 10, maxHeaderBytes: 32_768, maxHeaderCount: 100 } as never,
      resolver: {
        placesOf: () => Promise.resolve(["127.0.0.1", "::ffff:127.0.0.1"].map(equalPlace)),
      } as never,
      secureContext: undefined as never,
      peerContext: undefined,
    },
    "http/1.1",
    owner,
  );
  // The first attempt answers after the second has been begun.
  const connectTo = connector["connectTo"].bind(connector);
  connector["connectTo"] = async (address: string) => {
    const made = await connectTo(address);
    if (late++ % 2 === 0) await sleep(400);
    return made;
  };
  const made = await connector.connect();
  await sleep(600);
  // THEN only the one that was taken over counts as open
  const open = ["127.0.0.1", "::ffff:127.0.0.1"].map((address) => book["of"](address).open);
  expect(open.reduce((sum, count) => sum + count, 0)).toBe(1);
  made.close();
  await origin.close();
});
