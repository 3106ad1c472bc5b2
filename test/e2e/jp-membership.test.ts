import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, jpRegion, ORIGIN, type Outcome, Testbed, until, type VirtualHost } from "../testbed";
import { CONSUL_AS_SERVER, SERVERS_HEALTH } from "../testbed/consul-commands";
import { describeOnVirtualHosts } from "./virtual-hosts";

const HOSTS = ["jp-1", "jp-2", "jp-3", "jp-4", "jp-5"];

type Server = DedicatedRegionInput["servers"][number];
type Changes = Partial<Server> & { readonly server?: boolean };

/** A program that asks for a name all the time, as an application would, and notes when there is no answer. */
const LOOK_UPS = `#!/bin/sh
while :; do
  getent ahostsv4 ${ORIGIN}.ccnproxy-https >/dev/null || echo "$(date +%T) no answer" >>/srv/failed
  echo >>/srv/asked
  sleep 0.2
done`;

describeOnVirtualHosts("the Consul servers of JP while they change", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  let described: DedicatedRegionInput;
  let asking: VirtualHost;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: HOSTS, far: { names: [ORIGIN] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    described = jpRegion(testbed);
    write({ "jp-1": { server: true }, "jp-2": { server: true }, "jp-3": { server: true } });
    await deploy();
    asking = testbed.host("jp-4");
    await asking.run(
      `cat >/srv/look-ups <<'END'\n${LOOK_UPS}\nEND\nsystemd-run --quiet --unit=look-ups sh /srv/look-ups`,
    );
  });

  afterAll(() => testbed?.stop());

  /** Proxies on two hosts; all else as the changes say. */
  function write(changes: Readonly<Record<string, Changes>>, names: readonly string[] = HOSTS): void {
    const servers = names.map((host) => {
      const { server, ...more } = changes[host] ?? {};
      const { name, address, hostKey } = described.servers.find((each) => each.name === host)!;
      const roles: Server["roles"] = [
        ...(server ? (["consul-server"] as const) : []),
        ...(["jp-2", "jp-3"].includes(host) ? (["proxy"] as const) : []),
        "app",
      ];
      return { name, address, hostKey, roles, ...more };
    });
    // One that is to be a server no longer has to ask for the others' health with the rights that it had.
    deployment.write({ ...described, servers });
  }

  async function deploy(): Promise<Outcome> {
    const outcome = await deployment.deploy("jp");
    if (outcome.code !== 0) throw new Error(`exit code ${outcome.code}:\n${outcome.output}`);
    return outcome;
  }

  /** The voters by the servers' own account, by name. `list-peers` may give names that they had before. */
  async function voters(host: VirtualHost): Promise<string[]> {
    const health = await host.run(SERVERS_HEALTH);
    const { Servers } = JSON.parse(health) as { Servers: { Name: string; Voter: boolean }[] };
    return Servers.flatMap(({ Name, Voter }) => (Voter ? [Name] : [])).sort();
  }

  /** Fails unless these are the voters as soon as the servers answer, which takes a leader. */
  async function expectVoters(host: string, ...expected: string[]): Promise<void> {
    const asked = testbed.host(host);
    const seen = await until(`an answer of the servers`, 120_000, () => voters(asked).catch(() => undefined));
    if (seen.join() === expected.join()) return;
    const about = ["members", "operator raft list-peers", "operator autopilot get-config"].map(
      (words) => `${CONSUL_AS_SERVER} ${words} 2>&1`,
    );
    const said = await asked.run(
      [...about, SERVERS_HEALTH].map((command) => `${command} || true`).join("; echo; "),
    );
    throw new Error(`expected the voters ${expected.join(", ")}, they are ${seen.join(", ")}:\n${said}`);
  }

  /** Every look-up so far was answered, and there were some since last time. */
  async function expectAnswered(): Promise<void> {
    expect(await asking.run("cat /srv/failed 2>/dev/null || true")).toBe("");
    expect(Number(await asking.run("wc -l </srv/asked"))).toBeGreaterThan(10);
    await asking.run("rm -f /srv/asked");
  }

  it("grow from three to five, none of the three restarted", async () => {
    // GIVEN three servers
    const pid = () => testbed.host("jp-1").run("systemctl show -p MainPID --value consul");
    const before = await pid();
    // WHEN two agents become servers
    write(Object.fromEntries(HOSTS.map((name) => [name, { server: true }])));
    await deploy();
    // THEN
    await expectVoters("jp-1", ...HOSTS);
    expect(await pid()).toBe(before);
    await expectAnswered();
  });

  it("shrink to three others, those that were servers being agents afterwards", async () => {
    // WHEN the role moves away from two
    write({ "jp-1": { server: true }, "jp-2": { server: true }, "jp-5": { server: true } });
    await deploy();
    // THEN
    await expectVoters("jp-1", "jp-1", "jp-2", "jp-5");
    expect(await testbed.host("jp-3").run("consul members | awk '$1 == \"jp-3\" { print $3, $4 }'")).toBe(
      "alive client\n",
    );
    await expectAnswered();
  });

  it("take no notice of the order in which the region lists them", async () => {
    // WHEN the list is turned round
    write(
      { "jp-1": { server: true }, "jp-2": { server: true }, "jp-5": { server: true } },
      [...HOSTS].reverse(),
    );
    // THEN
    expect((await deploy()).output).toContain("No changes.");
  });

  it("are made whole when one is dead, by a new one", async () => {
    // GIVEN a server that is lost
    await testbed.host("jp-1").cutPower();
    // WHEN another takes its place
    write({
      "jp-1": { server: true, retired: "lost" },
      "jp-2": { server: true },
      "jp-3": { server: true },
      "jp-5": { server: true },
    });
    await deploy();
    // THEN
    await expectVoters("jp-2", "jp-2", "jp-3", "jp-5");
    await expectAnswered();
  });

  it("change a name, and nobody misses the old one", async () => {
    // WHEN a server gets another name
    const pid = await testbed.host("jp-3").run("systemctl show -p MainPID --value consul");
    write(
      { "jp-2": { server: true, name: "jp-two" }, "jp-3": { server: true }, "jp-5": { server: true } },
      HOSTS.slice(1),
    );
    await deploy();
    // THEN it is known by the new name alone, and nothing else was restarted
    await expectVoters("jp-3", "jp-3", "jp-5", "jp-two");
    // An agent's name that has left takes no server's vote away, as a server's would for days.
    expect(await testbed.host("jp-3").run("consul members | awk '$1 == \"jp-2\" { print $3, $4 }'")).toBe(
      "left client\n",
    );
    expect(await testbed.host("jp-3").run("systemctl show -p MainPID --value consul")).toBe(pid);
    await expectAnswered();
  });

  it("let one go only once another is there", async () => {
    // WHEN one is retired and another becomes a server
    write(
      {
        "jp-2": { server: true, name: "jp-two" },
        "jp-3": { server: true },
        "jp-4": { server: true },
        "jp-5": { server: true, retired: true },
      },
      HOSTS.slice(1),
    );
    await deploy();
    // THEN it has said good-bye
    await expectVoters("jp-3", "jp-3", "jp-4", "jp-two");
    expect(await testbed.host("jp-3").run("consul members | awk '$1 == \"jp-5\" { print $3 }'")).toBe(
      "left\n",
    );
    expect(await testbed.host("jp-5").run("ls -d /var/lib/tricloud 2>/dev/null || true")).toBe("");
    await expectAnswered();
  });
});
