import { ask, gatewayLab, service, type TestService } from "./gateway-lab";
import { eventually, metricsOf } from "../proxy/proxy-process";

const lab = gatewayLab();
let search: TestService;
let items: TestService;
let monolith: TestService;
beforeAll(async () => {
  search = await service("search");
  items = await service("items");
  monolith = await service("monolith");
});

const config = (routes: object, more: object = {}): object => ({
  services: { search: search.url, items: items.url },
  monolith: { url: monolith.url, host: "keep" },
  routes,
  ...more,
});

describe("GIVEN a gateway before two services and a monolith", () => {
  test("WHEN requests come THEN each goes where its route says, and the rest to the monolith", async () => {
    const routes = {
      search: { path: "/v1/search", methods: ["GET"], service: "search" },
      item: { path: "/v1/items/{id}", service: "items", rewrite: "/things/{id}" },
      files: { hosts: ["files.example.com"], path: "/**", service: "items", rewrite: "/files/**" },
      beta: { path: "/v1/search", headers: { "X-Beta": "yes" }, service: "items" },
    };
    await lab.using(config(routes), async (gateway) => {
      let answers = 0;
      const asked = async (path: string, more: Parameters<typeof ask>[2] = {}): Promise<string> => {
        answers++;
        const { status, body } = await ask(gateway, path, more);
        return `${status} ${body}`;
      };
      expect(await asked("/v1/search?q=1")).toBe("200 search");
      expect(search.requests.at(-1)!.message.url).toBe("/v1/search?q=1");
      expect(await asked("/v1/search", { method: "HEAD" })).toBe("200 ");
      expect(await asked("/v1/search", { method: "POST", body: "x" })).toBe("200 monolith");
      expect(await asked("/v1/search", { headers: { "x-beta": "yes" } })).toBe("200 items");
      expect(await asked("/v1/items/a%2Fb?full", { method: "PUT", body: "new" })).toBe("200 items");
      expect(items.requests.at(-1)).toMatchObject({ message: { url: "/things/a%2Fb?full" }, body: "new" });
      expect(await asked("/a/b?c", { headers: { host: "FILES.example.com:80" } })).toBe("200 items");
      expect(items.requests.at(-1)!.message.url).toBe("/files/a/b?c");
      expect(await asked("/", { headers: { host: "www.example.com" } })).toBe("200 monolith");
      // AND the monolith reads the client's Host, since it is told to; a service its own
      expect(monolith.requests.at(-1)!.message.headers.host).toBe("www.example.com");
      expect(items.requests.at(-1)!.message.headers.host).toBe(items.url.replace("http://", ""));
      // AND the log and the metrics say by which route, and to which service
      await eventually(
        () =>
          gateway.output().includes('"host":"www.example.com","chocon_req":"') &&
          gateway.output().includes('"route":"rest","service":"monolith"}'),
      );
      expect(gateway.output()).toMatch(/"uri":"\/v1\/items\/a%2Fb".*"route":"item","service":"items"}/);
      const metrics = await metricsOf(gateway);
      const count = (route: string, to: string): number | undefined =>
        metrics.get(`tricloud_gateway_route_requests_total{route="${route}",service="${to}",status="200"}`);
      expect([count("search", "search"), count("beta", "items"), count("rest", "monolith")]).toEqual([
        2, 1, 2,
      ]);
      expect(metrics.get('tricloud_gateway_requests_total{status="200"}')).toBe(answers);
      expect(metrics.get('tricloud_gateway_route_request_seconds_count{route="item",service="items"}')).toBe(
        1,
      );
      expect(metrics.get('tricloud_gateway_route_active{route="item"}')).toBe(0);
    });
  });

  test("WHEN a path is not what it seems, or no route takes it THEN no service is asked", async () => {
    const routes = { search: { path: "/v1/**", service: "search" } };
    const before = search.requests.length;
    await lab.using({ services: { search: search.url }, routes }, async (gateway) => {
      for (const path of ["/v1/../admin", "/v1/%2E%2e/admin", "/v1/.", "/v1/%2e/x"])
        expect(await ask(gateway, path)).toMatchObject({ status: 400 });
      expect(await ask(gateway, "/v2")).toMatchObject({ status: 404 });
      expect(await ask(gateway, "/v1/x", { headers: { "x-tricloud-gateway-hops": "8" } })).toMatchObject({
        status: 508,
      });
      expect(search.requests.length).toBe(before);
      expect((await metricsOf(gateway)).get("tricloud_gateway_route_unrouted_total")).toBe(1);
    });
  });

  test("WHEN it is asked how it is THEN it says so as the proxy does", async () => {
    await lab.using(config({}), async (gateway) => {
      const status = async (path: string): Promise<number> =>
        (await fetch(`http://127.0.0.1:${gateway.adminPort}${path}`)).status;
      expect([await status("/healthz"), await status("/readyz"), await status("/upstreams")]).toEqual([
        200, 200, 200,
      ]);
    });
  });
});

describe("GIVEN proxies in front", () => {
  const forwarded = { "X-Forwarded-For": "203.0.113.7, 192.0.2.1", "X-Forwarded-Proto": "https" };
  const seen = async (
    trustedHops: number,
    more: Record<string, string> = {},
  ): Promise<Record<string, unknown>> => {
    let headers = {};
    await lab.using(config({}, { trustedHops }), async (gateway) => {
      await ask(gateway, "/", { headers: { ...forwarded, ...more, host: "a.example.com" } });
      headers = monolith.requests.at(-1)!.message.headers;
    });
    return headers;
  };

  test("WHEN none is trusted THEN what clients say of themselves does not reach a service", async () => {
    expect(await seen(0)).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": "a.example.com",
      "x-tricloud-gateway-hops": "1",
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) as string,
    });
  });

  test("WHEN one is trusted THEN the address that it saw goes on, and none that it was told", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    expect(await seen(1, { Traceparent: traceparent })).toMatchObject({
      traceparent,
      "x-forwarded-for": "192.0.2.1, 127.0.0.1",
      "x-forwarded-proto": "https",
    });
  });
});
