import { type ClientHttp2Session, connect } from "node:http2";
import { encodeField } from "../../proxy/http2/hpack";
import { FLAG, FRAME, frame, uint32 } from "../../proxy/http2/http2-frames";
import { MALFORMED_ANSWERS } from "./malformed-frames";
import { becomes, bundle, eventually, type RunningProxy, scratch, startProxy } from "./proxy-process";
import { rawHttp2Origin, SETTINGS } from "./raw-http2";

const file = bundle(scratch());
const LOCAL = ["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8", "--access-log-dir", "none"];

let proxy: RunningProxy;
let session: ClientHttp2Session;
beforeAll(async () => {
  proxy = await startProxy(file, [...LOCAL, "--circuit-failures", "0"]);
  session = connect(`http://127.0.0.1:${proxy.port}`);
});
afterAll(async () => {
  session.destroy();
  await proxy.stop();
});

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly whole: boolean;
}

/** Asks by gRPC, which is HTTP/2 to any origin. */
function ask(port: number, body?: Buffer): Promise<Answer> {
  const stream = session.request(
    {
      ":method": "POST",
      ":path": "/",
      ":authority": `127.0.0.1.ccnproxy:${port}`,
      "content-type": "application/grpc",
    },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  return new Promise((resolve) => {
    let fields: Record<string, unknown> = {};
    let text = "";
    let ended = false;
    stream.on("response", (came) => (fields = { ...came }));
    stream.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
    stream.on("end", () => (ended = true));
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        status: Number(fields[":status"]),
        body: text,
        fields,
        whole: ended && stream.rstCode === 0,
      }),
    );
  });
}

describe("GIVEN an origin that answers over HTTP/2", () => {
  test.each(MALFORMED_ANSWERS)("WHEN it sends $name THEN the client gets none of it", async (malformed) => {
    const origin = await rawHttp2Origin(({ type, stream }, write) => {
      if (type !== FRAME.headers) return;
      if (stream === 1) write(malformed.text);
      else write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, "\x88"));
    });
    try {
      const answer = await ask(origin.port);
      // THEN it is 502, or broken off where its head had gone already
      if (answer.whole) expect(answer).toMatchObject({ status: 502 });
      else expect(answer.body).not.toContain("ok\r\n");
      expect(answer.fields).not.toHaveProperty("x-b");
      // AND the connection has ended, or goes on with the next stream
      if (!malformed.connection) {
        expect(await ask(origin.port)).toMatchObject({ status: 200, whole: true });
        expect(origin.frames).toContainEqual(expect.objectContaining({ type: FRAME.reset, stream: 1 }));
      } else expect(origin.frames.some(({ type }) => type === FRAME.goAway)).toBe(true);
    } finally {
      await origin.close();
    }
  });

  test("WHEN it answers in single bytes, padded, with frames of unknown types THEN all is well", async () => {
    const text =
      SETTINGS +
      frame(0xaa, 0xff, 0, "whatever") +
      frame(FRAME.priority, 0, 1, "12345") +
      frame(FRAME.headers, FLAG.padded | FLAG.priority, 1, `\x03${"12345"}\x88${"\0\0\0"}`) +
      frame(FRAME.continuation, 0, 1, encodeField("x-a", "b")) +
      frame(FRAME.continuation, FLAG.endHeaders, 1, encodeField("x-c", "d")) +
      frame(FRAME.data, FLAG.padded, 1, "\x02he\0\0") +
      frame(FRAME.data, FLAG.padded, 1, "\0") +
      frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, `\x05llo${"\0".repeat(5)}`);
    const origin = await rawHttp2Origin(({ type }, write) => {
      if (type !== FRAME.headers) return;
      let at = 0;
      const timer = setInterval(() => (at < text.length ? write(text[at++]!) : clearInterval(timer)), 1);
    });
    try {
      expect(await ask(origin.port)).toMatchObject({
        status: 200,
        body: "hello",
        whole: true,
        fields: { "x-a": "b", "x-c": "d" },
      });
    } finally {
      await origin.close();
    }
  });

  test("WHEN it takes a body in windows of few bytes THEN no more than they allow is sent, and all of it", async () => {
    const windows = { connection: 65_535, stream: 0 };
    let least = 0;
    let received = "";
    const origin = await rawHttp2Origin(({ type, flags, stream, payload }, write) => {
      if (type === FRAME.settings && (flags & FLAG.ack) === 0)
        write(frame(FRAME.settings, 0, 0, `\0\x04${uint32(7)}`));
      if (type === FRAME.headers) windows.stream = 7;
      if (type === FRAME.headers && (flags & FLAG.endStream) !== 0)
        write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, "\x88"));
      if (type !== FRAME.data) return;
      received += payload.toString("latin1");
      windows.connection -= payload.length;
      windows.stream -= payload.length;
      least = Math.min(least, windows.connection, windows.stream);
      if ((flags & FLAG.endStream) !== 0) {
        write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, "\x88"));
        return;
      }
      // One of the two at a time.
      if (windows.connection < 1_000) {
        windows.connection += 50_000;
        write(frame(FRAME.windowUpdate, 0, 0, uint32(50_000)));
      }
      if (windows.stream > 0) return;
      windows.stream += 100;
      write(frame(FRAME.windowUpdate, 0, stream, uint32(100)));
    });
    try {
      const body = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i};`).join(""));
      // GIVEN a connection whose settings are known
      expect(await ask(origin.port)).toMatchObject({ status: 200 });
      expect(await ask(origin.port, body)).toMatchObject({ status: 200, whole: true });
      expect(received).toBe(body.toString());
      expect(least).toBe(0);
    } finally {
      await origin.close();
    }
  });

  test("WHEN it narrows its windows below nothing THEN bodies wait until they are above it", async () => {
    let received = 0;
    const origin = await rawHttp2Origin(({ type, flags, stream, payload }, write) => {
      if (type === FRAME.settings && (flags & FLAG.ack) === 0) write(SETTINGS);
      if (type !== FRAME.data) return;
      const before = received;
      received += payload.length;
      if (before === 0) {
        // What is under way is 65,535 bytes, the first window.
        write(frame(FRAME.settings, 0, 0, `\0\x04${uint32(10)}`));
        write(frame(FRAME.windowUpdate, 0, 0, uint32(1_000_000)));
        write(frame(FRAME.windowUpdate, 0, stream, uint32(65_000)));
        setTimeout(() => write(frame(FRAME.windowUpdate, 0, stream, uint32(100_000))), 100);
      }
      if ((flags & FLAG.endStream) !== 0)
        write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, "\x88"));
    });
    try {
      expect(await ask(origin.port, Buffer.alloc(150_000))).toMatchObject({ status: 200, whole: true });
      expect(received).toBe(150_000);
    } finally {
      await origin.close();
    }
  });

  test("WHEN it says GOAWAY THEN what it has not looked at is asked for elsewhere, and the rest is answered", async () => {
    let connections = 0;
    const origin = await rawHttp2Origin(({ type, flags, stream }, write) => {
      if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
        connections++;
        write(SETTINGS);
      }
      if (type !== FRAME.headers) return;
      if (connections > 1) write(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, "\x89"));
      else if (stream === 3)
        write(
          frame(FRAME.goAway, 0, 0, uint32(1) + uint32(0)) +
            frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 1, "\x88"),
        );
    });
    try {
      // GIVEN one exchange under way
      const first = ask(origin.port);
      await eventually(() => origin.frames.some(({ type }) => type === FRAME.headers));
      // WHEN the next one is met by GOAWAY
      const second = await ask(origin.port);
      expect([await first, second]).toMatchObject([{ status: 200 }, { status: 204 }]);
      expect(connections).toBe(2);
    } finally {
      await origin.close();
    }
  });

  test("WHEN it sends more than its windows allow THEN the connection ends", async () => {
    const origin = await rawHttp2Origin(({ type, stream }, write) => {
      if (type !== FRAME.headers) return;
      write(SETTINGS + frame(FRAME.headers, FLAG.endHeaders, stream, "\x88"));
      for (let i = 0; i < 200; i++) write(frame(FRAME.data, 0, stream, "x".repeat(16_384)));
    });
    // GIVEN a client that does not read
    const stream = session.request({
      ":method": "POST",
      ":path": "/",
      ":authority": `127.0.0.1.ccnproxy:${origin.port}`,
      "content-type": "application/grpc",
    });
    stream.end();
    try {
      await new Promise<void>((resolve) => {
        stream.on("error", () => undefined).on("close", resolve);
        stream.on("response", () => stream.pause());
      });
      await proxy.said("more than the stream's window");
      await becomes(() => origin.sockets.size, 0);
    } finally {
      await origin.close();
    }
  });
});
