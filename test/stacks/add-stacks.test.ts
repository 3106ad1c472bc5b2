import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { type DedicatedRegionInput, validateRegions } from "../../stacks/values/regions";
import { addRegions, addStacks } from "../../stacks";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { dedicatedRegionValue } from "./values/regions/region-values";

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

describe("addRegions", () => {
  let outdir: string;
  beforeEach(() => (outdir = mkdtempSync(join(tmpdir(), "tricloud-stacks-"))));
  afterEach(() => rmSync(outdir, { recursive: true }));

  const jp = (changes: Partial<DedicatedRegionInput>) => dedicatedRegionValue(changes);
  const other = (changes: Partial<DedicatedRegionInput>) =>
    jp({
      name: "jp2",
      cidr: "10.11.0.0/16",
      servers: jp({}).servers.map((server, index) => ({ ...server, address: `10.11.0.${index + 1}` })),
      ...changes,
    });

  const messages = async (...values: DedicatedRegionInput[]): Promise<string[]> => {
    const regions = validateRegions(values.map((value) => ({ file: value.name, value })));
    const added = addRegions(new App({ outdir }), regions);
    return added.then(
      () => [],
      (error: Error) => error.message.split("\n"),
    );
  };

  test("names the region and path of every origin at a service that no stack declares", async () => {
    const origins = { "api.example.com": { stack: "nowhere", service: "web" } };
    const rest =
      "expected a service of a stack of this app (jp/calls-to-other-clouds, jp2/calls-to-other-clouds), got: nowhere/web";
    expect(await messages(jp({ origins }), other({ origins }))).toEqual([
      `region jp: origins["api.example.com"]: ${rest}`,
      `region jp2: origins["api.example.com"]: ${rest}`,
    ]);
  });

  test("names what is wrong in every region, and not in the first alone", async () => {
    const targets = { nothing: { atLeast: 0.9 } };
    const expectation =
      "availability.targets: expected services of its stacks (calls-to-other-clouds), got: nothing";
    expect(await messages(jp({ availability: { targets } }), other({ availability: { targets } }))).toEqual([
      `region jp: ${expectation}`,
      `region jp2: ${expectation}`,
    ]);
  });

  test("takes an origin in a region that comes later", async () => {
    const origins = { "api.example.com": { stack: "jp2", service: "calls-to-other-clouds" } };
    expect(await messages(jp({ origins }), other({}))).toEqual([]);
  });

  test("makes stacks of regions whose names are as long as they may be", async () => {
    const long = [
      { ...us, name: "a".repeat(26) },
      { ...uk, name: "b".repeat(24) },
    ];
    const regions = validateRegions(long.map((value) => ({ file: value.name, value })));
    const app = new App({ outdir });
    await addRegions(app, regions);
    expect(app.node.findAll().flatMap(({ node }) => node.validate())).toEqual([]);
  });
});
