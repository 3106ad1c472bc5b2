import fc from "fast-check";
import {
  component,
  evaluate,
  type EvaluateOptions,
  type ExactEvaluation,
  outcome,
  parallel,
  series,
  service,
  withCommonCauses,
} from "../../../constructs/availability";
import { type RandomBlock, randomBlock, states, works } from "./random-block";

/** These structures are solved whatever else the machine is doing. */
const PATIENT_MILLIS = 60_000;
jest.setTimeout(2 * PATIENT_MILLIS);

const exactly = (block: RandomBlock["block"], options?: EvaluateOptions): ExactEvaluation => {
  const result = evaluate(block, { timeLimitMillis: PATIENT_MILLIS, ...options });
  if (!result.exact) throw new Error(result.reason);
  return result;
};

/** Probability of being down, with some components forced. */
function enumerated(random: RandomBlock, forced: ReadonlyMap<string, boolean> = new Map()): number {
  const components = random.components.map((one) => {
    const down = forced.get(one.id);
    return down === undefined ? one : component(one.id, { unavailability: down ? 1 : 0 });
  });
  let sum = 0;
  for (const { probability, fails } of states({ block: random.block, components }))
    if (fails) sum += probability;
  return sum;
}

const relatively = (actual: number, expected: number): void => {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-10 * Math.max(actual, expected) + 1e-300);
};

describe("against the enumeration of all states", () => {
  test("up to 16 components: both sides of the result", () => {
    fc.assert(
      fc.property(randomBlock(16), (random) => {
        const result = exactly(random.block, { cutSets: false });
        relatively(result.unavailability, enumerated(random));
        expect(result.availability + result.unavailability).toBeCloseTo(1, 12);
      }),
      { numRuns: 60 },
    );
  });

  test("Frechet bounds hold the independent result and those under common causes that keep every figure", () => {
    fc.assert(
      fc.property(randomBlock(8), fc.double({ min: 0, max: 1, noNaN: true }), (random, beta) => {
        const { availability, bounds, components } = exactly(random.block);
        const group = { group: "all", beta, components: components.map(({ id }) => id) };
        const { block, causes } = withCommonCauses(random.block, [group]);
        // A cause that makes members worse than their figures leaves the figures that the bounds are of.
        fc.pre(causes.every(({ worsened }) => worsened.length === 0));
        const correlated = exactly(block);
        for (const figure of [availability, correlated.availability]) {
          expect(figure).toBeGreaterThanOrEqual(bounds.lower - 1e-9);
          expect(figure).toBeLessThanOrEqual(bounds.upper + 1e-9);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("proven bounds hold the exact value however little room there is", () => {
    fc.assert(
      fc.property(randomBlock(12), fc.constantFrom(3, 4, 6), (random, nodeLimit) => {
        const exact = enumerated(random);
        const result = evaluate(random.block, { nodeLimit, cutSets: false, timeLimitMillis: 50 });
        const { lower, upper } = result.exact
          ? { lower: result.availability, upper: result.availability }
          : result.independent;
        expect(lower).toBeLessThanOrEqual(1 - exact + 1e-9);
        expect(upper).toBeGreaterThanOrEqual(1 - exact - 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  test("minimal cut sets: each takes it down, none without all of its parts, and none is missing", () => {
    fc.assert(
      fc.property(randomBlock(9), (random) => {
        const { cutSets, singlePoints } = exactly(random.block, { cutSets: { maxOrder: 16, maxCount: 1e6 } });
        const downs = (ids: ReadonlySet<string>) => !works(random.block, (id) => !ids.has(id));
        const expected = new Set<string>();
        for (const { down, fails } of states(random)) {
          const minimal = [...down].every((id) => !downs(new Set([...down].filter((other) => other !== id))));
          if (fails && minimal) expected.add([...down].sort().join());
        }
        const listed = cutSets?.sets.map(({ components }) => [...components].sort().join()) ?? [];
        expect(new Set(listed)).toEqual(expected);
        expect(listed).toHaveLength(expected.size);
        expect(cutSets?.count).toBe(expected.size);
        expect([...singlePoints].sort()).toEqual(
          [...expected].filter((set) => set && !set.includes(",")).sort(),
        );
        // most probable first
        const figures = cutSets?.sets.map(({ unavailability }) => unavailability) ?? [];
        expect(figures).toEqual([...figures].sort((a, b) => b - a));
      }),
      { numRuns: 200 },
    );
  });

  test("limits on order and count keep the most probable of the smaller ones", () => {
    fc.assert(
      fc.property(
        randomBlock(9),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        (random, maxOrder, maxCount) => {
          const everything =
            exactly(random.block, { cutSets: { maxOrder: 16, maxCount: 1e6 } }).cutSets?.sets ?? [];
          const small = everything.filter(({ components }) => components.length <= maxOrder);
          const limited = exactly(random.block, { cutSets: { maxOrder, maxCount } }).cutSets;
          expect(limited?.count).toBe(small.length);
          const figures = small.slice(0, maxCount).map(({ unavailability }) => unavailability);
          expect(limited?.sets.map(({ unavailability }) => unavailability)).toEqual(
            figures.map((figure) => expect.closeTo(figure, 12)),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("importance: Birnbaum, criticality, risk achievement, risk reduction, cost", () => {
    fc.assert(
      fc.property(randomBlock(9), (random) => {
        const result = exactly(random.block);
        for (const measure of result.importance) {
          const broken = enumerated(random, new Map([[measure.id, true]]));
          const perfect = enumerated(random, new Map([[measure.id, false]]));
          const q = measure.unavailability;
          expect(measure.birnbaum).toBeCloseTo(broken - perfect, 10);
          expect(measure.minutesPerYear).toBeCloseTo(q * (broken - perfect) * 525600, 3);
          if (result.unavailability === 0) continue;
          expect(measure.criticality).toBeCloseTo((q * (broken - perfect)) / result.unavailability, 8);
          relatively(measure.riskAchievement * result.unavailability, broken);
          if (perfect > 0) relatively(result.unavailability / measure.riskReduction, perfect);
          else expect(measure.riskReduction).toBe(Infinity);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("planned work: the mean over the states with one host out", () => {
    fc.assert(
      fc.property(randomBlock(8), fc.integer({ min: 0, max: 90 }), (random, hoursPer30Days) => {
        const ids = exactly(random.block).components.map(({ id }) => id);
        const { planned } = exactly(random.block, { maintenance: { components: ids, hoursPer30Days } });
        const share = hoursPer30Days / 720;
        const outs = ids.map((id) => enumerated(random, new Map([[id, true]])));
        const expected =
          outs.reduce((sum, down) => sum + share * down, 0) + (1 - share * ids.length) * enumerated(random);
        expect(planned?.unavailability).toBeCloseTo(expected, 10);
      }),
      { numRuns: 100 },
    );
  });

  test("outcome agrees with the definition in every state", () => {
    fc.assert(
      fc.property(randomBlock(6), randomBlock(6), (required, soft) => {
        // Same ids, own figures: give both the same figures
        const checkout = service("checkout", {
          requires: [rebased(required.block)],
          degradesWithout: [rebased(soft.block)],
        });
        const ids = exactly(series(rebased(required.block), rebased(soft.block))).components.map(
          ({ id }) => id,
        );
        for (let state = 0; state < 2 ** ids.length; state++) {
          const down = new Set(ids.filter((_, index) => (state >> index) & 1));
          const up = (id: string) => !down.has(id);
          const expected = !works(required.block, up) ? "down" : works(soft.block, up) ? "full" : "degraded";
          expect(outcome(checkout, down)).toBe(expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});

function rebased(block: RandomBlock["block"]): RandomBlock["block"] {
  if (block.type === "component") return component(block.id, { unavailability: 0.5 });
  if (block.type === "remote") return block;
  return { ...block, blocks: block.blocks.map(rebased) };
}

test("agrees with a Monte Carlo simulation within five standard errors", () => {
  // GIVEN three machines in two zones of one region behind a load balancer, two of three needed
  const zone = (name: string) => component(name, { unavailability: 0.05 });
  const machine = (name: string, inZone: string) =>
    series(zone(inZone), component(name, { unavailability: 0.1 }));
  const block = series(
    component("lb", { unavailability: 0.02 }),
    parallel(machine("m1", "a"), machine("m2", "b"), series(machine("m3", "a"), zone("b"))),
  );
  // WHEN states are drawn with a fixed seed
  let seed = 20260101;
  const random = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const { unavailability, components } = exactly(block);
  const draws = 200_000;
  let down = 0;
  for (let draw = 0; draw < draws; draw++) {
    const failed = new Set(components.filter((one) => random() < one.unavailability).map(({ id }) => id));
    if (!works(block, (id) => !failed.has(id))) down++;
  }
  // THEN the share of states that are down is the exact result, give or take the error of the draw
  const error = Math.sqrt((unavailability * (1 - unavailability)) / draws);
  expect(Math.abs(down / draws - unavailability)).toBeLessThan(5 * error);
});
