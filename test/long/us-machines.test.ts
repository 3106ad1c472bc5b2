import { type Ec2RegionInput } from "../../stacks/values/regions";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";
import { until } from "../testbed";
import { run } from "../testbed/command";
import { SERVERS_HEALTH } from "../testbed/consul-commands";
import { type AutoScalingGroup } from "../testbed/ec2/auto-scaling-group";
import { type Instance } from "../testbed/ec2/instance";
import { type Attempt, calls, lookUps, serversHealth, type ServersHealth } from "../testbed/ec2/observation";
import { Ec2Laboratory, ORIGIN, usRegion } from "../testbed/ec2/region";

const URL = `http://${ORIGIN}.ccnproxy-https/hc`;
const NAMES = ["consul.service.consul", "proxy.service.consul", `${ORIGIN}.ccnproxy-https`, ORIGIN];
/** AWS looks at a machine's state once a minute at most, after the time that it has to come up. */
const SEEN_MS = 600_000;

type Observed = Awaited<ReturnType<typeof observe>>;

/** 100 look-ups and 50 calls a second on an application host, and what the Consul servers say of themselves. */
async function observe(app: Instance) {
  const [looking, calling, health] = [
    await lookUps(app.host, 100, NAMES),
    await calls(app.host, 50, [URL]),
    await serversHealth(app.host),
  ];
  return async () => ({
    lookedUp: await looking.stop(),
    called: await calling.stop(),
    servers: (await health.stop()).flatMap(({ Servers }) => (Servers === null ? [] : [Servers])),
  });
}

const failed = (attempts: readonly Attempt[]) => attempts.filter(({ ok }) => !ok);

/** Samples of the servers with no quorum among those that vote. */
const withoutQuorum = (samples: readonly NonNullable<ServersHealth["Servers"]>[]) =>
  samples
    .map((servers) => ({
      voters: servers.filter(({ Voter }) => Voter).length,
      healthy: servers.filter(({ Voter, Healthy }) => Voter && Healthy).length,
    }))
    .filter(({ voters, healthy }) => healthy <= voters / 2);

describeOnVirtualHosts("machines of the region us on EC2", () => {
  let lab: Ec2Laboratory;
  let region: Ec2RegionInput;

  beforeAll(async () => {
    lab = await Ec2Laboratory.open();
    region = usRegion(lab.testbed);
    await lab.deploy(await lab.plan(region));
  });

  afterAll(() => lab?.close());

  const onAppHost = (): Instance => lab.group("us-app").inService[0]!;

  /** Takes a machine off the net and its power away, and waits until its group has another one in its place. */
  async function kill(group: AutoScalingGroup, { id, host }: Instance): Promise<number> {
    await run("ip", ["-n", host.namespace, "link", "set", "eth0", "down"]);
    await host.cutPower();
    const killedAt = Date.now();
    await until(`${id} is missed`, SEEN_MS, async () => {
      return group.events.some(({ what, instance }) => what === "unhealthy" && instance === id) || undefined;
    });
    await group.settled();
    return killedAt;
  }

  const report = (what: string, { lookedUp, called, servers }: Awaited<ReturnType<Observed>>): void =>
    console.log(
      `${what}: ${lookedUp.length} look-ups, ${failed(lookedUp).length} failed; ${called.length} calls, ` +
        `${failed(called).length} failed; servers asked ${servers.length} times`,
    );

  it.each(["us-consul-server", "us-proxy"])("are replaced when one of %s dies", async (name) => {
    // GIVEN look-ups and calls
    const group = lab.group(name);
    const [victim] = group.inService as [Instance];
    const before = group.inService.map(({ id }) => id);
    const end = await observe(onAppHost());
    // WHEN a machine dies
    const killedAt = await kill(group, victim);
    // THEN a new one is in its place, which counts as healthy only now that it votes, where it is a server
    const [newcomer] = group.inService.filter(({ id }) => !before.includes(id));
    expect(group.inService.filter(({ id }) => before.includes(id))).toHaveLength(before.length - 1);
    if (name === "us-consul-server") {
      const { Servers } = JSON.parse(await newcomer!.host.run(SERVERS_HEALTH)) as ServersHealth;
      expect(Servers?.find(({ Address }) => Address.startsWith(`${newcomer!.host.address}:`))).toMatchObject({
        Voter: true,
        Healthy: true,
      });
    }
    const observed = await end();
    report(`one of ${name} dies`, observed);
    // AND no look-up has failed, nor a call but those that were under way on it
    expect(failed(observed.lookedUp)).toEqual([]);
    expect(failed(observed.called).filter(({ askedAt }) => askedAt > killedAt)).toEqual([]);
    if (name === "us-consul-server") expect(failed(observed.called)).toEqual([]);
    expect(observed.lookedUp.length).toBeGreaterThan(1000);
    expect(observed.called.length).toBeGreaterThan(500);
    // AND the servers that vote were never fewer than their quorum
    expect(observed.servers.length).toBeGreaterThan(20);
    expect(withoutQuorum(observed.servers)).toEqual([]);
  });

  it("are all replaced when the proxies' profile changes", async () => {
    // GIVEN look-ups and calls
    const proxies = lab.group("us-proxy");
    const before = proxies.inService.map(({ id }) => id);
    const end = await observe(onAppHost());
    // WHEN the proxies get another setting, which only a start reads
    const plans = await lab.plan({ ...region, proxy: { ...region.proxy, metrics: "network" } });
    await lab.deploy(plans.filter(({ name }) => name === "us-proxy"));
    // THEN
    expect(proxies.inService.filter(({ id }) => before.includes(id))).toEqual([]);
    const observed = await end();
    report("the proxies are replaced", observed);
    expect({ lookUps: failed(observed.lookedUp), calls: failed(observed.called) }).toEqual({
      lookUps: [],
      calls: [],
    });
    expect(observed.called.length).toBeGreaterThan(500);
  });

  it.each([
    // The AWS CLI, by which a machine says so itself, is not there yet.
    [
      "whose packages cannot be had",
      "no word within 300 s",
      async () => {
        const source = region.consul!.aptSource!;
        const aptSource = { ...source, uri: source.uri.replace(/\/?$/, "/no-such-archive") };
        return lab.plan({ ...region, consul: { ...region.consul, aptSource } });
      },
    ],
    [
      "whose Consul refuses its configuration",
      "ABANDON",
      async () => {
        const { consul_gossip_key: key } = lab.variables;
        lab.variables["consul_gossip_key"] = "no key!";
        const plans = await lab.plan(region);
        lab.variables["consul_gossip_key"] = key!;
        return plans;
      },
    ],
  ] as const)("%s are given up within their time, and the group is as it was", async (_, why, broken) => {
    // GIVEN a version with which no machine comes up
    const apps = lab.group("us-app");
    const before = apps.inService.map(({ id }) => id);
    const plan = (await broken()).find(({ name }) => name === "us-app")!;
    const seen = apps.events.length;
    // WHEN the group gets it
    const rolledOut = lab.deploy([plan]);
    rolledOut.catch(() => undefined);
    const given = await until("a machine is given up", SEEN_MS, async () =>
      apps.events.slice(seen).find(({ what }) => what === "given up"),
    );
    // THEN
    expect(given.why).toBe(why);
    // AND those that served go on
    expect(apps.inService.map(({ id }) => id)).toEqual(before);
    // AND given the old version again, the group is whole
    const good = await lab.plan(region);
    await Promise.all([lab.deploy(good.filter(({ name }) => name === "us-app")), rolledOut]);
    expect(apps.inService).toHaveLength(before.length);
  });
});
