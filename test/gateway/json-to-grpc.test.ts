import { type sendUnaryData, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { withDescriptors } from "../../gateway/options-with-descriptors";
import { readConfiguration } from "../../gateway/options/configuration";
import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { join } from "node:path";
import { ask, exchange, gatewayLab, service, type TestRequest } from "./gateway-lab";
import { echo, type GrpcService, grpcService, PROTOS, SHOP } from "./grpc-lab";

type Message = Record<string, unknown>;

const lab = gatewayLab();
let shop: GrpcService;
beforeAll(async () => {
  shop = await grpcService(join(PROTOS, "shop.proto"), "shop.v1.Everythings", {
    Echo: echo,
    Fail: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
      done({ code: call.request["code"] as number, details: "näh: 100 %" }),
    Nothing: (_: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => done(null, {}),
    Slow: () => undefined,
    Mute: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => done(null, call.request),
    Raw: (call: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) => done(null, call.request),
  });
});

const config = (grpc: object | string = "shop", more: object = {}): object => ({
  services: { shop: shop.url },
  apis: { shop: SHOP },
  routes: { all: { path: "/**", service: "shop", grpc, ...more } },
});
const json = (body: unknown, headers: Record<string, string> = {}): TestRequest => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

describe("GIVEN a gateway before a service of gRPC", () => {
  test("WHEN clients send JSON THEN the service gets the call, and they its answer in JSON", async () => {
    await lab.using(config(), async (gateway) => {
      const asked = { anInt64: "9007199254740993", kind: "LARGE", inner: { name: "ü" } };
      const answer = await exchange(
        gateway,
        "/v1/echo",
        json(asked, { "x-user": "7", authorization: "Bearer t" }),
      );
      expect({ status: answer.status, body: JSON.parse(answer.body) as unknown }).toEqual({
        status: 200,
        body: asked,
      });
      expect(answer.headers).toMatchObject({
        "content-type": "application/json",
        "x-initial": "1",
        "x-trailing": "2",
      });
      expect(answer.headers).not.toHaveProperty("grpc-status");
      const { request, metadata } = shop.calls.at(-1)!;
      expect(request).toMatchObject({ an_int64: "9007199254740993", kind: "LARGE", inner: { name: "ü" } });
      expect(metadata.getMap()).toMatchObject({
        "x-user": "7",
        authorization: "Bearer t",
        "x-forwarded-for": "127.0.0.1",
      });
      expect(metadata.getMap()).not.toHaveProperty("accept");
      expect((await exchange(gateway, "/shop.v1.Everythings/Echo", json({ aBool: true }))).body).toBe(
        '{"aBool":true}',
      );
      expect(
        await exchange(gateway, "/v1/echo?an_int32=5&numbers=1&numbers=2&inner.inner.name=x"),
      ).toMatchObject({
        status: 200,
        body: '{"anInt32":5,"inner":{"inner":{"name":"x"}},"numbers":[1,2]}',
      });
      expect(await exchange(gateway, "/v1/nothing", { method: "DELETE" })).toMatchObject({
        status: 200,
        body: "{}",
      });
      const head = await exchange(gateway, "/v1/echo?a_bool=true", { method: "HEAD" });
      expect([head.status, head.headers["content-length"], head.body]).toEqual([200, "14", ""]);
    });
  });

  test("WHEN a call fails THEN the answer is its HTTP status, and a google.rpc.Status", async () => {
    await lab.using(config(), async (gateway) => {
      const expected: [number, number][] = [
        [status.NOT_FOUND, 404],
        [status.UNAUTHENTICATED, 401],
        [status.UNAVAILABLE, 503],
        [status.ALREADY_EXISTS, 409],
      ];
      for (const [code, http] of expected) {
        const answer = await exchange(gateway, `/v1/fail/${code}`);
        expect([answer.status, JSON.parse(answer.body)]).toEqual([
          http,
          { code, message: "näh: 100 %", details: [] },
        ]);
        expect(answer.headers["content-type"]).toBe("application/json");
      }
    });
  });

  test("WHEN a request is no call THEN it is refused, and the service not asked", async () => {
    const before = shop.calls.length;
    const wrong: [string, TestRequest, number, number][] = [
      ["/v1/echo", json("{"), 400, 3],
      ["/v1/echo", json({ anInt32: "x" }), 400, 3],
      ["/v1/echo", json({ nobodyKnows: 1 }), 400, 3],
      ["/v1/echo", json('{"aBool":true,"aBool":false}'), 400, 3],
      ["/v1/echo", json("[".repeat(100_000)), 400, 3],
      ["/v1/echo", json(`${'{"inner":'.repeat(5_000)}{}${"}".repeat(5_000)}`), 400, 3],
      ["/v1/echo", json({}, { "content-type": "text/plain" }), 415, 3],
      ["/v1/echo", json({}, { "content-encoding": "gzip" }), 415, 3],
      ["/v1/echo", json({}, { "content-type": "application/grpc" }), 415, 3],
      ["/v1/echo?nobody=1", {}, 400, 3],
      ["/v1/echo?a_bool=yes", {}, 400, 3],
      ["/v1/echo?an_int32=0x10", {}, 400, 3],
      ["/v1/echo?numbers=1&numbers=0b1", {}, 400, 3],
      ["/v1/echo?int64_value=%201", {}, 400, 3],
      ["/v1/echo?a_double=", {}, 400, 3],
      ["/v1/echo?a_bool=true&aBool=true", {}, 400, 3],
      ["/v1/echo?inner=x", {}, 400, 3],
      ["/v1/none", {}, 404, 5],
      ["/v1/nothing", {}, 405, 12],
      ["/v1/upload", json({}), 501, 12],
      ["/v1/echo", json({ aString: "x".repeat(5_000_000) }), 413, 8],
    ];
    await lab.using(config(), async (gateway) => {
      for (const [path, sent, http, code] of wrong) {
        const answer = await exchange(gateway, path, sent);
        const told = JSON.parse(answer.body) as { code: number; message: string };
        expect([path, answer.status, told.code]).toEqual([path, http, code]);
        expect(told.message).not.toBe("");
      }
      const { headers } = await exchange(gateway, "/v1/nothing");
      expect(headers.allow).toBe("DELETE");
    });
    expect(shop.calls.length).toBe(before);
  });

  test("WHEN a route has its own errors THEN they are answered so", async () => {
    const errors = {
      statuses: { NOT_FOUND: 410 },
      body: { fault: { http: "{status}", name: "{code}", text: "no: {message}" } },
    };
    await lab.using(config({ api: "shop", errors }), async (gateway) => {
      expect(await ask(gateway, "/v1/fail/5")).toEqual({
        status: 410,
        body: '{"fault":{"http":410,"name":"NOT_FOUND","text":"no: näh: 100 %"}}',
      });
    });
    const xml = { contentType: "text/xml", body: '<fault code="{number}">{message}</fault>' };
    await lab.using(config({ api: "shop", errors: xml }), async (gateway) => {
      const { status: http, body, headers } = await exchange(gateway, "/v1/none?<>");
      expect([http, body, headers["content-type"]]).toEqual([
        404,
        '<fault code="5">no method has /v1/none</fault>',
        "text/xml",
      ]);
    });
  });

  test("WHEN a client sends Protocol Buffers THEN they are what goes on, and what it gets", async () => {
    await lab.using(config(), async (gateway) => {
      // field 14, a_string: "hi"
      const message = Buffer.from([0x72, 2, 0x68, 0x69]);
      const type = { "content-type": "application/x-protobuf" };
      const echoed = await exchange(gateway, "/v1/echo", { method: "POST", headers: type, body: [message] });
      expect([echoed.status, echoed.body, echoed.headers["content-type"]]).toEqual([
        200,
        message.toString(),
        "application/x-protobuf",
      ]);
      const asJson = { ...type, accept: "application/json" };
      expect(await ask(gateway, "/v1/echo", { method: "POST", headers: asJson, body: [message] })).toEqual({
        status: 200,
        body: '{"aString":"hi"}',
      });
      const failed = await exchange(gateway, "/v1/fail/5", { headers: { accept: "application/x-protobuf" } });
      expect([failed.status, failed.headers["content-type"]]).toEqual([404, "application/x-protobuf"]);
      expect(failed.body.startsWith("\b\u0005\u0012")).toBe(true);
      const cut = { method: "POST", headers: type, body: [message.subarray(0, 3)] };
      expect((await ask(gateway, "/v1/echo", cut)).status).toBe(400);
    });
  });

  test("WHEN a body is whatever its type says THEN so it goes on, and so is the answer", async () => {
    await lab.using(config(), async (gateway) => {
      const sent = { method: "POST", headers: { "content-type": "text/csv" }, body: "a;b" };
      const { status: http, body, headers } = await exchange(gateway, "/v1/raw", sent);
      expect([http, body, headers["content-type"]]).toEqual([200, "a;b", "text/csv"]);
    });
  });

  test("WHEN the time is up, by the route or by the client THEN the answer is 504, and the service knew it", async () => {
    await lab.using(config("shop", { timeout: "300ms" }), async (gateway) => {
      expect(await ask(gateway, "/v1/slow")).toEqual({
        status: 504,
        body: '{"code":4,"message":"Gateway Timeout","details":[]}',
      });
      expect(shop.calls.at(-1)!.method).toBe("Slow");
      const [timeout] = shop.deadlines.slice(-1);
      expect(timeout).toBeLessThanOrEqual(300);
      expect(await ask(gateway, "/v1/slow", { headers: { "grpc-timeout": "50m" } })).toMatchObject({
        status: 504,
      });
      expect(shop.deadlines.at(-1)).toBeLessThanOrEqual(50);
      expect(await ask(gateway, "/v1/slow", { headers: { "grpc-timeout": "0m" } })).toMatchObject({
        status: 504,
      });
      expect(await ask(gateway, "/v1/echo", { headers: { "grpc-timeout": "99999999H" } })).toMatchObject({
        status: 200,
      });
    });
  });

  test("WHEN no service answers, or one that does not speak gRPC THEN it is unavailable", async () => {
    const plain = await service("plain");
    const services = { none: "http://127.0.0.1:1", plain: plain.url };
    const routes = {
      none: { path: "/v1/fail/**", service: "none", grpc: "shop" },
      plain: { path: "/v1/echo", service: "plain", grpc: "shop" },
    };
    await lab.using({ services, apis: { shop: SHOP }, routes }, async (gateway) => {
      for (const path of ["/v1/echo", "/v1/fail/5"]) {
        const { status: http, body } = await ask(gateway, path);
        expect([path, http, (JSON.parse(body) as { code: number }).code]).toEqual([path, 502, 14]);
      }
    });
  });

  test("WHEN users are yet with the monolith THEN it is asked as they ask", async () => {
    const monolith = await service("monolith");
    const more = { monolith: monolith.url };
    await lab.using({ ...config("shop", { share: 0 }), ...more }, async (gateway) => {
      expect(await ask(gateway, "/v1/echo", json({ any: "thing" }))).toEqual({
        status: 200,
        body: "monolith",
      });
      expect(monolith.requests.at(-1)).toMatchObject({
        body: '{"any":"thing"}',
        message: { url: "/v1/echo" },
      });
    });
  });

  test("WHEN a client of HTTP/2 asks, and sends its body in pieces THEN it is served the same", async () => {
    await lab.using(config(), async (gateway) => {
      const session = connect(`http://127.0.0.1:${gateway.port}`);
      const stream = session.request({
        ":method": "POST",
        ":path": "/v1/echo",
        "content-type": "application/json",
      });
      stream.write('{"aString":');
      stream.end('"ü"}');
      let body = "";
      for await (const part of stream.setEncoding("utf8")) body += part as string;
      session.close();
      expect(body).toBe('{"aString":"ü"}');
      const pieces = [Buffer.from('{"aString":'), Buffer.from('"x"}')];
      const headers = { "content-type": "application/json" };
      expect(await ask(gateway, "/v1/echo", { method: "POST", headers, body: pieces })).toEqual({
        status: 200,
        body: '{"aString":"x"}',
      });
    });
  });

  test("WHEN a service says nothing but its message THEN clients of both versions have it whole, HEAD its length", async () => {
    const origin = "https://app.example.com";
    await lab.using(config("shop", { cors: { origins: [origin] } }), async (gateway) => {
      // What is ASCII is written otherwise than what is not, and what is long otherwise than either.
      const texts = ["x", "ü", "x".repeat(200_000)];
      for (const text of texts) {
        const body = JSON.stringify({ message: text });
        const headers = { "content-type": "application/json", origin };
        const answer = await exchange(gateway, "/v1/mute", { method: "POST", headers, body });
        expect([answer.status, answer.body === body]).toEqual([200, true]);
        expect(answer.headers).toMatchObject({
          "content-type": "application/json",
          "content-length": `${Buffer.byteLength(body)}`,
          "access-control-allow-origin": origin,
          vary: "Origin",
        });
        const session = connect(`http://127.0.0.1:${gateway.port}`);
        const stream = session.request({ ...headers, ":method": "POST", ":path": "/v1/mute" });
        stream.end(body);
        const [fields] = (await once(stream, "response")) as [IncomingHttpHeaders];
        let came = "";
        for await (const part of stream.setEncoding("utf8")) came += part as string;
        session.close();
        expect(came === body).toBe(true);
        expect(fields).toMatchObject({
          ":status": 200,
          "content-type": "application/json",
          "content-length": `${Buffer.byteLength(body)}`,
          "access-control-allow-origin": origin,
        });
      }
      const head = await exchange(gateway, "/v1/mute?message=x", { method: "HEAD" });
      expect([head.status, head.headers["content-length"], head.body]).toEqual([200, "15", ""]);
    });
  });

  test("WHEN an API is told wrongly THEN the check says where", () => {
    const proto = (text: string): object => ({ api: { protos: [lab.file(text)] } });
    const check = (apis: object, grpc: object | string = "api"): string => {
      const routes = { r: { path: "/**", service: "s", grpc } };
      const file = lab.written({ services: { s: "http://127.0.0.1:1" }, apis, routes });
      try {
        return Object.keys(withDescriptors(file, readConfiguration(file)).descriptorSets).join();
      } catch (error) {
        return (error as Error).message;
      }
    };
    const head = 'syntax = "proto3"; package p; message M { string a = 1; repeated string b = 2; }\n';
    const rule = (text: string): object =>
      proto(`${head}service S { rpc R(M) returns (M) { option (google.api.http) = { ${text} }; } }`);
    expect(check(proto('syntax = "proto3";\nmessage M {\n  strin\n}'))).toMatch(
      /apis\.api: .*file-\d+:4: illegal name/,
    );
    expect(check(proto(`${head}message N { Other o = 1; }`))).toContain("p.N.o: nothing declares Other");
    expect(check({ api: { descriptors: lab.file("no") } })).toContain("no descriptor set");
    expect(check({ api: { descriptors: "/nowhere" } })).toContain("/nowhere: no descriptor set: ENOENT");
    expect(check(rule('get: "/v1/{c}"'))).toContain(
      "p.S.R: google.api.http: path /v1/{c}: p.M has no field c",
    );
    expect(check(rule('get: "/v1/{b}"'))).toContain("b is not a single value");
    expect(check(rule('get: "/v1/**/x"'))).toContain("** is not the last of it");
    expect(check(rule('post: "/v1" body: "c"'))).toContain("body: p.M has no field c");
    expect(check(rule('get: "/v1/{a}" additional_bindings { get: "/v1/{a=*}" }'))).toContain(
      "GET is there for p.S.R already",
    );
    expect(check(rule('get: "/v1"'), { api: "api", services: ["p.T"] })).toContain(
      'routes.r.grpc.services: "p.T" is not one of p.S',
    );
    expect(check(rule('get: "/v1"'), "other")).toContain('routes.r.grpc.api: "other" is not one of api');
    expect(check(rule('get: "/v1"'))).toBe("api");
  });
});
