import { type Attribute, type Block, type Nesting, type TypeExpression } from "../schema/schema";

/** Writes a block as the protocol's Schema message. */
export function encodeSchema(block: Block): object {
  return { version: 0, block: encodeBlock(block, false) };
}

/** Terraform refuses values of unknown type inside sets, so there they are declared as text. */
function encodeBlock(block: Block, insideSet: boolean): object {
  return {
    version: 0,
    attributes: encodeAttributes(block.attributes, insideSet),
    block_types: Object.entries(block.blockTypes).map(([name, nested]) => ({
      type_name: name,
      nesting: nestingMode(nested.nesting),
      min_items: nested.minItems,
      max_items: nested.maxItems,
      block: encodeBlock(nested.block, insideSet || nested.nesting === "set"),
    })),
  };
}

function encodeAttributes(attributes: Record<string, Attribute>, insideSet: boolean): object[] {
  return Object.entries(attributes).map(
    ([name, { type, nested, required, optional, computed, sensitive }]) => ({
      name,
      required,
      optional,
      computed,
      sensitive: sensitive ?? false,
      ...(nested === undefined
        ? { type: Buffer.from(JSON.stringify(insideSet ? withoutDynamic(type) : type)) }
        : {
            nested_type: {
              nesting: nestingMode(nested.nesting),
              attributes: encodeAttributes(nested.attributes, insideSet || nested.nesting === "set"),
            },
          }),
    }),
  );
}

function withoutDynamic(type: TypeExpression | undefined): TypeExpression | undefined {
  if (type === "dynamic") return "string";
  if (type === undefined || typeof type === "string") return type;
  if (type[0] === "object") {
    return [
      "object",
      Object.fromEntries(
        Object.entries(type[1]).map(([name, member]) => [name, withoutDynamic(member) ?? "string"]),
      ),
    ];
  }
  return [type[0], withoutDynamic(type[1]) ?? "string"];
}

function nestingMode(nesting: Nesting): string {
  return nesting.toUpperCase();
}
