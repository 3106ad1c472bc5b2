import { HINTS } from "../../planning/hints";
import { type TypeHints } from "../../planning/hints/hints";
import { applyHints } from "../../planning/schema/apply-hints";
import { findBindings } from "../../planning/schema/binding-source";
import { deriveProviderSchema, deriveSchema } from "../../planning/schema/derive";
import { type Attribute, type Block } from "../../planning/schema/schema";

/** Every path of a block, those of nested blocks and attributes included. */
function pathsOf(block: Block): Set<string> {
  const paths = new Set<string>();
  const addAttributes = (attributes: Record<string, Attribute>, prefix: string): void => {
    for (const [name, { nested }] of Object.entries(attributes)) {
      paths.add(`${prefix}${name}`);
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
    expect(pathsIn(hints).filter((path) => !paths.has(path))).toEqual([]);
  });
});

test("a hint on something that does not exist is an error that names it", () => {
  const block = deriveSchema(findBindings("aws", [__dirname]), "aws_vpc", "resource");
  if (block === undefined) throw new Error("no schema for aws_vpc");
  expect(() => applyHints(block, { sensitive: ["pasword"] }, "aws_vpc")).toThrow(
    "the hints of aws_vpc name what its schema does not have: pasword",
  );
});
