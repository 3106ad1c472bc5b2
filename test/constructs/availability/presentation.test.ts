import fc from "fast-check";
import {
  atLeast,
  component,
  compositionText,
  parallel,
  remote,
  series,
} from "../../../constructs/availability";
import { presentable } from "../../../constructs/availability/calculus/presentation";
import { randomBlock, states, works } from "./random-block";

/** Many structures, each in all its states: as long as it takes on a busy machine. */
jest.setTimeout(120_000);

const part = (id: string, unavailability = 0.1) => component(id, { unavailability });

test("what is presented works in exactly the same states", () => {
  fc.assert(
    fc.property(randomBlock(8), (random) => {
      const shown = presentable(random.block);
      for (const { down, fails } of states(random)) expect(!works(shown, (id) => !down.has(id))).toBe(fails);
    }),
    { numRuns: 300 },
  );
});

describe("compositionText", () => {
  const [region, a, b] = [part("region"), part("zone a"), part("zone b")];

  test("takes what every branch needs out of the branches", () => {
    const proxies = parallel(series(region, a, part("p1")), series(region, b, part("p2")));
    const quorum = atLeast(
      2,
      series(region, a, part("s1")),
      series(region, b, part("s2")),
      series(region, part("s3")),
    );
    expect(compositionText(series(proxies, quorum))).toBe(
      "region × ((zone a × p1) | (zone b × p2)) × 2 of (zone a × s1, zone b × s2, s3)",
    );
  });

  test("does not repeat further in what is needed anyway", () => {
    const [x, y] = [part("x"), part("y")];
    expect(compositionText(series(region, parallel(x, series(region, y))))).toBe("region × (x | y)");
    // a branch that is needed anyway makes the others moot
    expect(compositionText(series(region, parallel(x, region), y))).toBe("region × y");
    // and one that becomes a part on its own tells on the others in turn
    expect(compositionText(series(parallel(y, series(x, y)), atLeast(2, y, x, region)))).toBe(
      "y × (x | region)",
    );
  });

  test("names other stacks' services", () => {
    expect(compositionText(series(region, remote("uk", "stock")))).toBe("region × uk/stock");
  });

  test("counts more than a few branches that are alike", () => {
    const machines = Array.from({ length: 5 }, (_, index) => part(`web-${index + 1}`));
    expect(compositionText(parallel(...machines))).toBe("any of 5 like web-1");
    expect(compositionText(atLeast(3, ...machines))).toBe("3 of 5 like web-1");
    // a branch with another figure is not alike
    expect(compositionText(parallel(...machines.slice(0, 4), part("odd", 0.2)))).toBe(
      "(web-1 | web-2 | web-3 | web-4 | odd)",
    );
  });
});
