import fc from "fast-check";
import {
  atLeast,
  type Block,
  cheapestChange,
  component,
  evaluate,
  type EvaluateOptions,
  type ExactEvaluation,
  parallel,
  percent,
  remote,
  series,
} from "../../../constructs/availability";
import { randomBlock } from "./random-block";

/** These structures are solved whatever else the machine is doing. */
const PATIENT_MILLIS = 60_000;
jest.setTimeout(2 * PATIENT_MILLIS);

const exactly = (block: Block, options?: EvaluateOptions): ExactEvaluation => {
  const result = evaluate(block, { timeLimitMillis: PATIENT_MILLIS, ...options });
  if (!result.exact) throw new Error(result.reason);
  return result;
};
const up = (id: string, availability: number) => component(id, { availability });
const down = (id: string, unavailability: number) => component(id, { unavailability });

describe("published small cases", () => {
  const four = up("four nines", 0.9999);
  const threeAndHalf = up("three and a half", 0.9995);

  test("99.99 % and 99.95 % in series", () => {
    const result = exactly(series(four, threeAndHalf));
    expect(percent(result.availability, result.unavailability)).toBe("99.940005 %");
    expect(result.unavailability).toBeCloseTo(5.9995e-4, 18);
    expect(result.downtime.minutesPerYear).toBeCloseTo(315.33372, 8);
    expect(result.downtime.minutesPerYear.toFixed(2)).toBe("315.33");
    expect(result.downtime.minutesPerQuarter).toBeCloseTo(78.83343, 8);
    expect(result.downtime.minutesPer30Days.toFixed(2)).toBe("25.92");
    expect(result.bounds).toEqual({ lower: 0.9994, upper: 0.9995 });
  });

  test("the same two in parallel", () => {
    const result = exactly(parallel(four, threeAndHalf));
    expect(percent(result.availability, result.unavailability)).toBe("99.999995 %");
    expect(result.unavailability).toBeCloseTo(5e-8, 20);
    expect(result.bounds).toEqual({ lower: 0.9999, upper: 1 });
  });

  test("a bridge network of edges that work nine times in ten", () => {
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((id) => up(id, 0.9)) as [
      Block,
      Block,
      Block,
      Block,
      Block,
    ];
    const bridge = parallel(series(a, d), series(b, e), series(a, c, e), series(b, c, d));
    expect(exactly(bridge).availability).toBeCloseTo(0.97848, 14);
    expect(exactly(bridge).cutSets?.sets.map(({ components }) => [...components].sort().join(""))).toEqual(
      expect.arrayContaining(["ab", "de", "ace", "bcd"]),
    );
  });

  test("(A and B) or (B and C) failing with a shared B", () => {
    const [a, b, c] = [down("A", 0.1), down("B", 0.2), down("C", 0.3)];
    const result = exactly(series(parallel(a, b), parallel(b, c)));
    // 0.2 (1 - 0.9 · 0.7), which is less than two times independent Bs would give
    expect(result.unavailability).toBeCloseTo(0.074, 15);
    expect(result.cutSets?.sets.map(({ components }) => components)).toEqual([
      ["B", "C"],
      ["A", "B"],
    ]);
  });

  test("two of three, and three of five, by the binomial", () => {
    const of = (k: number, n: number) =>
      exactly(atLeast(k, ...Array.from({ length: n }, (_, i) => up(`n${i}`, 0.9)))).availability;
    expect(of(2, 3)).toBeCloseTo(0.972, 14);
    expect(of(3, 5)).toBeCloseTo(0.99144, 14);
  });

  test("two zones of 99.9 %: independent and with a common cause of one failure in ten", () => {
    const zone = (id: string) =>
      component(id, { availability: 0.999 }, { commonCause: { group: "zones", beta: 0.1 } });
    const result = exactly(parallel(zone("a"), zone("b")));
    expect(result.unavailability).toBeCloseTo(1e-6, 20);
    expect(result.correlated?.unavailability.toExponential(3)).toBe("1.008e-4");
  });
});

describe("exactness", () => {
  test("keeps the digits of very small unavailabilities", () => {
    const pair = parallel(down("a", 1e-7), down("b", 1e-6));
    expect(exactly(pair).unavailability / 1e-13).toBeCloseTo(1, 14);
    expect(exactly(parallel(pair, down("c", 1e-100))).unavailability / 1e-113).toBeCloseTo(1, 14);
    // and of very small availabilities on the other side
    expect(exactly(series(up("d", 1e-9), up("e", 1e-9))).availability / 1e-18).toBeCloseTo(1, 14);
  });

  test("a component that stands in many places is one thing", () => {
    const a = up("a", 0.9);
    expect(exactly(parallel(a, up("a", 0.9), series(a, a))).availability).toBe(0.9);
    expect(exactly(atLeast(2, a, a, a)).availability).toBeCloseTo(0.9, 15);
  });

  test("a common cause leaves each member's own figure as it was", () => {
    const [a, b] = [down("a", 0.01), down("b", 0.04)];
    const options = { commonCauses: [{ group: "g", beta: 0.2, components: ["a", "b"] }] };
    // OR of both: 1 - P(no common) P(a's own up) P(b's own up), with marginals 0.01 and 0.04
    // the worst member's share
    const common = 0.2 * 0.04;
    const expected = 1 - ((1 - 0.01) * (1 - 0.04)) / (1 - common);
    expect(exactly(series(a, b), options).correlated?.unavailability).toBeCloseTo(expected, 15);
    expect(exactly(a, { commonCauses: [] }).correlated?.unavailability).toBe(0.01);
  });

  test("deep and wide structures", () => {
    let chain: Block = up("c0", 0.999);
    for (let i = 1; i < 1000; i++)
      chain = i % 2 ? series(chain, up(`c${i}`, 0.999999)) : parallel(chain, up(`c${i}`, 0.5));
    expect(exactly(chain, { cutSets: false }).availability).toBeGreaterThan(0.99);
    const wide = atLeast(150, ...Array.from({ length: 300 }, (_, i) => up(`n${i}`, 0.6)));
    expect(exactly(wide, { cutSets: false }).availability).toBeGreaterThan(0.999);
  });
});

describe("bounds with nothing known about dependence", () => {
  test("two of three: half as much again as one, if no two pairs ever fail together", () => {
    const machine = (id: string) => down(id, 0.001);
    const { bounds } = exactly(atLeast(2, machine("a"), machine("b"), machine("c")));
    expect(bounds.lower).toBeCloseTo(1 - 0.0015, 14);
    expect(bounds.upper).toBeCloseTo(1, 12);
  });

  test("a part that stands in several places counts once", () => {
    // GIVEN a proxy on either of two machines and a quorum of three, two of them the same machines
    const [a, b, c] = [down("a", 0.001), down("b", 0.001), down("c", 0.001)];
    const { bounds } = exactly(series(parallel(a, b), atLeast(2, a, b, c)));
    // THEN the proxy adds nothing: the pair that stops it stops the quorum too
    expect(bounds.lower).toBeCloseTo(1 - 0.0015, 14);
  });

  test("the least that can be down: what excludes each other as far as it can", () => {
    const { bounds } = exactly(parallel(down("a", 0.7), down("b", 0.6)));
    expect(bounds.upper).toBeCloseTo(0.7, 10);
    expect(bounds.lower).toBeCloseTo(0.4, 10);
  });
});

test("machines named in turns over thirty racks are solved exactly", () => {
  // GIVEN any of 300 machines and a quorum, the racks of which come round and round
  const machine = (index: number): Block =>
    series(down("network", 5e-4), down(`rack ${index % 30}`, 1e-4), down(`machine ${index}`, 1e-3));
  const machines = Array.from({ length: 300 }, (_, index) => machine(index));
  const result = exactly(series(parallel(...machines), atLeast(3, ...machines.slice(0, 5))));
  // THEN the quorum's racks and machines are what counts beside the network
  const one = 1 - (1 - 1e-4) * (1 - 1e-3);
  const quorumLost = 10 * one ** 3 * (1 - one) ** 2 + 5 * one ** 4 * (1 - one) + one ** 5;
  expect(result.unavailability / (5e-4 + (1 - 5e-4) * quorumLost)).toBeCloseTo(1, 10);
});

describe("errors", () => {
  const a = up("a", 0.9);

  test("two figures under one id", () => {
    expect(() => evaluate(series(a, up("a", 0.8)))).toThrow(
      'component "a" has two figures: unavailability 0.1 and unavailability 0.2',
    );
    const grouped = (beta: number) =>
      component("z", { availability: 0.9 }, { commonCause: { group: "g", beta } });
    expect(() => evaluate(series(grouped(0.1), grouped(0.2)))).toThrow('in group "g" with beta 0.2');
  });

  test("a cycle", () => {
    const blocks: Block[] = [a];
    const loop: Block = { type: "series", blocks };
    blocks.push({ type: "parallel", blocks: [a, loop] });
    expect(() => evaluate(loop)).toThrow("availability block contains itself: series > parallel > series");
  });

  test("a remote service that was not resolved", () => {
    expect(() => evaluate(series(a, remote("uk", "stock")))).toThrow(
      'service "stock" of stack "uk" is required but not part of what is evaluated',
    );
  });

  test.each<[EvaluateOptions, string]>([
    [
      { commonCauses: [{ group: "g", beta: 1.5, components: ["a"] }] },
      'group "g": beta must be a number from 0 to 1, got 1.5',
    ],
    [{ commonCauses: [{ group: "g", beta: 0.1, components: ["b"] }] }, 'group "g": no component "b"'],
    [
      {
        commonCauses: [
          { group: "g", beta: 0.6, components: ["a"] },
          { group: "h", beta: 0.6, components: ["a"] },
        ],
      },
      'component "a": the shares of its common causes add up to 1.2, more than 1',
    ],
    [{ maintenance: { components: ["b"], hoursPer30Days: 1 } }, 'maintenance: no component "b"'],
    [
      { maintenance: { components: ["a"], hoursPer30Days: 721 } },
      "from 0 to 720 for 1 hosts one after another, got 721",
    ],
    [{ timeLimitMillis: 0 }, "timeLimitMillis must be a number above 0, got 0"],
    [{ cutSets: { maxOrder: -1 } }, "cutSets.maxOrder must be a number above 0, got -1"],
  ])("wrong options: %j", (options, message) => {
    expect(() => evaluate(a, options)).toThrow(message);
  });
});

describe("what is too large", () => {
  test("gets proven bounds and the reason, never a silent approximation", () => {
    // GIVEN a structure whose parts are shared crosswise
    const part = (i: number) => down(`p${i % 12}`, 0.001 * (1 + (i % 12)));
    const block = series(
      ...Array.from({ length: 12 }, (_, i) => parallel(part(i), part(5 * i + 1), part(7 * i + 3))),
    );
    const exact = exactly(block);
    // WHEN there is room for five nodes only
    const result = evaluate(block, { nodeLimit: 5 });
    // THEN the exact value lies within the bounds
    expect(result.exact).toBe(false);
    if (result.exact) return;
    expect(result.reason).toMatch(/^too large: 1 of 1 modules \(12 inputs\) passed the limit of 5 nodes/);
    expect(result.independent.lower).toBeLessThanOrEqual(exact.availability);
    expect(result.independent.upper).toBeGreaterThanOrEqual(exact.availability);
    // and they are worth having
    const width = result.independent.upper - result.independent.lower;
    expect(width).toBeLessThan(exact.unavailability);
  });
});

describe("the cheapest change", () => {
  test("is the component that needs the least improvement", () => {
    const block = series(up("a", 0.999), up("b", 0.998));
    const change = cheapestChange(block, exactly(block), 0.9985);
    expect(change?.components).toEqual(["b"]);
    // 1 - 0.9985 / 0.999
    expect(change?.needed).toBeCloseTo(0.9985 / 0.999, 12);
    // and it does reach the target
    const raised = series(up("a", 0.999), up("b", change?.needed ?? 0));
    expect(exactly(raised).availability).toBeCloseTo(0.9985, 12);
  });

  test("doubles several where no single one suffices", () => {
    const block = series(up("a", 0.99), up("b", 0.99), up("c", 0.9999));
    const change = cheapestChange(block, exactly(block), 0.999);
    expect(change?.components).toEqual(["a", "b"]);
    expect(change?.text).toBe(
      "no single component suffices; put a second, independent one beside each of: a, b",
    );
  });

  test("says when nothing helps, and nothing when nothing is missed", () => {
    const block = series(up("a", 0.5), up("b", 0.5));
    expect(cheapestChange(block, exactly(block), 0.999)?.components).toEqual([]);
    expect(cheapestChange(block, exactly(block), 0.2)).toBeUndefined();
  });
});

/** The block with a second one beside some of its components. */
function twice(block: Block, ids: ReadonlySet<string>): Block {
  if (block.type === "remote") return block;
  if (block.type !== "component") return { ...block, blocks: block.blocks.map((inner) => twice(inner, ids)) };
  return ids.has(block.id) ? parallel(block, down(`${block.id} (2)`, block.unavailability)) : block;
}

describe("the fewest to double", () => {
  test("are fewer than the costliest that reach it together", () => {
    // GIVEN a region before two machines: each machine costs less than the region
    const block = series(up("region", 0.9999), parallel(up("a", 0.99), up("b", 0.99)));
    // THEN two suffice of the three
    expect(cheapestChange(block, exactly(block), 0.99995)?.components).toEqual(["a", "region"]);
  });

  test("are as few as any set that reaches it", () => {
    fc.assert(
      fc.property(randomBlock(6), fc.constantFrom(0.9, 0.99, 0.999), (random, atLeast) => {
        const result = exactly(random.block);
        const change = cheapestChange(random.block, result, atLeast);
        if (change === undefined || change.needed !== null) return;
        const ids = result.components.map(({ id }) => id);
        const reaches = (doubled: readonly string[]): boolean =>
          exactly(twice(random.block, new Set(doubled))).unavailability <= (1 - atLeast) * (1 + 1e-9);
        const sizes = Array.from({ length: 2 ** ids.length }, (_, set) =>
          ids.filter((__, at) => (set >> at) & 1),
        )
          .filter(reaches)
          .map(({ length }) => length);
        expect(change.components.length).toBe(sizes.length === 0 ? 0 : Math.min(...sizes));
      }),
      { numRuns: 60 },
    );
  });

  test("are counted against what is held: under a common cause a second one that is not in it", () => {
    const zone = (id: string) =>
      component(`zone ${id}`, { availability: 0.999 }, { commonCause: { group: "zones", beta: 0.1 } });
    const block = parallel(zone("a"), zone("b"));
    const change = cheapestChange(block, exactly(block), 0.99999);
    expect(change?.components).toHaveLength(1);
    expect(change?.text).toBe("no better zone a suffices; put a second, independent one beside it");
  });
});

test("a longer limit brings proven bounds nearer, and an estimate comes with them", () => {
  const part = (i: number) => down(`p${i % 60}`, 0.01 * (1 + ((i % 60) % 7)));
  const block = series(
    ...Array.from({ length: 60 }, (_, i) => parallel(part(i), part(5 * i + 1), part(7 * i + 3))),
  );
  const exact = exactly(block).availability;
  const width = (timeLimitMillis: number): number => {
    const result = evaluate(block, { nodeLimit: 50, timeLimitMillis });
    if (result.exact) throw new Error("expected bounds");
    const { lower, upper } = result.independent;
    expect(lower).toBeLessThanOrEqual(exact);
    expect(upper).toBeGreaterThanOrEqual(exact);
    return upper - lower;
  };
  expect(width(2000)).toBeLessThan(width(1) / 2);
  // the estimate is repeatable and holds the exact value in its interval (one in twenty seeds may not)
  const estimates = [1, 2, 3, 4, 5, 6].map((seed) => {
    const result = evaluate(block, { nodeLimit: 50, timeLimitMillis: 200, seed });
    if (result.exact) throw new Error("expected bounds");
    return result.estimate;
  });
  const holding = estimates.filter(({ confidence95: { lower, upper } }) => lower <= exact && exact <= upper);
  expect(holding.length).toBeGreaterThanOrEqual(4);
  expect(estimates[2]).toMatchObject({ seed: 3, samples: expect.any(Number) });
});
