import fc from "fast-check";
import {
  atLeast,
  type Block,
  component,
  compositionText,
  fails,
  parallel,
  remote,
  series,
} from "../../../constructs/availability";
import { presentation, type Shown } from "../../../constructs/availability/calculus/presentation";
import { randomBlock, states } from "./random-block";

/** Many structures, each in all its states: as long as it takes on a busy machine. */
jest.setTimeout(120_000);

const part = (id: string, unavailability = 0.1) => component(id, { unavailability });

/** Whether what is shown works, read straight off it. */
function works(shown: Shown, parts: ReadonlyMap<string, Shown>, up: (id: string) => boolean): boolean {
  switch (shown.type) {
    case "component":
      return up(shown.id);
    case "remote":
      throw new Error("not in random structures");
    case "named":
      return works(parts.get(shown.name) as Shown, parts, up);
    case "series":
      return shown.blocks.every((inner) => works(inner, parts, up));
    case "branches":
      return shown.blocks.filter((inner) => works(inner, parts, up)).length >= shown.k;
  }
}

test("what is presented works in exactly the same states", () => {
  fc.assert(
    fc.property(randomBlock(8), (random) => {
      const { whole, parts } = presentation(random.block);
      for (const { down, fails } of states(random)) {
        expect(!works(whole, parts, (id) => !down.has(id))).toBe(fails);
      }
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

  test("tells branches apart by what they share with others", () => {
    // GIVEN three servers in one zone and two in another
    const [zoneA, zoneB] = [part("zone-a"), part("zone-b")];
    const servers = [zoneA, zoneA, zoneA, zoneB, zoneB].map((zone, i) => series(zone, part(`web-${i + 1}`)));
    // THEN both zones are named, each with its servers
    expect(compositionText(parallel(...servers))).toBe(
      "any of (3 like (zone-a × web-1), 2 like (zone-b × web-4))",
    );
    // and servers of a zone each stay alike while nothing else stands in their zones
    const apart = [1, 2, 3, 4].map((i) => series(part(`zone-${i}`), part(`app-${i}`)));
    expect(compositionText(parallel(...apart))).toBe("any of 4 like (zone-1 × app-1)");
    expect(compositionText(series(parallel(...apart), part("zone-3")))).toBe(
      "((zone-1 × app-1) | (zone-2 × app-2) | app-3 | (zone-4 × app-4)) × zone-3",
    );
  });
});

/** Both halves of each level stand on the whole level below: 2^depth places of the innermost part. */
function doublingUp(depth: number): Block {
  let block: Block = part("innermost");
  for (let i = 0; i < depth; i++) {
    block = parallel(series(block, part(`left ${i}`)), series(block, part(`right ${i}`)));
  }
  return block;
}

function nested(depth: number): Block {
  let block: Block = part("innermost");
  for (let i = 0; i < depth; i++)
    block = i % 2 ? series(block, part(`s${i}`)) : parallel(block, part(`p${i}`));
  return block;
}

describe("what is shared often or nested deep", () => {
  test("is written once, under a name", () => {
    const text = compositionText(doublingUp(60));
    expect(text).toMatch(/, where part 1 = /);
    expect(text.length).toBeLessThan(60 * 2000);
    expect(text.match(/right 59/g)).toHaveLength(1);
  });

  test("works in exactly the same states", () => {
    const { whole, parts } = presentation(doublingUp(9));
    expect(parts.size).toBeGreaterThan(0);
    const ids = ["innermost", ...Array.from({ length: 9 }, (_, i) => [`left ${i}`, `right ${i}`]).flat()];
    for (let state = 0; state < 400; state++) {
      const down = new Set(
        ids.filter((_, index) => (Math.imul(state + 1, 2654435761 + index * 97) >>> 7) % 5 === 0),
      );
      expect([state, works(whole, parts, (id) => !down.has(id))]).toEqual([
        state,
        !fails(doublingUp(9), down),
      ]);
    }
  });

  test("does not overflow the stack", () => {
    expect(compositionText(nested(3000))).toContain("innermost");
  });
});
