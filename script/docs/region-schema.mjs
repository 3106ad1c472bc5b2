// The JSON Schema of region values, with what the JSDoc beside the source says of each field.
import { join } from "node:path";
import { build } from "esbuild";
import ts from "typescript";
import { checker, program } from "./library.mjs";
import { collapsed } from "./source.mjs";
import { root } from "./run.mjs";

const INPUTS = { dedicated: "DedicatedRegionInput", ec2: "Ec2RegionInput", gke: "GkeRegionInput" };

export async function regionSchema() {
  const schema = await bareSchema();
  for (const platform of schema.oneOf) describe(platform, inputType(platform.properties.platform.const));
  return schema;
}

async function bareSchema() {
  const { outputFiles } = await build({
    entryPoints: [join(root, "stacks/values/regions/region-schema.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    logLevel: "error",
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const module = await import(`data:text/javascript;base64,${code}`);
  return module.regionSchema();
}

function inputType(platform) {
  const file = program.getSourceFile(join(root, `stacks/values/regions/${platform}-region.ts`));
  const name = INPUTS[platform];
  const symbol = checker
    .getExportsOfModule(checker.getSymbolAtLocation(file))
    .find((one) => one.name === name);
  if (symbol === undefined) throw new Error(`stacks/values/regions/${platform}-region exports no ${name}`);
  return checker.getDeclaredTypeOfSymbol(symbol);
}

/** Puts what is said of a type's fields into the schema of it, and so on below. */
function describe(node, type) {
  const forms = type.isUnion() ? type.types : [type];
  for (const [name, field] of Object.entries(node.properties ?? {})) {
    for (const symbol of forms.map((form) => checker.getPropertyOfType(form, name))) {
      if (symbol === undefined) continue;
      const text = collapsed(ts.displayPartsToString(symbol.getDocumentationComment(checker)));
      if (text !== "") field.description ??= text;
      describe(field, checker.getNonNullableType(checker.getTypeOfSymbol(symbol)));
    }
  }
  const below = (kind) => forms.map((form) => checker.getIndexTypeOfType(form, kind)).find(Boolean);
  const [element, value] = [below(ts.IndexKind.Number), below(ts.IndexKind.String)];
  if (node.items !== undefined && element !== undefined) describe(node.items, element);
  if (typeof node.additionalProperties === "object" && value !== undefined)
    describe(node.additionalProperties, value);
  for (const one of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) describe(one, type);
}
