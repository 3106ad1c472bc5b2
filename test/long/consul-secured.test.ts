import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, jpRegion, JP_ROLES, ORIGIN, Testbed, until } from "../testbed";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";

const HOSTS = [...Object.keys(JP_ROLES), "jp-4"];

/** Asks for names all the time, as an application would, and notes when there is no answer. */
const LOOK_UPS = `#!/bin/sh
while :; do
  for name in proxy.service.consul ${ORIGIN}.ccnproxy-https; do
    getent ahostsv4 "$name" >/dev/null || echo "$(date +%T) no answer for $name" >>/srv/failed
    echo >>/srv/asked
  done
  sleep 0.1
done`;

type Consul = NonNullable<DedicatedRegionInput["consul"]>;

/** docs/dns.md has them. */
const STEPS: ReadonlyArray<readonly [what: string, consul: Consul]> = [
  ["speaks TLS to whoever does", { tlsVerification: "none", aclDefaultPolicy: "allow" }],
  ["asks servers for certificates and everybody for tokens", { tlsVerification: "outgoing" }],
  ["asks callers for certificates too", {}],
];

/** A region that was deployed without TLS and access control comes to both, by the steps of docs/dns.md. */
describeOnVirtualHosts("a running region that comes to TLS and access control", () => {
  let testbed: Testbed;
  let deployment: Deployment;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: HOSTS, far: { names: [ORIGIN] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    await deploy({ tls: false, acl: false });
    for (const host of testbed.hosts)
      await host.run(
        `cat >/srv/look-ups <<'END'\n${LOOK_UPS}\nEND\nsystemd-run --quiet --unit=look-ups sh /srv/look-ups`,
      );
  });

  afterAll(() => testbed?.stop());

  async function deploy(consul: Consul): Promise<string> {
    const region = jpRegion(testbed);
    const servers = region.servers.map((server) =>
      server.name in JP_ROLES ? server : { ...server, roles: ["app" as const] },
    );
    deployment.write({ ...region, servers, consul: { ...region.consul, ...consul } });
    const { code, output } = await deployment.deploy("jp");
    if (code !== 0) throw new Error(`exit code ${code}:\n${output}`);
    return output;
  }

  it.each(STEPS)("%s, and no look-up fails", async (_what, consul) => {
    // GIVEN look-ups on all hosts WHEN the next step is deployed
    await deploy(consul);
    // THEN
    for (const host of testbed.hosts) {
      expect({ host: host.name, failed: await host.run("cat /srv/failed 2>/dev/null || true") }).toEqual({
        host: host.name,
        failed: "",
      });
      expect(Number(await host.run("wc -l </srv/asked"))).toBeGreaterThan(100);
      await host.run("rm /srv/asked");
    }
  });

  it("lets nobody in afterwards who shows neither", async () => {
    // GIVEN an agent that speaks as all did before, but for the gossip key
    const { address } = testbed.host("jp-4");
    await testbed.host("jp-4").run("systemctl stop consul");
    const stranger = [
      "systemd-run --quiet --unit=stranger consul agent -datacenter jp -node stranger -data-dir /srv/stranger",
      `-bind ${address} -config-file /etc/tricloud/consul/gossip.json -retry-join ${testbed.host("jp-1").address}`,
    ].join(" ");
    await testbed.host("jp-4").run(stranger);
    await until("gossip to know the stranger", 60_000, async () =>
      (await testbed.host("jp-1").run("journalctl -u consul -o cat")).includes("stranger") ? true : undefined,
    );
    // WHEN it asks THEN no server tells it anything
    const asked = await testbed.host("jp-4").attempt("consul catalog services");
    expect([asked.code, asked.stdout]).toEqual([1, ""]);
    // AND whoever has no token gets names alone
    expect(
      await testbed
        .host("jp-3")
        .run("curl -sS -o /dev/null -w '%{http_code}' -X PUT -d x http://127.0.0.1:8500/v1/kv/x"),
    ).toBe("403");
  });
});
