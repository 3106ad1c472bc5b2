import { spawnSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NODE } from "./node-program";
import { bundle, eventually, type RunningProxy, scratch, startProxy } from "./proxy-process";
import { askHttp1, GROUP, type Origin, origin, says } from "./groups/group-lab";

jest.setTimeout(60_000);
const directory = scratch();
const file = bundle(directory);

let first: Origin;
let second: Origin;
beforeAll(async () => {
  first = await origin(says("first"));
  second = await origin(says("second"));
});

function operator(...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(NODE, [file, ...args], { encoding: "utf8" });
  return { code: status, text: stdout + stderr };
}

let files = 0;
const started = (workers: number, stateDir: string): Promise<RunningProxy> => {
  const path = join(directory, `drain-${++files}.json`);
  const groups = { [GROUP]: { origins: [first.url, second.url], returnTime: 0 } };
  const config = { allowAddress: ["127.0.0.0/8"], accessLogDir: "none", workers, stateDir, groups };
  writeFileSync(path, JSON.stringify(config));
  return startProxy(file, ["--config", path]);
};

/** Who answers, when each worker is asked. */
async function answerers(proxy: RunningProxy): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => askHttp1(proxy)));
  return [...new Set(answers.map(({ body }) => body))];
}

test.each([1, 2])(
  "GIVEN a proxy with %i workers WHEN an operator drains an origin THEN it is asked nothing, after a reload and a restart too",
  async (workers) => {
    const stateDir = join(directory, `state-${workers}`);
    const proxy = await started(workers, stateDir);
    expect(await answerers(proxy)).toEqual(["first"]);
    expect(operator("drain", first.url, "--state-dir", stateDir)).toEqual({
      code: 0,
      text: `${first.url} is drained\n`,
    });
    const only = (name: string, by: RunningProxy): Promise<void> =>
      eventually(async () => (await answerers(by)).join() === name);
    await only("second", proxy);
    const asked = first.requests;
    proxy.child.kill("SIGHUP");
    await proxy.said("configuration reloaded");
    expect(await answerers(proxy)).toEqual(["second"]);
    expect(await proxy.stop()).toBe(0);
    // WHEN it starts again
    const again = await started(workers, stateDir);
    expect(await answerers(again)).toEqual(["second"]);
    expect(first.requests).toBe(asked);
    const upstreams = await fetch(`http://127.0.0.1:${again.adminPort}/upstreams`);
    expect(((await upstreams.json()) as { groups: unknown }).groups).toMatchObject([
      { origins: [{ state: "drained", why: "by an operator" }, { state: "serving" }] },
    ]);
    // THEN undrain lets it back
    expect(operator("undrain", first.url, "--state-dir", stateDir).code).toBe(0);
    await only("first", again);
    await again.stop();
    // AND nobody else may use the socket or read the state
    expect(statSync(stateDir).mode & 0o777).toBe(0o700);
    expect(JSON.parse(readFileSync(join(stateDir, "drained.json"), "utf8"))).toEqual([]);
  },
);

test("GIVEN requests under way WHEN their origin is drained THEN they end there", async () => {
  const held: (() => void)[] = [];
  const slow = await origin((_request, response) => void held.push(() => response.end("slow")));
  const stateDir = join(directory, "state-slow");
  const path = join(directory, "slow.json");
  const groups = { [GROUP]: { origins: [slow.url, second.url], firstByteTimeout: 0 } };
  writeFileSync(
    path,
    JSON.stringify({ allowAddress: ["127.0.0.0/8"], accessLogDir: "none", stateDir, groups }),
  );
  const proxy = await startProxy(file, ["--config", path]);
  const answer = askHttp1(proxy);
  await eventually(() => held.length === 1);
  expect(operator("drain", slow.url, "--config", path).code).toBe(0);
  expect(await askHttp1(proxy)).toMatchObject({ body: "second" });
  held[0]!();
  expect(await answer).toMatchObject({ status: 200, body: "slow" });
  await proxy.stop();
});

describe("GIVEN an operator's mistake", () => {
  test.each([
    [["drain"], 'drain: "" is not http://host[:port] or https://host[:port]'],
    [["drain", "x"], 'drain: "x" is not http://host[:port] or https://host[:port]'],
    [["undrain", "http://a"], 'undrain: "" is not a state directory (--state-dir, or stateDir in --config)'],
    [["drain", "http://a", "--state-dir", "/nowhere"], "ENOENT /nowhere/control.sock"],
  ])("WHEN it is %j THEN the message says so, and the code is 1", (args, message) => {
    expect(operator(...args)).toMatchObject({ code: 1, text: expect.stringContaining(message) as string });
  });

  test("WHEN no group has the origin, or the file of what is drained is damaged, THEN that is said", async () => {
    const stateDir = join(directory, "state-mistakes");
    const proxy = await started(1, stateDir);
    expect(operator("drain", "https://elsewhere", "--state-dir", stateDir)).toEqual({
      code: 1,
      text: `tricloud-proxy: no group has https://elsewhere:443; there are: ${first.url}, ${second.url}\n`,
    });
    await proxy.stop();
    writeFileSync(join(stateDir, "drained.json"), "{");
    const again = await started(1, stateDir);
    await again.said("drained origins could not be read");
    expect(await answerers(again)).toEqual(["first"]);
    await again.stop();
  });
});
