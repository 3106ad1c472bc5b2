import { Coverage } from "./coverage";
import { Finding, type FuzzTarget, GuidedSearch, numbers } from "./guided-search";

const SECRET = "set";

/** Goes wrong at a word that nobody would come to by chance, and looks at one character after the other. */
const locked: FuzzTarget = {
  seeds: [Buffer.from("knock")],
  words: ["\0"],
  longest: 20,
  run(input) {
    // One branch each: code that has run is all that guides.
    if (input[0] !== SECRET.charCodeAt(0)) return;
    if (input[1] !== SECRET.charCodeAt(1)) return;
    if (input[2] !== SECRET.charCodeAt(2)) return;
    throw new Error("it opens");
  },
};

/** What is found by so many steps. */
async function found(target: FuzzTarget, coverage: Coverage | undefined, steps: number): Promise<string> {
  const search = new GuidedSearch(target, coverage, numbers(1));
  try {
    await search.begin([]);
    for (let step = 0; step < steps; step++) await search.step();
    return "";
  } catch (error) {
    if (error instanceof Finding) return `${error.message}: ${error.input.toString("latin1")}`;
    throw error;
  }
}

test("GIVEN a word of three letters WHEN a search is guided by what has run THEN it finds it, and not by chance", async () => {
  const coverage = new Coverage((url) => url.endsWith(__filename));
  const steps = 40;
  expect(await found(locked, coverage, steps)).toMatch(/^it opens: set/);
  coverage.stop();
  expect(await found(locked, undefined, steps)).toBe("");
});

test("GIVEN a seed that something is wrong with THEN that is what is found", async () => {
  const wrong: FuzzTarget = { ...locked, seeds: [Buffer.from("set up")] };
  expect(await found(wrong, undefined, 0)).toBe("it opens: set up");
});

test("the same seed gives the same numbers, from 0 to below what is asked for", () => {
  const drawn = (seed: number): number[] => {
    const random = numbers(seed);
    return Array.from({ length: 1_000 }, () => random(10));
  };
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
  expect(new Set(drawn(7))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
});
