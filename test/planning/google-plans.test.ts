import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type GkeRegion, validateRegions } from "../../stacks/values/regions";
import { Planner } from "../../planning/planner";
import { type PlanJson } from "../../planning/plan/plan-json";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import { UkStack } from "../../stacks/uk";
import { planAll, removeDirectories, synthesise } from "./toy-app";

jest.setTimeout(600_000);

const ROOT = join(__dirname, "../..");

type Action = "create" | "delete" | "replace" | "update";

/** What the real Google provider planned for changes of a region's value. */
interface Recording {
  readonly provider: string;
  /** The region's value before each change. */
  readonly base: Readonly<Record<string, unknown>>;
  /** Addresses of all that was deployed, and of what a change created. */
  readonly resources: readonly string[];
  /** Values by path, `null` for a field taken away, and what was planned for whose change. */
  readonly changes: ReadonlyArray<{
    readonly change: Readonly<Record<string, unknown>>;
    readonly actions: Readonly<Record<string, Action>>;
  }>;
}

const RECORDING = JSON.parse(readFileSync(join(__dirname, "google-plans.json"), "utf8")) as Recording;

afterAll(removeDirectories);

function regionWith(change: Readonly<Record<string, unknown>>): GkeRegion {
  const value = structuredClone(RECORDING.base) as Record<string, unknown>;
  for (const [path, changed] of Object.entries(change)) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    const holder = names.reduce((object, name) => object[name] as Record<string, unknown>, value);
    if (changed === null) delete holder[last];
    else holder[last] = changed;
  }
  const [region] = validateRegions([{ file: "uk.ts", value }]);
  return region as GkeRegion;
}

const synthesised = (change: Readonly<Record<string, unknown>>): string =>
  synthesise((app) => void new UkStack(app, regionWith(change)));

const CLUSTER = "google_container_cluster.cluster_A4C38409";
const DATABASE = "google_sql_database_instance.database_instance_D7FC2283";

/** What lives in another resource under a name that stays: the provider plans it as if it outlived that. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  [CLUSTER]: ["google_container_node_pool.nodes_pool_2661D6A7"],
  [DATABASE]: ["google_sql_user.database_user-app_AFA763AD"],
};

/** Where the recording is of stacks that left to the provider what they now say themselves. */
const DECIDED_SINCE: Readonly<Record<string, Readonly<Record<string, Action>>>> = {
  // Recorded as an update, which Google refuses.
  "ranges.pods": recordedFor("ranges.nodes"),
  "ranges.services": recordedFor("ranges.nodes"),
  // Recorded as nothing: the disk's size was not looked at.
  "database.storageGib:100": { [DATABASE]: "update" },
  // How large the disk is can be asked for when the API is on in the other project.
  project: { ...recordedFor("project"), [DATABASE]: "update" },
};

function recordedFor(path: string): Readonly<Record<string, Action>> {
  const recorded = RECORDING.changes.find(({ change }) => path in change);
  if (recorded === undefined) throw new Error(`nothing is recorded for ${path}`);
  return recorded.actions;
}

/** What is to be planned: what was recorded, but for what was decided since. */
function expectedActions({ change, actions }: Recording["changes"][number]): Record<string, Action> {
  const [[path, value] = ["", undefined]] = Object.entries(change);
  const decided = DECIDED_SINCE[path] ?? DECIDED_SINCE[`${path}:${String(value)}`] ?? actions;
  const replacedParts = Object.entries(PARTS).flatMap(([whole, parts]) =>
    decided[whole] === "replace" ? parts.map((part) => [part, "replace"] as const) : [],
  );
  return { ...decided, ...Object.fromEntries(replacedParts) };
}

/** What is planned for what the recording knows. */
function actionsIn(plan: PlanJson | undefined): Record<string, Action> {
  const changes = (plan?.resource_changes ?? []).filter(
    ({ mode, address, change }) =>
      mode === "managed" && change.actions[0] !== "no-op" && RECORDING.resources.includes(address),
  );
  return Object.fromEntries(
    changes.map(({ address, change: { actions } }) => [
      address,
      actions.length === 2 ? "replace" : (actions[0] as Action),
    ]),
  );
}

describe(`offline plans beside those of ${RECORDING.provider}`, () => {
  let planner: Planner;
  let states: ReadonlyMap<string, string>;

  beforeAll(async () => {
    // GIVEN the region as it was, applied against the double
    const stacks = readStacks(synthesised({}));
    planner = await Planner.start({ stacks, resolveFrom: [ROOT] });
    const [stack] = stacks;
    if (stack === undefined) throw new Error("the app has no stack");
    const applied = await planner.apply(stack);
    if (!applied.succeeded) throw new Error(applied.text);
    states = new Map([[applied.stack, applied.state]]);
  });
  afterAll(() => planner.close());

  test.each(RECORDING.changes.map((recorded) => [JSON.stringify(recorded.change), recorded] as const))(
    "%s",
    async (_text, recorded) => {
      // WHEN its value changes
      const { uk } = await planAll(synthesised(recorded.change), { states });

      // THEN the same is planned for the same resources
      expect(uk?.succeeded || uk?.text).toBe(true);
      expect(actionsIn(uk?.plan)).toEqual(expectedActions(recorded));
    },
  );
});
