import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { FRAME, frame, uint32 } from "../../proxy/http2/http2-frames";
import { routeOf } from "../../proxy/route";
import { bundle, eventually, metricsOf, scratch, startProxy, usingProxy } from "./proxy-process";
import { rawOrigin, talk } from "./raw-http";
import { rawHttp2Client, requestFrame } from "./raw-http2";

const file = bundle(scratch());
const QUIET = ["--access-log-dir", "none"];
const FLAGS = ["--allow", "127.0.0.1", "--allow-address", "127.0.0.0/8", ...QUIET];
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const hostOf = (port: number): string => `127.0.0.1.ccnproxy:${port}`;

/** One request of a client of Node's over HTTP/2. */
async function ask(
  port: number,
  fields: Record<string, string | string[]>,
  send?: (write: (text: string) => void, end: () => void) => void,
): Promise<{ status: number; fields: Record<string, unknown>; interims: number[]; whole: boolean }> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  try {
    return await new Promise((resolve) => {
      const stream = session.request({ ":path": "/", ...fields }, { endStream: send === undefined });
      let head: Record<string, unknown> = {};
      const interims: number[] = [];
      stream.on("headers", (came) => interims.push(Number(came[":status"])));
      stream.on("response", (came) => (head = { ...came })).on("error", () => undefined);
      stream
        .resume()
        .on("close", () =>
          resolve({ status: Number(head[":status"]), fields: head, interims, whole: stream.rstCode === 0 }),
        );
      send?.(
        (text) => void stream.write(text),
        () => void stream.end(),
      );
    });
  } finally {
    session.destroy();
  }
}

test.each([
  ["a.ccnproxy:", { authority: "a", port: 80 }],
  ["a.ccnproxy-https:", { authority: "a", port: 443 }],
  ["a.ccnproxy-https:0443", { authority: "a:443", port: 443 }],
  ["a.ccnproxy:0", { status: 400 }],
  ["a.ccnproxy:65536", { status: 400 }],
  ["a.ccnproxy:8a", { status: 400 }],
  ["a.ccnproxy-service", { authority: "a.ccnproxy-service" }],
  ["A.Ccnproxy-Service.jp:8080", { authority: "a.ccnproxy-service" }],
  ["ccnproxy-service", { status: 400 }],
])("GIVEN Host %s THEN the route is %j", (host, route) => {
  expect(routeOf(host)).toMatchObject(route);
});

test("GIVEN OPTIONS for a server, and not for a path, THEN the origin is asked about itself", async () => {
  const origin = await rawOrigin((socket) => socket.write(OK));
  await usingProxy(file, FLAGS, async (proxy) => {
    const host = hostOf(origin.port);
    await talk(proxy.port, `OPTIONS http://${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await talk(proxy.port, `OPTIONS http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(origin.received.join("").match(/OPTIONS \S+/g)).toEqual(["OPTIONS *", "OPTIONS /"]);
  });
  await origin.close();
});

test("GIVEN one upstream for all WHEN a Host is malformed THEN it is 400, and does not go out", async () => {
  const origin = await rawOrigin((socket) => socket.write(OK));
  const flags = ["--upstream", `http://127.0.0.1:${origin.port}`, "--allow-address", "127.0.0.0/8", ...QUIET];
  await usingProxy(file, flags, async (proxy) => {
    for (const host of ["a b", "a:b", "a/b", "a@b", "a:1:2", "[::1", 'a"']) {
      const answer = await talk(proxy.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([host, answer.slice(0, 12)]).toEqual([host, "HTTP/1.1 400"]);
    }
    expect(origin.received).toEqual([]);
    for (const host of ["a", "a:80", "A.b:", "[::1]:80"])
      expect(await talk(proxy.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toMatch(/ok$/);
  });
  await origin.close();
});

describe("GIVEN an HTTP/2 client", () => {
  test("WHEN its cookies come in 97 crumbs THEN they are one field", async () => {
    const origin = await rawOrigin((socket) => socket.write(OK));
    await usingProxy(file, FLAGS, async (proxy) => {
      const cookie = Array.from({ length: 97 }, (_, i) => `c${i}=${i}`);
      const fields = { ":authority": hostOf(origin.port), cookie, "x-a": "1", "x-b": "2", "x-c": "3" };
      expect((await ask(proxy.port, fields)).status).toBe(200);
      expect(origin.received[0]).toContain(`cookie: ${cookie.join("; ")}\r\n`);
    });
    await origin.close();
  });

  test.each([
    ["204", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204],
    ["103", `HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nLink: </a>\r\n\r\n${OK}`, 200],
  ])(
    "WHEN a %s answer has a Content-Length THEN that is dropped, for HTTP/1.1 too",
    async (_, text, status) => {
      const origin = await rawOrigin((socket) => socket.write(text));
      await usingProxy(file, FLAGS, async (proxy) => {
        const answer = await ask(proxy.port, { ":authority": hostOf(origin.port) });
        expect(answer).toMatchObject({ status, whole: true });
        if (status === 204) expect(answer.fields).not.toHaveProperty("content-length");
        const plain = await talk(proxy.port, `GET / HTTP/1.1\r\nHost: ${hostOf(origin.port)}\r\n\r\n`);
        expect(plain.split("\r\n\r\n")[0]).not.toMatch(/content-length/i);
      });
      await origin.close();
    },
  );

  test("WHEN it speaks gRPC-Web THEN its request goes out as any other", async () => {
    const origin = await rawOrigin((socket) => socket.write(OK));
    await usingProxy(file, FLAGS, async (proxy) => {
      const fields = {
        ":authority": hostOf(origin.port),
        ":method": "POST",
        "content-type": "application/grpc-web+proto",
      };
      expect((await ask(proxy.port, fields)).status).toBe(200);
      expect(origin.received[0]).toMatch(/^POST /);
    });
    await origin.close();
  });

  test.each([
    ["with a length", { "content-length": "8" }],
    ["of unknown length", {}],
    ["that is waited for", { "content-length": "8", expect: "100-continue" }],
  ])(
    "WHEN it sends a body %s slowly, and bodies are collected, THEN no connection is taken before",
    async (_, more) => {
      const origin = await rawOrigin((socket, text) => /two2|2two/.test(text) && socket.write(OK));
      await usingProxy(file, [...FLAGS, "--request-buffering", "1000"], async (proxy) => {
        const fields = { ":authority": hostOf(origin.port), ":method": "POST", ...more };
        const answer = await ask(proxy.port, fields, (write, end) => {
          write("one1");
          setTimeout(() => {
            expect(origin.received).toEqual([]);
            write("two2");
            end();
          }, 500);
        });
        expect(answer.status).toBe(200);
        expect(origin.received[0]).not.toMatch(/expect:/i);
        if ("expect" in more) expect(answer.interims).toContain(100);
      });
      await origin.close();
    },
  );

  test.each([
    ["are widened by nothing", (stream: number) => frame(FRAME.windowUpdate, 0, stream, uint32(0))],
    [
      "are widened by too much",
      (stream: number) => frame(FRAME.windowUpdate, 0, stream, uint32(2 ** 31 - 1)),
    ],
    ["are reset by itself", (stream: number) => frame(FRAME.reset, 0, stream, uint32(8))],
  ])(
    "WHEN most of its streams %s, however slowly, THEN it is disconnected",
    async (_, spoil) => {
      const origin = await rawOrigin(() => undefined);
      await usingProxy(file, FLAGS, async (proxy) => {
        const { socket, write } = await rawHttp2Client(proxy.port);
        socket.once("end", () => socket.destroy());
        let streams = 0;
        // A crowded machine is told late; it has to be told before this is all written.
        for (; streams < 3_000 && !socket.destroyed; streams += 2) {
          for (const stream of [2 * streams + 1, 2 * streams + 3])
            write(requestFrame(stream, hostOf(origin.port)) + spoil(stream));
          await sleep(2);
        }
        expect(streams).toBeLessThan(3_000);
        await eventually(async () => (await metricsOf(proxy)).get("tricloud_proxy_clients") === 0);
      });
      await origin.close();
    },
    30_000,
  );
});

test("GIVEN an HTTP/1.1 client that awaits 100 WHEN bodies are collected THEN it gets it from the proxy", async () => {
  const origin = await rawOrigin((socket, text) => text.endsWith("body") && socket.write(OK));
  await usingProxy(file, [...FLAGS, "--request-buffering", "1000"], async (proxy) => {
    const socket = connect({ host: "127.0.0.1", port: proxy.port });
    let came = "";
    socket.on("data", (bytes: Buffer) => (came += bytes.toString()));
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${hostOf(origin.port)}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
    );
    await eventually(() => came.startsWith("HTTP/1.1 100 "), 3_000);
    expect(origin.received).toEqual([]);
    socket.write("body");
    await eventually(() => came.endsWith("ok"), 3_000);
    expect(origin.received[0]).not.toMatch(/expect:/i);
    socket.destroy();
  });
  await origin.close();
});

test.each(["Authorization: a", "X-Chocon-Id: a", "X-Chocon-Ver: a", "Cookie: a"])(
  "GIVEN a request with a trailer %s THEN it is 400",
  async (trailer) => {
    const origin = await rawOrigin(() => undefined);
    await usingProxy(file, FLAGS, async (proxy) => {
      const head = `POST / HTTP/1.1\r\nHost: ${hostOf(origin.port)}\r\nTransfer-Encoding: chunked\r\n\r\n`;
      expect(await talk(proxy.port, `${head}0\r\n${trailer}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400/);
    });
    await origin.close();
  },
);

test("GIVEN a signal that other servers restart at THEN the proxy says so and goes on", async () => {
  await usingProxy(file, FLAGS, async (proxy) => {
    proxy.child.kill("SIGUSR2");
    await proxy.said(`"signal":"SIGUSR2"`);
    expect(await talk(proxy.port, "GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
  });
});

test("GIVEN workers WHEN one has to cut requests off at shutdown THEN the exit code says so", async () => {
  const silent = await rawOrigin(() => undefined);
  const proxy = await startProxy(file, [...FLAGS, "--workers", "2", "--shutdown-timeout", "300ms"]);
  const answer = talk(proxy.port, `GET / HTTP/1.1\r\nHost: ${hostOf(silent.port)}\r\n\r\n`, 2_000);
  await eventually(() => silent.received.some((text) => text !== ""));
  expect(await proxy.stop()).toBe(1);
  await answer;
  await silent.close();
});
