import { Planner } from "../../planning/planner";
import { summarise } from "../../planning/plan/summary";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import us from "../../regions/us";
import { bundleProxy, ROOT, synthesiseRegions, synthesiseUs } from "./own-regions";
import { planAll, removeDirectories } from "./toy-app";

jest.setTimeout(600_000);

beforeAll(bundleProxy);
afterAll(removeDirectories);

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
