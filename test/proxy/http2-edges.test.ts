import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect as connectTo, createServer as createRelay, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../testbed/certificates";
import { becomes, bundle, type RunningProxy, scratch, startProxy, whileCalling } from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";

const directory = scratch();
const certificates = makeCertificates(directory, ["localhost"]);
const file = bundle(directory);
const FLAGS = [
  ...["--allow", "localhost", "--allow-address", "127.0.0.0/8", "--ca-file", certificates.authority],
  ...["--access-log-dir", "none", "--read-timeout", "1"],
];

let proxy: RunningProxy;
let session: ClientHttp2Session;
beforeAll(async () => {
  proxy = await startProxy(file, FLAGS);
});
afterAll(async () => {
  await proxy.stop();
});
beforeEach(() => {
  session = connect(`http://127.0.0.1:${proxy.port}`);
  session.on("error", () => undefined);
});
afterEach(() => session.destroy());

interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** The stream ended in order. */
  readonly whole: boolean;
  /** It was never looked at, and may be begun elsewhere. */
  readonly refused: boolean;
}

function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let fields: Record<string, unknown> = {};
    let trailers = {};
    let body = "";
    let whole = false;
    stream.on("response", (received) => (fields = { ...received }));
    stream.on("trailers", (received) => (trailers = { ...received }));
    stream.on("data", (bytes: Buffer) => (body += bytes.toString("latin1")));
    stream.on("end", () => (whole = stream.rstCode === constants.NGHTTP2_NO_ERROR));
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        status: Number(fields[":status"] ?? 0),
        fields,
        trailers,
        body,
        whole,
        refused: stream.rstCode === constants.NGHTTP2_REFUSED_STREAM,
      }),
    );
  });
}

function ask(host: string, fields: Record<string, string> = {}): Promise<Answer> {
  return answerTo(session.request({ ":path": "/", ":authority": host, ...fields }, { endStream: true }));
}

/** An origin that speaks HTTP/2 over TLS. */
async function http2Origin(
  serve: (stream: ServerHttp2Stream, fields: Record<string, unknown>) => void,
): Promise<{ host: string; port: number; close(): Promise<void> }> {
  const server: Http2SecureServer = createSecureServer({
    cert: readFileSync(certificates.certificate),
    key: readFileSync(certificates.key),
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (each) => sessions.add(each.on("error", () => undefined)));
  server.on("stream", (stream, fields) =>
    serve(
      stream.on("error", () => undefined),
      fields,
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `localhost.ccnproxy-https:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        for (const each of sessions) each.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A way to `port` that falls silent, in both directions, when told so. */
async function silenceableWay(port: number): Promise<{ port: number; fallSilent(): void; close(): void }> {
  const sockets: Socket[] = [];
  const relay = createRelay((incoming) => {
    const outgoing = connectTo(port, "127.0.0.1");
    sockets.push(incoming, outgoing);
    incoming.on("error", () => undefined).pipe(outgoing);
    outgoing.on("error", () => undefined).pipe(incoming);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  return {
    port: (relay.address() as AddressInfo).port,
    fallSilent: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}

const overHttp1 = (host: string, more = "", body = ""): Promise<string> =>
  talk(
    proxy.port,
    `${body === "" ? "GET" : "POST"} / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n${body}`,
    3_000,
  );

describe("what an HTTP/2 origin breaks off", () => {
  test("without a word is noticed long before the answer's time is up, and asked for elsewhere", async () => {
    // GIVEN an origin that is no longer heard once the first request has come
    let requests = 0;
    const origin = await http2Origin((stream) => {
      requests++;
      if (requests > 1) stream.respond({ ":status": 200 }, { endStream: true });
      else way.fallSilent();
    });
    const way = await silenceableWay(origin.port);
    // WHEN it is asked for something that may be asked for twice
    const host = `localhost.ccnproxy-https:${way.port}`;
    const warmed = await ask(host);
    // THEN the connection is given up, with the request on it
    expect(warmed.status).toBe(502);
    // AND the next request goes over another one
    expect((await ask(host)).status).toBe(200);
    way.close();
    await origin.close();
  }, 30_000);

  test.each([
    ["without an error", undefined],
    ["with an error", new Error("broken off")],
  ])("in the middle of a body, %s, is broken off for every client", async (_how, error) => {
    // GIVEN an origin that resets its stream after a part of a body whose length nobody knows
    const origin = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("half");
      setTimeout(() => stream.destroy(error), 50);
    });
    try {
      // THEN neither client takes what came for the whole
      const text = await overHttp1(origin.host);
      expect(text).toContain("half");
      expect(text).not.toMatch(/\r\n0\r\n/);
      expect(await ask(origin.host)).toMatchObject({ status: 200, body: "half", whole: false });
    } finally {
      await origin.close();
    }
  });

  test("before an answer, while the request is under way, is 502 at once", async () => {
    const origin = await http2Origin((stream) => void setTimeout(() => stream.destroy(), 50));
    try {
      const stream = session.request({ ":method": "POST", ":path": "/", ":authority": origin.host });
      stream.write("half");
      expect(await answerTo(stream)).toMatchObject({ status: 502 });
      expect(proxy.output()).toContain("origin reset the stream");
    } finally {
      await origin.close();
    }
  });

  test("and refused unread is asked for again, whatever the method", async () => {
    let attempts = 0;
    const origin = await http2Origin((stream) => {
      if (++attempts % 2 === 1) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      stream.respond({ ":status": 200 });
      stream.end("second");
    });
    try {
      expect(await overHttp1(origin.host, "Content-Length: 2\r\n", "ab")).toMatch(
        /^HTTP\/1.1 200 [^]*second/,
      );
      const stream = session.request({ ":method": "POST", ":path": "/", ":authority": origin.host });
      stream.end("ab");
      expect(await answerTo(stream)).toMatchObject({ status: 200, body: "second" });
      expect(attempts).toBe(4);
    } finally {
      await origin.close();
    }
  });

  test("but only after it had sent all of the body, reaches a slow client whole", async () => {
    // GIVEN an origin whose session ends as soon as a response is out
    const body = "z".repeat(300_000);
    const origin = await http2Origin((stream) => {
      stream.respond({ ":status": 200 });
      stream.end(body);
      stream.session!.close();
    });
    // AND a client that takes its time
    const slow = connect(`http://127.0.0.1:${proxy.port}`, { settings: { initialWindowSize: 1_000 } });
    try {
      const stream = slow.request({ ":path": "/", ":authority": origin.host });
      const answer = answerTo(stream);
      stream.pause();
      await sleep(300);
      stream.resume();
      const { body: received, whole } = await answer;
      expect({ length: received.length, whole }).toEqual({ length: body.length, whole: true });
    } finally {
      slow.destroy();
      await origin.close();
    }
  });
});

describe("what HTTP/2 has no place for", () => {
  test.each([
    ["a status above 599", "HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", 502, /^502/],
    [
      "a field of the hop",
      "HTTP/1.1 200 OK\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\nok",
      200,
      /^ok$/,
    ],
    [
      "a body after 205",
      "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      205,
      /^$/,
    ],
  ])("%s in an answer does no harm", async (_what, text, status, body) => {
    const origin = await rawOrigin((socket) => socket.write(text));
    expect(await ask(`localhost.ccnproxy:${origin.port}`)).toMatchObject({
      status,
      body: expect.stringMatching(body) as string,
      whole: true,
    });
    await origin.close();
  });

  test("a body in the proxy's own answer to HEAD", async () => {
    expect(await ask("localhost.ccnproxy:1", { ":method": "HEAD" })).toMatchObject({
      status: 502,
      body: "",
      whole: true,
    });
  });
});

describe("an HTTP/2 client", () => {
  test("that sends an empty body late gets its answer", async () => {
    const origin = await rawOrigin((socket, text) => {
      if (text.endsWith("0\r\n\r\n")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const stream = session.request({
      ":method": "POST",
      ":path": "/",
      ":authority": `localhost.ccnproxy:${origin.port}`,
    });
    stream.end();
    expect(await answerTo(stream)).toMatchObject({ status: 200, whole: true });
    await origin.close();
  });

  test("that resets its request, even without an error, neither ends it in order nor harms others", async () => {
    const origin = await rawOrigin((socket, text) => {
      if (text.startsWith("GET")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      else setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 200);
    });
    const host = `localhost.ccnproxy:${origin.port}`;
    const stream = session.request({ ":method": "POST", ":path": "/", ":authority": host });
    stream.on("error", () => undefined);
    stream.write("half");
    await sleep(100);
    stream.destroy();
    await sleep(300);
    expect(origin.received[0]).toContain("4\r\nhalf\r\n");
    expect(origin.received[0]).not.toContain("\r\n0\r\n");
    expect(await ask(host)).toMatchObject({ status: 200, body: "ok" });
    await origin.close();
  });

  test("that reads none of its answers yet is not refused the next one", async () => {
    // GIVEN all but one of the exchanges that a session may have, each with an answer that waits for the client
    const origin = await rawOrigin((socket, text) => {
      if (text.startsWith("HEAD")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${"z".repeat(200_000)}`);
    });
    const slow = connect(`http://127.0.0.1:${proxy.port}`, { settings: { initialWindowSize: 0 } });
    slow.setMaxListeners(0);
    const request = (method: string): ClientHttp2Stream =>
      slow
        .request({ ":method": method, ":path": "/", ":authority": `localhost.ccnproxy:${origin.port}` })
        .on("error", () => undefined);
    try {
      await once(slow, "remoteSettings");
      const waiting = Array.from({ length: 255 }, () => request("GET"));
      await Promise.all(waiting.map((stream) => once(stream, "response")));
      // THEN the last one is answered
      expect(await answerTo(request("HEAD"))).toMatchObject({ status: 200, whole: true });
    } finally {
      slow.destroy();
      await origin.close();
    }
  });

  test("that takes its time after as many bytes as its window has room for gets the end, and trailers", async () => {
    // GIVEN an answer of exactly the size of the client's window, so that its end has to wait for the client
    const size = 200_000;
    const origin = await rawOrigin((socket) => {
      const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      socket.write(`${head}${size.toString(16)}\r\n${"z".repeat(size)}\r\n0\r\nx-sum: 1\r\n\r\n`);
    });
    const slow = connect(`http://127.0.0.1:${proxy.port}`, { settings: { initialWindowSize: size } });
    try {
      // WHEN it reads nothing for longer than an answered stream lingers
      const stream = slow.request({ ":path": "/", ":authority": `localhost.ccnproxy:${origin.port}` });
      const answer = answerTo(stream);
      stream.pause();
      await sleep(4_000);
      stream.resume();
      // THEN all of it has come
      const { body, trailers } = await answer;
      expect({ length: body.length, sum: trailers["x-sum"] }).toEqual({ length: size, sum: "1" });
    } finally {
      slow.destroy();
      await origin.close();
    }
  }, 15_000);

  test("that does not go on with its body is told 408", async () => {
    const origin = await rawOrigin(() => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": "/",
      ":authority": `localhost.ccnproxy:${origin.port}`,
    });
    stream.write("x");
    expect(await answerTo(stream)).toMatchObject({ status: 408 });
    await origin.close();
  });

  test("gets an answer from a connection in place of one that had died, for GET", async () => {
    const origin = await rawOrigin((socket, text) => {
      if (text.split("HTTP/1.1").length > 2) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const host = `localhost.ccnproxy:${origin.port}`;
    expect(await ask(host)).toMatchObject({ status: 200 });
    expect(await ask(host)).toMatchObject({ status: 200, body: "ok" });
    await origin.close();
  });

  test("is told to go elsewhere while draining, and what it has begun by then is answered", async () => {
    const leaving = await startProxy(file, FLAGS);
    const origin = await rawOrigin((socket) => {
      setTimeout(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), 200);
    });
    const client = connect(`http://127.0.0.1:${leaving.port}`);
    const request = (): Promise<Answer> =>
      answerTo(client.request({ ":path": "/", ":authority": `localhost.ccnproxy:${origin.port}` }));
    let told = false;
    client.on("goaway", () => (told = true));
    try {
      // WHEN requests are made until the client has been told
      const first = request();
      await sleep(100);
      const stopped = leaving.stop();
      const answers = [first];
      const askOn = async (): Promise<void> => {
        if (!client.closed) answers.push(request());
        await sleep(5);
      };
      await whileCalling([askOn], () => becomes(() => told, true));
      // THEN none of them is lost, but for one that the client itself has not sent any more, having been told
      const all = await Promise.all(answers);
      const answered = all.filter(({ refused }) => !refused);
      for (const answer of answered) expect(answer).toMatchObject({ status: 200, body: "ok" });
      expect(origin.received.join("").split("GET ").length - 1).toBe(answered.length);
      expect(all[0]!.refused).toBe(false);
      client.close();
      expect(await stopped).toBe(0);
    } finally {
      client.destroy();
      await origin.close();
    }
  });
});

describe("trailers of a request", () => {
  const host = (port: number): string => `localhost.ccnproxy:${port}`;
  const withTrailers = (authority: string, trailers: Record<string, string>): Promise<Answer> => {
    const stream = session.request(
      { ":method": "POST", ":path": "/", ":authority": authority },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end("body");
    return answerTo(stream);
  };

  test("pass from HTTP/1.1 and from HTTP/2 to an HTTP/2 origin", async () => {
    const seen: unknown[] = [];
    const origin = await http2Origin((stream) => {
      stream.on("trailers", (fields) => seen.push(fields["x-sum"]));
      stream.on("data", () => undefined);
      stream.on("end", () => {
        stream.respond({ ":status": 200 });
        stream.end();
      });
    });
    try {
      const chunks = "4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n";
      expect(await overHttp1(origin.host, "Transfer-Encoding: chunked\r\n", chunks)).toMatch(
        /^HTTP\/1.1 200 /,
      );
      expect(await withTrailers(origin.host, { "x-sum": "2" })).toMatchObject({ status: 200 });
      expect(seen).toEqual(["1", "2"]);
    } finally {
      await origin.close();
    }
  });

  test("pass from HTTP/2 to an HTTP/1.1 origin; those that frame or route a message are 400", async () => {
    const origin = await rawOrigin((socket, text) => {
      if (text.endsWith("\r\nx-sum: 3\r\n\r\n")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    expect(await withTrailers(host(origin.port), { "x-sum": "3" })).toMatchObject({ status: 200 });
    expect(origin.received[0]).toMatch(/\r\n4\r\nbody\r\n0\r\nx-sum: 3\r\n\r\n$/);
    expect(await withTrailers(host(origin.port), { trailer: "x" })).toMatchObject({ status: 400 });
    expect(origin.received.join("")).not.toContain("trailer: x");
    await origin.close();
  });
});

test("forbidden trailers of a response break it off", async () => {
  const origin = await http2Origin((stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ trailer: "x" }));
    stream.end("body");
  });
  try {
    expect(await ask(origin.host)).toMatchObject({ status: 200, whole: false });
    expect(await overHttp1(origin.host)).not.toMatch(/\r\n0\r\n/);
  } finally {
    await origin.close();
  }
});
