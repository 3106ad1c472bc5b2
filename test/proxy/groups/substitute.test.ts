import { get } from "node:http";
import { freePort, metricsOf, type RunningProxy } from "../proxy-process";
import { askHttp1, askHttp2, GROUP, groupLab, origin } from "./group-lab";

const { usingGroup } = groupLab();
const substitute = { body: '{"ads":[]}' };

function cacheStatus(proxy: RunningProxy): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${GROUP}.ccnproxy` };
    get({ host: "127.0.0.1", port: proxy.port, headers, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.headers["cache-status"] as string | undefined));
    }).on("error", reject);
  });
}

describe.each([
  ["HTTP/1.1", askHttp1],
  ["HTTP/2", askHttp2],
] as const)("GIVEN a lone service that may be missed, and an %s client", (_protocol, ask) => {
  test("WHEN it is away THEN a GET has the substitute, at once when the circuit is open, and a POST fails", async () => {
    const group = {
      origins: [`http://localhost:${freePort()}`],
      circuitFailures: 2,
      circuitPause: 60,
      substitute,
    };
    await usingGroup(group, async (proxy) => {
      for (let i = 0; i < 5; i++)
        expect(await ask(proxy)).toMatchObject({ status: 200, body: substitute.body });
      expect(await ask(proxy, { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
      expect([502, 503]).toContain((await ask(proxy, { method: "POST", body: "once" })).status);
      // THEN it is marked and counted
      expect(await cacheStatus(proxy)).toBe("tricloud-proxy; fwd=miss; detail=substitute");
      const metrics = await metricsOf(proxy);
      expect(metrics.get(`tricloud_proxy_group_substitutes_total{group="${GROUP}"}`)).toBe(7);
    });
  });

  test.each([503, 0])("WHEN it answers %i (0: nothing) THEN a GET has the substitute", async (status) => {
    const away = await origin((request, response) => {
      request.resume();
      if (status > 0) response.writeHead(status).end("no");
    });
    await usingGroup({ origins: [away.url], firstByteTimeout: "300ms", substitute }, async (proxy) => {
      expect(await ask(proxy)).toMatchObject({ status: 200, body: substitute.body });
      // A connection on which an answer was turned away serves the next.
      expect(await ask(proxy)).toMatchObject({ status: 200, body: substitute.body });
    });
    await away.close();
  });

  test("WHEN it is there THEN its answers pass, unmarked, errors of its own too", async () => {
    const there = await origin((request, response) => {
      request.resume().on("end", () => response.writeHead(request.url === "/500" ? 500 : 200).end("its own"));
    });
    await usingGroup({ origins: [there.url], substitute }, async (proxy) => {
      expect(await ask(proxy)).toMatchObject({ status: 200, body: "its own" });
      expect(await ask(proxy, { path: "/500" })).toMatchObject({ status: 500, body: "its own" });
      expect(await cacheStatus(proxy)).toBeUndefined();
    });
    await there.close();
  });
});
