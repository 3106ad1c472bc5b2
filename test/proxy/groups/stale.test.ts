import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { metricsOf, type RunningProxy } from "../proxy-process";
import { type Asked, askHttp1, askHttp2, GROUP, groupLab, type Origin, origin } from "./group-lab";

const { certificates, usingGroup } = groupLab();

/** An origin that answers what the path says, until it is told to fail: then with 503. */
async function failing(http2 = false): Promise<Origin & { fail(on?: boolean): void }> {
  let fails = false;
  let version = 0;
  const made = await origin(
    (request, response) => {
      request.resume().on("end", () => {
        if (fails) {
          response.writeHead(503).end("no");
          return;
        }
        const url = new URL(request.url!, "http://a");
        const of = request.headers["accept-language"] ?? "any";
        for (const [name, value] of url.searchParams) response.setHeader(name, value);
        const body = `${++version} for ${of}`.padEnd(Number(url.pathname.slice(1)), ".");
        if (url.searchParams.get("x-framing") === "length") response.setHeader("content-length", body.length);
        response.end(body);
      });
    },
    http2 ? certificates : undefined,
  );
  return Object.assign(made, { fail: (on = true) => (fails = on) });
}

const group = (url: string, stale: object = { ifError: "60s" }): object => ({
  origins: [url],
  circuitFailures: 1_000,
  stale,
});

describe.each([
  ["HTTP/1.1", askHttp1],
  ["HTTP/2", askHttp2],
] as const)("GIVEN a service whose answers are kept, and an %s client", (_protocol, ask) => {
  test.each([
    ["an HTTP/1.1 origin, in chunks", "chunks", false],
    ["an HTTP/1.1 origin, with a length", "length", false],
    ["an HTTP/2 origin", "chunks", true],
  ])(
    "WHEN %s has no answer THEN the last one is given again, marked and counted",
    async (_o, framing, h2) => {
      const there = await failing(h2);
      const path = `/200000?cache-control=max-age%3D1&age=1&etag=%22a%22&x-framing=${framing}`;
      await usingGroup(group(there.url), async (proxy) => {
        const before = await ask(proxy, { path });
        expect(before).toMatchObject({ status: 200 });
        there.fail();
        const after = await ask(proxy, { path });
        expect(after).toMatchObject({ status: 200, body: before.body });
        expect(after.headers).toMatchObject({ etag: '"a"', "content-length": "200000" });
        expect(Number(after.headers["age"])).toBeGreaterThanOrEqual(1);
        expect(after.headers["cache-status"]).toMatch(
          /^tricloud-proxy; hit; ttl=-?\d+; detail=stale-if-error$/,
        );
        // AND a HEAD has its fields
        const head = await ask(proxy, { path, method: "HEAD" });
        expect(head).toMatchObject({ status: 200, body: "" });
        expect(head.headers).toMatchObject({ "content-length": "200000" });
        // AND what was never asked for, or is asked by another method, fails as it would
        expect(await ask(proxy, { path: "/1" })).toMatchObject({ status: 503 });
        expect(await ask(proxy, { path, method: "POST", body: "x" })).toMatchObject({ status: 503 });
        const metrics = await metricsOf(proxy);
        expect(metrics.get(`tricloud_proxy_group_stale_total{group="${GROUP}"}`)).toBe(2);
        expect(metrics.get(`tricloud_proxy_group_stored_bytes{group="${GROUP}"}`)).toBeGreaterThan(200_000);
        // AND an origin that answers again is asked
        there.fail(false);
        expect((await ask(proxy, { path })).headers["cache-status"]).toBeUndefined();
      });
      await there.close();
    },
  );

  test("WHEN its answers differ by a field of requests THEN each has its own", async () => {
    const there = await failing();
    const asked = (language: string): Asked => ({
      path: "/1?vary=Accept-Language",
      headers: { "accept-language": language },
    });
    await usingGroup(group(there.url), async (proxy) => {
      const before = [await ask(proxy, asked("ja")), await ask(proxy, asked("en"))];
      there.fail();
      const after = [await ask(proxy, asked("ja")), await ask(proxy, asked("en"))];
      expect(after.map(({ body }) => body)).toEqual(before.map(({ body }) => body));
      expect(await ask(proxy, asked("fr"))).toMatchObject({ status: 503 });
    });
    await there.close();
  });

  test("WHEN an answer is private, or asked for with a right to it, THEN it is nobody else's", async () => {
    const there = await failing();
    await usingGroup(group(there.url), async (proxy) => {
      await ask(proxy, { path: "/1?cache-control=private" });
      await ask(proxy, { path: "/1?a=authorised", headers: { authorization: "Bearer x" } });
      await ask(proxy, { path: "/1?set-cookie=a%3Db" });
      there.fail();
      for (const path of ["/1?cache-control=private", "/1?a=authorised", "/1?set-cookie=a%3Db"])
        expect(await ask(proxy, { path })).toMatchObject({ status: 503 });
    });
    await there.close();
  });

  test("WHEN something is changed there THEN what it was before is forgotten", async () => {
    const there = await failing();
    await usingGroup(group(there.url), async (proxy) => {
      await ask(proxy, { path: "/1" });
      await ask(proxy, { path: "/1", method: "PUT", body: "new" });
      there.fail();
      expect(await ask(proxy, { path: "/1" })).toMatchObject({ status: 503 });
    });
    await there.close();
  });
});

describe("GIVEN a service whose answers are kept", () => {
  test("WHEN it is gone, or slow, or its circuit is open THEN they are given", async () => {
    const there = await origin((request, response) => {
      if (slow) request.resume();
      else request.resume().on("end", () => response.end("kept"));
    });
    let slow = false;
    const options = { ...group(there.url), circuitFailures: 2, circuitPause: 60, firstByteTimeout: "300ms" };
    await usingGroup(options, async (proxy) => {
      expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "kept" });
      slow = true;
      expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "kept" });
      await there.close();
      for (let i = 0; i < 5; i++) expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "kept" });
      expect(await upstreams(proxy)).toMatchObject({
        groups: [{ stale: 6, origins: [{ state: "circuit open" }] }],
      });
    });
  });

  test("WHEN an answer breaks off THEN it is not kept, and the one before is", async () => {
    let breaks = false;
    const there = await origin((request, response) => {
      request.resume().on("end", () => {
        response.writeHead(200, { "content-length": 100_000 }).write((breaks ? "b" : "a").repeat(50_000));
        if (breaks) setTimeout(() => response.destroy(), 50);
        else response.end("a".repeat(50_000));
      });
    });
    await usingGroup(group(there.url), async (proxy) => {
      await askHttp1(proxy);
      breaks = true;
      expect(await askHttp1(proxy)).toMatchObject({ status: 0 });
      await there.close();
      expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "a".repeat(100_000) });
    });
  });

  test("WHEN more is asked for than may be kept THEN what was used last is", async () => {
    const there = await failing();
    await usingGroup(group(there.url, { ifError: "60s", bytes: 65_536 }), async (proxy) => {
      for (let i = 0; i < 40; i++) {
        await askHttp1(proxy, { path: `/6000?x-n=${i}` });
        there.fail();
        expect(await askHttp1(proxy, { path: "/6000?x-n=0" })).toMatchObject({ status: 200 });
        there.fail(false);
      }
      await askHttp1(proxy, { path: "/9000" });
      there.fail();
      const statuses = await Promise.all(
        [39, 38, 1, 2].map(async (n) => (await askHttp1(proxy, { path: `/6000?x-n=${n}` })).status),
      );
      expect(statuses).toEqual([200, 200, 503, 503]);
      // One that would take much of it alone is not kept.
      expect(await askHttp1(proxy, { path: "/9000" })).toMatchObject({ status: 503 });
      const metrics = await metricsOf(proxy);
      expect(metrics.get(`tricloud_proxy_group_stored_bytes{group="${GROUP}"}`)).toBeLessThanOrEqual(65_536);
    });
    await there.close();
  });

  test("WHEN a client reads slowly what was kept THEN it has it whole, and nobody else waits", async () => {
    const there = await failing();
    await usingGroup(group(there.url, { ifError: "60s", bytes: 67_108_864 }), async (proxy) => {
      await askHttp1(proxy, { path: "/8000000" });
      there.fail();
      const slow = connect(proxy.port, "127.0.0.1");
      slow.write(`GET /8000000 HTTP/1.1\r\nHost: ${GROUP}.ccnproxy\r\nConnection: close\r\n\r\n`);
      slow.pause();
      await wait(500);
      expect((await askHttp2(proxy, { path: "/8000000" })).body).toHaveLength(8_000_000);
      let received = 0;
      slow.on("data", (part: Buffer) => (received += part.length)).resume();
      await new Promise((resolve) => slow.on("end", resolve));
      expect(received).toBeGreaterThan(8_000_000);
    });
    await there.close();
  });

  test("WHEN there is a substitute too THEN it answers what was never kept", async () => {
    const there = await failing();
    await usingGroup({ ...group(there.url), substitute: { body: "[]" } }, async (proxy) => {
      const before = await askHttp1(proxy, { path: "/1" });
      there.fail();
      expect(await askHttp1(proxy, { path: "/1" })).toMatchObject({ status: 200, body: before.body });
      expect(await askHttp1(proxy, { path: "/2" })).toMatchObject({ status: 200, body: "[]" });
    });
    await there.close();
  });
});

async function upstreams({ adminPort }: RunningProxy): Promise<unknown> {
  return (
    await fetch(`http://127.0.0.1:${adminPort}/upstreams`, { headers: { accept: "application/json" } })
  ).json();
}
