import { setTimeout as sleep } from "node:timers/promises";
import { failoverQuery } from "../../constructs/dns/consul-failover";
import { ADDRESS, DATACENTERS, DnsLab, type LookUp } from "./dns-lab";
import { figures, firstGiven, lastFailed, lastGiven, type Row, seconds, table } from "./dns-figures";

/*
 * What becomes of look-ups while parts die, on real Consul and unbound processes. Each case prints a line of the
 * table that docs/dns.md quotes.
 */

const OUTAGE_SECONDS = Number(process.env.TRICLOUD_DNS_OUTAGE_SECONDS ?? 60);

const HOST = "api.example.com.ccnproxy-https";
const SERVICE = "proxy.service.consul";
const [APP, [PROXY_1, PROXY_2]] = [ADDRESS.app("jp"), ADDRESS.proxies("jp") as [string, string]];
const [US_PROXY] = ADDRESS.proxies("us") as [string];
const SERVERS = ADDRESS.servers("jp");
const RESOLVERS = [APP, PROXY_1];

const obstacle = DnsLab.obstacle();
const describeInLab = obstacle === undefined ? describe : describe.skip;

describeInLab(`names while parts die${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, () => {
  let lab: DnsLab;
  const rows: Row[] = [];

  beforeAll(async () => {
    lab = await DnsLab.create();
    await lab.startServers(DATACENTERS);
    await lab.startUpstream(2);
    await lab.startAgent("jp", APP);
    await lab.startProxy("jp", PROXY_1);
    await lab.startProxy("jp", PROXY_2);
    await lab.startProxy("us", US_PROXY);
    for (const address of RESOLVERS) await lab.startResolver("jp", address);
    await lab.untilResolves(APP, HOST, [PROXY_1, PROXY_2]);
  });

  afterAll(async () => {
    process.stdout.write(`\n${table(rows)}\n`);
    await lab?.stop();
  });

  const record = (what: string, lookUps: readonly LookUp[], recovery: string): void => {
    rows.push({ what, figures: figures(lookUps), recovery });
  };
  const failures = (lookUps: readonly LookUp[]): LookUp[] => lookUps.filter((one) => !one.ok);

  it("loses no look-up when an instance dies, and stops giving its address out", async () => {
    // GIVEN look-ups under way
    const stop = await lab.load([APP], [HOST]);
    await sleep(2_000);
    // WHEN one of two proxies is killed
    const at = Date.now();
    await lab.signal(`proxy ${PROXY_2}`, "SIGKILL");
    await sleep(12_000);
    const lookUps = await stop();
    // THEN every look-up found an address, at last only the living one
    record("instance dies", lookUps, `given out for ${seconds(lastGiven(lookUps, PROXY_2, at))} more`);
    expect(failures(lookUps)).toEqual([]);
    expect(lookUps.at(-1)!.addresses).toEqual([PROXY_1]);
    await lab.startInstance(PROXY_2);
    await lab.untilResolves(APP, HOST, [PROXY_1, PROXY_2]);
  });

  it("loses no look-up when a proxy's whole machine dies", async () => {
    const stop = await lab.load([APP], [HOST]);
    await sleep(2_000);
    // WHEN its agent can no longer say that the proxy is gone
    const at = Date.now();
    const restore = await lab.cutPower(PROXY_2);
    await sleep(25_000);
    const lookUps = await stop();
    record("proxy's machine dies", lookUps, `given out for ${seconds(lastGiven(lookUps, PROXY_2, at))} more`);
    expect(failures(lookUps)).toEqual([]);
    expect(lookUps.at(-1)!.addresses).toEqual([PROXY_1]);
    await restore();
    await lab.startProxy("jp", PROXY_2);
    await lab.untilResolves(APP, HOST, [PROXY_1, PROXY_2]);
  });

  it.each([1, 2, 3])("loses no look-up when %i of 3 Consul servers die", async (count) => {
    // GIVEN names that were asked before, directly and under a suffix
    const stop = await lab.load([APP], [HOST, SERVICE]);
    await sleep(2_000);
    // WHEN
    const restores = [];
    for (const address of SERVERS.slice(0, count)) restores.push(await lab.cutPower(address));
    await sleep(20_000);
    for (const restore of restores) await restore();
    const back = Date.now();
    for (const address of SERVERS.slice(0, count)) await lab.restartAgent(address);
    await lab.untilLed("jp");
    const led = Date.now() - back;
    const lookUps = await stop();
    // THEN
    record(`${count} of 3 servers die for 20 s`, lookUps, `all healthy ${seconds(led)} after their return`);
    expect(failures(lookUps)).toEqual([]);
    await lab.untilResolves(APP, HOST, [PROXY_1, PROXY_2]);
  });

  it("goes to the second resolver when the first dies or hangs", async () => {
    for (const [what, signal] of [
      ["unbound dies for 5 s", "SIGKILL"],
      ["unbound hangs for 5 s", "SIGSTOP"],
    ] as const) {
      const stop = await lab.load(RESOLVERS, [HOST]);
      await sleep(1_000);
      // WHEN
      await lab.signal(`unbound ${APP}`, signal);
      await sleep(5_000);
      if (signal === "SIGKILL") await lab.restartResolver(APP);
      else await lab.signal(`unbound ${APP}`, "SIGCONT");
      await sleep(1_000);
      const lookUps = await stop();
      // THEN
      record(what, lookUps, `slowest look-up ${seconds(figures(lookUps).slowestMs)}`);
      expect(failures(lookUps)).toEqual([]);
    }
  });

  it("answers known names through an outage of the upstream DNS, and new ones at once after it", async () => {
    // GIVEN public names with a short time to live that were asked before
    const known = ["a.example.net", "b.example.net"];
    const warm = await lab.load([APP], known, 20);
    await sleep(1_000);
    await warm();
    const stopKnown = await lab.load([APP], known, 20);
    // WHEN the upstream's packets are dropped, and some names are asked for only then
    const restore = await lab.cut(ADDRESS.upstream);
    const stopNew = await lab.load([APP], ["new-1.example.net", "new-2.example.net"], 10);
    await sleep(OUTAGE_SECONDS * 1_000);
    await restore();
    const at = Date.now();
    await sleep(10_000);
    const [knownLookUps, newLookUps] = [await stopKnown(), await stopNew()];
    const fresh = await lab.load([APP], ["never-asked.example.net"], 10);
    await sleep(500);
    const freshLookUps = await fresh();
    // THEN known names never failed and new ones came back
    record(`upstream drops for ${OUTAGE_SECONDS} s, known names`, knownLookUps, "none needed");
    record(
      `upstream drops for ${OUTAGE_SECONDS} s, new names`,
      newLookUps,
      `${seconds(lastFailed(newLookUps, at))} after its return`,
    );
    expect(failures(knownLookUps)).toEqual([]);
    expect(newLookUps.at(-1)!.ok).toBe(true);
    expect(failures(freshLookUps)).toEqual([]);
  });

  it("loses no look-up in reloads, and a bad configuration never reaches the running unbound", async () => {
    // GIVEN look-ups under way
    const stop = await lab.load([APP], [HOST, SERVICE], 1_000);
    await sleep(1_000);
    // WHEN a configuration that unbound would die of is checked first, as the guard does
    const file = lab.writeResolver("jp", APP, {
      staticRecords: [{ name: "x.test", type: "A", value: "bad" }],
    });
    const verdict = await lab.checkResolver(file);
    lab.writeResolver("jp", APP, { staticRecords: [{ name: "x.test", type: "A", value: "10.0.0.1" }] });
    for (let i = 0; i < 5; i++) {
      expect(await lab.control(APP, "reload_keep_cache")).toMatchObject({ code: 0 });
      await sleep(500);
    }
    const lookUps = await stop();
    // THEN it is refused, good ones are taken, and nobody notices
    record("bad configuration, then 5 reloads", lookUps, "none needed");
    expect(verdict.code).not.toBe(0);
    expect(failures(lookUps)).toEqual([]);
    const after = await lab.load([APP], ["x.test"], 10);
    await sleep(300);
    expect((await after()).at(-1)!.addresses).toEqual(["10.0.0.1"]);
  });

  it("loses no look-up while all servers are replaced one after another", async () => {
    const stop = await lab.load([APP], [HOST, SERVICE], 500);
    const began = Date.now();
    for (const address of SERVERS) {
      await lab.untilLed("jp");
      // WHEN it is stopped as the service manager stops it, and started again
      await lab.signal(`consul ${address}`, "SIGTERM");
      await sleep(1_000);
      await lab.restartAgent(address);
      await sleep(2_000);
    }
    await lab.untilLed("jp");
    const took = Date.now() - began;
    const lookUps = await stop();
    record("rolling restart of all servers", lookUps, `took ${seconds(took)}`);
    expect(failures(lookUps)).toEqual([]);
  });

  it("leads to another region when a whole region's proxies are drained", async () => {
    // GIVEN the catch-all prepared query, and names that go through it
    await lab.post(SERVERS[0]!, "query", failoverQuery(["us", "uk"]));
    await lab.untilResolves(APP, "proxy.query.consul", [PROXY_1, PROXY_2]);
    const stop = await lab.load([APP], ["proxy.query.consul"]);
    await sleep(1_000);
    // WHEN
    const at = Date.now();
    for (const address of [PROXY_1, PROXY_2]) await lab.signal(`proxy ${address}`, "SIGKILL");
    await sleep(15_000);
    const lookUps = await stop();
    // THEN
    const moved = firstGiven(lookUps, US_PROXY, at);
    record("a region's proxies are drained", lookUps, `next region after ${seconds(moved ?? NaN)}`);
    expect(failures(lookUps)).toEqual([]);
    expect(lookUps.at(-1)!.addresses).toEqual([US_PROXY]);
  });
});
