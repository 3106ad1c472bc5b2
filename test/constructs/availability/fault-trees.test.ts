import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, evaluate, type ExactEvaluation } from "../../../constructs/availability";
import { readFaultTree } from "./open-psa";

const folder = join(__dirname, "../../../../shared/faulttrees");
const index = join(folder, "README.md");

/** Tree and top-event probability, from the table that lies beside the trees. */
const published = existsSync(index)
  ? [...readFileSync(index, "utf8").matchAll(/^\| (\w+) \| (\d\S+) \|$/gm)].map(
      ([, tree = "", probability = ""]) => [tree, probability] as const,
    )
  : [];

/** These structures are solved whatever else the machine is doing. */
const PATIENT_MILLIS = 60_000;

function exactly(block: Block): ExactEvaluation {
  const result = evaluate(block, { cutSets: false, timeLimitMillis: PATIENT_MILLIS });
  if (!result.exact) throw new Error(result.reason);
  return result;
}

if (published.length === 0) {
  test.skip("fault trees with published answers: ../shared/faulttrees is not on this machine", () =>
    undefined);
} else {
  test("the published trees are all there", () => {
    expect(published).toHaveLength(14);
  });

  test.each(published)(
    "%s has the published top-event probability %s",
    (tree, probability) => {
      // GIVEN a tree of basic events
      const block = readFaultTree(join(folder, `${tree}.xml`));
      // WHEN it is read as a composition that is down when the top event happens
      const exact = exactly(block);
      // THEN it agrees to the six digits published
      expect(exact.unavailability.toExponential(5)).toBe(Number(probability).toExponential(5));
      // and bounds found with too little room hold the exact value
      const cramped = evaluate(block, { cutSets: false, nodeLimit: 60, timeLimitMillis: 400 });
      const { lower, upper } = cramped.exact
        ? { lower: cramped.availability, upper: cramped.availability }
        : cramped.independent;
      expect(lower).toBeLessThanOrEqual(exact.availability + 1e-12);
      expect(upper).toBeGreaterThanOrEqual(exact.availability - 1e-12);
    },
    2 * PATIENT_MILLIS,
  );
}
