import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, jpRegion, ORIGIN, type Outcome, Testbed, until, type VirtualHost } from "../testbed";
import { CONSUL_AS_SERVER } from "../testbed/consul-commands";
import { succeeded } from "./succeeded";
import { describeOnVirtualHosts } from "./virtual-hosts";

const HOSTS = ["jp-1", "jp-2", "jp-3", "jp-4"];
const SERVICES = "consul unbound";

type Server = DedicatedRegionInput["servers"][number];

describeOnVirtualHosts("the machines that a region on dedicated servers names", () => {
  let testbed: Testbed;
  let deployment: Deployment;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: HOSTS, far: { names: [ORIGIN] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    succeeded(await deploy());
  });

  afterAll(() => testbed?.stop());

  /** Deploys all servers with these changes to some; without one whose changes are "gone". */
  function deploy(changes: Readonly<Record<string, Partial<Server> | "gone">> = {}): Promise<Outcome> {
    const region = jpRegion(testbed);
    const servers = region.servers.flatMap((server) => {
      const change = changes[server.name] ?? {};
      return change === "gone" ? [] : [{ ...server, ...change }];
    });
    deployment.write({ ...region, servers });
    return deployment.deploy("jp");
  }

  const processes = (host: VirtualHost) =>
    host.run(`systemctl show -p MainPID -p ActiveState ${SERVICES}`).then((shown) => shown.trim());

  /** Status of a member as another host knows it; nothing when it does not. */
  const member = (name: string) =>
    testbed
      .host("jp-1")
      .run(`consul members | awk '$1 == "${name}" { print $3 }'`)
      .then((status) => status.trim());

  it("are not left behind: one that is gone without a word is refused", async () => {
    // GIVEN what runs on all
    const before = await Promise.all(testbed.hosts.map(processes));

    // WHEN one disappears from the region
    const { code, output } = await deploy({ "jp-4": "gone" });

    // THEN the deploy names it and says what to write, and nothing has happened on any host
    expect(code).not.toBe(0);
    expect(output).toContain(
      `jp-4 (${testbed.host("jp-4").address}) is gone from the region's servers, and would go on serving what was put on ` +
        'it: name it again with `retired: true`, or `retired: "lost"` when nobody can reach it, deploy, and then take it out',
    );
    expect(await Promise.all(testbed.hosts.map(processes))).toEqual(before);
    // AND so it is the second time
    expect((await deploy({ "jp-4": "gone" })).output).toContain("is gone from the region's servers");
    // AND given back, the deploy goes on
    succeeded(await deploy());
    expect(await Promise.all(testbed.hosts.map(processes))).toEqual(before);
  });

  it("can be called otherwise: nothing is taken off, and the old name leaves Consul", async () => {
    const host = testbed.host("jp-4");
    const resolver = () => host.run("systemctl show -p MainPID --value unbound");
    const before = await resolver();

    // WHEN
    const { output } = succeeded(await deploy({ "jp-4": { name: "jp-four" } }));

    // THEN the plan tells of one machine with another name
    expect(output).toMatch(new RegExp(`~ "${host.address} SHA256:\\S+" = "jp-4" -> "jp-four"`));
    expect(output).toContain(`jp-4 (${host.address}) is called jp-four now: nothing is taken off it`);
    expect(output).not.toMatch(/took back|stopped|purged|removed\n/);
    expect(await resolver()).toBe(before);
    await until("the new name", 60_000, async () => (await member("jp-four")) === "alive" || undefined);
    expect(["", "left"]).toContain(await member("jp-4"));
  });

  it("get everything again when they have a new system", async () => {
    // GIVEN a Consul server with an empty disk and new host keys
    const host = testbed.host("jp-3");
    await host.reinstall();
    await host.start();
    expect((await host.attempt("ls -d /var/lib/tricloud")).code).not.toBe(0);

    // WHEN the region has its new key
    const { output } = succeeded(await deploy({ "jp-4": { name: "jp-four" } }));

    // THEN it is what it was, and a voter among the others
    expect(output).toContain("jp-3: active");
    expect(await host.run(`systemctl is-active ${SERVICES}`)).toBe("active\nactive\n");
    await until("jp-3 votes", 120_000, async () =>
      /^jp-3 .* true /m.test(await testbed.host("jp-1").run(`${CONSUL_AS_SERVER} operator raft list-peers`))
        ? true
        : undefined,
    );
  });
});
