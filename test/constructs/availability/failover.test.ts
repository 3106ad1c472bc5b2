import {
  component,
  evaluate,
  failover,
  failoverChain,
  type FailoverRates,
  parallel,
  series,
  steadyState,
} from "../../../constructs/availability";
import { generator } from "../../../constructs/availability/calculus/simulation";

const unit = (id: string, mtbfHours: number, mttrHours: number) => component(id, { mtbfHours, mttrHours });

const rates: FailoverRates = {
  primaryFails: 1 / 1000,
  primaryRepaired: 1 / 4,
  standbyFails: 1 / 500,
  standbyRepaired: 1 / 2,
  coverage: 0.95,
  switched: 1 / 0.05,
};
const pair = {
  name: "pair",
  primary: unit("primary", 1000, 4),
  standby: unit("standby", 500, 2),
  coverage: 0.95,
  switchHours: 0.05,
  source: "assumed",
};

describe("how often something goes down", () => {
  test("agrees with the Markov chain of its components, solved exactly", () => {
    // GIVEN a or (b and c), each with rates of its own, as a chain of eight states
    const parts = [unit("a", 100, 5), unit("b", 50, 2), unit("c", 80, 1)] as const;
    const up = (state: number, part: number): boolean => ((state >> part) & 1) === 0;
    const chain = {
      up: Array.from({ length: 8 }, (_, state) => up(state, 0) || (up(state, 1) && up(state, 2))),
      rates: Array.from({ length: 8 }, (_, from) =>
        Array.from({ length: 8 }, (__, to) => {
          const part = [1, 2, 4].indexOf(from ^ to);
          if (part === -1) return 0;
          return up(from, part) ? 1 / ([100, 50, 80][part] as number) : 1 / ([5, 2, 1][part] as number);
        }),
      ),
    };
    const expected = steadyState(chain);
    const result = evaluate(parallel(parts[0], series(parts[1], parts[2])));
    if (!result.exact) throw new Error(result.reason);
    expect(result.unavailability / expected.unavailability).toBeCloseTo(1, 12);
    expect((result.frequency?.perYear ?? 0) / (expected.outagesPerHour * 8760)).toBeCloseTo(1, 12);
    expect((result.frequency?.meanOutageHours ?? 0) / (expected.meanOutageHours ?? 0)).toBeCloseTo(1, 12);
  });

  test("is not known where one that matters does not say how long its outages last", () => {
    const result = evaluate(series(unit("a", 100, 5), component("b", { availability: 0.9 })));
    expect(result.exact && result.frequency).toEqual({
      perYear: undefined,
      meanOutageHours: undefined,
      unknown: ["b"],
    });
    // by the name it was declared with, whatever causes it shares
    const zone = (id: string) =>
      component(id, { availability: 0.9 }, { commonCause: { group: "zones", beta: 0.1 } });
    const shared = evaluate(parallel(zone("z1"), zone("z2")));
    expect(shared.exact && shared.frequency?.unknown).toEqual(["z1", "z2"]);
  });
});

describe("the steady state of a chain", () => {
  test("keeps the digits of what is rare", () => {
    const { unavailability } = steadyState({
      rates: [
        [0, 1e-20],
        [1, 0],
      ],
      up: [true, false],
    });
    expect(unavailability / 1e-20).toBeCloseTo(1, 14);
  });

  test("refuses what is no chain", () => {
    expect(() => steadyState({ rates: [[0, 1]], up: [true] })).toThrow("expected 1 rows of 1 rates");
    expect(() =>
      steadyState({
        rates: [
          [0, 1],
          [0, 0],
        ],
        up: [true, false],
      }),
    ).toThrow("state 1 leads to none");
  });
});

describe("failover", () => {
  test("the chain agrees with a simulation of it", () => {
    // GIVEN the pair, lived through event by event for a long time
    const chain = failoverChain(rates);
    const expected = steadyState(chain);
    const random = generator(20260101);
    const hours = 40_000_000;
    let [state, time, down, outages] = [0, 0, 0, 0];
    while (time < hours) {
      const row = chain.rates[state] as number[];
      const total = row.reduce((sum, rate) => sum + rate, 0);
      const stay = -Math.log(random()) / total;
      if (!chain.up[state]) down += stay;
      time += stay;
      let left = random() * total;
      let next = row.findIndex((rate) => (left -= rate) < 0);
      if (next === -1) next = row.findLastIndex((rate) => rate > 0);
      if (chain.up[state] && !chain.up[next]) outages++;
      state = next;
    }
    // THEN outages are counted within five standard errors, and time down with them
    expect(Math.abs(outages - expected.outagesPerHour * time)).toBeLessThan(5 * Math.sqrt(outages));
    expect(down / time / expected.unavailability).toBeCloseTo(1, 1);
    expect(Math.abs(down / time / expected.unavailability - 1)).toBeLessThan(0.05);
  });

  test.each([
    [0.95, 0.05],
    [1, 0.01],
    [0.5, 1],
    [0, 0.05],
  ])(
    "coverage %p, %p h to switch: the block is within its stated error of the chain",
    (coverage, switchHours) => {
      const result = evaluate(failover({ ...pair, coverage, switchHours }).availability);
      if (!result.exact) throw new Error(result.reason);
      const expected = steadyState(failoverChain({ ...rates, coverage, switched: 1 / switchHours }));
      const error = 4 / 1004 + 2 / 502 + switchHours / 1000;
      const difference = Math.abs(result.unavailability / expected.unavailability - 1);
      // What is left of a failure when the primary is repaired before the switch is of the order of one over the other.
      expect(difference).toBeLessThan(2 * error + switchHours / 4);
    },
  );

  test("times tell what a failure costs users", () => {
    const { times } = failover({ ...pair, startHours: 0.2 });
    expect(times.recoveryHours).toBeCloseTo(0.25, 14);
    expect(times.failuresPerYear).toBeCloseTo(8760 / 1004, 10);
    expect(times.meanDowntimeHours).toBeCloseTo(0.95 * 0.25 + 0.05 * 4, 14);
  });

  test("refuses shares and times that cannot be, and a primary of unknown frequency", () => {
    expect(() => failover({ ...pair, coverage: 1.2 })).toThrow(
      "coverage must be a number from 0 to 1, got 1.2",
    );
    expect(() => failover({ ...pair, switchHours: -1 })).toThrow(
      "must be numbers of at least 0, got -1 and 0",
    );
    expect(() => failover({ ...pair, primary: component("p", { availability: 0.9 }) })).toThrow(
      "it is not known how often the primary fails (p)",
    );
  });
});
