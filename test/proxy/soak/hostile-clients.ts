import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls, TLSSocket } from "node:tls";
import { encodeField } from "../../../proxy/http2/hpack";
import { CODE, FLAG, FRAME, frame, PREFACE, uint32 } from "../../../proxy/http2/http2-frames";
import { MALFORMED_REQUESTS } from "../malformed-messages";
import { rawHttp2Client, requestFrame, SETTINGS } from "../raw-http2";

/** What a hostile client may reach: the proxy's ports, and the Host of an origin that never answers and of one that does. */
export interface Prey {
  readonly port: number;
  readonly tlsPort: number;
  readonly silent: string;
  readonly answering: string;
}

/** Begins what is wrong, and returns the socket that it holds on to. */
export type HostileClient = (prey: Prey, next: () => number) => Promise<Socket>;

const GOAWAY = frame(FRAME.goAway, 0, 0, uint32(0) + uint32(0));
const CANCEL = uint32(CODE.cancel);

/** A client that keeps its side open whatever the other side does. */
async function holding(port: number, text = ""): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => undefined).resume();
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  socket.write(text, "latin1");
  return socket;
}

async function handshake(port: number, alpn: readonly string[]): Promise<Socket> {
  const socket = connectTls({
    ...{ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false },
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
  socket.on("error", () => undefined).resume();
  await new Promise((resolve) => socket.once("secureConnect", resolve).once("close", resolve));
  return socket;
}

/** The first part of a text, cut anywhere. */
const partOf = (text: string, next: () => number): string =>
  text.slice(0, Math.floor(next() * (text.length + 1)));
const oneOf = <T>(choices: readonly T[], next: () => number): T =>
  choices[Math.floor(next() * choices.length)]!;
const get = (host: string, fields = ""): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
const post = (host: string, length: number): string =>
  `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n`;

/** A request by HTTP/2, and what is done to it. */
const overHttp2 =
  (then: (client: Awaited<ReturnType<typeof rawHttp2Client>>, prey: Prey) => unknown): HostileClient =>
  async (prey) => {
    const client = await rawHttp2Client(prey.port);
    await then(client, prey);
    return client.socket;
  };

/** By what they do. Each is left alone for a while after it has begun, and then resets, ends or holds its connection. */
export const HOSTILE_CLIENTS: Readonly<Record<string, HostileClient>> = {
  "stops anywhere in a request": ({ port, answering }, next) =>
    holding(port, partOf(post(answering, 50) + "x".repeat(50), next)),
  "stops anywhere in a chunked body": ({ port, answering }, next) =>
    holding(
      port,
      `POST / HTTP/1.1\r\nHost: ${answering}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        partOf("5\r\nabcde\r\n0\r\nX: y\r\n\r\n", next),
    ),
  "ends its side after a request": async ({ port, silent }) => {
    const socket = await holding(port, get(silent));
    socket.end();
    return socket;
  },
  "asks for much and does not read": async ({ port, answering }) => {
    const socket = await holding(port);
    socket.pause().write(get(answering, "X-Bytes: 5000000\r\n").repeat(20));
    return socket;
  },
  "sends one byte at a time": async ({ port, answering }) => {
    const socket = await holding(port);
    for (const byte of get(answering)) {
      if (socket.destroyed) break;
      socket.write(byte);
      await sleep(5);
    }
    return socket;
  },
  "breaks HTTP/1": ({ port, answering }, next) =>
    holding(port, oneOf(MALFORMED_REQUESTS, next).text.replaceAll("{host}", answering)),
  "is refused early and goes on sending": async ({ port }) => {
    const socket = await holding(port, post("forbidden.example.ccnproxy", 10_000_000));
    socket.write("x".repeat(1_000_000));
    return socket;
  },
  "stops anywhere in a TLS handshake": ({ tlsPort }, next) =>
    holding(tlsPort, partOf("\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + "x".repeat(200), next)),
  "speaks HTTP/2 that it did not negotiate": async ({ tlsPort }, next) => {
    const socket = await handshake(tlsPort, oneOf([[], ["http/1.1"]], next));
    socket.write(partOf(PREFACE + SETTINGS + GOAWAY, next));
    return socket;
  },
  "stops anywhere in HTTP/2's first words over TLS": async ({ tlsPort }, next) => {
    const socket = await handshake(tlsPort, ["h2"]);
    socket.write(partOf(PREFACE + SETTINGS + GOAWAY, next));
    return socket;
  },
  "stops anywhere in HTTP/2's first words": ({ port, silent }, next) =>
    holding(port, partOf(PREFACE + SETTINGS + requestFrame(1, silent), next)),
  "says GOAWAY with a stream open": overHttp2(({ write }, { silent }) =>
    write(requestFrame(1, silent) + GOAWAY),
  ),
  "says GOAWAY and goes on": overHttp2(({ write }, { answering }) =>
    write(GOAWAY + requestFrame(1, answering) + requestFrame(3, answering)),
  ),
  "sends DATA on a stream it ended": overHttp2(async ({ write }, { silent }) => {
    write(requestFrame(1, silent));
    await sleep(50);
    write(frame(FRAME.data, 0, 1, "more"));
  }),
  "sends a frame that is too large": overHttp2(({ write }, { silent }) =>
    write(requestFrame(1, silent) + frame(FRAME.data, 0, 1, "x".repeat(20_000))),
  ),
  "resets streams as fast as it opens them": overHttp2(async ({ write, socket }, { silent }) => {
    for (let stream = 1; stream < 600 && !socket.destroyed; stream += 2) {
      write(requestFrame(stream, silent) + frame(FRAME.reset, 0, stream, CANCEL));
      if (stream % 50 === 1) await sleep(10);
    }
  }),
  "begins a head and never ends it": overHttp2(({ write }, { silent }) =>
    write(requestFrame(1, silent, { fields: [["x", "y"]] }).replace(/^(.{4})./s, "$1\x01")),
  ),
  "ends its side with a stream open": overHttp2(({ write, socket }, { silent }) => {
    write(requestFrame(1, silent));
    socket.end();
  }),
  "opens no window": overHttp2(({ write }, { answering }) =>
    write(
      frame(FRAME.settings, 0, 0, `\x00\x04${uint32(0)}`) +
        requestFrame(1, answering, { fields: [["x-bytes", "500000"]] }),
    ),
  ),
  "pushes the window over its end": overHttp2(({ write }, { silent }) =>
    write(requestFrame(1, silent) + frame(FRAME.windowUpdate, 0, 0, uint32(2 ** 31 - 1)).repeat(2)),
  ),
  "sends a head that cannot be decoded": overHttp2(({ write }) =>
    write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, "\xff\xff\xff\xff\xff\x0f")),
  ),
  "asks for a name that is none": overHttp2(({ write }) =>
    write(requestFrame(1, "a b", { fields: [["x", encodeField("a", "b")]] })),
  ),
};

/** How a client leaves, once it has been left alone: some never do by themselves. */
export const DEPARTURES: Readonly<Record<string, (socket: Socket) => void>> = {
  resets: (socket) => (socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy()),
  closes: (socket) => socket.destroy(),
  "ends its side": (socket) => void socket.end(),
  holds: () => undefined,
};
