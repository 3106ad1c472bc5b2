import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AvailabilityRun } from "../../constructs/availability";
import jp from "../../regions/jp";
import { synthesise } from "../../stacks/app";

const SERVICE = "calls-to-other-clouds";

describe("a target that is met only if parts fail independently", () => {
  let directory: string;
  let before: string | undefined;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-warning-"));
    mkdirSync(join(directory, "regions"));
    before = process.env["CDKTF_OUTDIR"];
    process.env["CDKTF_OUTDIR"] = join(directory, "out");
  });
  afterEach(() => {
    jest.restoreAllMocks();
    if (before === undefined) delete process.env["CDKTF_OUTDIR"];
    else process.env["CDKTF_OUTDIR"] = before;
    rmSync(directory, { recursive: true });
  });

  async function assess(atLeast: number): Promise<AvailabilityRun> {
    const value = {
      ...jp,
      origins: { "api.example.com": { availability: 0.9975, source: "assumed" } },
      availability: { targets: { [SERVICE]: { atLeast } } },
    };
    writeFileSync(join(directory, "regions/jp.json"), JSON.stringify(value));
    await synthesise({ regions: join(directory, "regions"), onlyAssess: true });
    return JSON.parse(readFileSync(join(directory, "out/availability.json"), "utf8")) as AvailabilityRun;
  }

  test("is told on standard output, since cdktf's command line calls standard error's lines errors", async () => {
    const told = jest.spyOn(console, "log").mockImplementation(() => undefined);
    const refused = jest.spyOn(console, "error").mockImplementation(() => undefined);
    // GIVEN a target between what parts come to that fail by themselves and the least that any parts come to
    const { stacks } = await assess(0.9);
    const [service] = stacks[0]!.services.filter((each) => each.service === SERVICE);
    const { bounds } = service!.results;
    const { held } = service!.target!;
    expect(told).not.toHaveBeenCalled();
    // WHEN synthesised
    await assess((bounds.lower + held.lower) / 2);
    // THEN
    expect(told.mock.calls).toEqual([
      [`warning: jp/${SERVICE}: its target is met only if parts fail independently`],
    ]);
    expect(refused).not.toHaveBeenCalled();
  }, 300_000);
});
