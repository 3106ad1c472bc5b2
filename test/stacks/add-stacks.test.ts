import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { validateRegions } from "../../constructs/region";
import { addStacks } from "../../stacks";
import { dedicatedRegionValue } from "../constructs/region/region-values";

describe("addStacks", () => {
  let outdir: string;
  beforeEach(() => (outdir = mkdtempSync(join(tmpdir(), "tricloud-stacks-"))));
  afterEach(() => rmSync(outdir, { recursive: true }));

  const added = async (target: string) => {
    const value = dedicatedRegionValue({ availability: { targets: { [target]: { atLeast: 0.9 } } } });
    const [region] = validateRegions([{ file: "jp", value }]);
    const app = new App({ outdir });
    await addStacks(app, region!);
    return app.node.children.map(({ node }) => node.id);
  };

  test("names the region's stack for the region", async () => {
    expect(await added("calls-to-other-clouds")).toEqual(["jp"]);
  });

  test("refuses a target for a service that no stack of the region declares", async () => {
    // GIVEN a misspelt service WHEN the stacks are added THEN it is not held against nothing in silence
    await expect(added("calls-to-other-cloud")).rejects.toThrow(
      "region jp: availability.targets: expected services of its stacks (calls-to-other-clouds), got: calls-to-other-cloud",
    );
  });
});
