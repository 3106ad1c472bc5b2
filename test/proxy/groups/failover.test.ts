import { type AddressInfo, connect, createServer } from "node:net";
import { eventually, freePort, metricsOf } from "../proxy-process";
import { rawOrigin } from "../raw-http";
import { hasNginx, startNginx } from "../nginx-origin";
import { askHttp1, askHttp2, GROUP, groupLab, type Origin, origin, says } from "./group-lab";

const { usingGroup, certificates, directory } = groupLab();

let second: Origin;
let secondHttp2: Origin;
beforeAll(async () => {
  second = await origin(says("second"));
  secondHttp2 = await origin(says("second"), certificates);
});
afterAll(() => Promise.all([second.close(), secondHttp2.close()]));

const clients = [
  ["HTTP/1.1", askHttp1],
  ["HTTP/2", askHttp2],
] as const;
const seconds = [
  ["HTTP/1.1", (): Origin => second],
  ["HTTP/2", (): Origin => secondHttp2],
] as const;
const pairs = clients.flatMap(([client, ask]) =>
  seconds.map(([protocol, other]) => ({ client, protocol, ask, other })),
);

/** A port at which nothing listens. */
const nobody = (): string => `http://localhost:${freePort()}`;

describe.each(pairs)("GIVEN a $client client and a second origin that speaks $protocol", ({ ask, other }) => {
  test("WHEN the first refuses connections THEN every request goes to the second, whatever its method", async () => {
    await usingGroup([nobody(), other().url], async (proxy) => {
      for (const asked of [{}, { method: "POST", body: "once" }, { method: "PUT", body: "x" }])
        expect(await ask(proxy, asked)).toMatchObject({ status: 200, body: "second" });
    });
  });

  test.each([502, 503, 504])(
    "WHEN the first answers %i THEN a GET gets the second's answer, and a POST is sent once",
    async (status) => {
      const first = await origin((request, response) => {
        request.resume().on("end", () => response.writeHead(status).end("no"));
      });
      await usingGroup([first.url, other().url], async (proxy) => {
        const before = other().requests;
        expect(await ask(proxy)).toMatchObject({ status: 200, body: "second" });
        expect(await ask(proxy, { method: "POST", body: "once" })).toMatchObject({ status, body: "no" });
        expect([first.requests, other().requests - before]).toEqual([2, 1]);
        // AND the connection to the first was kept
        expect(first.connections).toBe(1);
      });
      await first.close();
    },
  );

  test("WHEN the first resets after the request THEN a GET moves on, and a POST fails", async () => {
    const first = await rawOrigin((socket) => socket.resetAndDestroy());
    await usingGroup([`http://localhost:${first.port}`, other().url], async (proxy) => {
      expect(await ask(proxy)).toMatchObject({ status: 200, body: "second" });
      expect(await ask(proxy, { method: "POST", body: "once" })).toMatchObject({ status: 502 });
    });
    await first.close();
  });

  test("WHEN the first is silent THEN a GET moves on after firstByteTimeout, and a POST waits for its answer", async () => {
    let posts = 0;
    const first = await origin((request, response) => {
      request.resume();
      if (request.method !== "POST") return;
      posts++;
      setTimeout(() => response.end("late"), 900);
    });
    const group = { origins: [first.url, other().url], firstByteTimeout: "300ms", circuitFailures: 100 };
    await usingGroup(group, async (proxy) => {
      const answer = await ask(proxy);
      expect(answer).toMatchObject({ status: 200, body: "second" });
      expect(answer.milliseconds).toBeGreaterThanOrEqual(295);
      expect(await ask(proxy, { method: "POST", body: "once" })).toMatchObject({ status: 200, body: "late" });
      expect(posts).toBe(1);
    });
    await first.close();
  });
});

test("GIVEN an origin that never ends its handshake WHEN connectTimeout is over THEN the second has the request", async () => {
  const first = await rawOrigin(() => undefined);
  const group = { origins: [`https://localhost:${first.port}`, second.url], connectTimeout: "300ms" };
  await usingGroup(group, async (proxy) => {
    const answer = await askHttp1(proxy, { method: "POST", body: "once" });
    expect(answer).toMatchObject({ status: 200, body: "second" });
  });
  await first.close();
});

test("GIVEN a first that is away and a second that is overloaded WHEN many ask THEN they wait for it, and it stays in use", async () => {
  // GIVEN a second to which a connection takes longer than connectTimeout
  const first = await rawOrigin(() => undefined);
  const relay = createServer((socket) => {
    const onward = connect({ host: "localhost", port: Number(new URL(secondHttp2.url).port) });
    socket.on("error", () => onward.destroy()).on("close", () => onward.destroy());
    onward.on("error", () => socket.destroy()).pipe(socket);
    setTimeout(() => socket.pipe(onward), 900);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const url = `https://localhost:${(relay.address() as AddressInfo).port}`;
  const group = {
    origins: [
      { url: `https://localhost:${first.port}`, warm: 0 },
      { url, warm: 0 },
    ],
    connectTimeout: "300ms",
    circuitFailures: 2,
    circuitPause: 1,
  };
  // WHEN each request makes a connection of its own, for longer than the first is left alone
  const options = { http2Origins: "never", keepaliveConns: 0 };
  await usingGroup(
    group,
    async (proxy) => {
      for (let i = 0; i < 3; i++) {
        const answers = await Promise.all(Array.from({ length: 20 }, () => askHttp1(proxy)));
        expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(
          new Set(["200 second"]),
        );
      }
    },
    options,
  );
  relay.close();
  await first.close();
});

test("GIVEN an answer that breaks off WHEN part of it has reached the client THEN it is not begun again elsewhere", async () => {
  const first = await rawOrigin((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    setTimeout(() => socket.resetAndDestroy(), 50);
  });
  await usingGroup([`http://localhost:${first.port}`, second.url], async (proxy) => {
    const before = second.requests;
    expect(await askHttp1(proxy)).toMatchObject({ status: 0 });
    expect(second.requests).toBe(before);
  });
  await first.close();
});

test("GIVEN a first that keeps failing WHEN its circuit is open THEN it is not asked, and gets its part back gradually", async () => {
  let well = false;
  const first = await origin((request, response) => {
    request.resume().on("end", () => (well ? response.end("first") : response.writeHead(503).end("no")));
  });
  const group = { origins: [first.url, second.url], circuitFailures: 3, circuitPause: 1, returnTime: 3 };
  await usingGroup(group, async (proxy) => {
    for (let i = 0; i < 3; i++) expect(await askHttp1(proxy)).toMatchObject({ body: "second" });
    const asked = first.requests;
    for (let i = 0; i < 5; i++) expect(await askHttp1(proxy)).toMatchObject({ body: "second" });
    expect(first.requests).toBe(asked);
    // WHEN it is well again THEN one request tries it, not all go there at once, and in the end all do
    well = true;
    const bodies: string[] = [];
    const inARow = async (): Promise<boolean> => {
      bodies.push((await askHttp1(proxy)).body);
      return bodies.length > 20 && bodies.slice(-20).every((body) => body === "first");
    };
    await eventually(inARow, 30_000);
    expect(new Set(bodies)).toEqual(new Set(["first", "second"]));
    const back = bodies.indexOf("first");
    expect(bodies.slice(back).includes("second")).toBe(true);
  });
  await first.close();
}, 60_000);

test("GIVEN a limit WHEN it is reached THEN what is too much goes to the second", async () => {
  const held: (() => void)[] = [];
  const first = await origin((_request, response) => held.push(() => response.end("first")));
  const group = { origins: [{ url: first.url, limit: 2 }, second.url], firstByteTimeout: 0 };
  await usingGroup(group, async (proxy) => {
    const waiting = [askHttp1(proxy), askHttp1(proxy)];
    await eventually(() => held.length === 2);
    expect(await askHttp1(proxy, { method: "POST" })).toMatchObject({ body: "second" });
    for (const answer of held) answer();
    expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(["first", "first"]);
  });
  await first.close();
});

test("GIVEN three that fail WHEN the budget is spent THEN a request moves once", async () => {
  const failing = await Promise.all(
    [1, 2, 3].map(() =>
      origin((request, response) => void request.resume().on("end", () => response.writeHead(503).end())),
    ),
  );
  const group = { origins: failing.map(({ url }) => url), retryBudget: 0, circuitFailures: 1_000_000 };
  await usingGroup(group, async (proxy) => {
    await Promise.all(Array.from({ length: 100 }, () => askHttp1(proxy)));
    const [first, next, last] = failing.map(({ requests }) => requests) as [number, number, number];
    expect([first, next]).toEqual([100, 100]);
    // Three a second are always allowed.
    expect(last).toBeLessThan(50);
  });
  await Promise.all(failing.map((each) => each.close()));
});

test("GIVEN a health check that fails WHEN requests come THEN they go to the second at once, and back when it passes", async () => {
  let well = true;
  const first = await origin((request, response) => {
    if (request.url === "/healthz") response.writeHead(well ? 200 : 500).end();
    else request.resume().on("end", () => response.end("first"));
  });
  const group = {
    origins: [first.url, second.url],
    check: { path: "/healthz", interval: "100ms" },
    returnTime: 0,
    circuitFailures: 100,
  };
  await usingGroup(group, async (proxy) => {
    expect(await askHttp1(proxy)).toMatchObject({ body: "first" });
    well = false;
    await eventually(async () => (await askHttp1(proxy)).body === "second");
    well = true;
    await eventually(async () => (await askHttp1(proxy)).body === "first");
  });
  await first.close();
});

test("GIVEN weights WHEN many ask THEN each origin has its part", async () => {
  const first = await origin(says("first"));
  const group = {
    origins: [
      { url: first.url, weight: 3 },
      { url: second.url, weight: 1 },
    ],
  };
  await usingGroup(group, async (proxy) => {
    const before = second.requests;
    for (let i = 0; i < 400; i++) await askHttp1(proxy);
    const part = second.requests - before;
    expect(first.requests + part).toBe(400);
    // 100 are expected; fewer than 50 or more than 150 come once in 10^7 runs.
    expect(part).toBeGreaterThan(50);
    expect(part).toBeLessThan(150);
  });
  await first.close();
});

describe("GIVEN an origin's names", () => {
  const echo = (http2: boolean): Promise<Origin> =>
    origin(
      (request, response) => response.end(String(request.headers.host ?? request.headers[":authority"])),
      http2 ? certificates : undefined,
    );

  test.each([false, true])(
    "WHEN nothing is said THEN Host and SNI are the origin's own (HTTP/2: %s)",
    async (http2) => {
      const first = await echo(http2);
      await usingGroup([first.url], async (proxy) => {
        expect((await askHttp1(proxy)).body).toBe(first.url.replace(/^https?:\/\//, ""));
      });
      await first.close();
    },
  );

  test.each([false, true])("WHEN host is keep THEN they are the group's (HTTP/2: %s)", async (http2) => {
    const first = await echo(http2);
    await usingGroup({ origins: [{ url: first.url, host: "keep" }] }, async (proxy) => {
      expect((await askHttp1(proxy)).body).toBe(GROUP);
    });
    await first.close();
  });

  test("WHEN the port is another one THEN it is another name, which is not allowed", async () => {
    await usingGroup([second.url], async (proxy) => {
      expect(await askHttp1(proxy, { host: `${GROUP}.ccnproxy:81` })).toMatchObject({ status: 403 });
    });
  });
});

(hasNginx ? test : test.skip)(
  "GIVEN an nginx that ends each connection after 50 requests WHEN POSTs come THEN none fails, and none leaves it",
  async () => {
    const nginx = await startNginx(
      directory,
      certificates,
      `keepalive_requests 50; location / { return 200 "first"; }`,
      "http2",
    );
    await usingGroup([`https://localhost:${nginx.httpsPort}`, second.url], async (proxy) => {
      const answers = [];
      for (let i = 0; i < 40; i++)
        answers.push(
          ...(await Promise.all(Array.from({ length: 20 }, () => askHttp1(proxy, { method: "POST" })))),
        );
      expect(new Set(answers.map(({ status, body }) => `${status} ${body}`))).toEqual(new Set(["200 first"]));
      const metrics = await metricsOf(proxy);
      expect([...metrics].filter(([series, value]) => value > 0 && series.includes("circuit_open"))).toEqual(
        [],
      );
    });
    await nginx.stop();
  },
  60_000,
);

test("GIVEN all origins fail WHEN a request comes THEN the log says why of each, and later ones fail at once", async () => {
  const [a, b] = [nobody(), nobody()];
  await usingGroup({ origins: [a, b], circuitFailures: 1, circuitPause: 60 }, async (proxy) => {
    expect([502, 503]).toContain((await askHttp1(proxy)).status);
    await proxy.said("ECONNREFUSED");
    await eventually(async () => (await askHttp1(proxy)).status === 503);
    await proxy.said("no origin can be asked: ");
  });
});

test("GIVEN clients that leave early WHEN they have left THEN none of them counts any more", async () => {
  let holding = true;
  const first = await origin((_request, response) => void (holding || response.end("first")));
  await usingGroup({ origins: [{ url: first.url, limit: 1 }], firstByteTimeout: 0 }, async (proxy) => {
    const leaver = connect({ host: "127.0.0.1", port: proxy.port });
    leaver.write(`GET / HTTP/1.1\r\nHost: ${GROUP}.ccnproxy\r\n\r\n`);
    await eventually(() => first.requests === 1);
    // The limit is reached for as long as it is there.
    expect(await askHttp1(proxy)).toMatchObject({ status: 503 });
    leaver.destroy();
    holding = false;
    await eventually(async () => (await askHttp1(proxy)).status === 200);
  });
  await first.close();
});
