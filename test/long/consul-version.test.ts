import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import {
  CONSUL_VERSIONS,
  Deployment,
  jpRegion,
  JP_ROLES,
  ORIGIN,
  type Outcome,
  run,
  Testbed,
  until,
  type VirtualHost,
} from "../testbed";
import { succeeded } from "../e2e/succeeded";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";

const { real, earlier, refusing } = CONSUL_VERSIONS;
const SERVERS = Object.keys(JP_ROLES);
const NAME = `${ORIGIN}.ccnproxy-https`;

/** Asks for a name all the time, as an application would, and notes when there is no answer. */
const LOOK_UPS = `while :; do getent ahostsv4 ${NAME} >/dev/null || date >>/srv/failed; echo >>/srv/asked; sleep 0.2; done`;

describeOnVirtualHosts("the version of Consul that a region pins", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  let region: DedicatedRegionInput;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: SERVERS, far: { names: [ORIGIN] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    region = { ...jpRegion(testbed), consul: { aptSource: await testbed.consulReleases() } };
    succeeded(await deploy(earlier));
    await testbed.host("jp-3").run(`systemd-run --quiet --unit=look-ups sh -c '${LOOK_UPS}'`);
  });

  afterAll(() => testbed?.stop());

  function deploy(version: string): Promise<Outcome> {
    deployment.write({ ...region, consul: { ...region.consul, version } });
    return deployment.deploy("jp");
  }

  /** On each host: the package's version, and the agent's process. */
  const agents = () =>
    Promise.all(
      testbed.hosts.map(async (host) =>
        (
          await host.run(
            "dpkg-query -W -f '${Version}\n' consul; systemctl show -p MainPID --value consul; systemctl is-active consul",
          )
        )
          .trim()
          .split("\n"),
      ),
    );

  /** The agents in the order in which they were changed; throws when one was before the one before it was healthy. */
  function orderOf({ output }: Outcome, from: string, to: string): string[] {
    const lines = output.split("\n");
    const changes = lines.flatMap((line, at) => {
      const [, host] = new RegExp(`(jp-\\d): consul: ${from}\\S* -> ${to}`).exec(line) ?? [];
      return host === undefined ? [] : [{ host, at }];
    });
    for (const [index, { host, at }] of changes.slice(0, -1).entries()) {
      const healthy = lines.findIndex((line) => line.includes(`${host}: consul.service is healthy`));
      expect({ host, healthy: healthy > at && healthy < changes[index + 1]!.at }).toEqual({
        host,
        healthy: true,
      });
    }
    return changes.map(({ host }) => host);
  }

  /** Loses what goes over SSH both ways, and tells neither end. @returns what ends that */
  async function deadLine(host: VirtualHost): Promise<() => Promise<unknown>> {
    const onHost = (...commands: string[]) =>
      run("ip", ["netns", "exec", host.namespace, "nft", commands.join("; ")]);
    const chain = (hook: string) => `add chain ip dead ${hook} { type filter hook ${hook} priority 0; }`;
    await onHost(
      ...["add table ip dead", chain("input"), chain("output")],
      ...["add rule ip dead input tcp dport 22 drop", "add rule ip dead output tcp sport 22 drop"],
    );
    return () => onHost("delete table ip dead");
  }

  async function expectAnswered(): Promise<void> {
    const app = testbed.host("jp-3");
    expect(await app.run("cat /srv/failed 2>/dev/null || true")).toBe("");
    await until("look-ups go on", 30_000, async () =>
      Number(await app.run("wc -l </srv/asked")) > 10 ? true : undefined,
    );
    await app.run("rm -f /srv/asked");
  }

  it("is what hosts get, though the archive has a newer one, and what an upgrade by others leaves", async () => {
    // GIVEN a region that pins the version before the newest WHEN its administrator upgrades all there is
    const before = await agents();
    const upgrade = await testbed.host("jp-1").run("apt-get -q update >/dev/null; apt-get -qy upgrade");
    // THEN
    expect(upgrade).not.toContain("Unpacking consul");
    expect(before.map(([version]) => version)).toEqual(SERVERS.map(() => `${earlier}-1`));
    expect(await agents()).toEqual(before);
  });

  it("goes out server by server, and nobody misses a name", async () => {
    const before = await agents();
    // WHEN
    const outcome = succeeded(await deploy(real));
    // THEN one after another, each agent a new process
    expect(orderOf(outcome, earlier, real)).toEqual(SERVERS);
    const after = await agents();
    after.forEach(([version, pid, state], index) => {
      expect([version, state]).toEqual([expect.stringContaining(real), "active"]);
      expect(pid).not.toBe(before[index]![1]);
    });
    await expectAnswered();
    // AND once more is nothing to do
    expect(succeeded(await deploy(real)).output).toContain("No changes.");
  });

  it("is taken back the same way", async () => {
    const outcome = succeeded(await deploy(earlier));
    expect(orderOf(outcome, real, earlier)).toEqual(SERVERS);
    expect((await agents()).map(([version]) => version)).toEqual(SERVERS.map(() => `${earlier}-1`));
    await expectAnswered();
  });

  it.each([
    ["goes out", earlier, real],
    ["is taken back", real, earlier],
  ])("%s by the next deploy where SSH is lost while a server's package changes", async (_way, from, to) => {
    // GIVEN a deploy whose line to the second server goes dead while the package there is being changed
    const [, second] = testbed.hosts as [VirtualHost, VirtualHost];
    const deploying = deploy(to);
    await until(
      "the second server's package is being changed",
      300_000,
      async () => existsSync(join(second.root, "var/lib/tricloud/planned")) || undefined,
      10,
    );
    const back = await deadLine(second);
    // WHEN it has ended THEN it says so, and later servers are as they were
    const { code, output } = await deploying;
    await back();
    expect(code).not.toBe(0);
    expect(output).toContain(
      "jp-2: the connection was lost; what the host had begun may go on: deploy again",
    );
    expect((await agents())[2]).toEqual([expect.stringContaining(from), expect.anything(), "active"]);
    // AND the same again changes the rest, and nobody has missed a name
    const again = succeeded(await deploy(to));
    expect(orderOf(again, from, to)).toEqual(["jp-3"]);
    expect((await agents()).map(([version, , state]) => [version, state])).toEqual(
      SERVERS.map(() => [expect.stringContaining(to), "active"]),
    );
    await expectAnswered();
    expect(succeeded(await deploy(to)).output).toContain("No changes.");
  });

  it("is refused when the archive does not hold it, with those that it holds", async () => {
    const before = await agents();
    // WHEN
    const { code, output } = await deploy("1.9.17");
    // THEN
    expect(code).not.toBe(0);
    expect(output).toMatch(
      new RegExp(
        `the archives hold no consul 1\\.9\\.17, but: ${real.replaceAll(".", "\\.")}\\S*, ${earlier}-1, ${refusing}-1\n`,
      ),
    );
    expect(await agents()).toEqual(before);
  });

  it("is refused when its program does not take the new files, with all left as it was", async () => {
    const before = await agents();
    // WHEN
    const { code, output } = await deploy(refusing);
    // THEN the new program has said why
    expect(code).not.toBe(0);
    expect(output).toContain("no such field any more");
    expect(output).toContain("the new configuration of consul.service is refused; nothing was changed");
    expect(await agents()).toEqual(before);
    await expectAnswered();
  });
});
