import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TerraformElement, TerraformOutput, TerraformStack, Token } from "cdktf";
import { type IConstruct } from "constructs";
import { type Ec2Region, type GkeRegion, validateRegions } from "../../stacks/values/regions";
import { Planner } from "../../planning/planner";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { UsStack } from "../../stacks/us";
import { removeDirectories, synthesise } from "./toy-app";

jest.setTimeout(180_000);

const ROOT = join(__dirname, "../..");

beforeAll(() => {
  // The stacks deliver the proxy as `npm run build` makes it.
  if (existsSync(join(ROOT, "dist/tricloud-proxy.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-programs.mjs")], { cwd: ROOT });
});
afterAll(removeDirectories);

/** What a construct of the library hands out and Terraform alone knows: its texts and numbers that are expressions. */
function handedOut(construct: IConstruct): [name: string, value: string | number][] {
  if (construct instanceof TerraformElement || construct instanceof TerraformStack) return [];
  return Object.entries(construct).filter(
    (entry): entry is [string, string | number] =>
      (typeof entry[1] === "string" || typeof entry[1] === "number") && Token.isUnresolved(entry[1]),
  );
}

/** Gives every stack an output for each of its constructs' attributes. */
function putOut(stack: TerraformStack): void {
  for (const construct of stack.node.findAll()) {
    for (const [name, value] of handedOut(construct)) {
      const id = `${construct.node.path.split("/").slice(1).join("-")}-${name}`;
      new TerraformOutput(stack, `handed-out-${id}`, { value, sensitive: true, staticId: true });
    }
  }
}

test("every attribute that the library hands out has a value once what it is an attribute of is there", async () => {
  // GIVEN regions on both clouds with all they can have, whose constructs' attributes are put out
  const [ukRegion, usRegion] = validateRegions([
    {
      file: "uk.ts",
      value: {
        ...uk,
        database: {},
        cache: {},
        dockerHub: { username: "example", tokenSecret: "projects/example-uk/secrets/hub/versions/1" },
      },
    },
    { file: "us.ts", value: { ...us, database: {}, cache: {} } },
  ]);
  const out = synthesise((app) => {
    const ukStack = new UkStack(app, ukRegion as GkeRegion);
    for (const stack of [
      ukStack,
      new UkWorkloadsStack(app, ukStack),
      new UsStack(app, usRegion as Ec2Region),
    ]) {
      putOut(stack);
    }
  });

  // WHEN they are applied against doubles that fill in what the providers do
  const stacks = readStacks(out);
  const planner = await Planner.start({ stacks, resolveFrom: [ROOT] });
  try {
    const applied = await Promise.all(stacks.map((stack) => planner.apply(stack)));
    const outputs = applied.flatMap((result) => {
      if (!result.succeeded) throw new Error(`${result.stack}: ${result.text}`);
      const state = JSON.parse(readFileSync(result.state, "utf8")) as {
        outputs: Record<string, { value: unknown }>;
      };
      return Object.entries(state.outputs).map(
        ([name, { value }]) => [`${result.stack} ${name}`, value] as const,
      );
    });

    // THEN none is empty
    const values = new Map(outputs.filter(([name]) => name.includes("handed-out")));
    expect([...values].filter(([, value]) => value === null || value === "").map(([name]) => name)).toEqual(
      [],
    );
    // AND those are what clients need
    expect(values.get("uk handed-out-cache-address")).toBe("192.0.2.10");
  } finally {
    planner.close();
  }
});
