import { Construct } from "constructs";
import {
  type AvailabilityRun,
  AvailabilityTarget,
  type Block,
  component,
  evaluate,
  parallel,
  requiredBlock,
  series,
  service,
} from "../../../constructs/availability";
import { SCHEMA } from "../../../constructs/availability/collect/availability-run";
import { serviceResult } from "../../../constructs/availability/collect/service-result";
import { judge } from "../../../constructs/availability/collect/verdict";
import { htmlReport } from "../../../constructs/availability/report/html-report";
import { openSlo } from "../../../constructs/availability/report/openslo";
import { textReport } from "../../../constructs/availability/report/text-report";

/** Twelve parts shared crosswise, evaluated with room for five nodes: bounds and no exact result. */
function tooLarge() {
  const part = (i: number): Block =>
    component(`p${i % 12}`, { unavailability: 0.001 * (1 + (i % 12)) }, { kind: "assumed" });
  const groups = Array.from({ length: 12 }, (_, i) => parallel(part(i), part(5 * i + 1), part(7 * i + 3)));
  const knot = service("knot", { requires: [series(...groups)] });
  const evaluation = evaluate(requiredBlock(knot), { nodeLimit: 5, timeLimitMillis: 0.01 });
  if (evaluation.exact) throw new Error("expected too large a structure");
  return {
    one: {
      stack: "jp",
      service: knot,
      resolved: { ...knot, plans: [], failovers: [], leaving: [] },
      evaluation,
    },
    ...evaluation.independent,
  };
}

function judged(atLeast: number) {
  const { one } = tooLarge();
  const target = new AvailabilityTarget(new Construct(undefined as unknown as Construct, "jp"), "target", {
    atLeast,
  });
  return judge(one, target, [one], [target]);
}

test("a target below the proven bounds is met, above them missed, between them not shown", () => {
  const { lower, upper } = tooLarge();
  expect(judged(lower - 1e-6).verdict).toMatch(/^met/);
  expect(judged(upper + (1 - upper) / 2).verdict).toBe("missed");
  const between = judged((lower + upper) / 2);
  expect(between.verdict).toBe("undecided");
  expect(between.explanation.join("\n")).toMatch(
    /is not shown to be met: the availability lies from 99\.\d+ % to 99\.\d+ %, if its parts fail independently\ntoo large:/,
  );
});

describe("reports", () => {
  const run = (): AvailabilityRun => {
    const { one, lower, upper } = tooLarge();
    const services = [serviceResult(one, judged((lower + upper) / 2))];
    return { schema: SCHEMA, stacks: [{ stack: "jp", services }] };
  };

  test("show the interval and the reason in place of a figure", () => {
    const text = textReport(run(), { color: false, width: 200 });
    expect(text).toMatch(/knot +99\.\d+ % to 99\.\d+ % +- /);
    expect(text).toContain("not shown");
    expect(text).toMatch(/bounds only +too large: 1 of 1 modules/);
    expect(htmlReport(run())).toContain("too large: 1 of 1 modules");
  });

  test("export the lower end as objective where there is no target", () => {
    const { one, lower } = tooLarge();
    const services = [serviceResult(one, null)];
    const [file] = openSlo({ schema: SCHEMA, stacks: [{ stack: "jp", services }] });
    expect(file?.content).toContain(`target: ${lower}`);
    expect(file?.content).toContain("could not be computed exactly");
  });
});
