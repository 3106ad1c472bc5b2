import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { FLAG, FRAME, frame, PREFACE, uint32 } from "../../proxy/http2/http2-frames";
import { makeCertificates } from "../testbed/certificates";
import {
  bundle,
  becomes,
  eventually,
  freePort,
  type RunningProxy,
  scratch,
  socketsOf,
  startProxy,
} from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";
import { rawHttp2Client, requestFrame, SETTINGS } from "./raw-http2";

const directory = scratch();
const file = bundle(directory);
const certificates = makeCertificates(directory, ["localhost"]);
const tlsFlags = (port: number): string[] => [
  ...["--tls-port", String(port), "--tls-cert-file", certificates.certificate],
  ...["--tls-key-file", certificates.key],
];
const FLAGS = ["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8", "--access-log-dir", "none"];
const CLIENTS = 20;
const GOAWAY = frame(FRAME.goAway, 0, 0, uint32(0) + uint32(0));

/** How a frame begins that is a head and no end. */
const headOf = (stream: number): string =>
  String.fromCharCode(FRAME.headers, FLAG.endHeaders) + uint32(stream);
const hostOf = (port: number): string => `127.0.0.1.ccnproxy:${port}`;
const request = (port: number, path = "/", fields = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${hostOf(port)}\r\n${fields}\r\n`;

/** A client that keeps its side of the connection open whatever the other side does. */
async function holding(port: number, text = ""): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => undefined).resume();
  await new Promise((resolve) => socket.once("connect", resolve));
  if (text !== "") socket.write(text, "latin1");
  return socket;
}

/** Waits until there are no more descriptors than before. */
function backTo(proxy: RunningProxy, before: number): Promise<void> {
  return becomes(() => Math.max(0, socketsOf(proxy) - before), 0);
}

const origin = rawOrigin((socket, text) => {
  if (text.endsWith("\r\n\r\n") && !text.includes("/never"))
    setTimeout(
      () => socket.destroyed || socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      text.includes("/slow") ? 1_500 : 0,
    );
});
afterAll(async () => (await origin).close());

describe("GIVEN a client that resets its connection", () => {
  const tlsPort = freePort();
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await startProxy(file, [...FLAGS, ...tlsFlags(tlsPort)]);
    await proxy.said(`"port":${tlsPort}`);
  });
  afterAll(async () => void (await proxy.stop()));

  const PREFACES = ["", "PRI", PREFACE, PREFACE + SETTINGS, PREFACE + SETTINGS + GOAWAY, "GET / HT"];
  const POINTS = PREFACES.flatMap((text) =>
    [undefined, [], ["h2"], ["http/1.1"]].map((alpn) => ({ text, alpn })),
  );

  test.each(POINTS)(
    "WHEN it does so after $text.length bytes with ALPN $alpn THEN the proxy goes on",
    async (point) => {
      const before = socketsOf(proxy);
      const reset = async (_: unknown, i: number): Promise<void> => {
        const socket = await holding(point.alpn === undefined ? proxy.port : tlsPort);
        if (point.alpn === undefined) socket.write(point.text);
        else {
          const tls = connectTls({
            socket,
            servername: "localhost",
            ca: readFileSync(certificates.authority),
            ...(point.alpn.length === 0 ? {} : { ALPNProtocols: point.alpn }),
          });
          tls.on("error", () => undefined);
          await new Promise((resolve) => tls.once("secureConnect", resolve));
          tls.write(point.text);
        }
        await sleep(i);
        socket.resetAndDestroy();
      };
      await Promise.all(Array.from({ length: CLIENTS }, reset));
      expect(await talk(proxy.port, request((await origin).port))).toMatch(/ok$/);
      await backTo(proxy, before + 1);
      expect(proxy.output()).not.toMatch(/Unhandled|at .*node:/);
    },
  );

  test("WHEN it stops in the handshake and holds, or ends its side, THEN it is let go when its time is up", async () => {
    const port = freePort();
    const strict = await startProxy(file, [...FLAGS, ...tlsFlags(port), "--read-timeout", "1"]);
    await strict.said(`"port":${port}`);
    const before = socketsOf(strict);
    const held = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => holding(port, "\x16\x03\x01\x00\xa5\x01".slice(0, i % 7))),
    );
    held.forEach((socket, i) => i % 2 === 0 && socket.end());
    await backTo(strict, before);
    expect(await strict.stop()).toBe(0);
    for (const socket of held) socket.destroy();
  }, 60_000);

  test("WHEN it negotiated no HTTP/2 and begins to speak it THEN that is a malformed request", async () => {
    const tls = connectTls({ host: "127.0.0.1", port: tlsPort, rejectUnauthorized: false });
    let answer = "";
    tls.on("error", () => undefined).on("data", (bytes: Buffer) => (answer += bytes.toString("latin1")));
    tls.write(PREFACE + SETTINGS);
    await new Promise((resolve) => tls.once("close", resolve));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe("GIVEN HTTP/2 clients that hold their connections", () => {
  const KINDS: Readonly<Record<string, (port: number, originPort: number) => Promise<Socket>>> = {
    "after GOAWAY": async (port) => {
      const { socket, write } = await rawHttp2Client(port);
      write(GOAWAY);
      return socket;
    },
    "idle past the time-out": async (port) => (await rawHttp2Client(port)).socket,
    "after the answer to a request": async (port, originPort) => {
      const { socket, write } = await rawHttp2Client(port);
      write(requestFrame(1, hostOf(originPort)));
      return socket;
    },
    "after DATA on a stream they had ended": async (port, originPort) => {
      const { socket, write, received } = await rawHttp2Client(port);
      write(requestFrame(1, hostOf(originPort), { path: "/never" }));
      await eventually(() => received().length > 0);
      write(frame(FRAME.data, 0, 1, "more") + frame(FRAME.data, 0, 1, "more"));
      return socket;
    },
    "after a frame that is too large": async (port, originPort) => {
      const { socket, write } = await rawHttp2Client(port);
      write(requestFrame(1, hostOf(originPort), { path: "/never" }));
      write(frame(FRAME.data, 0, 1, "x".repeat(20_000)));
      return socket;
    },
    "after half of a frame": async (port) => {
      const { socket, write } = await rawHttp2Client(port);
      write(frame(FRAME.ping, 0, 0, "12345678").slice(0, 12));
      return socket;
    },
    "whose side they had ended": async (port, originPort) => {
      const { socket, write } = await rawHttp2Client(port);
      write(requestFrame(1, hostOf(originPort), { path: "/never" }));
      socket.end();
      return socket;
    },
    "whose side they had ended after a wrong frame": async (port, originPort) => {
      const { socket, write } = await rawHttp2Client(port);
      write(requestFrame(1, hostOf(originPort), { path: "/never" }));
      write(frame(FRAME.data, 0, 1, "more"));
      await sleep(100);
      socket.end();
      return socket;
    },
  };

  test("of every kind WHEN their time is up THEN no descriptor is left, and SIGTERM ends the proxy in order", async () => {
    // GIVEN a proxy that keeps no connections to origins: those of clients are what is counted
    const proxy = await startProxy(file, [
      ...[...FLAGS, "--client-idle-timeout", "1", "--read-timeout", "1"],
      ...["--keepalive-conns", "0"],
    ]);
    const { port } = await origin;
    await talk(proxy.port, request(port), 50);
    const before = socketsOf(proxy);
    const hold = async (): Promise<[kind: string, socket: Socket][]> =>
      Promise.all(
        Object.entries(KINDS).flatMap(([kind, come]) =>
          Array.from({ length: 5 }, async (): Promise<[string, Socket]> => [
            kind,
            await come(proxy.port, port),
          ]),
        ),
      );
    const left = (held: readonly [string, Socket][]): string[] => [
      ...new Set(
        held.filter(([, socket]) => !socket.readableEnded && !socket.destroyed).map(([kind]) => kind),
      ),
    ];
    // AND such clients THEN their descriptors go
    const held = await hold();
    await backTo(proxy, before);
    expect(left(held)).toEqual([]);
    // AND with others of them there, what is under way is answered, and the process ends with 0
    held.push(...(await hold()));
    const answer = talk(proxy.port, request(port, "/slow"), 4_000);
    // At once: before the proxy can have asked any of them whether it is still there.
    await eventually(async () => (await origin).received.some((text) => text.includes("/slow")));
    const stopped = proxy.stop();
    expect(await answer).toMatch(/ok$/);
    expect(await stopped).toBe(0);
    expect(proxy.output()).not.toMatch(/ERR_HTTP2|at .*node:/);
    for (const [, socket] of held) socket.destroy();
  }, 60_000);

  test("WHEN their GOAWAY comes with more streams THEN those are answered, and the proxy goes on", async () => {
    const proxy = await startProxy(file, FLAGS);
    const { port } = await origin;
    for (let round = 0; round < 40; round++) {
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rawHttp2Client(proxy.port)));
      for (const { write } of clients)
        write(requestFrame(1, hostOf(port)) + GOAWAY + requestFrame(3, hostOf(port)));
      const answered = (): boolean =>
        clients.every(({ received }) => [1, 3].every((stream) => received().includes(headOf(stream))));
      await eventually(answered);
      expect([round, proxy.child.exitCode]).toEqual([round, null]);
      for (const { socket } of clients) socket.destroy();
    }
    expect(await proxy.stop()).toBe(0);
  }, 60_000);

  test("WHEN they leave just as SIGTERM comes THEN the others' requests are answered", async () => {
    for (let round = 0; round < 2; round++) {
      const proxy = await startProxy(file, [...FLAGS, "--client-idle-timeout", "1"]);
      const { port } = await origin;
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rawHttp2Client(proxy.port)));
      const answer = talk(proxy.port, request(port, "/slow"), 4_000);
      await sleep(200);
      clients.forEach(({ socket, write }, i) => {
        write(GOAWAY);
        if (i % 2 === 0) socket.resetAndDestroy();
        else socket.end();
      });
      const stopped = proxy.stop();
      expect(await answer).toMatch(/ok$/);
      expect(await stopped).toBe(0);
      for (const { socket } of clients) socket.destroy();
    }
  }, 60_000);
});
