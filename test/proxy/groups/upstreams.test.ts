import { eventually, metricsOf, type RunningProxy } from "../proxy-process";
import { askHttp1, GROUP, groupLab, type Origin, origin, says } from "./group-lab";

const { usingGroup } = groupLab();

let failing: Origin;
let second: Origin;
beforeAll(async () => {
  failing = await origin(
    (request, response) => void request.resume().on("end", () => response.writeHead(503).end()),
  );
  second = await origin(says("second"));
});

async function upstreams(proxy: RunningProxy, accept = "application/json"): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/upstreams`, { headers: { accept } });
  expect(answer.headers.get("content-type")).toContain(accept);
  return answer.text();
}

test.each([1, 2])(
  "GIVEN a group, and %i workers WHEN its first origin fails THEN /upstreams says so, why, and since when",
  async (workers) => {
    const group = { origins: [failing.url, second.url], circuitFailures: 2, circuitPause: 60 };
    await usingGroup(
      group,
      async (proxy) => {
        const before = Date.now();
        const states = async (): Promise<readonly Record<string, unknown>[]> =>
          JSON.parse(await upstreams(proxy)).groups[0].origins;
        // Each worker finds out by itself.
        let asked = 0;
        const open = async (): Promise<boolean> => {
          await Promise.all(Array.from({ length: 10 }, () => askHttp1(proxy)));
          asked += 10;
          return (await states())[0]!["state"] === "circuit open";
        };
        await eventually(open);
        const [first, other] = (await states()) as [Record<string, unknown>, Record<string, unknown>];
        expect(first).toMatchObject({ origin: failing.url, why: "status 503", active: 0 });
        expect(Date.parse(first["since"] as string)).toBeGreaterThanOrEqual(before);
        expect(other).toMatchObject({ origin: second.url, state: "serving", why: "" });
        expect((first["asked"] as number) + (other["asked"] as number)).toBe(asked);
        expect(other["movedHere"]).toBe(first["movedOn"]);
        const page = await upstreams(proxy, "text/html");
        for (const text of [GROUP, failing.url, second.url, "circuit open", "status 503"])
          expect(page).toContain(text);
        const metrics = await metricsOf(proxy);
        const labels = (url: string): string => `{group="${GROUP}",origin="${url}"}`;
        expect(metrics.get(`tricloud_proxy_group_serving${labels(second.url)}`)).toBe(workers);
        expect(metrics.get(`tricloud_proxy_group_moved_here_total${labels(second.url)}`)).toBe(
          other["movedHere"],
        );
      },
      { workers },
    );
  },
);
