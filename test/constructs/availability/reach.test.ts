import { Construct } from "constructs";
import {
  atLeast,
  type Block,
  cheapestChange,
  collectAvailability,
  component,
  evaluate,
  type ExactEvaluation,
  parallel,
  series,
  service,
  serviceOfRun,
} from "../../../constructs/availability";
import { htmlReport } from "../../../constructs/availability/report/html-report";
import { textReport } from "../../../constructs/availability/report/text-report";

/** Whatever else the machine is doing. */
const PATIENT_MILLIS = 120_000;
jest.setTimeout(2 * PATIENT_MILLIS);

const down = (id: string, unavailability: number) => component(id, { unavailability }, { kind: "assumed" });
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

function exactly(block: Block): ExactEvaluation {
  const result = evaluate(block, { timeLimitMillis: PATIENT_MILLIS });
  if (!result.exact) throw new Error(result.reason);
  return result;
}

describe("wide and deep structures have an answer", () => {
  test("10,000 components in series", () => {
    const result = exactly(series(...many(10_000, (i) => down(`c${i}`, 1e-6))));
    expect(result.unavailability).toBeCloseTo(-Math.expm1(10_000 * Math.log1p(-1e-6)), 14);
    expect(result.cutSets?.count).toBe(10_000);
  });

  test("10,000 in parallel", () => {
    expect(exactly(parallel(...many(10_000, (i) => down(`c${i}`, 0.999)))).unavailability).toBeCloseTo(
      0.999 ** 10_000,
      14,
    );
  });

  test("2,900 groups of two of three", () => {
    const group = (i: number): Block =>
      atLeast(2, down(`a${i}`, 1e-3), down(`b${i}`, 1e-3), down(`c${i}`, 1e-3));
    const one = 3e-6 - 2e-9;
    expect(exactly(series(...many(2900, group))).unavailability).toBeCloseTo(1 - (1 - one) ** 2900, 12);
  });

  test("nesting of 6,000", () => {
    let block: Block = down("innermost", 0.5);
    let expected = 0.5;
    for (let i = 0; i < 6000; i++) {
      block = i % 2 ? series(block, down(`c${i}`, 0.01)) : parallel(block, down(`c${i}`, 0.5));
      expected = i % 2 ? expected + 0.01 - expected * 0.01 : expected * 0.5;
    }
    expect(exactly(block).unavailability).toBeCloseTo(expected, 12);
  });

  test("a ring of 3,000, in which every part is shared", () => {
    const parts = many(3000, (i) => down(`c${i}`, 1e-3));
    const ring = series(...parts.map((part, i) => parallel(part, parts[(i + 1) % 3000] as Block)));
    // by transfer matrices: no two neighbours down
    const [[up, afterUp], trace] = transfer(3000, 1e-3);
    expect(up + afterUp).toBeGreaterThan(0);
    expect(exactly(ring).availability).toBeCloseTo(trace, 10);
  });
});

/** Of a ring without two neighbours down: the trace of [[1-q, q], [1-q, 0]] to the n-th. */
function transfer(n: number, q: number): [[number, number], number] {
  const times = (a: number[], b: number[]): number[] => [
    (a[0] as number) * (b[0] as number) + (a[1] as number) * (b[2] as number),
    (a[0] as number) * (b[1] as number) + (a[1] as number) * (b[3] as number),
    (a[2] as number) * (b[0] as number) + (a[3] as number) * (b[2] as number),
    (a[2] as number) * (b[1] as number) + (a[3] as number) * (b[3] as number),
  ];
  let power = [1, 0, 0, 1];
  for (let i = 0; i < n; i++) power = times(power, [1 - q, q, 1 - q, 0]);
  return [[power[0] as number, power[1] as number], (power[0] as number) + (power[3] as number)];
}

/** Both halves of each level stand on the whole level below. */
function doublingUp(depth: number): Block {
  let block: Block = down("innermost", 1e-4);
  for (let i = 0; i < depth; i++) {
    block = parallel(series(block, down(`left ${i}`, 0.01)), series(block, down(`right ${i}`, 0.01)));
  }
  return block;
}

describe("blocks that stand in many places", () => {
  test("the cheapest change of forty levels ends", () => {
    const block = doublingUp(40);
    const change = cheapestChange(block, exactly(block), 0.9999);
    expect(change?.components).toContain("innermost");
  });

  test("go through a run, its reports and back", () => {
    const root = new Construct(undefined as unknown as Construct, "");
    const requires = [doublingUp(40), ...many(3000, (i) => down(`c${i}`, 1e-9))];
    Object.assign(new Construct(root, "jp"), { services: [service("s", { requires })] });
    // WHEN it is written as JSON and read again
    const text = JSON.stringify(collectAvailability(root));
    expect(text.length).toBeLessThan(10_000_000);
    const run = JSON.parse(text) as ReturnType<typeof collectAvailability>;
    // THEN it is the same composition, and can be reported
    const again = exactly(series(...serviceOfRun(run, "jp", "s").requires));
    expect(again.unavailability).toBe(run.stacks[0]?.services[0]?.independent?.unavailability);
    expect(textReport(run, { color: false, width: 200 }).length).toBeLessThan(1_000_000);
    expect(htmlReport(run).length).toBeLessThan(10_000_000);
  });

  test("so do deeply nested ones", () => {
    let block: Block = down("innermost", 0.5);
    for (let i = 0; i < 3000; i++)
      block = i % 2 ? series(block, down(`c${i}`, 0.01)) : parallel(block, down(`c${i}`, 0.5));
    const root = new Construct(undefined as unknown as Construct, "");
    Object.assign(new Construct(root, "jp"), { services: [service("s", { requires: [block] })] });
    const run = JSON.parse(JSON.stringify(collectAvailability(root))) as ReturnType<
      typeof collectAvailability
    >;
    expect(exactly(series(...serviceOfRun(run, "jp", "s").requires)).unavailability).toBeCloseTo(
      exactly(block).unavailability,
      14,
    );
    expect(htmlReport(run)).toContain("innermost");
  });
});

test("what is not monotone is refused by name", () => {
  const not = { type: "not", block: down("a", 0.1) } as unknown as Block;
  expect(() => evaluate(not)).toThrow("expected a block");
  expect(() => evaluate({ type: "series", blocks: [not] })).toThrow(
    'no block of type "not": the calculus is monotone (a part that fails never makes the whole work again)',
  );
});
