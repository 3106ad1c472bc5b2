import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { type HostDrift } from "../../planning/hosts/drift";
import { Deployment, jpRegion, type Outcome, Testbed, type VirtualHost } from "../testbed";
import { difference, snapshot } from "./host-snapshot";
import { describeOnVirtualHosts } from "./virtual-hosts";

const PROXY_CONF = "/etc/tricloud/proxy.json";

describeOnVirtualHosts("Drift on two dedicated servers", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  let region: DedicatedRegionInput;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: ["jp-1", "jp-2"], far: { names: ["api.example.test"] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const value = jpRegion(testbed);
    region = {
      ...value,
      servers: value.servers.map((server, index) => ({
        ...server,
        roles: index === 0 ? (["consul-server", "proxy"] as const).slice() : (["proxy"] as const).slice(),
      })),
      consul: { ...value.consul, singleServer: true },
    };
    deployment.write(region);
    const outcome = await deployment.deploy("jp");
    if (outcome.code !== 0) throw new Error(outcome.output);
  });

  afterAll(() => testbed?.stop());

  /** What a comparison finds, by host. */
  async function drift(
    env: Record<string, string | undefined> = {},
    ...args: readonly string[]
  ): Promise<{ outcome: Outcome; hosts: HostDrift[] }> {
    const outcome = await deployment.tricloud(["drift", "jp", "--json", ...args], { env });
    if (!outcome.stdout.startsWith("{")) throw new Error(`exit code ${outcome.code}:\n${outcome.output}`);
    return { outcome, hosts: (JSON.parse(outcome.stdout) as { hosts: HostDrift[] }).hosts };
  }

  const found = (hosts: readonly HostDrift[]): Record<string, string[]> =>
    Object.fromEntries(
      hosts.map(({ host, items }) => [host, items.map(({ what, how }) => `${what} ${how}`).sort()]),
    );

  it("finds nothing after a deploy, and changes nothing by looking", async () => {
    // GIVEN the hosts as they were deployed
    const before = await Promise.all(testbed.hosts.map(atRest));

    // WHEN they are compared
    const { outcome, hosts } = await drift();

    // THEN all is as it shall be, and nothing was touched
    expect({ code: outcome.code, hosts }).toEqual({
      code: 0,
      hosts: ["jp-1", "jp-2"].map((host) => ({ host, state: "as it shall be", items: [] })),
    });
    const after = await Promise.all(testbed.hosts.map(atRest));
    expect(before.map((lines, index) => difference(lines, after[index] ?? []))).toEqual([[], []]);
  });

  it("finds what a deploy would deliver otherwise, secrets by their digests", async () => {
    // GIVEN a region value with one more origin, and another gossip key
    deployment.write({
      ...region,
      proxy: { ...region.proxy, allow: [...region.proxy.allow, "*.example.org"] },
    });
    const key = randomBytes(32).toString("base64");

    // WHEN compared
    const { outcome, hosts } = await drift({ TF_VAR_consul_gossip_key: key });
    deployment.write(region);

    // THEN the text's difference is shown, and of the secret that it is another one
    const items = [
      "/etc/tricloud/consul/gossip.json a deploy would deliver another: gossip.json changes (secret)",
      `${PROXY_CONF} a deploy would deliver another: proxy.json changes`,
    ];
    expect([outcome.code, found(hosts)]).toEqual([1, { "jp-1": items, "jp-2": items }]);
    const lines = hosts[0]?.items.find(({ what }) => what === PROXY_CONF)?.difference ?? [];
    expect(lines).toContainEqual({ kind: "added", line: '    "*.example.org"' });
    for (const secret of [key, deployment.gossipKey]) expect(outcome.output).not.toContain(secret);
  });

  it("says which variable has no value instead of calling its secret another", async () => {
    const { outcome, hosts } = await drift({ TF_VAR_consul_gossip_key: undefined });
    expect([outcome.code, found(hosts)]).toEqual([0, { "jp-1": [], "jp-2": [] }]);
    expect(outcome.stderr).toContain("not compared, for it has no value here: consul_gossip_key");
  });

  it("finds what people did on the hosts, and repairs it in a deploy's order", async () => {
    // GIVEN a file edited by hand, another that is gone, a stopped and disabled service, a removed package
    const [one, two] = [testbed.host("jp-1"), testbed.host("jp-2")];
    await one.run(
      `echo >>${PROXY_CONF}; chmod 0600 /etc/unbound/tricloud.conf; dpkg --remove --force-depends curl`,
    );
    await two.run(
      "systemctl disable --now unbound-watch.service; rm /etc/systemd/resolved.conf.d/zzz-tricloud.conf",
    );
    await two.run(`echo >>${PROXY_CONF}`);

    // WHEN compared THEN all of it is found, and nothing else
    const { outcome, hosts } = await drift();
    expect([outcome.code, found(hosts)]).toEqual([
      1,
      {
        "jp-1": [
          "/etc/tricloud/proxy.json changed on the host",
          "/etc/unbound/tricloud.conf is 0600 root root, not 0644 root root",
          "curl is not installed",
        ],
        "jp-2": [
          "/etc/systemd/resolved.conf.d/zzz-tricloud.conf is missing",
          "/etc/tricloud/proxy.json changed on the host",
          "unbound-watch.service is disabled: it would not start with the host",
          "unbound-watch.service is inactive",
        ],
      },
    ]);
    // AND the table says the same to people
    const table = await deployment.tricloud(["drift", "jp"]);
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(
      /^HOST +WHAT +HOW +COMPARED\njp-1 +\/etc\/tricloud\/proxy\.json +changed on the host +host with record\n/,
    );

    // WHEN repaired
    const repaired = await drift({}, "--repair");

    // THEN all is as it shall be, one proxy having come after the other
    if (repaired.outcome.code !== 0) throw new Error(repaired.outcome.output);
    expect(found(repaired.hosts)).toEqual({ "jp-1": [], "jp-2": [] });
    const steps = [
      ...repaired.outcome.output.matchAll(/(jp-\d)_activation_\w+: (Creating\.\.\.|Creation complete)/g),
    ];
    expect(steps.map(([, host, what]) => `${host} ${what}`)).toEqual([
      "jp-1 Creating...",
      "jp-1 Creation complete",
      "jp-2 Creating...",
      "jp-2 Creation complete",
    ]);
    expect(
      (await two.run("systemctl is-active tricloud-proxy unbound-watch")).split("\n").slice(0, 2),
    ).toEqual(["active", "active"]);
    // AND a deploy has nothing left to do
    expect((await deployment.deploy("jp")).output).toContain("No changes.");
  });

  it("says of a host that it is out of reach, and goes on with the others", async () => {
    // GIVEN a host without power
    await testbed.host("jp-2").cutPower();

    // WHEN compared
    const { outcome, hosts } = await drift();

    // THEN
    expect([outcome.code, hosts.map(({ host, state }) => [host, state])]).toEqual([
      1,
      [
        ["jp-1", "as it shall be"],
        ["jp-2", "out of reach"],
      ],
    ]);
    expect(hosts[1]?.reason).toContain("cannot be reached");
  });
});

/** A host without what its services and timers do by themselves. */
const atRest = async (host: VirtualHost): Promise<string[]> =>
  (await snapshot(host)).filter(
    (line) =>
      !/ \/var\/lib\/(consul|unbound)/.test(line) &&
      (!line.startsWith("unit ") || /^unit (unbound|consul|tricloud-proxy)\.service /.test(line)),
  );
