import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, JP_ROLES, jpRegion, ORIGIN, type Outcome, Testbed, type VirtualHost } from "../testbed";
import { describeOnVirtualHosts } from "./virtual-hosts";

const CALL = `curl -sS -m 10 http://${ORIGIN}.ccnproxy-https/hc`;

describeOnVirtualHosts("JP when a server cannot be reached", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  let region: DedicatedRegionInput;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(JP_ROLES), far: { names: [ORIGIN] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const described = jpRegion(testbed);
    // Long enough for a host that is there, short enough to wait for one that is not.
    region = { ...described, ssh: { ...described.ssh, connectTimeoutSeconds: 8 } };
  });

  afterAll(() => testbed?.stop());

  it("refuses a server that shows another host key, and names it", async () => {
    // GIVEN a region value in which jp-2 has a key that is no host's
    const hostKey = testbed.operator.publicKey;
    const servers = region.servers.map((server) =>
      server.name === "jp-2" ? { ...server, hostKey } : server,
    );
    deployment.write({ ...region, servers });

    // WHEN
    const outcome = await deployment.deploy("jp");

    // THEN the deploy fails for that host and says why
    expect(outcome.code).not.toBe(0);
    expect(failedHosts(outcome)).toEqual(["jp-2"]);
    expect(outcome.output).toMatch(/handshake failed|host key/);
    // AND the host itself was not touched, the others are done or untouched
    expect(await state(testbed.host("jp-2"))).toBe("untouched");
    for (const name of ["jp-1", "jp-3"])
      expect(await state(testbed.host(name))).toMatch(/^(done|untouched)$/);
  });

  it("goes on from there once the key is right", async () => {
    // GIVEN the right key
    deployment.write(region);

    // WHEN
    const outcome = await deployment.deploy("jp");

    // THEN
    expect({ code: outcome.code, failed: failedHosts(outcome) }).toEqual({ code: 0, failed: [] });
    for (const host of testbed.hosts) expect(await state(host)).toBe("done");
    expect(await testbed.host("jp-3").run(CALL)).toBe(`ok from ${ORIGIN}\n`);
  });

  it("names a server that is off, and leaves the others working", async () => {
    // GIVEN a change for every host, and one host that is off
    await testbed.host("jp-3").cutPower();
    const records = { ...region.dns.records, "second.example.test": testbed.far.address };
    deployment.write({ ...region, dns: { ...region.dns, records } });

    // WHEN
    const outcome = await deployment.deploy("jp");

    // THEN
    expect(outcome.code).not.toBe(0);
    expect(failedHosts(outcome)).toEqual(["jp-3"]);
    for (const name of ["jp-1", "jp-2"]) {
      expect(await state(testbed.host(name))).toBe("done");
      expect(await testbed.host(name).run(CALL)).toBe(`ok from ${ORIGIN}\n`);
    }
  });

  it("brings that server up to date by the next deploy", async () => {
    // GIVEN the host is on again
    const app = testbed.host("jp-3");
    await app.start();

    // WHEN the same region value is deployed
    const outcome = await deployment.deploy("jp");

    // THEN it has the change that it missed
    expect({ code: outcome.code, failed: failedHosts(outcome) }).toEqual({ code: 0, failed: [] });
    expect(await app.run("getent hosts second.example.test")).toContain(testbed.far.address);
    expect(await app.run(CALL)).toBe(`ok from ${ORIGIN}\n`);
  });
});

/** Hosts that Terraform's error messages name, each once. */
function failedHosts({ output }: Outcome): string[] {
  const named = [...output.matchAll(/with terraform_data\.(\w+-\d+)_/g)].map(([, name]) => name ?? "");
  return [...new Set(named)].sort();
}

/** Whether all of the host's services run, or none does and its resolver is still the one it came with. */
async function state(host: VirtualHost): Promise<"done" | "untouched" | "half done"> {
  const expected = [
    "unbound",
    "consul",
    ...(JP_ROLES[host.name]?.includes("proxy") ? ["tricloud-proxy"] : []),
  ];
  const active = (await host.attempt(`systemctl is-active ${expected.join(" ")}`)).stdout.trim().split("\n");
  const ownResolver = (await host.run("cat /etc/resolv.conf")).includes("127.0.0.1");
  if (ownResolver && active.every((word) => word === "active")) return "done";
  return !ownResolver && active.every((word) => word === "inactive") ? "untouched" : "half done";
}
