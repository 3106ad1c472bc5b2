import { connect as connectHttp2 } from "node:http2";
import { ask, exchange, gatewayLab, type RunningGateway, service, type TestService } from "./gateway-lab";
import { claims, TestKey } from "./test-issuer";
import { eventually, metricsOf } from "../proxy/proxy-process";
import { talk } from "../proxy/raw-http";

const lab = gatewayLab();
const key = TestKey.ec("k1");
const APP = "https://app.example.com";
let api: TestService;
let monolith: TestService;
beforeAll(async () => {
  api = await service("api", (message, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("access-control-expose-headers", "X-Secret");
    response.setHeader(
      "Vary",
      new URL(message.url!, "http://x").searchParams.get("vary") ?? "Accept-Encoding",
    );
    response.end("api");
  });
  monolith = await service("monolith");
});

const config = (cors: object, more: object = {}): object => ({
  services: { api: api.url, gone: "http://127.0.0.1:9" },
  monolith: monolith.url,
  issuers: {
    users: { issuer: "https://issuer.example", audience: "api", algorithms: ["ES256"], keys: [key.jwk] },
  },
  routes: {
    items: { path: "/items/**", methods: ["GET", "PUT"], service: "api", cors, jwt: "users", ...more },
    gone: { path: "/gone", service: "gone", cors },
    plain: { path: "/plain", service: "api" },
  },
});
const CORS = {
  origins: [APP, "https://*.example.org", "capacitor://localhost"],
  headers: ["Authorization", "Content-Type"],
  exposed: ["X-Total"],
  credentials: true,
  maxAge: "1h",
};
interface Told {
  readonly status: number;
  readonly origin: string | undefined;
  readonly vary: string | undefined;
}
const token = (): string => `Bearer ${key.token(claims())}`;
const asked = async (
  gateway: RunningGateway,
  path: string,
  origin: string | undefined,
  headers: Record<string, string> = { authorization: token() },
): Promise<Told> => {
  const sent = { headers: { ...headers, ...(origin !== undefined && { origin }) } };
  const { status, headers: said } = await exchange(gateway, path, sent);
  return { status, origin: said["access-control-allow-origin"], vary: said.vary };
};
const preflight = (origin: string, method: string): { method: string; headers: Record<string, string> } => ({
  method: "OPTIONS",
  headers: {
    origin,
    "access-control-request-method": method,
    "access-control-request-headers": "authorization",
  },
});

test("GIVEN a route that some origins may use WHEN a browser asks before it sends THEN the gateway answers, without a token and without the service", async () => {
  await lab.using(config(CORS), async (gateway) => {
    const before = api.requests.length;
    const { status, body, headers } = await exchange(gateway, "/items/1", preflight(APP, "PUT"));
    expect({ status, body }).toEqual({ status: 204, body: "" });
    expect(headers).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": "GET, PUT, HEAD",
      "access-control-allow-headers": "Authorization, Content-Type",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "3600",
      vary: "Origin",
    });
    expect(headers["content-length"]).toBeUndefined();
    // AND it is 403 for an origin that may not, in which nothing allows anything
    const refused = await exchange(gateway, "/items/1", preflight("https://evil.example", "PUT"));
    expect(refused.status).toBe(403);
    expect(Object.keys(refused.headers).filter((name) => name.startsWith("access-control-allow-o"))).toEqual(
      [],
    );
    // AND what is no preflight, or is for a method that the route does not take, goes its usual way
    expect(await ask(gateway, "/items/1", preflight(APP, "DELETE"))).toEqual({
      status: 200,
      body: "monolith",
    });
    expect(await ask(gateway, "/items/1", { method: "OPTIONS", headers: { origin: APP } })).toEqual({
      status: 200,
      body: "monolith",
    });
    expect(await ask(gateway, "/plain", preflight(APP, "GET"))).toEqual({ status: 200, body: "api" });
    expect(api.requests.slice(before).map(({ message }) => message.url)).toEqual(["/plain"]);
    // AND what is counted and logged says so
    const metrics = await metricsOf(gateway);
    const of = 'route="items",service="(preflight)"';
    expect(metrics.get(`tricloud_gateway_route_requests_total{${of},status="204"}`)).toBe(1);
    expect(metrics.get('tricloud_gateway_route_refused_total{route="items",reason="origin"}')).toBe(1);
    await eventually(() => gateway.output().includes('"service":"(preflight)"'));
    // AND one with a body ends as it is to, with the next request behind it
    const posted = await talk(
      gateway.port,
      `OPTIONS /items/1 HTTP/1.1\r\nHost: h\r\nOrigin: ${APP}\r\nAccess-Control-Request-Method: PUT\r\n` +
        "Content-Length: 2\r\n\r\n{}GET /plain HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    expect(posted.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 204", "HTTP/1.1 200"]);
    // AND over HTTP/2
    const session = connectHttp2(`http://127.0.0.1:${gateway.port}`);
    const said = await new Promise((resolve, reject) => {
      const { method, headers: fields } = preflight(APP, "GET");
      const stream = session.request({ ":method": method, ":path": "/items/1", ...fields });
      stream.on("response", (head) => resolve([head[":status"], head["access-control-allow-origin"]]));
      stream.on("error", reject);
    });
    expect(said).toEqual([204, APP]);
    session.destroy();
  });
});

test("GIVEN a route that some origins may use WHEN they ask THEN only they may read its answers, errors included, and caches know it", async () => {
  await lab.using(config(CORS), async (gateway) => {
    const vary = "Accept-Encoding, Origin";
    expect(await asked(gateway, "/items/1", APP)).toEqual({ status: 200, origin: APP, vary });
    for (const origin of ["https://a.example.org", "https://a-b.c.example.org", "capacitor://localhost"])
      expect(await asked(gateway, "/items/1", origin)).toEqual({ status: 200, origin, vary });
    for (const origin of [
      "https://app.example.com.evil.example",
      "http://app.example.com",
      "https://app.example.com:444",
      "https://example.org",
      "https://.example.org",
      "https://evilexample.org",
      "https://evil.example/.example.org",
      "https://evil.example\\.example.org",
      "http://a.example.org",
      "null",
      undefined,
    ])
      expect(await asked(gateway, "/items/1", origin)).toEqual({ status: 200, origin: undefined, vary });
    // AND Vary says it once, and the service's own fields are replaced
    const { headers } = await exchange(gateway, "/items/1?vary=Origin", {
      headers: { authorization: token(), origin: APP },
    });
    expect(headers).toMatchObject({ vary: "Origin", "access-control-expose-headers": "X-Total" });
    expect(await asked(gateway, "/items/1?vary=*", APP)).toMatchObject({ vary: "*" });
    // AND pages can tell what went wrong: at the token, and at a service that is not there
    expect(await asked(gateway, "/items/1", APP, {})).toEqual({ status: 401, origin: APP, vary: "Origin" });
    expect(await asked(gateway, "/gone", APP, {})).toEqual({ status: 502, origin: APP, vary: "Origin" });
    // AND a route without it is its service's own business
    expect(await asked(gateway, "/plain", APP, {})).toMatchObject({ origin: "*", vary: "Accept-Encoding" });
  });
});

test("GIVEN a route that all origins may use WHEN they ask THEN the answer is the same to all", async () => {
  await lab.using(config({ origins: ["*"], headers: ["*"] }), async (gateway) => {
    expect(await asked(gateway, "/items/1", APP)).toEqual({
      status: 200,
      origin: "*",
      vary: "Accept-Encoding",
    });
    expect(await asked(gateway, "/items/1", undefined)).toMatchObject({ origin: "*" });
    const { headers } = await exchange(gateway, "/items/1", preflight(APP, "GET"));
    expect(headers).toMatchObject({
      "access-control-allow-headers": "*",
      "access-control-allow-origin": "*",
    });
    expect(headers["access-control-allow-credentials"]).toBeUndefined();
  });
});
