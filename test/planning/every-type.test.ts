import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Planner } from "../../planning/planner";
import { summarise } from "../../planning/plan/summary";
import { type BindingPackage, bindingSource, findBindings } from "../../planning/schema/binding-source";
import { deriveSchema } from "../../planning/schema/derive";
import { type Attribute, type Block, type Nesting, type TypeExpression } from "../../planning/schema/schema";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import { planAll, removeDirectories, testDirectory } from "./toy-app";

jest.setTimeout(120_000);
afterAll(removeDirectories);

/** Every resource type of a provider's bindings. */
function resourceTypes(bindings: BindingPackage): string[] {
  return readdirSync(bindings.lib, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "provider" && !entry.name.startsWith("data-"))
    .flatMap(
      ({ name }) =>
        /static readonly tfResourceType = "(\w+)"/.exec(bindingSource(bindings, name) ?? "")?.[1] ?? [],
    );
}

/** A configuration with all that a block requires and, where asked for, each of its blocks once. */
function configuration(block: Block, everyBlock: boolean): Record<string, unknown> {
  const blocks = Object.entries(block.blockTypes).filter(
    ([name, { minItems }]) => minItems > 0 || (everyBlock && name !== "timeouts"),
  );
  return {
    ...required(block.attributes),
    ...Object.fromEntries(
      blocks.map(([name, nested]) => [name, wrap(nested.nesting, configuration(nested.block, everyBlock))]),
    ),
  };
}

function required(attributes: Record<string, Attribute>): Record<string, unknown> {
  const wanted = Object.entries(attributes).filter(([, attribute]) => attribute.required);
  return Object.fromEntries(
    wanted.map(([name, { type, nested }]) => [
      name,
      nested === undefined ? sample(type ?? "dynamic") : wrap(nested.nesting, required(nested.attributes)),
    ]),
  );
}

function sample(type: TypeExpression): unknown {
  if (type === "string") return "x";
  if (type === "number") return 1;
  if (type === "bool") return true;
  if (type === "dynamic") return { a: 1, b: ["x", 2] };
  if (type[0] === "object") {
    return Object.fromEntries(Object.entries(type[1]).map(([name, member]) => [name, sample(member)]));
  }
  return type[0] === "map" ? { k: sample(type[1]) } : [sample(type[1])];
}

function wrap(nesting: Nesting, value: unknown): unknown {
  if (nesting === "single") return value;
  return nesting === "map" ? { k: value } : [value];
}

test("every Kubernetes resource type plans, applies and settles", async () => {
  // GIVEN a stack with each type twice: with the least it takes, and with every block once
  const bindings = findBindings("kubernetes", [__dirname]);
  const types = resourceTypes(bindings);
  const resource = Object.fromEntries(
    types.map((type) => {
      const block = deriveSchema(bindings, type, "resource");
      if (block === undefined) throw new Error(`no schema for ${type}`);
      return [type, { least: configuration(block, false), most: configuration(block, true) }];
    }),
  );
  const out = testDirectory();
  mkdirSync(join(out, "stacks"));
  const terraform = { required_providers: { kubernetes: { source: "kubernetes" } } };
  writeFileSync(join(out, "stacks/cdk.tf.json"), JSON.stringify({ terraform, resource }));
  writeFileSync(
    join(out, "manifest.json"),
    JSON.stringify({ stacks: { all: { name: "all", workingDirectory: "stacks" } } }),
  );

  // WHEN it is applied against the double
  const stacks = readStacks(out);
  const planner = await Planner.start({ stacks, resolveFrom: [__dirname] });
  try {
    const [applied] = await Promise.all(stacks.map((stack) => planner.apply(stack)));
    if (applied?.succeeded !== true) throw new Error(applied?.text);
    expect(applied.text).toContain(`Resources: ${2 * types.length} added, 0 changed, 0 destroyed.`);

    // THEN nothing is left to do
    const { all } = await planAll(out, { states: new Map([["all", applied.state]]) });
    expect(all?.succeeded || all?.text).toBe(true);
    expect(summarise(all?.plan ?? {}).byType).toEqual([]);
  } finally {
    planner.close();
  }
});
