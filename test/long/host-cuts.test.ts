import fc from "fast-check";
import { type Cut, CutHost } from "../e2e/host-cuts";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";

/** What is not cut by then is counted. */
const HOURS = Number(process.env["CUTS_HOURS"] ?? 3.9);
/** Another order of the cuts, for runs that end before all are made. */
const SEED = Number(process.env["CUTS_SEED"] ?? 1);
/** Which part of the cuts of that order, such as 2/4: several runs make them all. */
const [PART, PARTS] = (process.env["CUTS_PART"] ?? "1/1").split("/").map(Number) as [number, number];
if (!(PART >= 1 && PART <= PARTS))
  throw new Error(`CUTS_PART: ${process.env["CUTS_PART"]} is not a part such as 2/4`);

describeOnVirtualHosts("a deploy that is cut short at every step", () => {
  let host: CutHost;

  beforeAll(async () => void (host = await CutHost.boot()));
  afterAll(() => host?.stop());

  it("is ended by the next, cut by loss of connection, loss of power and interrupt of Terraform", async () => {
    // GIVEN a host WHEN its deploy is cut at one step after the other, and deployed again each time
    const deadline = Date.now() + HOURS * 3600_000;
    const cuts = (["connection", "power", "interrupt"] as const).flatMap((kind) =>
      Array.from({ length: Math.floor(host.steps(kind) * 0.97) }, (_, index): [Cut, number] => [
        kind,
        index + 1,
      ]),
    );
    const [shuffled = []] = fc.sample(
      fc.shuffledSubarray(cuts, { minLength: cuts.length, maxLength: cuts.length }),
      { seed: SEED, numRuns: 1 },
    );
    const order = shuffled.filter((_, index) => index % PARTS === PART - 1);
    console.log(
      `${order.length} of ${cuts.length} cuts, part ${PART} of ${PARTS} in the order of CUTS_SEED=${SEED}`,
    );
    const faults: unknown[] = [];
    const seconds: Record<Cut, number> = { connection: 0, power: 0, interrupt: 0 };
    let made = 0;
    for (const [kind, step] of order) {
      if (Date.now() > deadline) break;
      const began = Date.now();
      const wrong = await host.cut(kind, step);
      seconds[kind] += (Date.now() - began) / 1000;
      made++;
      if (wrong.length > 0) {
        faults.push({ kind, step, wrong });
        console.log(`cut ${made}: ${JSON.stringify({ kind, step, wrong })}`);
      }
      if (made % 50 === 0) console.log(`${made} of ${order.length} cuts, ${faults.length} faults`);
    }
    console.log(`${made} of ${order.length} cuts, ${faults.length} faults`);
    console.log(`seconds by kind: ${JSON.stringify(seconds)}`);
    // THEN it held what the profile says every time, and after that what it had held before
    expect(faults).toEqual([]);
  });
});
