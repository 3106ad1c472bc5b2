import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { eventually, metricsOf } from "../proxy/proxy-process";
import { ask, gatewayLab, type RunningGateway, service, type TestService } from "./gateway-lab";

const lab = gatewayLab();
const MARK = "x-tricloud-gateway-shadow";

type Answer = (message: IncomingMessage, response: ServerResponse) => void;

/** Answers with this as JSON. */
const json =
  (
    text: string,
    more: Record<string, string> = {},
    encode: (body: Buffer) => Buffer = (body) => body,
  ): Answer =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json", ...more });
    response.end(encode(Buffer.from(text)));
  };

/** A monolith whose one route has a shadow at `search`. */
const config = (
  monolith: TestService,
  search: { readonly url: string },
  shadow: object = {},
  more: object = {},
): object => ({
  services: { search: search.url },
  monolith: monolith.url,
  routes: {
    r: {
      path: "/**",
      service: "monolith",
      shadow: { service: "search", timeout: "60s", ...shadow },
      ...more,
    },
  },
});

/** How often each has become of a shadow at this service. */
async function outcomes(gateway: RunningGateway, at = "search"): Promise<Record<string, number>> {
  const series = [...(await metricsOf(gateway))];
  return Object.fromEntries(
    series.flatMap(([name, value]) => {
      const labels = /^tricloud_gateway_route_shadows_total\{route="r",service="(.*)",outcome="(.*)"\}$/.exec(
        name,
      );
      return labels?.[1] === at ? [[labels[2]!, value]] : [];
    }),
  );
}

const active = async (gateway: RunningGateway): Promise<number | undefined> =>
  (await metricsOf(gateway)).get('tricloud_gateway_route_shadows_active{route="r"}');

/** Waits until the counts are these; fails with what they are when they do not become so. */
async function comesTo(gateway: RunningGateway, wanted: Record<string, number>, at?: string): Promise<void> {
  await eventually(
    async () => JSON.stringify(sorted(await outcomes(gateway, at))) === JSON.stringify(sorted(wanted)),
    30_000,
  );
  expect(await outcomes(gateway, at)).toEqual(wanted);
}
const sorted = (counts: Record<string, number>): [string, number][] => Object.entries(counts).sort();

/** All that comes of a request, byte by byte. */
function raw(gateway: RunningGateway, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(gateway.port, "127.0.0.1", () => socket.write(request));
    socket.on("data", (bytes) => (text += bytes.toString("latin1"))).on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

describe("GIVEN a route with a shadow", () => {
  test("WHEN both say the same THEN that is counted; the client gets the primary's, the shadow what the primary got and its mark", async () => {
    const monolith = await service("monolith", json('{"a":1,"b":[1,{"c":null}]}', { etag: '"m"' }));
    const search = await service("search", json('{ "b": [1.0, {"c": null}], "a": 1 }'));
    await lab.using(config(monolith, search, {}, { rewrite: "/new/**" }), async (gateway) => {
      const headers = { cookie: "session=x", "x-chocon-id": "same", [MARK]: "forged" };
      expect(await ask(gateway, "/p?q=1", { headers })).toEqual({
        status: 200,
        body: '{"a":1,"b":[1,{"c":null}]}',
      });
      await comesTo(gateway, { same: 1 });
      const [primary, shadow] = [monolith, search].map(({ requests }) => requests[0]!.message);
      expect(primary!.headers).not.toHaveProperty(MARK);
      const { host, [MARK]: mark, ...rest } = shadow!.headers;
      expect(mark).toBe("1");
      expect(`http://${host}`).toBe(search.url);
      expect(rest).toEqual({ ...primary!.headers, host: undefined });
      expect([shadow!.method, shadow!.url]).toEqual(["GET", "/new/p?q=1"]);
      expect(await ask(gateway, "/p", { method: "HEAD" })).toEqual({ status: 200, body: "" });
      await comesTo(gateway, { same: 2 });
      expect(await active(gateway)).toBe(0);
    });
  });

  test("WHEN they differ THEN it is counted how, and told once in the log, without what they say", async () => {
    const monolith = await service("monolith", json('{"items":[{"id":9007199254740992,"name":"secret"}]}'));
    const search = await service("search", (message, response) => {
      if (message.url === "/status") response.writeHead(404).end();
      else json('{"items":[{"id":9007199254740993,"name":"secret"}]}')(message, response);
    });
    await lab.using(config(monolith, search), async (gateway) => {
      await ask(gateway, "/body?token=t0ken");
      await comesTo(gateway, { body_differs: 1 });
      await gateway.said("shadow differs");
      await ask(gateway, "/status");
      await comesTo(gateway, { body_differs: 1, status_differs: 1 });
      const told = gateway
        .output()
        .split("\n")
        .filter((line) => line.includes("shadow differs"));
      expect(told.map((line) => JSON.parse(line) as unknown)).toEqual([
        expect.objectContaining({
          level: "warn",
          route: "r",
          primary: "monolith",
          shadow: "search",
          outcome: "body_differs",
          at: "/items/0/id",
          status: 200,
          shadow_status: 200,
          uri: "/body",
          differences: 1,
        }),
      ]);
      expect(told[0]).not.toMatch(/secret|t0ken|9007/);
    });
  });

  test("WHEN they differ in what is ignored alone THEN they are the same", async () => {
    const monolith = await service(
      "monolith",
      json('{"took":1,"a/b":2,"items":[{"at":1,"id":1},{"at":2,"id":2}]}'),
    );
    const search = await service("search", (message, response) =>
      json(
        message.url === "/more"
          ? '{"took":2,"items":[{"id":1},{"at":4,"id":3}]}'
          : '{"took":2,"items":[{"id":1},{"at":4,"id":2}]}',
      )(message, response),
    );
    await lab.using(
      config(monolith, search, { ignore: ["/took", "/a~1b", "/items/*/at"] }),
      async (gateway) => {
        await ask(gateway, "/");
        await comesTo(gateway, { same: 1 });
        await ask(gateway, "/more");
        await comesTo(gateway, { same: 1, body_differs: 1 });
        await gateway.said('"at":"/items/1/id"');
      },
    );
  });

  test("WHEN one of them encodes its body, or sends it in chunks THEN what it says is compared", async () => {
    const chunks: Answer = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"a":');
      setTimeout(() => response.end("[1,2]}"), 20);
    };
    const gzipped = json('{"a":[1,2]}', { "content-encoding": "gzip" }, (body) => gzipSync(body));
    const monolith = await service("monolith", (message, response) =>
      (message.url === "/chunked" ? chunks : gzipped)(message, response),
    );
    const search = await service("search", (message, response) => {
      if (message.url === "/br")
        json('{"a":[1, 2]}', { "content-encoding": "br" }, (body) => brotliCompressSync(body))(
          message,
          response,
        );
      else if (message.url === "/unknown") json("?", { "content-encoding": "zstd" })(message, response);
      else if (message.url === "/chunked") json('{"a":[1,2]}')(message, response);
      else chunks(message, response);
    });
    await lab.using(config(monolith, search), async (gateway) => {
      await ask(gateway, "/br");
      await ask(gateway, "/chunks");
      await ask(gateway, "/chunked");
      await comesTo(gateway, { same: 3 });
      await ask(gateway, "/unknown");
      await comesTo(gateway, { same: 3, not_compared: 1 });
    });
  });

  test("WHEN a body is larger than is compared, or may go on for ever THEN it passes, is counted, and is nobody's slot any more", async () => {
    const large = "x".repeat(300_000);
    const monolith = await service("monolith", (message, response) => {
      if (message.url === "/events")
        response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      else response.end(message.url === "/large" ? large : "small");
    });
    const search = await service("search", (_, response) => response.end(large));
    await lab.using(config(monolith, search, { maxConcurrent: 1 }), async (gateway) => {
      expect(await ask(gateway, "/large")).toEqual({ status: 200, body: large });
      await comesTo(gateway, { not_compared: 1 });
      expect(search.requests).toHaveLength(0);
      const events = connect(gateway.port, "127.0.0.1", () =>
        events.write("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"),
      );
      await new Promise((resolve) => events.once("data", resolve));
      await comesTo(gateway, { not_compared: 2 });
      expect(await active(gateway)).toBe(0);
      expect(await ask(gateway, "/small")).toEqual({ status: 200, body: "small" });
      await comesTo(gateway, { not_compared: 3 });
      expect(search.requests).toHaveLength(1);
      events.destroy();
    });
  });

  test("WHEN the shadow does not answer THEN the client has long been answered, and the time-out is counted and nothing more", async () => {
    const monolith = await service("monolith");
    const search = await service("search", () => undefined);
    await lab.using(config(monolith, search, { timeout: "500ms" }), async (gateway) => {
      for (const path of ["/1", "/2"])
        expect(await ask(gateway, path)).toEqual({ status: 200, body: "monolith" });
      await comesTo(gateway, { timed_out: 2 });
      expect(gateway.output()).not.toContain("exchange failed");
      const metrics = await metricsOf(gateway);
      expect(
        metrics.get('tricloud_gateway_route_requests_total{route="r",service="monolith",status="200"}'),
      ).toBe(2);
      expect(
        [...metrics.keys()].filter((name) => name.includes("requests_total") && name.includes("search")),
      ).toEqual([]);
    });
  });

  test("WHEN the shadow fails all the time THEN that is counted, and the same service serves its own clients as before", async () => {
    const monolith = await service("monolith");
    const search = await service("search", (message, response) => {
      if (message.headers[MARK] === undefined) response.end("search");
      else message.socket.destroy();
    });
    const { routes, ...rest } = config(monolith, search) as { routes: object };
    const both = {
      ...rest,
      circuitFailures: 2,
      circuitPause: "10m",
      routes: { ...routes, own: { path: "/own", service: "search" } },
    };
    await lab.using(both, async (gateway) => {
      for (let i = 1; i <= 6; i++) {
        expect(await ask(gateway, `/${i}`)).toEqual({ status: 200, body: "monolith" });
        await comesTo(gateway, { failed: i });
      }
      // The shadow's circuit has opened.
      expect(search.requests.length).toBeLessThan(6);
      expect(await ask(gateway, "/own")).toEqual({ status: 200, body: "search" });
      expect(gateway.output()).not.toContain("exchange failed");
    });
  });

  test("WHEN the shadow has several origins and a substitute THEN the substitute is nobody's answer to compare", async () => {
    const monolith = await service("monolith", json('{"a":1}'));
    const gone = await service("gone", (message) => message.socket.destroy());
    const grouped = {
      services: {
        search: { origins: [gone.url], substitute: { body: '{"a":1}', contentType: "application/json" } },
      },
      monolith: monolith.url,
      routes: { r: { path: "/**", service: "monolith", shadow: { service: "search" } } },
    };
    await lab.using(grouped, async (gateway) => {
      expect(await ask(gateway, "/")).toEqual({ status: 200, body: '{"a":1}' });
      await comesTo(gateway, { failed: 1 });
    });
  });

  test("WHEN as many as may be are under way THEN others are dropped and counted, and all clients are answered", async () => {
    const monolith = await service("monolith");
    const held: ServerResponse[] = [];
    const search = await service("search", (_, response) => held.push(response));
    await lab.using(config(monolith, search, { maxConcurrent: 2, timeout: "1h" }), async (gateway) => {
      for (let i = 0; i < 5; i++)
        expect(await ask(gateway, `/${i}`)).toEqual({ status: 200, body: "monolith" });
      await comesTo(gateway, { dropped: 3 });
      expect(await active(gateway)).toBe(2);
      await eventually(() => held.length === 2);
      held.forEach((response) => response.end("monolith"));
      await comesTo(gateway, { dropped: 3, same: 2 });
      await ask(gateway, "/next");
      await eventually(() => held.length === 3);
      // AND what is under way does not keep the gateway from ending
    });
  });

  test("WHEN a request may change something THEN it has a shadow only where its method is named, and that reads the same body", async () => {
    const echo: Answer = (message, response) => response.writeHead(201).end(message.method);
    const [monolith, search] = await Promise.all([service("monolith", echo), service("search", echo)]);
    await lab.using(config(monolith, search), async (gateway) => {
      for (const method of ["POST", "PUT", "DELETE", "PATCH"])
        expect(await ask(gateway, "/", { method, body: "x" })).toEqual({ status: 201, body: method });
      await ask(gateway, "/");
      await comesTo(gateway, { same: 1 });
      expect(search.requests.map(({ message }) => message.method)).toEqual(["GET"]);
    });
    search.requests.length = 0;
    await lab.using(config(monolith, search, { methods: ["POST"] }), async (gateway) => {
      await ask(gateway, "/get");
      await ask(gateway, "/length", { method: "POST", body: "with a length" });
      await comesTo(gateway, { same: 1 });
      await ask(gateway, "/chunks", {
        method: "POST",
        body: [Buffer.from("in two "), Buffer.alloc(20_000, "c")],
      });
      await comesTo(gateway, { same: 2 });
      await ask(gateway, "/large", { method: "POST", body: "x".repeat(70_000) });
      await comesTo(gateway, { same: 2, not_compared: 1 });
      await ask(gateway, "/expecting", {
        method: "POST",
        headers: { expect: "100-continue" },
        body: [Buffer.from("all")],
      });
      await comesTo(gateway, { same: 3, not_compared: 1 });
      const session = connectHttp2(`http://127.0.0.1:${gateway.port}`);
      const stream = session.request({ ":method": "POST", ":path": "/http2" });
      stream.write("by ");
      stream.end("HTTP/2");
      await new Promise((resolve) => stream.on("end", resolve).resume());
      session.destroy();
      await comesTo(gateway, { same: 4, not_compared: 1 });
      expect(search.requests.map(({ message, body }) => [message.url, body])).toEqual([
        ["/length", "with a length"],
        ["/chunks", `in two ${"c".repeat(20_000)}`],
        ["/expecting", "all"],
        ["/http2", "by HTTP/2"],
      ]);
      expect(search.requests.map(({ message }) => message.headers.expect)).toEqual(Array(4).fill(undefined));
    });
  });

  test("WHEN the client leaves, or the primary has no answer THEN nobody is asked, and the slot is free", async () => {
    const monolith = await service("monolith", (message, response) => {
      if (message.url === "/gone") message.socket.destroy();
      else if (message.url === "/answered") response.end("yes");
    });
    const search = await service("search", (_, response) => response.end("yes"));
    await lab.using(config(monolith, search, { maxConcurrent: 1 }), async (gateway) => {
      const leaving = connect(gateway.port, "127.0.0.1", () =>
        leaving.write("GET /held HTTP/1.1\r\nHost: a\r\n\r\n"),
      );
      await eventually(() => monolith.requests.length === 1);
      expect(await active(gateway)).toBe(1);
      leaving.destroy();
      await comesTo(gateway, { unasked: 1 });
      expect(await ask(gateway, "/gone")).toMatchObject({ status: 502 });
      await comesTo(gateway, { unasked: 2 });
      expect(search.requests).toHaveLength(0);
      await ask(gateway, "/answered");
      await comesTo(gateway, { unasked: 2, same: 1 });
    });
  });

  test("WHEN a client asks for the next before the shadow is asked for the last THEN each shadow is its own request's", async () => {
    const name: Answer = (message, response) => response.end(message.url);
    const [monolith, search] = await Promise.all([service("monolith", name), service("search", name)]);
    await lab.using(config(monolith, search), async (gateway) => {
      const paths = Array.from({ length: 8 }, (_, i) => `/${i}`);
      // What does not go on stands elsewhere in each head.
      const fields = (i: number): string =>
        [
          `X-N: ${i}\r\n`,
          "X-Forwarded-For: 192.0.2.9\r\n",
          i === 7 ? "Connection: close\r\n" : "Keep-Alive: 1\r\n",
        ]
          .sort((a, b) => (i % 2 === 0 ? 1 : -1) * (a < b ? -1 : 1))
          .join("");
      await raw(
        gateway,
        paths.map((path, i) => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields(i)}\r\n`).join(""),
      );
      await comesTo(gateway, { same: 8 });
      const read = search.requests.map(({ message: { url, headers } }) => [
        url,
        headers["x-n"],
        headers["x-forwarded-for"],
        headers["keep-alive"],
      ]);
      expect(read.sort()).toEqual(paths.map((path, i) => [path, `${i}`, "127.0.0.1", undefined]));
    });
  });

  test("WHEN the shadow closes a connection as it is used again THEN it is asked again, since that says nothing of it", async () => {
    const monolith = await service("monolith");
    const served = new Set<unknown>();
    const search = await service("search", (message, response) => {
      if (served.has(message.socket)) message.socket.destroy();
      else response.end("monolith");
      served.add(message.socket);
    });
    await lab.using(config(monolith, search), async (gateway) => {
      for (let i = 1; i <= 3; i++) {
        await ask(gateway, `/${i}`);
        await comesTo(gateway, { same: i });
      }
      expect(search.requests.length).toBeGreaterThan(3);
    });
  });

  test("WHEN a request asks for another protocol THEN it has none", async () => {
    const [monolith, search] = await Promise.all([service("same"), service("same")]);
    await lab.using(config(monolith, search), async (gateway) => {
      const headers = { connection: "Upgrade", upgrade: "websocket" };
      expect(await ask(gateway, "/upgrade", { headers })).toEqual({ status: 200, body: "same" });
      await ask(gateway, "/");
      await comesTo(gateway, { same: 1 });
    });
  });

  test("WHEN its share is 0 THEN nobody is asked; WHEN it is a half THEN about half are", async () => {
    const [monolith, search] = await Promise.all([service("monolith"), service("search")]);
    const askMany = async (gateway: RunningGateway): Promise<void> => {
      for (let i = 0; i < 100; i++) await ask(gateway, "/");
    };
    await lab.using(config(monolith, search, { share: 0 }), async (gateway) => {
      await askMany(gateway);
      expect(await outcomes(gateway)).toEqual({});
    });
    await lab.using(config(monolith, search, { share: 0.5, maxConcurrent: 100 }), async (gateway) => {
      await askMany(gateway);
      await eventually(async () => (await active(gateway)) === 0);
      // Six standard deviations of a hundred throws.
      expect(Math.abs((await outcomes(gateway))["body_differs"]! - 50)).toBeLessThan(30);
    });
  });
});

test("GIVEN a route that moves WHEN a user is on either side THEN the shadow is the other one", async () => {
  const [monolith, search] = await Promise.all([service("monolith"), service("search")]);
  const moving = (share: number): object =>
    config(monolith, search, { maxConcurrent: 100 }, { service: "search", share, sticky: { cookie: "s" } });
  for (const [share, all] of [
    [0, "monolith"],
    [0.5, undefined],
    [1, "search"],
  ] as const) {
    [monolith, search].forEach(({ requests }) => (requests.length = 0));
    await lab.using(moving(share), async (gateway) => {
      const answers: string[] = [];
      for (let i = 0; i < 20; i++)
        answers.push((await ask(gateway, "/", { headers: { cookie: `s=${i}` } })).body);
      const by = (name: string): number => answers.filter((body) => body === name).length;
      if (all === undefined) expect(Math.min(by("monolith"), by("search"))).toBeGreaterThan(0);
      else expect(by(all)).toBe(20);
      await comesTo(gateway, by("monolith") > 0 ? { body_differs: by("monolith") } : {}, "search");
      await comesTo(gateway, by("search") > 0 ? { body_differs: by("search") } : {}, "monolith");
      const marked = ({ requests }: TestService): number =>
        requests.filter(({ message }) => MARK in message.headers).length;
      expect([marked(search), marked(monolith)]).toEqual([by("monolith"), by("search")]);
    });
  }
});

test("GIVEN answers of every framing WHEN there is a shadow THEN the client gets them to the byte as without", async () => {
  const server = createServer((message, response) => {
    response.sendDate = false;
    if (message.url === "/length") response.setHeader("Content-Length", 5).end("12345");
    else if (message.url === "/chunks") {
      response.writeHead(200, { Trailer: "X-Sum" }).write("one ");
      response.write("two");
      response.addTrailers({ "X-Sum": "3" });
      response.end();
    } else if (message.url === "/until-close")
      message.socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it");
    else if (message.url === "/hint") {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("hinted");
    } else if (message.url === "/304") response.writeHead(304).end();
    else response.end("x".repeat(200_000));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const monolith = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: [] };
  const search = await service("search");
  try {
    const all = async (gateway: RunningGateway): Promise<string[]> => {
      const answers: string[] = [];
      for (const path of ["/length", "/chunks", "/until-close", "/hint", "/304", "/large"])
        for (const version of ["1.1", "1.0"])
          answers.push(
            await raw(
              gateway,
              `GET ${path} HTTP/${version}\r\nHost: a\r\nX-Chocon-Id: id\r\nConnection: close\r\n\r\n`,
            ),
          );
      return answers;
    };
    const seen: string[][] = [];
    await lab.using(
      config(monolith, search, { share: 0 }),
      async (gateway) => void seen.push(await all(gateway)),
    );
    await lab.using(config(monolith, search, { share: 1 }), async (gateway) => {
      seen.push(await all(gateway));
      await comesTo(gateway, { body_differs: 8, not_compared: 4 });
    });
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]!.every((answer) => answer.startsWith("HTTP/1.1 "))).toBe(true);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
