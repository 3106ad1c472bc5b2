import { createHash } from "node:crypto";
import fc from "fast-check";
import { applyProgram } from "../../constructs/host/apply-program";
import { ALWAYS_THERE, type Cut, CUTS, CutHost } from "./host-cuts";
import { describeOnVirtualHosts } from "./virtual-hosts";

/**
 * Each program that is applied is cut at other places, and one and the same at the same: a run that failed fails again
 * until the program is mended. CUTS_SEED draws others.
 */
const SEED = parseInt(createHash("sha256").update(applyProgram("over-ssh")).digest("hex").slice(0, 5), 16);

/** Of each kind. All steps are cut by `npm run test:long`. */
const SHARE = 3;

describeOnVirtualHosts("a deploy that is cut short anywhere", () => {
  const seed = Number(process.env["CUTS_SEED"] ?? SEED);
  const places = fc.sample(fc.noBias(fc.integer({ min: 0, max: 999_999 })), {
    seed,
    numRuns: CUTS.length * SHARE,
  });
  let host: CutHost;

  beforeAll(async () => {
    host = await CutHost.boot();
    const steps = CUTS.map((kind) => `${host.steps(kind)} (${kind})`).join(", ");
    console.log(`cuts among ${steps} steps, drawn from CUTS_SEED=${seed}`);
  });
  afterAll(() => host?.stop());

  const draws = CUTS.flatMap((kind) =>
    Array.from({ length: SHARE }, (_, index): [Cut, number, number] => [
      kind,
      index + 1,
      (places.pop() ?? 0) / 1_000_000,
    ]),
  );

  it.each(draws)("is ended by the next, cut by %s (%i)", async (kind, _index, where) => {
    // GIVEN a host WHEN its deploy is cut at a step and deployed again, unchanged
    const step = 1 + Math.floor(where * host.steps(kind) * ALWAYS_THERE);
    const wrong = await host.cut(kind, step);
    // THEN it holds what the profile says, and after that what it held before
    expect({ kind, step, seed, wrong }).toEqual({ kind, step, seed, wrong: [] });
  });
});
