import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App } from "cdktf";
import { type Ec2RegionInput, type Region, validateRegions } from "../../constructs/region";
import { Planner } from "../../planning/planner";
import { summarise } from "../../planning/report/summary";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import jp from "../../regions/jp";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { JpStack } from "../../stacks/jp";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { UsStack } from "../../stacks/us";
import { planAll, removeDirectories, synthesise } from "./toy-app";

jest.setTimeout(600_000);

const ROOT = join(__dirname, "../..");

beforeAll(() => {
  // The stacks deliver the proxy as `npm run build` makes it.
  if (existsSync(join(ROOT, "dist/tricloud-proxy.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-proxy.mjs")], { cwd: ROOT });
});
afterAll(removeDirectories);

function addRegion(app: App, region: Region): void {
  switch (region.platform) {
    case "dedicated":
      new JpStack(app, region);
      return;
    case "ec2":
      new UsStack(app, region);
      return;
    case "gke":
      new UkWorkloadsStack(app, new UkStack(app, region));
  }
}

/** The app's own regions, with changes to the US. */
function synthesiseRegions(changes: Partial<Ec2RegionInput> = {}): string {
  const values = { "jp.ts": jp, "uk.ts": uk, "us.ts": { ...us, ...changes } };
  const regions = validateRegions(Object.entries(values).map(([file, value]) => ({ file, value })));
  return synthesise((app) => regions.forEach((region) => addRegion(app, region)));
}

/** The US alone, with changes to it. */
function synthesiseUs(changes: Partial<Ec2RegionInput>): string {
  const regions = validateRegions([{ file: "us.ts", value: { ...us, ...changes } }]);
  return synthesise((app) => regions.forEach((region) => addRegion(app, region)));
}

test("every stack of every region plans, and once deployed has nothing left to do", async () => {
  // GIVEN the stacks as they are, applied against the double
  const stacks = readStacks(synthesiseRegions());
  const planner = await Planner.start({ stacks, resolveFrom: [ROOT] });
  try {
    const applied = await Promise.all(stacks.map((stack) => planner.apply(stack)));
    expect(applied.map(({ stack, succeeded, text }) => [stack, succeeded || text])).toEqual([
      ["jp", true],
      ["uk", true],
      ["uk-workloads", true],
      ["us", true],
    ]);
    const states = new Map(
      applied.flatMap((result) => (result.succeeded ? [[result.stack, result.state]] : [])),
    );

    // WHEN the same is synthesised and planned again THEN nothing is to be done
    const again = await planAll(synthesiseRegions(), { states });
    for (const plan of Object.values(again)) {
      expect([plan.stack, plan.succeeded || plan.text]).toEqual([plan.stack, true]);
      expect([plan.stack, summarise(plan.plan ?? {}).byType]).toEqual([plan.stack, []]);
    }

    // WHEN the US's proxies get larger THEN the plan says that these machines are replaced, and no others
    const servers = { ...us.servers, proxy: { count: 3, instanceType: "t3.large" } };
    const larger = await planAll(synthesiseUs({ servers }), { states });
    expect(larger["us"]?.succeeded || larger["us"]?.text).toBe(true);
    expect(summarise(larger["us"]?.plan ?? {}).replaced).toEqual([
      {
        address: expect.stringMatching(/^terraform_data\.proxy_rollout_step_/),
        because: ["triggers_replace"],
      },
    ]);

    // WHEN the US moves to another network THEN the plan says what is replaced for it
    const moved = await planAll(synthesiseRegions({ cidr: "10.99.0.0/16" }), {
      states,
    });
    const replaced = new Map(
      summarise(moved["us"]?.plan ?? {}).replaced.map(({ address, because }) => [
        address.split(".")[0],
        because,
      ]),
    );
    expect(moved["us"]?.succeeded || moved["us"]?.text).toBe(true);
    expect(replaced.get("aws_vpc")).toEqual(["cidr_block"]);
    expect(replaced.get("aws_subnet")).toEqual(expect.arrayContaining(["vpc_id", "cidr_block"]));
    expect(summarise(moved["uk"]?.plan ?? {}).byType).toEqual([]);
  } finally {
    planner.close();
  }
});
