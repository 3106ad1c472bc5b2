import { Construct } from "constructs";
import {
  AvailabilityTarget,
  collectAvailability,
  component,
  evaluate,
  type ExactEvaluation,
  parallel,
  sensitivities,
  series,
  service,
} from "../../../constructs/availability";
import { htmlReport } from "../../../constructs/availability/report/html-report";

const assumed = (id: string, unavailability: number, beta?: number) =>
  component(
    id,
    { unavailability },
    { kind: "assumed", ...(beta === undefined ? {} : { commonCause: { group: "zones", beta } }) },
  );

function exactly(block: Parameters<typeof evaluate>[0]): ExactEvaluation {
  const result = evaluate(block);
  if (!result.exact) throw new Error(result.reason);
  return result;
}

describe("sensitivities", () => {
  const promised = component("lb", { unavailability: 1e-4 }, { kind: "contractual" });

  test("say how many times as bad an assumed figure may be before the verdict turns", () => {
    // GIVEN 1e-4 promised and 2e-4 assumed in series, under a target of 99.95 %
    const block = series(promised, assumed("vm", 2e-4));
    const [vm, ...others] = sensitivities(block, exactly(block), { atLeast: 0.9995 }) ?? [];
    // THEN only what is assumed can be wrong: it may be down (5e-4 - 1e-4) / (1 - 1e-4)
    expect(others).toEqual([]);
    expect(vm).toMatchObject({ id: "vm", assumed: 2e-4 });
    expect(vm?.turnsAt).toBeCloseTo(4e-4 / 0.9999 / 2e-4, 9);
    expect(vm?.low).toBeCloseTo(1e-4 + 2e-5 - 2e-9, 15);
    expect(vm?.high).toBeCloseTo(1e-4 + 2e-3 - 2e-7, 15);
  });

  test("say how much better one must be where the target is missed, and that some turn nothing", () => {
    const block = series(promised, assumed("vm", 2e-3), assumed("disk", 1e-5));
    const found = sensitivities(block, exactly(block), { atLeast: 0.9995 }) ?? [];
    expect(found.map(({ id }) => id)).toEqual(["vm", "disk"]);
    expect(found[0]?.turnsAt).toBeLessThan(1);
    expect(found[1]?.turnsAt).toBeNull();
  });

  test("move a common cause with the figure that sets it", () => {
    const block = parallel(assumed("a", 0.001, 0.1), assumed("b", 0.001, 0.1));
    const [a] = sensitivities(block, exactly(block)) ?? [];
    const worse = parallel(assumed("a", 0.01, 0.1), assumed("b", 0.001, 0.1));
    expect(a?.high).toBeCloseTo(exactly(worse).correlated?.unavailability ?? 0, 15);
  });
});

test("the report draws them, the widest first", () => {
  const root = new Construct(undefined as unknown as Construct, "");
  const us = new Construct(root, "us");
  const parts = [assumed("narrow", 1e-5), assumed("wide <b>", 1e-4)];
  Object.assign(us, { services: [service("web", { requires: parts })] });
  new AvailabilityTarget(us, "target", { atLeast: 0.9995 });
  const html = htmlReport(collectAvailability(root));
  const [picture = ""] = /<svg role="img" class="tornado".*?<\/svg>/s.exec(html) ?? [];
  expect(picture.match(/<rect class="bar"/g)).toHaveLength(2);
  expect(picture.indexOf("wide &lt;b&gt;")).toBeLessThan(picture.indexOf("narrow"));
  expect(picture).toContain("turns at 4.9 times");
  expect(picture).toContain("target 4.38 h");
});
