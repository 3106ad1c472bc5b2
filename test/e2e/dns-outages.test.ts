import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { failoverQuery } from "../../constructs/dns/consul-failover";
import type { UnboundOptions } from "../../constructs/dns/unbound-options";
import { type CommandResult, until } from "../testbed/command";
import { ADDRESS, DATACENTERS, DnsLab, LOST_REPORT_MS, type LookUp } from "./dns-lab";
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
  const unnoticed = (what: string, lookUps: readonly LookUp[]): void => record(what, lookUps, "none needed");
  const failures = (lookUps: readonly LookUp[]): LookUp[] => lookUps.filter((one) => !one.ok);

  it("loses no look-up when an instance dies, and stops giving its address out", async () => {
    // GIVEN look-ups under way
    const stop = await lab.load([APP], [HOST]);
    await sleep(2_000);
    // WHEN one of two proxies is killed
    const at = Date.now();
    await lab.signal(`proxy ${PROXY_2}`, "SIGKILL");
    await lab.untilResolves(APP, HOST, [PROXY_1]);
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
    await lab.untilResolves(APP, HOST, [PROXY_1]);
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
    // Promised are 2 s; the rest is for a machine that does other things.
    expect(lastFailed(newLookUps, at)).toBeLessThan(4_000);
    expect(failures(freshLookUps)).toEqual([]);
  });

  it("keeps a bad configuration from the running unbound, and loses no look-up in changes", async () => {
    // GIVEN look-ups under way on a host that has a second resolver, as all have
    const stop = await lab.load(RESOLVERS, [HOST, SERVICE], 1_000);
    const withRecord = (value: string): Partial<UnboundOptions> => ({
      staticRecords: [{ name: "x.test", type: "A", value }],
    });
    const apply = (more: Partial<UnboundOptions>): Promise<CommandResult> => {
      lab.writeResolver("jp", APP, more);
      return lab.runOn(APP, "unbound-guard", "apply");
    };
    const before = lab.processOf(`unbound ${APP}`);
    await sleep(1_000);
    // WHEN the guard is handed a file that unbound would die of, then good ones, then one that takes a restart
    const refusal = await apply(withRecord("bad"));
    for (let i = 1; i <= 5; i++) {
      expect(await apply(withRecord(`10.0.0.${i}`))).toMatchObject({ code: 0 });
      await sleep(500);
    }
    const after = lab.processOf(`unbound ${APP}`);
    expect(await apply({ ...withRecord("10.0.0.6"), threads: 1 })).toMatchObject({ code: 0 });
    await sleep(1_000);
    const lookUps = await stop();
    // THEN the first is refused with its reason, reloads and restart are taken, and nobody notices
    unnoticed("bad unbound file, 5 reloads, a restart", lookUps);
    expect(refusal.code).not.toBe(0);
    expect(refusal.stderr).toContain("x.test");
    expect(after).toBe(before);
    expect(lab.processOf(`unbound ${APP}`)).not.toBe(before);
    expect(failures(lookUps)).toEqual([]);
    await lab.untilResolves(APP, "x.test", ["10.0.0.6"]);
  });

  it("keeps a bad configuration from the running Consul, and restarts no server that is needed", async () => {
    // GIVEN look-ups under way
    const stop = await lab.load([APP], [HOST, SERVICE], 500);
    const [changed, , away] = SERVERS as [string, string, string];
    const before = lab.processOf(`consul ${changed}`);
    const apply = (): Promise<CommandResult> => lab.runOn(changed, "consul-guard", "apply");
    // WHEN the guard is handed files that Consul would not start with, then a service more
    const service = join(lab.host(changed).consulFolder, "service-x.json");
    writeFileSync(service, '{ "service": { "name": 7 } }');
    const refusal = await apply();
    writeFileSync(service, '{ "service": { "name": "x", "port": 80 } }');
    expect(await apply()).toMatchObject({ code: 0 });
    await lab.untilResolves(APP, "x.service.consul", [changed]);
    expect(lab.processOf(`consul ${changed}`)).toBe(before);
    // AND a change that takes a restart while another server is away
    const restore = await lab.cutPower(away);
    await until("the loss to be noticed", 30_000, async () => {
      return (await lab.runOn(changed, "consul-guard", "gate")).code !== 0 || undefined;
    });
    lab.changeAgent(changed, { log_level: "error" });
    const applied = apply();
    await sleep(5_000);
    const whileAway = lab.processOf(`consul ${changed}`);
    await restore();
    await lab.restartAgent(away);
    const result = await applied;
    await until("the restarted server to be ready", 60_000, async () => {
      return (await lab.runOn(changed, "consul-guard", "ready")).code === 0 || undefined;
    });
    const lookUps = await stop();
    // THEN the bad file is refused with its reason, the restart waits for the other server, and nobody notices
    unnoticed("bad Consul file, reload, a restart that waits", lookUps);
    expect(refusal.code).not.toBe(0);
    expect(refusal.stderr).toContain("service-x.json");
    expect(whileAway).toBe(before);
    expect(result).toMatchObject({ code: 0 });
    expect(lab.processOf(`consul ${changed}`)).not.toBe(before);
    expect(failures(lookUps)).toEqual([]);
    await lab.untilLed("jp");
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
    // Interval and time-out of the check, what agents keep of a query's answer, and what resolvers keep: 2 + 1 + 2 + 5
    // seconds; but the servers have just been restarted.
    await lab.untilResolves(APP, "proxy.query.consul", [US_PROXY], LOST_REPORT_MS);
    await sleep(1_000);
    const lookUps = await stop();
    // THEN
    const moved = firstGiven(lookUps, US_PROXY, at);
    record("a region's proxies are drained", lookUps, `next region after ${seconds(moved ?? NaN)}`);
    expect(failures(lookUps)).toEqual([]);
    expect(lookUps.at(-1)!.addresses).toEqual([US_PROXY]);
  });
});
