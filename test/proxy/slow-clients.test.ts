import { type ClientHttp2Stream, connect as connectHttp2, createServer } from "node:http2";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle, eventually, type RunningProxy, scratch, usingProxy } from "./proxy-process";
import { type RawOrigin, rawOrigin } from "./raw-http";

// Slowness takes its time.
jest.setTimeout(20_000);

const file = bundle(scratch());
const LOCAL = ["--allow", "localhost", "--allow-address", "127.0.0.0/8", "--access-log-dir", "none"];
const LARGE = 16_000_000;
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const withProxy = (flags: readonly string[], use: (proxy: RunningProxy) => Promise<void>): Promise<void> =>
  usingProxy(file, [...LOCAL, ...flags], use);

const post = (port: number, framing: string): string =>
  `POST / HTTP/1.1\r\nHost: localhost.ccnproxy:${port}\r\nConnection: close\r\n${framing}\r\n\r\n`;

/** A client that has sent this. */
function client(proxy: RunningProxy, text: string): Socket {
  const socket = connect({ host: "127.0.0.1", port: proxy.port });
  socket.on("error", () => undefined);
  socket.write(text, "latin1");
  return socket;
}

/** What comes until the proxy closes. */
async function answerTo(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

interface Upload {
  readonly status: Promise<number>;
  write(piece: string): void;
  end(piece: string): void;
}

/** A request over HTTP/1.1 whose body is yet to be sent. */
const overHttp1 =
  (framing: string, frame: (piece: string) => string, last: string) =>
  (proxy: RunningProxy, port: number): Upload => {
    const socket = client(proxy, post(port, framing));
    return {
      status: answerTo(socket).then((text) => Number(text.split(" ")[1])),
      write: (piece) => void (socket.writable && socket.write(frame(piece))),
      end: (piece) => void socket.write(frame(piece) + last),
    };
  };
const chunked = overHttp1(
  "Transfer-Encoding: chunked",
  (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`,
  "0\r\n\r\n",
);
const withLength = (length: number): typeof chunked =>
  overHttp1(`Content-Length: ${length}`, (piece) => piece, "");

/** The same over HTTP/2. */
function overHttp2(proxy: RunningProxy, port: number, fields: Record<string, string> = {}): Upload {
  // In megabytes. With less, Node's client takes no answer while much of its request waits to be sent.
  const session = connectHttp2(`http://127.0.0.1:${proxy.port}`, { maxSessionMemory: 100 });
  session.on("error", () => undefined);
  const stream: ClientHttp2Stream = session.request({
    ":method": "POST",
    ":path": "/",
    ":authority": `localhost.ccnproxy:${port}`,
    ...fields,
  });
  stream.on("error", () => undefined);
  const status = new Promise<number>((resolve) => {
    stream.on("response", (received) => resolve(received[":status"] ?? 0));
    stream.on("close", () => {
      resolve(0);
      session.destroy();
    });
  });
  return {
    status: status.finally(() => stream.resume()),
    write: (piece) => void (stream.writable && stream.write(piece)),
    end: (piece) => void stream.end(piece),
  };
}

/** Sends this ten times a second, `times` times or until there is an answer. */
async function drip(upload: Upload, piece: string, times = Infinity): Promise<void> {
  let answered = false;
  void upload.status.then(() => (answered = true));
  for (let i = 0; i < times && !answered; i++) {
    upload.write(piece);
    await sleep(100);
  }
}

/** An origin that answers when the text of a connection ends like this. */
const answersAfter = (end: string): Promise<RawOrigin> =>
  rawOrigin((socket, text) => {
    if (text.endsWith(end)) socket.write(OK);
  });

test("while a body waits for a connection no time-out runs against its client", async () => {
  // GIVEN an origin that may be connected to once, and whose one connection is taken
  const origin = await answersAfter("GO");
  await withProxy(["--read-timeout", "1", "--max-conns-per-host", "1"], async (proxy) => {
    const first = client(proxy, `GET / HTTP/1.1\r\nHost: localhost.ccnproxy:${origin.port}\r\n\r\n`);
    await eventually(() => origin.received.length === 1 && origin.received[0] !== "");
    // WHEN a client sends its body in two pieces, and the connection is free only long after
    const second = client(proxy, `${post(origin.port, "Content-Length: 4")}to`);
    const answer = answerTo(second);
    await sleep(100);
    second.write("GO");
    await sleep(2_000);
    for (const socket of origin.sockets) socket.write(OK);
    // THEN it is answered
    expect(await answer).toMatch(/^HTTP\/1.1 200 /);
    first.destroy();
  });
  await origin.close();
});

const TOO_SLOW = "the request body comes at less than 240 bytes per second";
/** Drips for longer than readTimeout and two ticks. */
const LONG = 18;

describe("a body that drips, though without a long pause,", () => {
  test.each([
    ["HTTP/1.1 with a length", withLength(1_000)],
    ["HTTP/1.1 in chunks", chunked],
    ["HTTP/2", overHttp2],
  ])("%s: is 408, and its origin's connection is free again", async (_name, upload) => {
    const origin = await answersAfter("never");
    await withProxy(["--read-timeout", "1"], async (proxy) => {
      // GIVEN a request that has reached its origin
      const dripping = upload(proxy, origin.port);
      // WHEN its body comes a byte at a time
      await drip(dripping, "x");
      // THEN it fails for its rate, and nothing is left of it
      expect(await dripping.status).toBe(408);
      expect(proxy.output()).toContain(TOO_SLOW);
      expect(origin.received.join("")).toMatch(/^POST [^]*x/);
      await eventually(() => origin.sockets.size === 0);
    });
    await origin.close();
  });

  test("is 408 also while it is collected, and never reaches its origin", async () => {
    const origin = await answersAfter("never");
    await withProxy(["--read-timeout", "1", "--request-buffering", "65536"], async (proxy) => {
      const dripping = withLength(1_000)(proxy, origin.port);
      await drip(dripping, "x");
      expect(await dripping.status).toBe(408);
      expect(proxy.output()).toContain(TOO_SLOW);
    });
    expect(origin.received).toEqual([]);
    await origin.close();
  });

  test.each([
    ["HTTP/1.1", chunked],
    ["HTTP/2", overHttp2],
  ])("%s: passes where there is no minimum", async (_name, upload) => {
    const origin = await answersAfter("x\r\n0\r\n\r\n");
    await withProxy(["--read-timeout", "1", "--min-body-rate", "0"], async (proxy) => {
      const dripping = upload(proxy, origin.port);
      await drip(dripping, "x", LONG);
      dripping.end("x");
      expect(await dripping.status).toBe(200);
    });
    await origin.close();
  });

  test("passes as a gRPC stream", async () => {
    const origin = createServer();
    origin.on("stream", (stream) => {
      stream.on("end", () => stream.respond({ ":status": 200 }, { endStream: true })).resume();
    });
    await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
    const { port } = origin.address() as AddressInfo;
    await withProxy(["--read-timeout", "1"], async (proxy) => {
      const dripping = overHttp2(proxy, port, { "content-type": "application/grpc" });
      await drip(dripping, "x", LONG);
      dripping.end("x");
      expect(await dripping.status).toBe(200);
    });
    origin.close();
  });

  test("passes through the tunnel that an Upgrade opens", async () => {
    const origin = await rawOrigin((socket, text) => {
      if (text.endsWith("\r\n\r\n"))
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: drip\r\n\r\n");
      if (text.endsWith("end")) socket.end("bye");
    });
    await withProxy(["--read-timeout", "1"], async (proxy) => {
      const socket = client(
        proxy,
        `GET / HTTP/1.1\r\nHost: localhost.ccnproxy:${origin.port}\r\nConnection: Upgrade\r\nUpgrade: drip\r\n\r\n`,
      );
      const answer = answerTo(socket);
      await eventually(() => origin.received.join("").endsWith("\r\n\r\n"));
      for (let i = 0; i < LONG; i++) {
        socket.write("x");
        await sleep(100);
      }
      socket.write("end");
      expect(await answer).toMatch(/^HTTP\/1.1 101 [^]*bye$/);
    });
    await origin.close();
  });
});

test.each([
  ["HTTP/1.1 with a length", withLength(500 * (LONG + 1))],
  ["HTTP/1.1 in chunks", chunked],
  ["HTTP/2", overHttp2],
])("%s: a body that is slow, but fast enough, passes", async (_name, upload) => {
  const origin = await rawOrigin((socket, text) => {
    if (text.split("x").length > 500 * (LONG + 1)) socket.write(OK);
  });
  await withProxy(["--read-timeout", "1"], async (proxy) => {
    const slow = upload(proxy, origin.port);
    await drip(slow, "x".repeat(500), LONG);
    slow.end("x".repeat(500));
    expect(await slow.status).toBe(200);
  });
  await origin.close();
});

test.each([
  ["HTTP/1.1 with a length", withLength(LARGE)],
  ["HTTP/1.1 in chunks", chunked],
  ["HTTP/2", overHttp2],
])("%s: a client is not blamed for an origin that reads slowly", async (_name, upload) => {
  // GIVEN an origin that reads nothing for longer than the kernel's buffers could fill at the least rate
  let read = 0;
  const origin = createTcpServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      read += bytes.length;
      if (read >= LARGE) socket.end(OK);
    });
    setTimeout(() => socket.resume(), 3_000);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const { port } = origin.address() as AddressInfo;
  await withProxy(["--read-timeout", "1", "--min-body-rate", "3000000"], async (proxy) => {
    // WHEN a client sends a large body at once
    const fast = upload(proxy, port);
    fast.end("x".repeat(LARGE));
    // THEN it is answered
    expect(await fast.status).toBe(200);
  });
  origin.close();
});
