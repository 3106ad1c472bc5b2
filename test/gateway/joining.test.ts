import { gzipSync } from "node:zlib";
import { eventually, metricsOf } from "../proxy/proxy-process";
import { ask, exchange, gatewayLab, service, type TestService } from "./gateway-lab";

const lab = gatewayLab();
const MISSING = "x-tricloud-gateway-missing";
const GONE = "http://127.0.0.1:1";

const json = (text: string): Promise<TestService> =>
  service("", (_, response) => response.writeHead(200, { "content-type": "application/json" }).end(text));
const status = (code: number, text = ""): Promise<TestService> =>
  service("", (_, response) => response.writeHead(code, { "content-type": "application/json" }).end(text));

let users: TestService;
let news: TestService;
beforeAll(async () => {
  users = await json('{"id":9007199254740993}');
  news = await json("[1,2]");
});

const HOME = {
  path: "/v1/home/{id}",
  service: "users",
  join: { user: { path: "/users/{id}" }, news: { service: "news", path: "/latest", soft: true } },
};
const config = (services: object, home: object = HOME): object => ({
  services: { users: users.url, news: news.url, ...services },
  routes: { home },
});

describe("GIVEN a route whose answer several services make", () => {
  test("WHEN it is asked for THEN their answers are its members, digit by digit", async () => {
    await lab.using(config({}), async (gateway) => {
      const answer = await exchange(gateway, "/v1/home/a%2Fb?q=1", {
        headers: {
          host: "api.example.com",
          "accept-encoding": "gzip",
          "if-none-match": '"1"',
          cookie: "a=b",
        },
      });
      expect(answer).toMatchObject({
        status: 200,
        body: '{"user":{"id":9007199254740993},"news":[1,2]}',
        headers: { "content-type": "application/json", "cache-control": "no-store" },
      });
      expect(answer.headers).not.toHaveProperty(MISSING);
      // AND each was asked for its own, by what the client sent but for what a part cannot take
      expect(users.requests.at(-1)!.message).toMatchObject({ method: "GET", url: "/users/a%2Fb?q=1" });
      expect(news.requests.at(-1)!.message).toMatchObject({ method: "GET", url: "/latest?q=1" });
      for (const { requests, url } of [users, news]) {
        const { headers } = requests.at(-1)!.message;
        expect(headers).toMatchObject({ host: url.replace("http://", ""), cookie: "a=b" });
        expect(headers).toHaveProperty("x-forwarded-for");
        expect(headers).not.toHaveProperty("accept-encoding");
        expect(headers).not.toHaveProperty("if-none-match");
      }
      // AND HEAD has the same fields, of what GET would have
      const head = await exchange(gateway, "/v1/home/7", { method: "HEAD" });
      expect(head).toMatchObject({ status: 200, body: "", headers: { "content-length": "45" } });
      // AND nothing else is its
      expect(await ask(gateway, "/v1/home/7", { method: "POST", body: "x" })).toMatchObject({ status: 404 });
      expect(
        await ask(gateway, "/v1/home/7", { headers: { "content-length": "1" }, body: "x" }),
      ).toMatchObject({ status: 400 });
      const metrics = await metricsOf(gateway);
      for (const part of ["user", "news"])
        expect(
          metrics.get(`tricloud_gateway_route_parts_total{route="home",part="${part}",outcome="answered"}`),
        ).toBe(2);
    });
  });

  test.each<[reason: string, away: () => Promise<string>]>([
    ["status_503", async () => (await status(503)).url],
    ["status_404", async () => (await status(404)).url],
    ["status_302", async () => (await status(302)).url],
    ["unusable", async () => (await json("{")).url],
    ["unusable", async () => (await json(`"${"x".repeat(2_000)}"`)).url],
    ["failed", async () => Promise.resolve(GONE)],
    ["timed_out", async () => (await service("", () => undefined)).url],
  ])(
    "WHEN a part that may be missed does not come (%s) THEN it is null, and a field says why",
    async (reason, away) => {
      const home = {
        ...HOME,
        join: { ...HOME.join, news: { ...HOME.join.news, timeout: "200ms", maxBytes: 1_000 } },
      };
      await lab.using(config({ news: await away() }, home), async (gateway) => {
        const { headers, ...answer } = await exchange(gateway, "/v1/home/7");
        expect(answer).toEqual({ status: 200, body: '{"user":{"id":9007199254740993},"news":null}' });
        expect(headers[MISSING]).toBe(`news=${reason}`);
      });
    },
  );

  test.each<[answered: number, away: () => Promise<string>]>([
    [502, async () => (await status(503)).url],
    [502, async () => (await json("{")).url],
    [502, async () => Promise.resolve(GONE)],
    [504, async () => (await service("", () => undefined)).url],
  ])(
    "WHEN a part does not come that it needs THEN the answer is %i, at once or in the route's time",
    async (answered, away) => {
      const home = { ...HOME, timeout: "300ms" };
      await lab.using(config({ users: await away() }, home), async (gateway) => {
        expect(await ask(gateway, "/v1/home/7")).toMatchObject({ status: answered });
        expect(gateway.output()).toContain("part user: ");
      });
    },
  );

  test("WHEN a service that it needs says what is wrong with the request THEN that is the answer, and nobody waits", async () => {
    const slow = await service("", () => undefined);
    const users = await status(404, '{"error":"no such user"}');
    await lab.using(config({ users: users.url, news: slow.url }), async (gateway) => {
      expect(await exchange(gateway, "/v1/home/7")).toMatchObject({
        status: 404,
        body: '{"error":"no such user"}',
        headers: { "content-type": "application/json" },
      });
      // AND the other is asked no more
      await eventually(() => slow.requests.every(({ message }) => message.socket.destroyed));
    });
  });

  test("WHEN both run out of the route's time THEN what may be missed does not make it fail", async () => {
    const slow = await service("", () => undefined);
    await lab.using(config({ news: slow.url }, { ...HOME, timeout: "300ms" }), async (gateway) => {
      expect(await exchange(gateway, "/v1/home/7")).toMatchObject({
        status: 200,
        headers: { [MISSING]: "news=timed_out" },
      });
    });
  });

  test("WHEN answers are large, compressed unasked or empty THEN they are joined all the same", async () => {
    const large = `"${"x".repeat(900_000)}"`;
    const packed = await service("", (_, response) =>
      response
        .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        .end(gzipSync("[3]")),
    );
    const parts = { large: await json(large), packed, empty: await status(204) };
    const services = Object.fromEntries(Object.entries(parts).map(([name, { url }]) => [name, url]));
    const home = {
      ...HOME,
      join: Object.fromEntries(Object.keys(parts).map((name) => [name, { service: name }])),
    };
    await lab.using(config(services, home), async (gateway) => {
      expect(await ask(gateway, "/v1/home/7")).toEqual({
        status: 200,
        body: `{"large":${large},"packed":[3],"empty":null}`,
      });
    });
  });

  test("WHEN the client goes away THEN nobody is asked any more", async () => {
    const slow = await service("", () => undefined);
    await lab.using(config({ users: slow.url }), async (gateway) => {
      const left = new AbortController();
      const asked = fetch(`http://127.0.0.1:${gateway.port}/v1/home/7`, { signal: left.signal }).catch(
        () => "gone",
      );
      await eventually(() => slow.requests.length > 0);
      left.abort();
      expect(await asked).toBe("gone");
      await eventually(() => slow.requests.every(({ message }) => message.socket.destroyed));
    });
  });
});

test.each([
  [{ join: {} }, "routes.home.join: {} is not at least one part"],
  [{ join: { "a b": {} } }, 'routes.home.join: "a b" is not a name of letters'],
  [{ join: { a: { service: "none" } } }, 'routes.home.join.a.service: "none" is not one of users, news'],
  [
    { join: { a: { path: "/{other}" } } },
    'routes.home.join.a.path: "/{other}" is not a path whose variables',
  ],
  [
    { join: { a: { hard: true } } },
    'routes.home.join.a: "hard" is not one of service, path, soft, timeout, maxBytes',
  ],
  [{ methods: ["POST"] }, 'routes.home.methods: ["POST"] is not GET alone where there is join'],
  [{ timeout: 0 }, "routes.home.timeout: 0 is not more than 0 where there is join"],
  [{ rewrite: "/a" }, 'routes.home.rewrite: "/a" is not left out where there is join'],
  [{ shadow: "news" }, "routes.home.shadow"],
])(
  "GIVEN a route that joins answers with %j WHEN it is checked THEN the error says what is wrong",
  (more, said) => {
    expect(lab.run("--check", "--config", lab.written(config({}, { ...HOME, ...more })))).toMatchObject({
      code: 1,
      said: expect.stringContaining(said) as string,
    });
  },
);
