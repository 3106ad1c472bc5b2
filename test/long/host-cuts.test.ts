import { CutHost } from "../e2e/host-cuts";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";

/** What is not cut by then is named; a step takes about 20 s. */
const HOURS = 3.9;

describeOnVirtualHosts("a deploy that is cut short at every step", () => {
  let host: CutHost;

  beforeAll(async () => void (host = await CutHost.boot()));
  afterAll(() => host?.stop());

  it("is ended by the next, cut by loss of connection and of power in turn", async () => {
    // GIVEN a host WHEN its deploy is cut at one step after the other, and deployed again each time
    const deadline = Date.now() + HOURS * 3600_000;
    const faults: unknown[] = [];
    let step = 1;
    for (; step <= host.steps * 0.97 && Date.now() < deadline; step++) {
      const kind = step % 2 === 0 ? "power" : "connection";
      const wrong = await host.cut(kind, step);
      if (wrong.length > 0) faults.push({ kind, step, wrong });
      if (step % 50 === 0) console.log(`${step} of ${host.steps} steps, ${faults.length} faults`);
    }
    console.log(`cut at ${step - 1} of ${host.steps} steps`);
    // THEN it held what the profile says every time, and after that what it had held before
    expect(faults).toEqual([]);
  });
});
