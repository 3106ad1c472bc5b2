import fc from "fast-check";
import { type Candidate, choose } from "../../../proxy/origins/groups/choice";

const standing = fc.constantFrom("good", "trial", "doubtful", "out") as fc.Arbitrary<Candidate["standing"]>;
const room = fc.constantFrom("free", "queue", "none") as fc.Arbitrary<Candidate["room"]>;
const share = fc.oneof(fc.constant(1), fc.double({ min: 0.05, max: 1, noNaN: true }));
const candidate = (weight: fc.Arbitrary<number | undefined>): fc.Arbitrary<Candidate> =>
  fc.record({ standing, room, weight, share });
const byPreference = fc.array(candidate(fc.constant(undefined)), { maxLength: 5 });
const byWeight = fc.array(candidate(fc.integer({ min: 1, max: 100 })), { maxLength: 5 });
const candidates = fc.oneof(byPreference, byWeight);
const wish = fc.record({ trial: fc.boolean(), queue: fc.boolean(), sure: fc.constant(false) });
const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const usable = ({ standing, room }: Candidate): boolean => standing !== "out" && room === "free";

describe("GIVEN any origins in any state", () => {
  test("WHEN one is chosen THEN it may be asked, and nobody waits while another one is free", () => {
    fc.assert(
      fc.property(candidates, wish, draws, (all, wanted, drawn) => {
        const index = choose(all, wanted, () => drawn);
        if (index === -1) {
          expect(all.some(usable)).toBe(false);
          if (wanted.queue)
            expect(all.some(({ standing, room }) => standing !== "out" && room === "queue")).toBe(false);
          return;
        }
        const { standing, room } = all[index]!;
        expect(standing).not.toBe("out");
        expect(room).not.toBe("none");
        if (room === "queue") {
          expect(wanted.queue).toBe(true);
          expect(all.some(usable)).toBe(false);
        }
      }),
    );
  });

  test("WHEN a good one has room THEN none that fails its check is asked, and only a request that may is on trial", () => {
    fc.assert(
      fc.property(candidates, wish, draws, (all, wanted, drawn) => {
        fc.pre(all.some(({ standing, room }) => standing === "good" && room === "free"));
        const chosen = all[choose(all, wanted, () => drawn)]!.standing;
        expect(wanted.trial ? ["good", "trial"] : ["good"]).toContain(chosen);
      }),
    );
  });

  test("WHEN only a good one will do THEN no other is chosen, and one is whenever there is one with room", () => {
    fc.assert(
      fc.property(candidates, draws, (all, drawn) => {
        const index = choose(all, { trial: true, queue: true, sure: true }, () => drawn);
        const good = all.filter(({ standing, room }) => standing === "good" && room === "free");
        expect(index >= 0).toBe(good.length > 0);
        if (index >= 0) expect(good).toContain(all[index]);
      }),
    );
  });

  test("WHEN they go by preference THEN the first that is good, free and fully back has all", () => {
    fc.assert(
      fc.property(byPreference, draws, (all, drawn) => {
        const first = all.findIndex(
          ({ standing, room, share }) => standing === "good" && room === "free" && share === 1,
        );
        fc.pre(first >= 0);
        const index = choose(all, { trial: false, queue: false, sure: false }, () => drawn);
        expect(index).toBeGreaterThanOrEqual(0);
        expect(index).toBeLessThanOrEqual(first);
      }),
    );
  });
});

/** How often each is chosen, when the draws are spread evenly. */
function parts(all: readonly Pick<Candidate, "weight" | "share">[]): number[] {
  const counts = all.map(() => 0);
  const full = all.map((each): Candidate => ({ ...each, standing: "good", room: "free" }));
  for (let i = 0; i < 1_000; i++)
    counts[choose(full, { trial: true, queue: true, sure: false }, () => (i + 0.5) / 1_000)]!++;
  return counts;
}

test("GIVEN weights THEN each has its part, and less while it is coming back", () => {
  expect(
    parts([
      { weight: 3, share: 1 },
      { weight: 1, share: 1 },
    ]),
  ).toEqual([750, 250]);
  expect(
    parts([
      { weight: 1, share: 0.25 },
      { weight: 1, share: 1 },
    ]),
  ).toEqual([200, 800]);
});

test("GIVEN an order of preference THEN the second has what the first is not given yet", () => {
  expect(
    parts([
      { weight: undefined, share: 0.1 },
      { weight: undefined, share: 1 },
    ]),
  ).toEqual([100, 900]);
});
