import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AvailabilityReport,
  availabilityChanges,
  readAvailability,
} from "../../../planning/report/availability";
import { removeDirectories, testDirectory } from "../toy-app";

afterAll(removeDirectories);

const report = (services: Record<string, number | null>): AvailabilityReport => ({
  stacks: [
    {
      stack: "us",
      services: Object.entries(services).map(([service, unavailability]) => ({
        service,
        results: {
          independent: { availability: 1, unavailability: 0 },
          correlated:
            unavailability === null
              ? { lower: 0.99, upper: 0.999 }
              : { availability: 1 - unavailability, unavailability },
          bounds: { lower: 0.5, upper: 1 },
          planned: undefined,
        },
      })),
    },
  ],
});

test("tells services that got better, worse, came and went", () => {
  const base = report({ same: 0.001, better: 0.001, worse: 0.001, gone: 0.001, large: 0.001 });
  const head = report({ same: 0.001, better: 0.0005, worse: 0.00100001, fresh: 0.002, large: null });
  expect(
    availabilityChanges(head, base, ["us"]).map(({ service, before, after, difference }) => [
      service,
      before,
      after,
      difference,
    ]),
  ).toEqual([
    ["same", "99.9 %", "99.9 %", undefined],
    ["better", "99.9 %", "99.95 %", "262.8 min/year less downtime"],
    ["worse", "99.9 %", "99.89999 %", "less than 0.1 min/year more downtime"],
    ["fresh", undefined, "99.8 %", undefined],
    ["large", "99.9 %", "99 % to 99.9 %", undefined],
    ["gone", "99.9 %", undefined, undefined],
  ]);
});

test("compares on the basis of the target, and says what it does not know", () => {
  // GIVEN a service held against what is proven with planned work, and a base of a version without such figures
  const exact = (unavailability: number) => ({ availability: 1 - unavailability, unavailability });
  const results = {
    independent: exact(0.001),
    correlated: exact(0.002),
    bounds: { lower: 0.99, upper: 1 },
    planned: { independent: exact(0.003), correlated: exact(0.004), bounds: { lower: 0.98, upper: 1 } },
  };
  const run = (target: object | null, figures: object | undefined = results) =>
    ({
      stacks: [{ stack: "us", services: [{ service: "web", results: figures, target }] }],
    }) as AvailabilityReport;
  const target = { atLeast: 0.99, verdict: "missed" };
  const changes = (now: AvailabilityReport, before = run(null)) =>
    availabilityChanges(now, before, ["us"])[0];
  // THEN both sides are on the newer target's basis
  expect(changes(run(null))).toMatchObject({ before: "99.6 %", after: "99.6 %" });
  expect(changes(run({ ...target, basis: "bounds", planned: true }))).toMatchObject({
    before: "98 %",
    after: "98 %",
  });
  expect(changes(run({ ...target, basis: "independent", planned: false }))).toMatchObject({
    before: "99.9 %",
    after: "99.9 %",
    target: "missed (99 %)",
  });
  const old = { stacks: [{ stack: "us", services: [{ service: "web" }] }] };
  expect(changes(run(null), old)).toMatchObject({
    before: "unknown",
    after: "99.6 %",
    difference: undefined,
  });
});

test("reads nothing where nothing is, and refuses what it does not understand", () => {
  const out = testDirectory();
  expect(readAvailability(out)).toBeUndefined();
  writeFileSync(
    join(out, "availability.json"),
    JSON.stringify({ schema: "tricloud/availability/v9", stacks: [] }),
  );
  expect(() => readAvailability(out)).toThrow(
    /is of schema "tricloud\/availability\/v9"; this version reads/,
  );
});
