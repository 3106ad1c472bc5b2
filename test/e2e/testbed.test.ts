import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { attempt, Testbed, until } from "../testbed";
import { describeOnVirtualHosts } from "./virtual-hosts";

const CLI = resolve(__dirname, "../../.testbed/build/cli.js");

describeOnVirtualHosts("Testbed", () => {
  it("boots hosts that reach their archive and the far site, and nothing else", async () => {
    // GIVEN a host and a far site
    const testbed = await Testbed.boot({ hosts: ["one"], far: { names: ["api.example.test"] } });
    try {
      const host = testbed.host("one");

      // WHEN it installs a package, calls the origin and tries a public address
      await host.run("apt-get -q update && apt-get -qy install jq && jq --version");
      const call = `curl -sSk -m 10 --resolve api.example.test:443:${testbed.far.address}`;
      const [body, connectSeconds] = (
        await host.run(`${call} -w '%{time_connect}' https://api.example.test/hc`)
      ).split("\n");
      const outside = await host.attempt("curl -sS -m 5 http://192.0.2.1/");

      // THEN the first two work, the second after a whole round trip, and the third finds no way
      expect(body).toBe("ok from api.example.test");
      expect(Number(connectSeconds) * 1000).toBeGreaterThanOrEqual(testbed.far.roundTripMs);
      expect(outside.code).toBe(7);
    } finally {
      await testbed.stop();
    }
    // AND afterwards nothing of it is left
    expect(await leftBy(testbed.directory)).toEqual([]);
  });

  it("removes what a killed run left, at the next boot", async () => {
    // GIVEN a run that is killed while its hosts are up
    const runs = new Set(runIds());
    const child = spawn(process.execPath, [CLI, "up", "one"], { stdio: "ignore" });
    const id = await until("its hosts are starting", 60_000, async () => {
      if (child.exitCode !== null) throw new Error(`${CLI} ended with exit code ${child.exitCode}`);
      const made = runIds().find((run) => !runs.has(run));
      return made !== undefined && (await leftBy(made)).some((line) => line.startsWith("cgroup"))
        ? made
        : undefined;
    });
    child.kill("SIGKILL");
    await new Promise((ended) => child.once("exit", ended));
    expect(await leftBy(id)).not.toEqual([]);

    // WHEN the next one boots
    const next = await Testbed.boot({ hosts: ["two"] });
    await next.stop();

    // THEN
    expect(await leftBy(id)).toEqual([]);
    expect(runIds()).not.toContain(id);
  });
});

const RUNS = resolve(process.env.TRICLOUD_TESTBED_DIR ?? ".testbed", "runs");
const runIds = (): string[] => readdirSync(RUNS);

/** Namespaces, links, mounts, cgroups and processes that bear the id of the run. */
async function leftBy(run: string): Promise<string[]> {
  const id = run.split("/").pop() ?? "";
  const name = `tricloud-${id}`;
  const lines = (kind: string, text: string) =>
    text
      .split("\n")
      .filter((line) => line.includes(name) || line.includes(join("runs", id)))
      .map((line) => `${kind} ${line}`);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const groups = await attempt("find", ["/sys/fs/cgroup", "-maxdepth", "2", "-name", `${name}*`]);
  const processes = await attempt("ps", ["-eo", "pid=,args="]);
  return [
    ...lines("namespace", readdirSync("/run/netns").join("\n")),
    ...lines("link", readdirSync("/sys/class/net").join("\n")),
    ...lines("mount", mounts),
    ...lines("cgroup", groups.stdout),
    ...lines("process", processes.stdout),
  ];
}
