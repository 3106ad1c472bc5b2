import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { type UpstreamsReport } from "../../proxy/observation/group-report";
import { Deployment, jpRegion, JP_ROLES, ORIGIN, Testbed, until, type VirtualHost } from "../testbed";
import { difference, snapshot } from "./host-snapshot";
import { succeeded } from "./succeeded";
import { describeOnVirtualHosts } from "./virtual-hosts";

/** How Consul judges a proxy, and how long unbound may hold what Consul said (facts of the two configurations). */
const CHECK_INTERVAL_S = 2;
const CHECK_TIMEOUT_S = 1;
const SERVICE_TTL_S = 5;
const FAILOVER_BOUND_S = CHECK_INTERVAL_S + CHECK_TIMEOUT_S + SERVICE_TTL_S;

const URL = `http://${ORIGIN}.ccnproxy-https/hc`;
/** One name for two origins, both of them in the far site. */
const GROUP = "search.example.test";
const [FIRST, SECOND] = [ORIGIN, "second.example.test"];
const SERVICES = ["unbound.service", "unbound-watch.service", "consul.service", "tricloud-proxy.service"];

describeOnVirtualHosts("JP on three dedicated servers", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  let region: DedicatedRegionInput;
  let untouched: Map<string, string[]>;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(JP_ROLES), far: { names: [FIRST, SECOND] } });
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const described = jpRegion(testbed);
    const records = { [FIRST]: testbed.far.address, [SECOND]: testbed.far.address };
    region = { ...described, dns: { ...described.dns, records } };
    untouched = await eachHost(testbed, snapshot);
    deployment.write(region);
    succeeded(await deployment.deploy("jp"));
  });

  afterAll(() => testbed?.stop());

  /** What proxies take over without a restart: one more origin, and a group. */
  const withMoreOrigins = (): DedicatedRegionInput => ({
    ...region,
    proxy: { ...region.proxy, allow: [...region.proxy.allow, "*.example.org"] },
    origins: {
      [GROUP]: {
        origins: [FIRST, SECOND].map((name) => ({
          url: `https://${name}`,
          availability: 0.999,
          source: "assumed",
          meanOutageHours: 1,
        })),
      },
    },
  });

  /** State of the group's first origin on each proxy, as operators are shown it. */
  async function firstOrigin(): Promise<Record<string, string | undefined>> {
    const { stdout, output, code } = await deployment.tricloud(["upstreams", "--region", "jp", "--json"]);
    if (code !== 0) throw new Error(output);
    const { proxies } = JSON.parse(stdout) as {
      proxies: ({ host: string } & UpstreamsReport)[];
    };
    return Object.fromEntries(
      proxies.map(({ host, groups }) => [
        host,
        groups
          .find(({ group }) => group === GROUP)
          ?.origins.find(({ origin }) => origin === `https://${FIRST}:443`)?.state,
      ]),
    );
  }

  /** Which origin answers the group's name through each proxy. */
  const answering = (): Promise<string[]> =>
    Promise.all(
      [testbed.host("jp-1"), testbed.host("jp-2")].map(({ address }) =>
        testbed.host("jp-3").run(`curl -sS -m 10 -H 'Host: ${GROUP}.ccnproxy-https' http://${address}/hc`),
      ),
    );

  /** How many processes the proxy of each host has. */
  const proxyProcesses = (): Promise<number[]> =>
    Promise.all(
      [testbed.host("jp-1"), testbed.host("jp-2")].map(async (host) =>
        Number(await host.run("pgrep --count --full '^/usr/bin/node .*/[t]ricloud-proxy.js --config'")),
      ),
    );

  it("brings every host to its roles", async () => {
    // GIVEN the deployed hosts, WHEN asked what runs
    const running = await eachHost(testbed, async (host) => {
      const states = await host.attempt(`systemctl is-active ${SERVICES.join(" ")}`);
      return states.stdout.trim().split("\n");
    });
    const members = await testbed.host("jp-3").run("consul members");

    // THEN each has a resolver and an agent, the proxies a proxy besides, and the agents know one another
    expect(Object.fromEntries(running)).toEqual({
      "jp-1": ["active", "active", "active", "active"],
      "jp-2": ["active", "active", "active", "active"],
      "jp-3": ["active", "active", "active", "inactive"],
    });
    for (const { name } of testbed.hosts)
      expect(members).toMatch(new RegExp(`^${name}\\s.*\\balive\\b`, "m"));
  });

  it("carries a call from the app host to the origin, its name resolved by unbound through Consul", async () => {
    // GIVEN the app host
    const app = testbed.host("jp-3");

    // WHEN it calls the origin's name with the proxy's suffix
    const body = await app.run(`curl -sS -m 10 ${URL}`);
    // The last proxy started is named once its first check has passed and what the resolver keeps has expired.
    const addresses = await until("both proxies are named", FAILOVER_BOUND_S * 1000, async () => {
      const named = await app.run(`getent ahosts ${ORIGIN}.ccnproxy-https`);
      return distinctAddresses(named).length === 2 ? named : undefined;
    });
    const resolver = await app.run("grep ^nameserver /etc/resolv.conf | head -n 1; ss -Hlunp 'sport = :53'");

    // THEN the answer is the origin's, which saw a proxy and not the app host
    expect(body).toBe(`ok from ${ORIGIN}\n`);
    const clients = new Set(originClients(testbed));
    expect(clients).not.toContain(app.address);
    // AND the name led to the proxies by the name under which Consul knows them, as unbound said
    expect(addresses).toContain("proxy.service.consul");
    expect(distinctAddresses(addresses)).toEqual([
      testbed.host("jp-1").address,
      testbed.host("jp-2").address,
    ]);
    expect(resolver).toMatch(/^nameserver 127\.0\.0\.1\n(.|\n)*unbound/);
  });

  it("does nothing when nothing has changed", async () => {
    // GIVEN what runs since when
    const before = await eachHost(testbed, runningSince);

    // WHEN the same is deployed again
    const outcome = succeeded(await deployment.deploy("jp"));

    // THEN Terraform finds nothing to do and no service was touched
    expect(outcome.output).toContain("No changes.");
    expect(await eachHost(testbed, runningSince)).toEqual(before);
  });

  it("reloads the proxies for one more origin, and restarts nothing", async () => {
    // GIVEN what runs since when
    const before = await eachHost(testbed, runningSince);

    // WHEN one more origin is allowed, and there is a group
    deployment.write(withMoreOrigins());
    const began = Date.now();
    const { output } = succeeded(await deployment.deploy("jp"));
    console.log(
      `one more origin on two proxies took a deploy of ${((Date.now() - began) / 1000).toFixed(1)} s`,
    );

    // THEN each proxy has said that it runs with that, and goes on running
    expect(output.match(/runs with configuration [0-9a-f]{16}/g)).toHaveLength(2);
    expect(await eachHost(testbed, runningSince)).toEqual(before);
    const refused = await testbed
      .host("jp-3")
      .run(`curl -s -m 10 -o /dev/null -w '%{http_code}' http://www.example.org.ccnproxy-https/`);
    expect(refused).not.toBe("403");
  });

  it("takes an origin out of its group on every proxy when an operator says so", async () => {
    // GIVEN a group whose first origin answers
    expect(await firstOrigin()).toEqual({ "jp-1": "serving", "jp-2": "serving" });
    expect(await answering()).toEqual([`ok from ${FIRST}\n`, `ok from ${FIRST}\n`]);

    // WHEN that is drained, and one that no group has
    const drained = await deployment.tricloud(["drain", `https://${FIRST}`, "--region", "jp"]);
    const unknown = await deployment.tricloud(["drain", "https://nowhere.example.test", "--region", "jp"]);

    // THEN the other one answers, and of the unknown one each proxy says which there are
    expect({ code: drained.code, table: drained.stdout }).toEqual({
      code: 0,
      table: `PROXY  ANSWER\njp-1   https://${FIRST}:443 is drained\njp-2   https://${FIRST}:443 is drained\n`,
    });
    expect(await firstOrigin()).toEqual({ "jp-1": "drained", "jp-2": "drained" });
    expect(await answering()).toEqual([`ok from ${SECOND}\n`, `ok from ${SECOND}\n`]);
    expect(unknown.code).toBe(1);
    for (const host of ["jp-1", "jp-2"])
      expect(unknown.stdout).toMatch(new RegExp(`^${host} .*no group has .*there are: .*${SECOND}`, "m"));
  });

  it("restarts the one service that reads a changed file, where a reload is not enough", async () => {
    // GIVEN what runs since when, and proxies that leave a core to what else their hosts do
    const before = await eachHost(testbed, runningSince);
    const cores = Number(await testbed.host("jp-1").run("nproc"));
    expect(await proxyProcesses()).toEqual([servingWith(cores - 1), servingWith(cores - 1)]);

    // WHEN an option changes that the proxy looks at once, at its start
    const more = withMoreOrigins();
    deployment.write({ ...more, proxy: { ...more.proxy, settings: { workers: "auto" } } });
    succeeded(await deployment.deploy("jp"));
    const after = await eachHost(testbed, runningSince);

    // THEN the proxies have started anew, and nothing else anywhere
    for (const { name } of testbed.hosts) {
      const changed = SERVICES.filter((_, index) => before.get(name)?.[index] !== after.get(name)?.[index]);
      expect({ name, changed }).toEqual({
        name,
        changed: JP_ROLES[name]?.includes("proxy") ? ["tricloud-proxy.service"] : [],
      });
    }
    // AND they serve with all cores
    expect(await proxyProcesses()).toEqual([servingWith(cores), servingWith(cores)]);

    // AND what an operator has drained is so until it is let back
    expect(await firstOrigin()).toEqual({ "jp-1": "drained", "jp-2": "drained" });
    succeeded(await deployment.tricloud(["undrain", `https://${FIRST}`, "--region", "jp"]));
    await until("the first origin serves again", 60_000, async () =>
      Object.values(await firstOrigin()).every((state) => state === "serving") ? true : undefined,
    );
  });

  it("goes on carrying calls when a proxy is killed, and names it no more within the bound", async () => {
    // GIVEN two proxies, both of which the app host is told about
    const [app, victim] = [testbed.host("jp-3"), testbed.host("jp-1")];
    const named = async () => distinctAddresses(await app.run(`getent ahosts ${ORIGIN}.ccnproxy-https`));
    await until("both proxies are named", 60_000, async () => (await named()).length === 2 || undefined);

    // WHEN one is killed and stays away
    await victim.run("systemctl kill -s KILL tricloud-proxy; systemctl stop tricloud-proxy");
    const killed = Date.now();
    const statuses: string[] = [];
    let lastNamed = 0;
    await until("the killed proxy is named no more", 60_000, async () => {
      statuses.push((await app.attempt(`curl -s -m 10 -o /dev/null -w '%{http_code}' ${URL}`)).stdout);
      const asked = (Date.now() - killed) / 1000;
      if (!(await named()).includes(victim.address)) return true;
      lastNamed = asked;
      return undefined;
    });

    // THEN no call was lost meanwhile, and no question asked after the bound was answered with the dead one
    expect(new Set(statuses)).toEqual(new Set(["200"]));
    console.log(
      `a killed proxy was named for ${lastNamed.toFixed(1)} s more; the bound is ${FAILOVER_BOUND_S} s`,
    );
    expect(lastNamed).toBeLessThanOrEqual(FAILOVER_BOUND_S);
    await victim.run("systemctl start tricloud-proxy");
  });

  it("goes on carrying calls when a whole proxy host loses power, and takes it back when it returns", async () => {
    // GIVEN a host that is a proxy and one of three Consul servers
    const [app, victim] = [testbed.host("jp-3"), testbed.host("jp-2")];
    const named = async () => distinctAddresses(await app.run(`getent ahosts ${ORIGIN}.ccnproxy-https`));
    await until("both proxies are named", 60_000, async () => (await named()).length === 2 || undefined);

    // WHEN it goes dark
    await victim.cutPower();

    // THEN calls find the other proxy before long, and keep finding it
    const call = async () => (await app.attempt(`curl -s -m 2 -o /dev/null -w '%{http_code}' ${URL}`)).stdout;
    await until("the dark host is named no more", 90_000, async () =>
      (await named()).includes(victim.address) ? undefined : true,
    );
    const statuses = [];
    for (let calls = 0; calls < 20; calls++) statuses.push(await call());
    expect(new Set(statuses)).toEqual(new Set(["200"]));

    // AND when it is back, it serves again without a deploy
    await victim.start();
    await until("both proxies are named", 60_000, async () => (await named()).length === 2 || undefined);
  });

  it("leaves the hosts as they were when destroyed", async () => {
    // WHEN
    succeeded(await deployment.destroy("jp"));

    // THEN nothing came to the hosts that was not there before, and nothing went
    for (const host of testbed.hosts) {
      const changes = difference(untouched.get(host.name) ?? [], await snapshot(host));
      expect({ host: host.name, changes }).toEqual({ host: host.name, changes: [] });
    }
  });
});

/** Processes of a proxy with so many workers: one alone needs none that keeps it. */
const servingWith = (workers: number): number => (workers <= 1 ? 1 : workers + 1);

async function eachHost<T>(
  testbed: Testbed,
  ask: (host: VirtualHost) => Promise<T>,
): Promise<Map<string, T>> {
  return new Map(await Promise.all(testbed.hosts.map(async (host) => [host.name, await ask(host)] as const)));
}

/** For each of SERVICES: its main process and when it became active; reloading leaves both alone. */
async function runningSince(host: VirtualHost): Promise<string[]> {
  const blocks = await host.run(
    `systemctl show -p MainPID -p ActiveEnterTimestampMonotonic ${SERVICES.join(" ")}`,
  );
  return blocks.trim().split("\n\n");
}

const distinctAddresses = (ahosts: string): string[] =>
  [
    ...new Set(
      ahosts
        .trim()
        .split("\n")
        .map((line) => line.split(/\s/)[0] ?? ""),
    ),
  ].sort();

const originClients = (testbed: Testbed): string[] =>
  readFileSync(testbed.far.accessLog, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "");
