import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { ask, exchange, gatewayLab, service } from "./gateway-lab";
import { claims, TestKey } from "./test-issuer";
import { eventually } from "../proxy/proxy-process";
import { talk } from "../proxy/raw-http";

const lab = gatewayLab();
const key = TestKey.ec("k1");

test("GIVEN a route that names the fields which go on WHEN requests and answers have others THEN these stay behind", async () => {
  const api = await service("api", (_, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload", "x-internal": "early" });
    response
      .setHeader("X-Internal", "late")
      .setHeader("X-Total", "3")
      .setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.setHeader("Content-Language", "en").end("api");
  });
  const config = {
    services: { api: api.url },
    issuers: {
      users: {
        issuer: "https://issuer.example",
        audience: "api",
        algorithms: ["ES256"],
        keys: [key.jwk],
        forward: { sub: "X-User-Id" },
      },
    },
    limits: { all: { requests: 100, window: "1m", key: "address" } },
    routes: {
      narrow: {
        path: "/narrow",
        service: "api",
        jwt: "users",
        limits: ["all"],
        requestHeaders: ["Accept"],
        answerHeaders: ["x-total"],
      },
      none: { path: "/none", service: "api", requestHeaders: [] },
      wide: { path: "/wide", service: "api" },
    },
  };
  await lab.using(config, async (gateway) => {
    const sent = {
      method: "POST",
      body: "{}",
      headers: {
        authorization: `Bearer ${key.token(claims())}`,
        accept: "text/plain",
        "content-type": "application/json",
        cookie: "session=1",
        "user-agent": "test",
        "x-other": "1",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      },
    };
    const { status, headers } = await exchange(gateway, "/narrow", sent);
    expect(status).toBe(200);
    expect(Object.keys(api.requests.at(-1)!.message.headers).sort()).toEqual([
      "accept",
      "content-length",
      "content-type",
      "host",
      "traceparent",
      "x-chocon-id",
      "x-forwarded-for",
      "x-forwarded-host",
      "x-forwarded-proto",
      "x-tricloud-gateway-hops",
      "x-user-id",
    ]);
    expect(api.requests.at(-1)!.body).toBe("{}");
    expect(Object.keys(headers).sort()).toEqual([
      "connection",
      "content-language",
      "content-length",
      "date",
      "ratelimit",
      "ratelimit-policy",
      "x-chocon-id",
      "x-total",
    ]);
    // AND what comes ahead of an answer is no way around
    const raw = await talk(
      gateway.port,
      `GET /narrow HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${key.token(claims())}\r\n\r\n`,
    );
    expect(raw).toMatch(/^HTTP\/1\.1 103 [^]*HTTP\/1\.1 200 /);
    expect(raw).not.toMatch(/x-internal|link/i);
    // AND a list of none is one too, while a route without any lets all through
    await ask(gateway, "/none", sent);
    expect(api.requests.at(-1)!.message.headers).not.toHaveProperty("accept");
    const wide = await exchange(gateway, "/wide", sent);
    expect(wide.headers).toMatchObject({ "x-internal": "late", "set-cookie": ["a=1", "b=2"] });
    expect(api.requests.at(-1)!.message.headers).toMatchObject({ cookie: "session=1", "x-other": "1" });
  });
});

test("GIVEN a route that holds bodies WHEN one comes slowly THEN its service is asked once all of it is here, and never for one that is too large", async () => {
  const api = await service("api");
  const routes = {
    held: { path: "/held", service: "api", holdBody: true, maxBodyBytes: 300_000 },
    open: { path: "/open", service: "api", maxBodyBytes: 300_000 },
  };
  await lab.using({ services: { api: api.url }, routes }, async (gateway) => {
    const half = "x".repeat(140_000);
    for (const [path, early] of [
      ["/held", false],
      ["/open", true],
    ] as const) {
      const before = api.requests.length;
      const socket = connect(gateway.port, "127.0.0.1");
      let answer = "";
      socket.on("data", (bytes) => (answer += bytes.toString()));
      const fields = `Content-Length: ${2 * half.length}\r\nExpect: 100-continue\r\n`;
      socket.write(`PUT ${path} HTTP/1.1\r\nHost: h\r\n${fields}\r\n`);
      await eventually(() => answer.startsWith("HTTP/1.1 100 "));
      socket.write(half);
      // Another request that comes meanwhile and is answered: what was to be sent on would have been.
      const sent = { method: "PUT", body: [Buffer.from(half), Buffer.from(half)] };
      expect(await ask(gateway, path, sent)).toEqual({ status: 200, body: "api" });
      expect(api.requests.length - before).toBe(early ? 2 : 1);
      socket.write(half);
      await eventually(() => answer.endsWith("api"));
      expect(api.requests.slice(before).map(({ body }) => body.length)).toEqual([280_000, 280_000]);
      socket.destroy();
    }
    const before = api.requests.length;
    const chunks = Array.from({ length: 31 }, () => Buffer.alloc(10_000, "x"));
    expect(await ask(gateway, "/held", { method: "PUT", body: chunks })).toMatchObject({ status: 413 });
    const session = connectHttp2(`http://127.0.0.1:${gateway.port}`);
    const asked = (parts: number): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":method": "PUT", ":path": "/held" });
        stream.on("response", (head) => resolve(head[":status"]!)).on("error", reject);
        for (let i = 0; i < parts; i++) stream.write(Buffer.alloc(10_000, "y"));
        stream.end();
      });
    expect(await asked(31)).toBe(413);
    expect(api.requests.length).toBe(before);
    expect(await asked(28)).toBe(200);
    expect(api.requests.at(-1)!.body).toBe("y".repeat(280_000));
    session.destroy();
  });
});
