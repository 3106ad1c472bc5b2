import { join } from "node:path";
import { ask, gatewayLab, service } from "./gateway-lab";
import { eventually, scratch, whileCalling } from "../proxy/proxy-process";

const lab = gatewayLab();
const stateDir = join(scratch(), "state");

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
      const call = async (): Promise<void> => {
        const { status, body } = await ask(gateway, "/asked/x", { method: "POST", body: "once" });
        seen.set(`${status} ${body}`, (seen.get(`${status} ${body}`) ?? 0) + 1);
      };
      await whileCalling([call, call, call, call], async () => {
        for (const [name, to] of [
          ["second", second],
          ["first", first],
        ] as const) {
          gateway.reload(config(name));
          const before = to.requests.length;
          await eventually(() => to.requests.length > before + 20, 30_000);
        }
        gateway.reload('{ "routes": { "asked": { "path": "asked" } } }');
        await gateway.said("configuration refused");
        const before = first.requests.length;
        await eventually(() => first.requests.length > before + 20, 30_000);
      });
      expect([...seen.keys()].sort()).toEqual(["200 first", "200 second"]);
    });
  },
);

test("GIVEN a gateway with a state directory WHEN it is told to reload THEN the command ends when it serves by its file, or says why it does not", async () => {
  const [first, second] = await Promise.all([service("first"), service("second")]);
  const config = (to: string, more: object = {}): object => ({
    stateDir,
    services: { first: first.url, second: second.url },
    routes: { asked: { path: "/asked", service: to } },
    ...more,
  });
  await lab.using(config("first"), async (gateway) => {
    const told = (next: object) => lab.run("reload", "--config", gateway.write(next));
    expect(told(config("second"))).toEqual({
      code: 0,
      said: expect.stringMatching(/^tricloud-gateway: runs with configuration [0-9a-f]{16}\n$/) as string,
    });
    expect(await ask(gateway, "/asked")).toEqual({ status: 200, body: "second" });
    // WHEN it says what is looked at once
    expect(told(config("first", { workers: 2 }))).toEqual({
      code: 100,
      said: "tricloud-gateway: a restart is needed to change workers\n",
    });
    // THEN all is as it was
    expect(await ask(gateway, "/asked")).toEqual({ status: 200, body: "second" });
    expect(told(config("third")).said).toContain('routes.asked.service: "third" is not one of first, second');
  });
  // AND one that is not there takes a start
  expect(lab.run("reload", "--config", lab.written(config("first"))).code).toBe(100);
  const stateless = lab.run("reload", "--config", lab.written({ monolith: first.url }));
  expect(stateless).toEqual({
    code: 1,
    said: expect.stringContaining('"" is not a state directory') as string,
  });
});
