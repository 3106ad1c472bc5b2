import { availableParallelism } from "node:os";
import fc from "fast-check";
import { ALWAYS_THERE, type Cut, CUTS, CutHost } from "../e2e/host-cuts";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";
import { CutRecord, type CutResult } from "./host-cuts/cut-record";

/** What is not cut by then is left to another run. */
const HOURS = Number(process.env["CUTS_HOURS"] ?? 3.9);
/** Another order of the cuts, for runs that end before all are made. */
const SEED = Number(process.env["CUTS_SEED"] ?? 1);
/** Hosts that are cut side by side. */
const HOSTS = Number(process.env["CUTS_HOSTS"] ?? availableParallelism());
if (!(Number.isInteger(HOSTS) && HOSTS >= 1))
  throw new Error(`CUTS_HOSTS: ${process.env["CUTS_HOSTS"]} is not a number of hosts from 1 up`);
/** A file of the cuts that were made: a run goes on where the last one with the same programs ended. */
const record = new CutRecord(process.env["CUTS_RECORD"]);

describeOnVirtualHosts("a deploy that is cut short at every step", () => {
  const booted: CutHost[] = [];
  /** Steps of the longest life, by kind. */
  const steps: Record<Cut, number> = { connection: 0, power: 0, interrupt: 0 };
  const all = (): [Cut, number][] =>
    CUTS.flatMap((kind) =>
      Array.from({ length: steps[kind] }, (_, index): [Cut, number] => [kind, index + 1]),
    );
  const left = () => all().filter(([kind, step]) => record.of(kind, step) === undefined);

  async function boot(): Promise<CutHost> {
    const host = await CutHost.boot();
    booted.push(host);
    return host;
  }

  beforeAll(async () => {
    await Promise.all(Array.from({ length: HOSTS }, boot));
    for (const kind of CUTS) steps[kind] = Math.max(...booted.map((host) => host.steps(kind)));
  });
  afterAll(() => Promise.all(booted.map((host) => host.stop())));

  async function made(host: CutHost, kind: Cut, step: number): Promise<CutResult> {
    const began = Date.now();
    const wrong = await host.cut(kind, step).catch((error: Error) => [String(error.stack)]);
    const over = step > steps[kind] * ALWAYS_THERE ? "not there" : ["the life was over before that step"];
    const result = wrong === undefined ? over : wrong.length === 0 ? "ended" : wrong;
    record.add({ kind, step, result, seconds: (Date.now() - began) / 1000 });
    return result;
  }

  it("is ended by the next, cut by loss of connection, loss of power and interrupt of Terraform", async () => {
    // GIVEN hosts WHEN their deploy is cut at one step after the other, and deployed again each time
    const deadline = Date.now() + HOURS * 3600_000;
    const cuts = left();
    const [queue = []] = fc.sample(
      fc.shuffledSubarray(cuts, { minLength: cuts.length, maxLength: cuts.length }),
      { seed: SEED, numRuns: 1 },
    );
    console.log(
      `${queue.length} of ${all().length} cuts are left, by ${HOSTS} hosts in the order of CUTS_SEED=${SEED}`,
    );
    const work = booted.map(async (first) => {
      let host = first;
      while (queue.length > 0 && Date.now() < deadline) {
        const [kind, step] = queue.shift()!;
        const result = await made(host, kind, step);
        if (queue.length % 50 === 0) console.log(`${queue.length} cuts are left`);
        if (typeof result === "string") continue;
        console.log(`a fault: ${JSON.stringify({ kind, step, result })}`);
        // What it holds now is not what it held at first.
        await host.stop();
        host = await boot();
      }
    });
    const ends = await Promise.allSettled(work);
    console.log(CUTS.map((kind) => summary(kind, steps[kind])).join("\n"));
    // THEN it held what the profile says every time, and after that what it had held before
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    const faults = all().map(([kind, step]) => record.of(kind, step));
    expect(faults.filter((cut) => typeof cut?.result === "object")).toEqual([]);
  });

  it("was cut at all of them", () => {
    // GIVEN the cuts of this run and of those before WHEN they are held against the steps of a life THEN none is left
    expect(left().length).toBe(0);
  });
});

/** What is known of the cuts of a kind. */
function summary(kind: Cut, steps: number): string {
  const made = Array.from({ length: steps }, (_, index) => record.of(kind, index + 1));
  const known = made.filter((cut) => cut !== undefined);
  const number = (which: (result: CutResult) => boolean) =>
    known.filter(({ result }) => which(result)).length;
  const seconds = known.reduce((sum, cut) => sum + cut.seconds, 0);
  return (
    `${kind}: ${known.length} of ${steps} steps cut, ${number((result) => result === "ended")} ended by the next deploy, ` +
    `${number((result) => result === "not there")} not there this time, ` +
    `${number((result) => typeof result === "object")} faults, ${steps - known.length} left; ${Math.round(seconds)} s`
  );
}
