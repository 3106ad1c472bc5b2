import { ask, exchange, gatewayLab, type RunningGateway, service, type TestService } from "./gateway-lab";
import { claims, TestKey } from "./test-issuer";
import { eventually, metricsOf } from "../proxy/proxy-process";
import { Windows } from "../../gateway/limits/windows";

const lab = gatewayLab();
const key = TestKey.ec("k1");
let api: TestService;
beforeAll(async () => {
  api = await service("api");
});

const config = (limits: object, more: object = {}): object => ({
  services: { api: api.url },
  issuers: {
    users: { issuer: "https://issuer.example", audience: "api", algorithms: ["ES256"], keys: [key.jwk] },
  },
  trustedHops: 1,
  limits,
  routes: {
    all: { path: "/**", service: "api", limits: Object.keys(limits).filter((name) => name !== "user") },
    mine: { path: "/mine", service: "api", jwt: "users", limits: Object.keys(limits) },
  },
  ...more,
});
const from = (address: string): { headers: Record<string, string> } => ({
  headers: { "x-forwarded-for": address },
});

/** How many of so many requests that come at once are let through. */
async function passed(gateway: RunningGateway, count: number, sent: object): Promise<number> {
  let through = 0;
  const one = async (): Promise<void> => {
    const { status } = await ask(gateway, "/x", sent);
    if (status === 200) through++;
    else expect(status).toBe(429);
  };
  const lane = async (lanes: number): Promise<void> => {
    for (let i = 0; i < count / lanes; i++) await one();
  };
  await Promise.all(Array.from({ length: 8 }, () => lane(8)));
  return through;
}

test("GIVEN a limit by address WHEN its quota is used up THEN the answer is 429 until the window ends, and each answer tells what is left", async () => {
  const limits = { clients: { requests: 3, window: "6s", key: "address" } };
  await lab.using(config(limits), async (gateway) => {
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { status, headers } = await exchange(gateway, "/x", from("192.0.2.1"));
      seen.push(`${status} ${headers["ratelimit"]}`.replace(/t=[1-6]$/, "t"));
      expect(headers["ratelimit-policy"]).toBe('"clients";q=3;w=6');
      if (status === 429)
        expect(headers["retry-after"]).toBe(/t=(\d)$/.exec(String(headers["ratelimit"]))![1]);
    }
    expect(seen).toEqual([
      '200 "clients";r=2;t',
      '200 "clients";r=1;t',
      '200 "clients";r=0;t',
      '429 "clients";r=0;t',
      '429 "clients";r=0;t',
    ]);
    // AND others have quotas of their own, all addresses of one network of IPv6 together
    expect((await ask(gateway, "/x", from("192.0.2.2"))).status).toBe(200);
    for (const [address, status] of [
      ["2001:db8:0:1::1", 200],
      ["2001:db8:0:1:ffff::2", 200],
      ["2001:DB8::1:0:0:0:3", 200],
      ["2001:db8:0:1::4", 429],
      ["2001:db8:0:2::1", 200],
    ] as const)
      expect({ address, status: (await ask(gateway, "/x", from(address))).status }).toEqual({
        address,
        status,
      });
    const metrics = await metricsOf(gateway);
    expect(metrics.get('tricloud_gateway_limit_exceeded_total{limit="clients"}')).toBe(3);
    expect(metrics.get('tricloud_gateway_route_refused_total{route="all",reason="rate_limit"}')).toBe(3);
    await gateway.said('"status":429,"problem":"more than 3 requests in 6 s, the limit clients"');
    // AND as much again comes with the next window
    const statusOf = async (): Promise<number> => (await ask(gateway, "/x", from("192.0.2.1"))).status;
    await eventually(async () => (await statusOf()) === 200);
    expect([await statusOf(), await statusOf(), await statusOf()]).toEqual([200, 200, 429]);
  });
});

test("GIVEN limits by header and by claim WHEN requests come THEN each is counted by all that its route names, and tokens are looked at after the first", async () => {
  const limits = {
    tenant: { requests: 6, window: "1m", key: { header: "X-Tenant" } },
    user: { requests: 2, window: "1h", key: { claim: "sub" } },
  };
  await lab.using(config(limits), async (gateway) => {
    const bearing = (sub: string): Record<string, string> => ({
      authorization: `Bearer ${key.token(claims({ sub }))}`,
      "x-tenant": `a long name ${"x".repeat(300)}`,
    });
    const asked = async (headers: Record<string, string>): Promise<string> => {
      const { status, headers: told } = await exchange(gateway, "/mine", { headers });
      return `${status} ${told["ratelimit"]}`.replace(/;t=\d+/g, "");
    };
    expect(await asked(bearing("u1"))).toBe('200 "tenant";r=5, "user";r=1');
    expect(await asked(bearing("u1"))).toBe('200 "tenant";r=4, "user";r=0');
    expect(await asked(bearing("u1"))).toBe('429 "tenant";r=3, "user";r=0');
    expect(await asked(bearing("u2"))).toBe('200 "tenant";r=2, "user";r=1');
    expect(await asked({ ...bearing("u3"), authorization: "Bearer a.b.c" })).toBe('401 "tenant";r=1');
    expect(await asked(bearing("u3"))).toBe('200 "tenant";r=0, "user";r=1');
    expect(await asked({ ...bearing("u3"), authorization: "Bearer a.b.c" })).toBe('429 "tenant";r=0');
    // AND those who do not say share one quota
    expect(await passed(gateway, 16, {})).toBe(6);
  });
});

test.each([1, 2])(
  "GIVEN a limit WHEN its requests come to %i workers THEN they let through what one would, within 10 %, and small quotas to the request",
  async (workers) => {
    const limits = {
      many: { requests: 200, window: "10m", key: { header: "many" } },
      few: { requests: 7, window: "10m", key: { header: "few" } },
    };
    const routes = {
      many: { path: "/x", headers: { many: true }, service: "api", limits: ["many"] },
      few: { path: "/x", service: "api", limits: ["few"] },
    };
    await lab.using(config(limits, { workers, routes }), async (gateway) => {
      const through = await passed(gateway, 400, { headers: { many: "1" } });
      expect(through).toBeGreaterThanOrEqual(180);
      expect(through).toBeLessThanOrEqual(200);
      expect(await passed(gateway, 40, { headers: { few: "1" } })).toBe(7);
      expect(await passed(gateway, 40, { headers: { few: "2" } })).toBe(7);
      // AND a reload that leaves the limit as it is gives nobody a new quota
      gateway.reload(
        config({ ...limits, more: { requests: 1, window: 1, key: "address" } }, { workers, routes }),
      );
      await gateway.said("configuration reloaded");
      expect(await passed(gateway, 16, { headers: { few: "1" } })).toBe(0);
    });
  },
);

test("GIVEN two gateways of two workers each WHEN a client's requests come to both THEN they let through what the limit says, within 10 %", async () => {
  const limits = { clients: { requests: 200, window: "10m", key: "address" } };
  const one = config(limits, { workers: 2, gateways: 2 });
  await lab.using(one, (first) =>
    lab.using(one, async (second) => {
      const through = await Promise.all([first, second].map((each) => passed(each, 240, from("192.0.2.1"))));
      const all = through.reduce((sum, count) => sum + count, 0);
      expect(all).toBeGreaterThanOrEqual(180);
      expect(all).toBeLessThanOrEqual(220);
      expect((await exchange(first, "/x", from("192.0.2.9"))).headers["ratelimit"]).toMatch(
        /^"clients";r=198;t=/,
      );
    }),
  );
});

test("GIVEN as many as are remembered WHEN one more comes THEN the one whose window began first begins anew, and that is counted", async () => {
  const limits = { clients: { requests: 1, window: "10m", key: "address", maxKeys: 2 } };
  await lab.using(config(limits), async (gateway) => {
    const statusOf = async (address: string): Promise<number> =>
      (await ask(gateway, "/x", from(address))).status;
    expect(await statusOf("192.0.2.1")).toBe(200);
    expect(await statusOf("192.0.2.2")).toBe(200);
    expect(await statusOf("192.0.2.1")).toBe(429);
    expect(await statusOf("192.0.2.3")).toBe(200);
    expect(await statusOf("192.0.2.2")).toBe(429);
    expect(await statusOf("192.0.2.1")).toBe(200);
    const metrics = await metricsOf(gateway);
    expect(metrics.get('tricloud_gateway_limit_keys_forgotten_total{limit="clients"}')).toBe(2);
  });
});

test("GIVEN windows that have ended WHEN another begins THEN they take no room", async () => {
  const windows = new Windows<number>(2);
  windows.begin("a", 1, 1);
  windows.begin("b", 1, 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(windows.full).toBe(false);
  expect(windows.get("a")).toBeUndefined();
  expect(windows.over).toBe(true);
});
