import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ADDRESS, DnsLab, type LookUp } from "./dns-lab";

const SERVICE = "proxy.service.consul";
const PROXIES = ADDRESS.proxies("jp");
const SERVERS = ADDRESS.servers("jp");
/** Changes that the servers have logged: what a region in use gathers in weeks takes a starting server seconds. */
const CHANGES = 8_000;

const obstacle = DnsLab.obstacle();
const describeInLab = obstacle === undefined ? describe : describe.skip;

describeInLab(`servers that start${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, () => {
  let lab: DnsLab;

  beforeAll(async () => {
    lab = await DnsLab.create();
    await lab.startServers(["jp"]);
    for (const proxy of PROXIES) await lab.startProxy("jp", proxy);
    await lab.writeKeys(SERVERS[0]!, CHANGES);
    for (const server of SERVERS) await untilKnown(server);
  });

  afterAll(() => lab?.stop());

  /** Waits until the server's own DNS names both proxies. */
  const untilKnown = (server: string): Promise<void> => lab.untilResolves(`${server}@8600`, SERVICE, PROXIES);

  /** What the servers' own DNS says while `mishap` happens and until all of them are whole again. */
  const answersDuring = async (mishap: () => Promise<void>): Promise<LookUp[]> => {
    const loads: (() => Promise<LookUp[]>)[] = [];
    for (const server of SERVERS) loads.push(await lab.load([`${server}@8600`], [SERVICE], 200));
    await mishap();
    await lab.untilLed("jp");
    for (const server of SERVERS) await untilKnown(server);
    return (await Promise.all(loads.map((stop) => stop()))).flat();
  };
  const SAYS_NOTHING = ["silence", "Connection refused", "error 2"];
  const wrong = (answers: readonly LookUp[]): LookUp[] =>
    answers.filter(({ ok, why, addresses }) =>
      ok ? addresses!.length < PROXIES.length : !SAYS_NOTHING.includes(why!),
    );

  it.each([2, 3])("never deny a name that they knew, when %i of 3 lose their power", async (count) => {
    // GIVEN servers with a long log
    const lost = SERVERS.slice(0, count);
    // WHEN they die and come back
    const answers = await answersDuring(async () => {
      const restores = [];
      for (const server of lost) restores.push(await lab.cutPower(server));
      await sleep(5_000);
      for (const restore of restores) await restore();
      for (const server of lost) await lab.restartAgent(server);
    });
    // THEN each says the whole answer or nothing at all
    expect(wrong(answers)).toEqual([]);
  });

  it("never deny a name when one comes back with an empty disk", async () => {
    const [reinstalled] = SERVERS as [string];
    // WHEN
    const answers = await answersDuring(async () => {
      const restore = await lab.cutPower(reinstalled);
      await sleep(1_000);
      rmSync(lab.host(reinstalled).path("/var/lib/consul"), { recursive: true });
      await restore();
      await lab.restartAgent(reinstalled);
    });
    // THEN
    expect(wrong(answers)).toEqual([]);
  });
});
