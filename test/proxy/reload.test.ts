import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NODE } from "./node-program";
import {
  bundle,
  eventually,
  metricsOf,
  type RunningProxy,
  scratch,
  startProxy,
  whileCalling,
} from "./proxy-process";
import { askHttp1, askHttp2, GROUP, type Origin, origin, says } from "./groups/group-lab";

jest.setTimeout(60_000);
const directory = scratch();
const file = bundle(directory);

let first: Origin;
let second: Origin;
beforeAll(async () => {
  first = await origin(says("first"));
  second = await origin(says("second"));
});

const base = (more: object): string =>
  JSON.stringify({ allowAddress: ["127.0.0.0/8"], accessLogDir: "none", allow: ["localhost"], ...more });

let files = 0;
async function start(config: string): Promise<{ proxy: RunningProxy; path: string }> {
  const path = join(directory, `reload-${++files}.json`);
  writeFileSync(path, config);
  return { proxy: await startProxy(file, ["--config", path]), path };
}

async function configuration({ adminPort }: RunningProxy): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/upstreams`);
  return ((await answer.json()) as { configuration: string }).configuration;
}

describe.each([1, 2])("GIVEN a proxy with %i workers that is asked all the time", (workers) => {
  test("WHEN its file changes and SIGHUP comes THEN the new one is in force, and no request is lost", async () => {
    const config = (groups: object): string => base({ workers, groups });
    const { proxy, path } = await start(config({ [GROUP]: [first.url] }));
    const seen = new Set<string>();
    const calls = [askHttp1, askHttp1, askHttp1, askHttp2].map((ask) => async () => {
      const { status, body } = await ask(proxy, { method: "POST", body: "once" });
      seen.add(`${status} ${body}`);
    });
    const before = await configuration(proxy);
    await whileCalling(calls, async () => {
      for (const next of [second, first, second]) {
        writeFileSync(path, config({ [GROUP]: [next.url] }));
        const asked = next.requests;
        proxy.child.kill("SIGHUP");
        await eventually(() => next.requests > asked + 20);
      }
    });
    expect(seen).toEqual(new Set(["200 first", "200 second"]));
    // AND it says which configuration it runs with
    expect(await configuration(proxy)).toMatch(/^[0-9a-f]{16}$/);
    expect(await configuration(proxy)).not.toBe(before);
    const infos = [...(await metricsOf(proxy))].filter(([series]) => series.includes("proxy_configuration"));
    expect(infos).toEqual([[`tricloud_proxy_configuration{hash="${await configuration(proxy)}"}`, workers]]);
    expect(await proxy.stop()).toBe(0);
  });

  test("WHEN the file is bad, or needs a restart, THEN it is refused, and the old one stays", async () => {
    const { proxy, path } = await start(base({ workers, groups: { [GROUP]: [first.url] } }));
    const before = await configuration(proxy);
    for (const [bad, problem] of [
      ["{", path],
      [base({ workers, groups: { [GROUP]: ["x"] } }), `groups.${GROUP}[0]`],
      [base({ workers, port: 1 + proxy.port, stsize: 7 }), "a restart is needed to change stsize"],
    ] as const) {
      writeFileSync(path, bad);
      proxy.child.kill("SIGHUP");
      await proxy.said("configuration refused");
      await proxy.said(JSON.stringify(problem).slice(1, -1).replace("[0]", ""));
      expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "first" });
    }
    if (workers > 1) {
      // A worker that takes another one's place does not read the bad file.
      const [pid] = execFileSync("pgrep", ["-P", String(proxy.child.pid)], { encoding: "utf8" }).split("\n");
      process.kill(Number(pid), "SIGKILL");
      await proxy.said("worker ended and is replaced");
      const serving = async (): Promise<boolean> =>
        (await metricsOf(proxy)).get(`tricloud_proxy_configuration{hash="${before}"}`) === workers;
      await eventually(serving);
    }
    expect(await configuration(proxy)).toBe(before);
    await proxy.stop();
  });
});

test("GIVEN an allow list WHEN a name joins and one leaves it THEN that holds after SIGHUP", async () => {
  const { proxy, path } = await start(base({}));
  const host = first.url.replace("http://localhost", "localhost.ccnproxy");
  const other = first.url.replace("http://localhost", "127.0.0.1.ccnproxy");
  expect(await askHttp1(proxy, { host })).toMatchObject({ status: 200 });
  expect(await askHttp1(proxy, { host: other })).toMatchObject({ status: 403 });
  writeFileSync(path, base({ allow: ["127.0.0.1"] }));
  proxy.child.kill("SIGHUP");
  await proxy.said("configuration reloaded");
  expect(await askHttp1(proxy, { host })).toMatchObject({ status: 403 });
  expect(await askHttp1(proxy, { host: other })).toMatchObject({ status: 200 });
  await proxy.stop();
});

test.each([1, 2])(
  "GIVEN a proxy with %i workers WHEN a deploy has it reload THEN that ends with the new one in force, or with why not",
  async (workers) => {
    const stateDir = join(directory, `state-reload-${workers}`);
    const { proxy, path } = await start(base({ workers, stateDir }));
    const before = await configuration(proxy);
    const reload = (): { code: number | null; text: string } => {
      const { status, stdout, stderr } = spawnSync(NODE, [file, "reload", "--config", path], {
        encoding: "utf8",
      });
      return { code: status, text: stdout + stderr };
    };
    // WHEN one more name is allowed THEN it says by which configuration it runs, in all workers
    writeFileSync(path, base({ workers, stateDir, allow: ["localhost", "127.0.0.1"] }));
    const done = reload();
    const now = await configuration(proxy);
    expect(done).toEqual({ code: 0, text: `tricloud-proxy: runs with configuration ${now}\n` });
    expect(now).not.toBe(before);
    // WHEN what changes is looked at once, at start, THEN it says that it takes a restart, by a code of its own
    writeFileSync(path, base({ workers, stateDir, stsize: 7 }));
    expect(reload()).toEqual({ code: 100, text: "tricloud-proxy: a restart is needed to change stsize\n" });
    // WHEN the file is bad THEN it says why
    writeFileSync(path, base({ workers, stateDir, allow: ["*"] }));
    expect(reload()).toMatchObject({ code: 1, text: expect.stringContaining("allow[0]") as string });
    expect(await configuration(proxy)).toBe(now);
    await proxy.stop();
    // WHEN none runs THEN that takes a start
    writeFileSync(path, base({ workers, stateDir }));
    expect(reload()).toMatchObject({ code: 100 });
  },
);
