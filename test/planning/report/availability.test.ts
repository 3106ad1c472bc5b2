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
        independent: unavailability === null ? null : { availability: 1 - unavailability, unavailability },
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
    ["large", "99.9 %", "too large to compute", undefined],
    ["gone", "99.9 %", undefined, undefined],
  ]);
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
