import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { UnboundOptions } from "../../constructs/dns/unbound-options";
import { join } from "node:path";
import { layOutDebianUnbound } from "./debian-unbound";
import { lastFailed } from "./dns-figures";
import { ADDRESS, DnsLab } from "./dns-lab";

const APP = ADDRESS.app("jp");
const OUTAGE_SECONDS = 20;

const obstacle = DnsLab.obstacle();
const describeInLab = obstacle === undefined ? describe : describe.skip;

/** What a metrics exporter does: asks on the control socket, without a certificate. */
function statistics(socket: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    createConnection(socket)
      .on("error", reject)
      .on("data", (chunk: Buffer) => (answer += chunk.toString()))
      .on("end", () => resolve(answer))
      .end("UBCT1 stats_noreset\n");
  });
}

/** Debian 13's unbound, which hosts run, with the configuration they get; other tests run this machine's own. */
describeInLab(`the hosts' own unbound${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, () => {
  let lab: DnsLab;
  let programs: string;
  const options: Partial<UnboundOptions> = { release: "1.22", forwardZones: [], proxySuffixes: [] };

  beforeAll(async () => {
    programs = mkdtempSync(join(tmpdir(), "tricloud-unbound-"));
    await layOutDebianUnbound(programs);
    lab = await DnsLab.create({ unboundFolder: programs });
    await lab.startUpstream(2);
    await lab.startResolver("jp", APP, options);
  });

  afterAll(async () => {
    await lab?.stop();
    rmSync(programs, { recursive: true });
  });

  it("is newer than the oldest that is written for, and finds no fault with the text", async () => {
    const [major, minor] = (await lab.unboundRelease()).split(".").map(Number);
    expect(major! * 100 + minor!).toBeGreaterThanOrEqual(122);
    const verdict = await lab.checkResolver(lab.writeResolver("jp", APP, options));
    expect(verdict).toMatchObject({ code: 0, stderr: "" });
  });

  it("starts while an address of its own is missing, and answers there once it has come", async () => {
    // GIVEN a machine one of whose addresses is late
    const [there, late] = [ADDRESS.app("us"), ADDRESS.app("uk")];
    const record = { name: "here.test", type: "A", value: "10.0.0.9" } as const;
    // WHEN its resolver starts
    await lab.startResolver("us", there, {
      ...options,
      ...{ interfaces: [there, late], staticRecords: [record] },
    });
    // THEN it answers where it can be asked
    await lab.untilResolves(there, record.name, [record.value]);
    // AND on the other when it comes
    await lab.addAddress(late);
    await lab.untilResolves(late, record.name, [record.value]);
  });

  it("loses no look-up in reloads, and keeps its cache", async () => {
    // GIVEN a name in the cache, and look-ups under way
    const stop = await lab.load([APP], ["a.example.net"], 500);
    await sleep(500);
    // WHEN
    for (let i = 1; i <= 5; i++) {
      lab.writeResolver("jp", APP, {
        ...options,
        staticRecords: [{ name: "x.test", type: "A", value: `10.0.0.${i}` }],
      });
      expect(await lab.runOn(APP, "unbound-guard", "apply")).toMatchObject({ code: 0 });
      await sleep(300);
    }
    const lookUps = await stop();
    // THEN
    expect(lookUps.filter(({ ok }) => !ok)).toEqual([]);
    await lab.untilResolves(APP, "x.test", ["10.0.0.5"]);
  });

  it("answers known names through an outage of the upstream, and new ones soon after it", async () => {
    // GIVEN a name that was asked before
    const warm = await lab.load([APP], ["known.example.net"], 20);
    await sleep(500);
    await warm();
    // WHEN
    const restore = await lab.cut(ADDRESS.upstream);
    const stopKnown = await lab.load([APP], ["known.example.net"], 20);
    const stopNew = await lab.load([APP], ["new-1.example.net", "new-2.example.net"], 10);
    await sleep(OUTAGE_SECONDS * 1_000);
    await restore();
    const at = Date.now();
    await sleep(8_000);
    const [known, fresh] = [await stopKnown(), await stopNew()];
    // THEN
    expect(known.filter(({ ok }) => !ok)).toEqual([]);
    expect(fresh.filter(({ ok, askedAt }) => !ok && askedAt < at).length).toBeGreaterThan(0);
    expect(lastFailed(fresh, at)).toBeLessThan(4_000);
    expect(fresh.at(-1)!.ok).toBe(true);
  });

  it("tells an exporter its figures on the control socket", async () => {
    const answer = await statistics(lab.host(APP).resolver.socket);
    expect(answer).toMatch(/^total\.num\.queries=[1-9]\d*$/m);
    expect(answer).toMatch(/^num\.answer\.rcode\.SERVFAIL=[1-9]\d*$/m);
    expect(answer).toMatch(/^histogram\./m);
  });
});
