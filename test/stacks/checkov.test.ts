import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { validateRegions } from "../../stacks/values/regions";
import jp from "../../regions/jp";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { addRegions } from "../../stacks";

const root = join(__dirname, "../..");
/** Where script/python-tools puts it. */
const CHECKOV = join(root, ".testbed/cache/python/bin/checkov");

jest.setTimeout(600_000);

/** `CHECK in STACK: RESOURCE`, the resource by its place in the stack. */
type Finding = string;

(existsSync(CHECKOV) ? describe : describe.skip)(
  "checkov (skipped where script/python-tools could not install it)",
  () => {
    it("finds what docs/security.md gives a reason for, and nothing else", async () => {
      // GIVEN the stacks of all regions
      const directory = mkdtempSync(join(tmpdir(), "tricloud-checkov-"));
      try {
        const app = new App({ outdir: directory });
        const values = [jp, uk, us].map((value) => ({ file: `${value.name}.ts`, value }));
        await addRegions(app, validateRegions(values), []);
        app.synth();
        // WHEN they are checked
        const found = check(join(directory, "stacks"));
        // THEN
        const reasoned = readReasons();
        expect({
          "without a reason in docs/security.md": found.filter((finding) => !reasoned.includes(finding)),
          "with a reason that nothing needs any more": reasoned.filter((finding) => !found.includes(finding)),
        }).toEqual({
          "without a reason in docs/security.md": [],
          "with a reason that nothing needs any more": [],
        });
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    it("is given a reason for every check that is not followed", () => {
      for (const { check: id, why } of rows())
        expect([id, why]).toEqual([id, expect.stringMatching(/\w{3}/)]);
    });
  },
);

interface Report {
  readonly summary: { readonly passed: number; readonly parsing_errors: number };
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string;
      readonly file_path: string;
      readonly resource: string;
    }[];
  };
}

function check(directory: string): Finding[] {
  const { stdout, stderr } = spawnSync(
    CHECKOV,
    [
      ...["-d", directory, "--framework", "terraform_json", "-o", "json"],
      ...["--quiet", "--compact", "--skip-download"],
    ],
    { encoding: "utf8", maxBuffer: 64 * 2 ** 20 },
  );
  let report: Report;
  try {
    report = JSON.parse(stdout) as Report;
  } catch {
    throw new Error(`checkov said nothing that can be read:\n${stdout}\n${stderr}`);
  }
  // So that a run which has looked at nothing is not taken for a good one.
  expect(report.summary.parsing_errors).toBe(0);
  expect(report.summary.passed).toBeGreaterThan(300);
  return report.results.failed_checks.map(
    ({ check_id, file_path, resource }) => `${check_id} in ${file_path.split("/")[1]}: ${placeOf(resource)}`,
  );
}

/** Without its type and the digest that cdktf ends it with. */
const placeOf = (resource: string): string => resource.replace(/^\w+\./, "").replace(/_[0-9A-F]{8}$/, "");

interface Row {
  readonly check: string;
  readonly stack: string;
  readonly places: readonly string[];
  readonly why: string;
}

function rows(): Row[] {
  const markdown = readFileSync(join(root, "docs/security.md"), "utf8");
  return [...markdown.matchAll(/^\| (CKV\w+) +\| ([\w-]+) +\| (.*?) +\| (.*?) +\|$/gm)].map(
    ([, id, stack, places, why]) => ({
      check: id!,
      stack: stack!,
      places: [...places!.matchAll(/`([^`]+)`/g)].map(([, place]) => place!),
      why: why!,
    }),
  );
}

const readReasons = (): Finding[] =>
  rows().flatMap(({ check: id, stack, places }) => places.map((place) => `${id} in ${stack}: ${place}`));
