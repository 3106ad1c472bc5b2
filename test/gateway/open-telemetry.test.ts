import { eventually, metricsOf, type RunningProxy } from "../proxy/proxy-process";
import { ask, exchange, gatewayLab, service, type TestService } from "./gateway-lab";

const lab = gatewayLab();

interface Told {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly status?: object;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly resource: Readonly<Record<string, string | number>>;
}

type Attribute = { key: string; value: { stringValue: string } | { intValue: string } };

const attributesOf = (list: readonly Attribute[]) =>
  Object.fromEntries(
    list.map(({ key, value }) => [key, "stringValue" in value ? value.stringValue : Number(value.intValue)]),
  );

/** Spans of all that a collector was sent, as OTLP/HTTP has them in JSON. @throws where it is something else */
function spansOf({ requests }: TestService): Told[] {
  return requests.flatMap(({ message, body }) => {
    if (body === "") return [];
    expect(message.headers["content-type"]).toBe("application/json");
    const { resourceSpans } = JSON.parse(body) as {
      resourceSpans: {
        resource: { attributes: Attribute[] };
        scopeSpans: {
          scope: { name: string };
          spans: (Omit<Told, "attributes"> & {
            attributes: Attribute[];
            startTimeUnixNano: string;
            endTimeUnixNano: string;
          })[];
        }[];
      }[];
    };
    return resourceSpans.flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ scope, spans }) =>
        spans.map(({ startTimeUnixNano, endTimeUnixNano, attributes, ...span }) => {
          expect(scope.name).toBe("tricloud-gateway");
          expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
          expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
          const [start, end] = [BigInt(startTimeUnixNano), BigInt(endTimeUnixNano)];
          expect(end).toBeGreaterThanOrEqual(start);
          // Nanoseconds since 1970, of this century.
          expect(startTimeUnixNano).toMatch(/^1\d{18}$/);
          return {
            ...span,
            attributes: attributesOf(attributes),
            resource: attributesOf(resource.attributes),
          };
        }),
      ),
    );
  });
}

const spansOutcome = async (gateway: RunningProxy, outcome: string): Promise<number> =>
  (await metricsOf(gateway)).get(`tricloud_gateway_trace_spans_total{outcome="${outcome}"}`) ?? NaN;

const GONE = "http://127.0.0.1:1";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

let items: TestService;
let collector: TestService;
beforeEach(async () => {
  items = await service("items");
  collector = await service("", (_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end("{}"),
  );
});

const config = (openTelemetry: object = {}): object => ({
  services: { items: items.url, gone: GONE },
  monolith: items.url,
  trustedHops: 1,
  routes: {
    item: { path: "/v1/items/{id}", service: "items" },
    gone: { path: "/gone", service: "gone" },
  },
  openTelemetry: { endpoint: collector.url, scheduleDelay: "100ms", ...openTelemetry },
});

describe("GIVEN a collector of OpenTelemetry", () => {
  test("WHEN requests have been answered THEN it is told of them by the conventions' names", async () => {
    await lab.using(config({ serviceName: "api" }), async (gateway) => {
      await exchange(gateway, "/v1/items/7?secret=1", {
        headers: {
          host: "api.example.com:8443",
          "x-forwarded-for": "203.0.113.9",
          "x-forwarded-proto": "https",
          "user-agent": 'a "browser"',
        },
      });
      expect((await ask(gateway, "/gone")).status).toBe(502);
      await ask(gateway, "/else", { method: "BREW" });
      await eventually(() => spansOf(collector).length === 3);
      const [item, gone, rest] = spansOf(collector) as [Told, Told, Told];
      // THEN with what was asked, of whom and what came of it, but for the query
      expect(item).toMatchObject({
        name: "GET /v1/items/{id}",
        kind: 2,
        attributes: {
          "http.request.method": "GET",
          "url.path": "/v1/items/7",
          "url.scheme": "https",
          "http.route": "/v1/items/{id}",
          "http.response.status_code": 200,
          "server.address": "api.example.com",
          "server.port": 8443,
          "client.address": "203.0.113.9",
          "network.peer.address": "127.0.0.1",
          "user_agent.original": 'a "browser"',
          "tricloud.gateway.route": "item",
          "tricloud.gateway.service": "items",
        },
        resource: {
          "service.name": "api",
          "service.instance.id": expect.stringMatching(/:\d+$/) as string,
        },
      });
      expect(item).not.toHaveProperty("status");
      expect(item).not.toHaveProperty("parentSpanId");
      expect(JSON.stringify(item)).not.toContain("secret");
      // AND a failure as one
      expect(gone).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "502" } });
      // AND a method that could be anything by no name of its own
      expect(rest).toMatchObject({
        name: "HTTP",
        attributes: { "http.request.method": "_OTHER", "http.request.method_original": "BREW" },
      });
      expect(rest.attributes).not.toHaveProperty("http.route");
      // AND the service knows whose request its own is
      expect(items.requests[0]!.message.headers["traceparent"]).toBe(`00-${item.traceId}-${item.spanId}-01`);
      expect(new Set([item, gone, rest].map(({ traceId }) => traceId)).size).toBe(3);
    });
  });

  test("WHEN a client's request is part of a trace THEN who began it has decided", async () => {
    await lab.using(config({ sampleRatio: 0 }), async (gateway) => {
      const asked = (traceparent: string, tracestate?: string) =>
        ask(gateway, "/v1/items/7", {
          headers: { traceparent, ...(tracestate === undefined ? {} : { tracestate }) },
        });
      await asked(`00-${TRACE}-${PARENT}-01`, "vendor=1");
      await asked(`00-${TRACE}-${PARENT}-00`);
      // A later version's first fields are these, whatever follows.
      await asked(`01-${TRACE}-${PARENT}-03-more`);
      await asked("nonsense", "vendor=2");
      await asked(`00-${"0".repeat(32)}-${PARENT}-01`);
      await eventually(() => spansOf(collector).length === 2);
      const spans = spansOf(collector);
      expect(spans.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual([
        [TRACE, PARENT],
        [TRACE, PARENT],
      ]);
      expect(spans[0]).toMatchObject({ traceState: "vendor=1" });
      // Of a trace that is not gone on with nothing is left.
      expect(items.requests.map(({ message }) => message.headers["tracestate"])).toEqual([
        "vendor=1",
        ...[undefined, undefined, undefined, undefined],
      ]);
      const [first, second, third, ...others] = items.requests.map(
        ({ message }) => message.headers["traceparent"],
      );
      expect(first).toBe(`00-${TRACE}-${spans[0]!.spanId}-01`);
      expect(second).toBe(`00-${TRACE}-${PARENT}-00`);
      expect(third).toBe(`00-${TRACE}-${spans[1]!.spanId}-01`);
      for (const other of others)
        expect(other).toMatch(/^00-(?!0{32})(?!4bf92f)[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    });
  });

  test("WHEN only a part of the requests is told THEN services learn which", async () => {
    await lab.using(config({ sampleRatio: 0.5 }), async (gateway) => {
      for (let i = 0; i < 60; i++) await ask(gateway, `/v1/items/${i}`);
      const sampled = items.requests.filter(({ message }) =>
        (message.headers["traceparent"] as string).endsWith("-01"),
      );
      // By chance once in 10^15 none or all.
      expect(sampled.length).toBeGreaterThan(0);
      expect(sampled.length).toBeLessThan(60);
      await eventually(() => spansOf(collector).length === sampled.length);
    });
  });

  test("WHEN it wants to know who tells it, below a path THEN it is told", async () => {
    const told = { endpoint: `${collector.url}/otlp/`, headers: { Authorization: "Bearer s3cret" } };
    await lab.using(config(told), async (gateway) => {
      await ask(gateway, "/v1/items/7");
      await eventually(() => spansOf(collector).length === 1);
      expect(collector.requests[0]!.message).toMatchObject({
        method: "POST",
        url: "/otlp/v1/traces",
        headers: { authorization: "Bearer s3cret", host: collector.url.replace("http://", "") },
      });
    });
  });
});

describe("GIVEN a collector that does not take spans", () => {
  test.each<[what: string, answer: () => Promise<string>]>([
    ["is not there", () => Promise.resolve(GONE)],
    ["refuses them", async () => (await service("", (_, response) => response.writeHead(503).end())).url],
  ])("WHEN it %s THEN requests are answered, and the spans counted", async (_, answer) => {
    await lab.using(config({ endpoint: await answer() }), async (gateway) => {
      expect(await ask(gateway, "/v1/items/7")).toEqual({ status: 200, body: "items" });
      await eventually(async () => (await spansOutcome(gateway, "failed")) === 1);
      expect(gateway.output()).toContain("spans not exported");
      expect(await ask(gateway, "/v1/items/8")).toEqual({ status: 200, body: "items" });
    });
  });

  test("WHEN it never answers THEN no more wait than may", async () => {
    const silent = await service("", () => undefined);
    const told = { endpoint: silent.url, maxQueueSize: 5, maxExportBatchSize: 2 };
    await lab.using(config(told), async (gateway) => {
      for (let i = 0; i < 20; i++)
        expect(await ask(gateway, `/v1/items/${i}`)).toEqual({ status: 200, body: "items" });
      // Two or fewer are under way, five wait.
      expect(await spansOutcome(gateway, "full")).toBeGreaterThanOrEqual(13);
      expect(silent.requests).toHaveLength(1);
    });
  });
});

describe("GIVEN a gateway that serves", () => {
  test("WHEN its file names a collector, and none any more THEN it is told meanwhile alone", async () => {
    const { openTelemetry: _, ...off } = config() as { openTelemetry: object };
    await lab.using(off, async (gateway) => {
      await ask(gateway, "/v1/items/1");
      gateway.reload(config());
      await gateway.said("reloaded");
      await ask(gateway, "/v1/items/2");
      await eventually(() => spansOf(collector).length === 1);
      expect(spansOf(collector)[0]).toMatchObject({ attributes: { "url.path": "/v1/items/2" } });
      expect(items.requests[0]!.message.headers["traceparent"]).toMatch(/-00$/);
    });
  });

  test.each<[string, object, string]>([
    ["no endpoint", {}, "openTelemetry.endpoint: undefined is not http://host"],
    ["a path's query", { endpoint: "http://c?x=1" }, "openTelemetry.endpoint: "],
    ["another protocol", { endpoint: "grpc://c:4317" }, "openTelemetry.endpoint: "],
    ["a ratio beyond 1", { endpoint: "http://c", sampleRatio: 2 }, "openTelemetry.sampleRatio: "],
    ["an unknown key", { endpoint: "http://c", sampler: "x" }, "openTelemetry: "],
    [
      "larger exports than the queue",
      { endpoint: "http://c", maxQueueSize: 10, maxExportBatchSize: 11 },
      "openTelemetry.maxExportBatchSize: ",
    ],
    [
      "a field that frames",
      { endpoint: "http://c", headers: { "Content-Length": "1" } },
      "openTelemetry.headers",
    ],
    [
      "a secret with a line end",
      { endpoint: "http://c", headers: { a: "s3cret\n" } },
      "openTelemetry.headers.a: ",
    ],
  ])("WHEN checked with %s THEN it says so", (_, openTelemetry, said) => {
    const checked = lab.run("--check", "--config", lab.written({ ...config(), openTelemetry }));
    expect(checked.code).toBe(1);
    expect(checked.said).toContain(said);
    expect(checked.said).not.toContain("s3cret");
  });
});
