import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { type Ec2RegionInput } from "../../stacks/values/regions";
import { type ServiceInput } from "../../stacks/values/services";
import { ImageRegistry, until } from "../testbed";
import { type Call } from "../testbed/ec2/aws";
import { type Instance } from "../testbed/ec2/instance";
import { type Attempt, calls, lookUps, serversHealth } from "../testbed/ec2/observation";
import { Ec2Laboratory, ORIGIN, usRegion } from "../testbed/ec2/region";
import { describeOnVirtualHosts } from "./virtual-hosts";

const SERVERS = "us-consul-server";
const PORT = 8080;
const URL = `http://${ORIGIN}.ccnproxy-https/hc`;
/** Name of a group with that origin alone. */
const GROUP = "search.example.com";
const NAMES = ["consul.service.consul", "proxy.service.consul", `${ORIGIN}.ccnproxy-https`, ORIGIN];

/** Twelve hours from now: nobody's turn comes while this runs. */
const LATER = `${String((new Date().getUTCHours() + 12) % 24).padStart(2, "0")}:00 Etc/UTC`;
/** A task that says more than Systems Manager passes on of what is not compressed, and fails. */
const REPORT = 'print "line $_ of the report\\n" for 1 .. 3000; exit 7';

/** Of a metric, what one call has told. */
const valuesOf = (call: Call, metric: string): number[] =>
  Object.entries(call).flatMap(([key, name]) =>
    name === metric ? [Number(call[key.replace(/MetricName$/, "Value")])] : [],
  );

describeOnVirtualHosts("the region us on EC2", () => {
  let lab: Ec2Laboratory;
  let region: Ec2RegionInput;
  let services: ServiceInput[];
  const secret = randomUUID();

  beforeAll(async () => {
    // GIVEN an account with nothing in it
    lab = await Ec2Laboratory.open();
    const registry = await ImageRegistry.start(lab.testbed);
    region = {
      ...usRegion(lab.testbed),
      origins: {
        [GROUP]: { origins: [{ url: `https://${ORIGIN}`, availability: 0.99, source: "assumed" }] },
      },
      registry: {
        address: registry.address,
        caCertificate: readFileSync(registry.authority, "utf8"),
        credentials: true,
      },
    };
    services = [
      {
        name: "shop",
        image: await registry.push("shop", { env: { VERSION: "1" } }),
        port: PORT,
        health: { path: "/healthz" },
        secrets: ["session-key"],
        calls: [`https://${ORIGIN}`],
        tasks: { report: { every: LATER, command: ["/usr/bin/perl", "-e", REPORT] } },
        in: { us: {} },
      },
    ];
    lab.variables["registry_credentials"] = registry.credentials;
    lab.variables["secret_shop__session_key"] = secret;
    // WHEN the region is deployed
    await lab.deploy(await lab.plan(region, services));
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

  it("tells CloudWatch whether Consul has a leader and can lose a server, and what each machine says", async () => {
    for (const metric of ["ConsulHasLeader", "ConsulCanLoseOne"]) {
      const succeeding = () =>
        lab.aws.calls("cloudwatch:PutMetricData").flatMap((call) => valuesOf(call, metric));
      await until(`${metric} of a server`, 180_000, async () => succeeding().includes(1) || undefined);
    }
    for (const { id } of inService()) {
      await until(`what ${id} says`, 60_000, async () => {
        const said = await lab.aws.logged("/tricloud/us/machines", id);
        return said.some((line) => line.endsWith("tricloud: done")) || undefined;
      });
    }
  });

  it("has its services on all machines of their group, with their secrets and without their machines' rights", async () => {
    const apps = lab.group("us-app").inService.map(({ host }) => host);
    const [proxy] = lab.group("us-proxy").inService as [Instance];
    // GIVEN that machines learn who they are at an address that answers them
    const metadata = "169.254.169.254";
    for (const host of apps) {
      const ask = (path: string) => host.run(`curl -fsS -m 10 http://127.0.0.1:${PORT}${path}`);
      expect(await host.run(`curl -s -m 10 -o /dev/null -w '%{http_code}' http://${metadata}/`)).toBe("401");
      // THEN each has an instance, with its secret, which reaches others and not that
      expect(await ask("/")).toContain("version 1 in us");
      expect(await ask("/secret")).toBe(secret);
      expect(await ask("/reaches/127.0.0.1:8500")).toBe("yes\n");
      expect(await ask(`/reaches/${metadata}:80`)).toMatch(/^no: /);
    }
    // AND all of them are known by name
    const wanted = apps.map(({ address }) => address).sort();
    await until("all instances named", 60_000, async () => {
      const named = await proxy.host.run(
        "getent ahostsv4 shop.service.consul | awk '{ print $1 }' | sort -u",
      );
      return named.trim().split("\n").sort().join() === wanted.join() || undefined;
    });
  });

  /** Each proxy's machine, since when its program runs, and by which configuration it serves. */
  const proxies = () =>
    Promise.all(
      lab.group("us-proxy").inService.map(async ({ id, host }) => {
        const started = await host.run("systemctl show -P ExecMainStartTimestampMonotonic tricloud-proxy");
        const told = await host.run("curl -fsS -m 5 http://127.0.0.1:9300/upstreams");
        const { configuration } = JSON.parse(told) as { configuration: string };
        return { id, started, configuration };
      }),
    );
  const running = (found: Awaited<ReturnType<typeof proxies>>) =>
    found.map(({ id, started }) => ({ id, started })).sort((a, b) => (a.id < b.id ? -1 : 1));

  it("has its proxies take one more origin as they run, without a failed call", async () => {
    // GIVEN 50 calls a second on an application host, and a proxy that Systems Manager does not reach for a while
    const [app] = lab.group("us-app").inService as [Instance];
    const before = await proxies();
    const launched = lab.aws.calls("autoscaling:CompleteLifecycleAction").length;
    const load = await calls(app.host, 50, [URL]);
    const late = before[0]!.id;
    lab.aws.reach(late, false);
    setTimeout(() => lab.aws.reach(late, true), 10_000);
    // WHEN one more origin is allowed
    region = { ...region, proxy: { ...region.proxy, allow: [ORIGIN, "more.example.com"] } };
    const said = await lab.deploy(await lab.plan(region, services));
    // THEN all serve by it, on the same machines and in the same processes, and the deploy shows by what
    const called = await load.stop();
    const after = await proxies();
    expect(running(after)).toEqual(running(before));
    expect(lab.aws.calls("autoscaling:CompleteLifecycleAction")).toHaveLength(launched);
    const [configuration] = [...new Set(after.map((each) => each.configuration))];
    expect(after.map((each) => each.configuration)).toEqual([configuration, configuration]);
    expect(before.map((each) => each.configuration)).not.toContain(configuration);
    expect(said).toMatch(
      new RegExp(`^us-proxy: 2 of 2 machines: tricloud-proxy: .*\\b${configuration}$`, "m"),
    );
    expect(failed(called)).toEqual([]);
    expect(called.length).toBeGreaterThan(100);
  }, 300_000);

  it("has them refuse a file that they cannot serve by, and leaves the others alone", async () => {
    // GIVEN a version of the file that somebody has made by hand
    const before = await proxies();
    const [step] = (await lab.plan(region, services)).find(({ name }) => name === "us-proxy")!.reloads;
    const task = JSON.parse(step!.task) as { readonly program: string };
    const [, bucket, key, version] = /--bucket (\S+) --key (\S+) --version-id (\S+) /.exec(task.program)!;
    const bad = await lab.aws.putObject(bucket!, key!, Buffer.from('{ "port": -1 }\n'));
    // WHEN the proxies are to take it
    const program = task.program.replace(version!, bad);
    const { code, stderr } = await lab.deployer.attempt(step!.folder, JSON.stringify({ ...task, program }));
    // THEN the first one says why not, and all serve as before
    expect(code).toBe(1);
    expect(stderr).toMatch(/^us-proxy: i-\w+ refuses proxy\.json: tricloud-proxy: .*port: -1 is not /m);
    expect(stderr).toContain("us-proxy: proxy.json is refused; no other machine was told");
    expect(await proxies()).toEqual(before);
    for (const { host } of lab.group("us-proxy").inService)
      expect(await host.run("cat /etc/tricloud/proxy.json")).toContain("more.example.com");
  }, 300_000);

  /** What a proxy's machine says of the group's origin, by the operator's command. */
  const states = async () => {
    const { code, stdout, stderr } = await lab.tricloud("upstreams", "--region", "us", "--json");
    const { proxies: told } = JSON.parse(stdout || "{}") as {
      proxies?: { host: string; groups?: { group: string; origins: { state: string }[] }[] }[];
    };
    const found = told?.map(({ host, groups }) => [
      host.split(" ")[0]!,
      groups
        ?.find(({ group }) => group === GROUP)
        ?.origins.map(({ state }) => state)
        .join() ?? "no answer",
    ]);
    return { code, stderr, of: Object.fromEntries(found ?? []) as Record<string, string> };
  };
  const everyProxy = (state: string) =>
    Object.fromEntries(lab.group("us-proxy").inService.map(({ id }) => [id, state]));

  it("has an origin drained on all proxies and on one that comes later, and let back", async () => {
    const operate = async (name: "drain" | "undrain") => {
      const { code, stdout, stderr } = await lab.tricloud(
        name,
        `https://${ORIGIN}`,
        "--region",
        "us",
        "--json",
      );
      const { proxies: answers = [] } = JSON.parse(stdout || "{}") as {
        proxies?: { host: string; done: boolean; answer: string }[];
      };
      return { code, stderr, answers };
    };
    const ids = () =>
      lab
        .group("us-proxy")
        .inService.map(({ id }) => id)
        .sort();
    // GIVEN
    expect(await states()).toEqual({ code: 0, stderr: "", of: everyProxy("serving") });
    // WHEN an operator drains it
    const drained = await operate("drain");
    // THEN each says so
    expect(drained).toMatchObject({ code: 0, stderr: "" });
    expect(drained.answers.map(({ host }) => host.split(" ")[0]).sort()).toEqual(ids());
    expect(drained.answers.map(({ answer }) => answer)).toEqual(
      Array(2).fill(expect.stringMatching(/https:\/\/api\.example\.com:443 is drained$/)),
    );
    expect((await states()).of).toEqual(everyProxy("drained"));
    // WHEN one of them dies
    const [victim] = lab.group("us-proxy").inService as [Instance];
    await victim.host.cutPower();
    await until("another proxy in its place", 300_000, async () => {
      const now = ids();
      return (now.length === 2 && !now.includes(victim.id)) || undefined;
    });
    // THEN the one in its place has it drained, too
    await until("it tells so", 60_000, async () => (await states()).code === 0 || undefined);
    expect((await states()).of).toEqual(everyProxy("drained"));
    // WHEN it is let back THEN all ask it again
    expect(await operate("undrain")).toMatchObject({ code: 0, answers: [{ done: true }, { done: true }] });
    await until("the origin back", 60_000, async () => {
      const { of } = await states();
      return Object.values(of).every((state) => state === "serving") || undefined;
    });
    const keeping = ["ssm:PutParameter", "ssm:DeleteParameter"].map((action) => lab.aws.calls(action).length);
    expect(Math.min(...keeping)).toBeGreaterThan(0);
  }, 900_000);

  it("runs a task on one of its group's machines, and shows all that it prints", async () => {
    // WHEN
    const { code, stdout, stderr } = await lab.tricloud("run", "shop", "report", "--region", "us");
    // THEN
    expect({ code, lines: stdout.split("\n").length, end: stdout.slice(-24) }).toEqual({
      ...{ code: 7, lines: 3001, end: "line 3000 of the report\n" },
    });
    expect(stderr).toContain("task report of service shop has failed with exit status 7");
    const ran = await Promise.all(
      lab
        .group("us-app")
        .inService.map(({ host }) =>
          host.run("journalctl -o cat -u 'tricloud-task-shop.report*' | grep -c 'line 1 of' || true"),
        ),
    );
    expect(ran.map(Number).sort()).toEqual([0, 1]);
  }, 300_000);

  it("replaces its Consul servers without a failed call or look-up, and without losing their quorum", async () => {
    // GIVEN 100 look-ups and 50 calls a second on an application host
    const [app] = lab.group("us-app").inService as [Instance];
    const servers = lab.group(SERVERS);
    const before = servers.inService.map(({ id }) => id);
    const load = [await lookUps(app.host, 100, NAMES), await calls(app.host, 50, [URL])] as const;
    const health = await serversHealth(app.host);
    // WHEN the servers' profile changes
    const plans = await lab.plan(
      { ...region, dns: { ...region.dns, records: { "new.example.com": "192.0.2.1" } } },
      services,
    );
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
