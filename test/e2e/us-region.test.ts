import { type Ec2RegionInput } from "../../constructs/region";
import { type Instance } from "../testbed/ec2/instance";
import { type Attempt, calls, lookUps, serversHealth } from "../testbed/ec2/observation";
import { Ec2Laboratory, ORIGIN, usRegion } from "../testbed/ec2/region";
import { describeOnVirtualHosts } from "./virtual-hosts";

const SERVERS = "us-consul-server";
const URL = `http://${ORIGIN}.ccnproxy-https/hc`;
const NAMES = ["consul.service.consul", "proxy.service.consul", `${ORIGIN}.ccnproxy-https`, ORIGIN];

describeOnVirtualHosts("the region us on EC2", () => {
  let lab: Ec2Laboratory;
  let region: Ec2RegionInput;

  beforeAll(async () => {
    // GIVEN an account with nothing in it
    lab = await Ec2Laboratory.open();
    region = usRegion(lab.testbed);
    // WHEN the region is deployed
    await lab.deploy(await lab.plan(region));
  }, 600_000);

  afterAll(() => lab?.close());

  const inService = () => [...lab.groups.values()].flatMap((group) => group.inService);
  const failed = (attempts: readonly Attempt[]) => attempts.filter(({ ok }) => !ok);

  it("comes up with what its launch templates hold and nothing else", () => {
    expect(
      Object.fromEntries([...lab.groups].map(([name, group]) => [name, group.inService.length])),
    ).toEqual({
      "us-consul-server": 3,
      "us-proxy": 2,
      "us-app": 2,
    });
    const launched = [...lab.groups.values()].flatMap(({ events }) =>
      events.filter(({ what }) => what === "launched"),
    );
    expect(launched).toHaveLength(7);
    expect(lab.aws.refused).toEqual([]);
    const registered = lab.aws.calls("ssm:UpdateInstanceInformation").map(({ instance }) => instance);
    expect(registered.sort()).toEqual(
      inService()
        .map(({ id }) => id)
        .sort(),
    );
  });

  it("calls another cloud from its application hosts, through proxies found by name", async () => {
    for (const { host } of lab.group("us-app").inService) {
      expect(await host.run(`curl -fsS -m 10 ${URL}`)).toBe(`ok from ${ORIGIN}\n`);
    }
  });

  it("replaces its Consul servers without a failed call or look-up, and without losing their quorum", async () => {
    // GIVEN 100 look-ups and 50 calls a second on an application host
    const [app] = lab.group("us-app").inService as [Instance];
    const servers = lab.group(SERVERS);
    const before = servers.inService.map(({ id }) => id);
    const load = [await lookUps(app.host, 100, NAMES), await calls(app.host, 50, [URL])] as const;
    const health = await serversHealth(app.host);
    // WHEN the servers' profile changes
    const plans = await lab.plan({
      ...region,
      dns: { ...region.dns, records: { "new.example.com": "192.0.2.1" } },
    });
    await lab.deploy(plans.filter(({ name }) => name === SERVERS));
    // THEN
    const after = servers.inService.map(({ id }) => id);
    expect(after).toHaveLength(3);
    expect(after.filter((id) => before.includes(id))).toEqual([]);
    const [looked, called] = [await load[0].stop(), await load[1].stop()];
    expect({ lookUps: failed(looked), calls: failed(called) }).toEqual({ lookUps: [], calls: [] });
    expect(looked.length).toBeGreaterThan(1000);
    expect(called.length).toBeGreaterThan(500);
    const samples = (await health.stop())
      .flatMap(({ Servers }) => (Servers === null ? [] : [Servers]))
      .map((all) => ({
        voters: all.filter(({ Voter }) => Voter).length,
        healthy: all.filter(({ Voter, Healthy }) => Voter && Healthy).length,
      }));
    expect(samples.length).toBeGreaterThan(20);
    expect(samples.filter(({ voters, healthy }) => healthy <= voters / 2)).toEqual([]);
  }, 900_000);
});
