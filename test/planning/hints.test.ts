import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { HINTS } from "../../planning/hints";
import { type TypeHints } from "../../planning/hints/hints";
import { applyHints } from "../../planning/schema/apply-hints";
import { findBindings } from "../../planning/schema/binding-source";
import { deriveProviderSchema, deriveSchema } from "../../planning/schema/derive";
import { type Attribute, type Block } from "../../planning/schema/schema";

const ROOT = join(__dirname, "../..");

/** A path that ends so stands for all that begin with it: an attribute of any type holds whatever it is given. */
const ANYTHING = ".*";

/** Every path of a block, those of nested blocks and attributes included. */
function pathsOf(block: Block): Set<string> {
  const paths = new Set<string>();
  const addAttributes = (attributes: Record<string, Attribute>, prefix: string): void => {
    for (const [name, { nested, type }] of Object.entries(attributes)) {
      paths.add(`${prefix}${name}`);
      if (type === "dynamic") paths.add(`${prefix}${name}${ANYTHING}`);
      if (nested !== undefined) addAttributes(nested.attributes, `${prefix}${name}.`);
    }
  };
  const addBlock = (nested: Block, prefix: string): void => {
    addAttributes(nested.attributes, prefix);
    for (const [name, { block: inner }] of Object.entries(nested.blockTypes)) {
      paths.add(`${prefix}${name}`);
      addBlock(inner, `${prefix}${name}.`);
    }
  };
  addBlock(block, "");
  return paths;
}

function pathsIn(hints: TypeHints): string[] {
  return [
    ...(hints.sensitive ?? []),
    ...(hints.replace ?? []),
    ...Object.entries(hints.renewed ?? {}).flatMap(([name, causes]) => [
      name,
      ...(causes === "*" ? [] : causes),
    ]),
    ...(hints.conflicts ?? []).flat(),
    ...(hints.exactlyOne ?? []).flat(),
    ...[hints.items, hints.allowed, hints.pattern, hints.values].flatMap((record) =>
      Object.keys(record ?? {}),
    ),
  ];
}

describe.each(Object.keys(HINTS))("hints of %s", (provider) => {
  const bindings = findBindings(provider, [__dirname]);

  test.each(Object.entries(HINTS[provider] ?? {}))("%s names only what exists", (name, hints) => {
    // GIVEN the type's schema
    const block =
      name === "provider"
        ? deriveProviderSchema(bindings)
        : deriveSchema(bindings, name.replace(/^data\./, ""), name.startsWith("data.") ? "data" : "resource");
    if (block === undefined) throw new Error(`provider ${provider} has no ${name}`);

    // THEN every hinted path is in it
    const paths = pathsOf(block);
    const exists = (path: string): boolean =>
      paths.has(path) ||
      path.split(".").some((_, at, names) => paths.has(names.slice(0, at).join(".") + ANYTHING));
    expect(pathsIn(hints).filter((path) => !exists(path))).toEqual([]);
  });
});

type MadeType = readonly [provider: string, type: string];

/** The types of resources that a source makes, by what it imports. */
function typesMadeIn(source: string): MadeType[] {
  const imports = source.matchAll(/ from "(@cdktf\/provider-(\w+)\/lib\/(?!data-|provider")[\w-]+)"/g);
  return [...imports].flatMap(([, path = "", provider = ""]) =>
    Object.values(jest.requireActual<Record<string, { readonly tfResourceType?: string }>>(path)).flatMap(
      ({ tfResourceType }) => (tfResourceType === undefined ? [] : [[provider, tfResourceType] as const]),
    ),
  );
}

test("every type of resource that the library makes is known by what of it cannot change in place", () => {
  // GIVEN the sources of the library and of the stacks
  const sources = ["constructs", "stacks"].flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(ROOT, room, file), "utf8")),
  );
  const made = sources.flatMap(typesMadeIn);
  expect(made.map(([, type]) => type)).toEqual(
    expect.arrayContaining(["aws_vpc", "google_container_cluster", "kubernetes_manifest"]),
  );

  // THEN none is planned as if everything of it could: a plan would say "update" where the provider replaces
  const unknown = made.filter(([provider, type]) => HINTS[provider]?.[type]?.replace === undefined);
  expect([...new Set(unknown.map(([, type]) => type))]).toEqual([]);
});

test("a hint on something that does not exist is an error that names it", () => {
  const block = deriveSchema(findBindings("aws", [__dirname]), "aws_vpc", "resource");
  if (block === undefined) throw new Error("no schema for aws_vpc");
  expect(() => applyHints(block, { sensitive: ["pasword"] }, "aws_vpc")).toThrow(
    "the hints of aws_vpc name what its schema does not have: pasword",
  );
});
