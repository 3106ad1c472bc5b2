import { ask, gatewayLab, service } from "./gateway-lab";
import { eventually } from "../proxy/proxy-process";

const lab = gatewayLab();

test.each([1, 2])(
  "GIVEN a gateway with %i workers that is asked all the time WHEN its routes change THEN no request is lost, and a bad file changes nothing",
  async (workers) => {
    const [first, second] = await Promise.all([service("first"), service("second")]);
    const many = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [`r${i}`, { path: `/r${i}/{id}`, service: "first" }]),
    );
    const config = (to: string): object => ({
      workers,
      services: { first: first.url, second: second.url },
      routes: { ...many, asked: { path: "/asked/**", service: to } },
    });
    await lab.using(config("first"), async (gateway) => {
      const seen = new Map<string, number>();
      let asking = true;
      const caller = async (): Promise<void> => {
        while (asking) {
          const { status, body } = await ask(gateway, "/asked/x", { method: "POST", body: "once" });
          seen.set(`${status} ${body}`, (seen.get(`${status} ${body}`) ?? 0) + 1);
        }
      };
      const callers = Promise.all([1, 2, 3, 4].map(caller));
      for (const [name, to] of [
        ["second", second],
        ["first", first],
      ] as const) {
        gateway.reload(config(name));
        const before = to.requests.length;
        expect(await eventually(() => to.requests.length > before + 20, 30_000)).toBe(true);
      }
      gateway.reload('{ "routes": { "asked": { "path": "asked" } } }');
      await gateway.said("configuration refused");
      const before = first.requests.length;
      expect(await eventually(() => first.requests.length > before + 20, 30_000)).toBe(true);
      asking = false;
      await callers;
      expect([...seen.keys()].sort()).toEqual(["200 first", "200 second"]);
    });
  },
);
