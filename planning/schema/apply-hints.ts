import { type TypeHints } from "../hints/hints";
import { type Attribute, type Block, type BlockType } from "./schema";

/** Adds to a derived schema what its hints know of sensitivity and item limits. */
export function applyHints(block: Block, hints: TypeHints | undefined, name: string): Block {
  if (hints === undefined) return block;
  const pending = new Set([...(hints.sensitive ?? []), ...Object.keys(hints.items ?? {})]);
  const hinted = hintBlock(block, hints, "", pending);
  if (pending.size > 0) {
    throw new Error(`the hints of ${name} name what its schema does not have: ${[...pending].join(", ")}`);
  }
  return hinted;
}

function hintBlock(block: Block, hints: TypeHints, prefix: string, pending: Set<string>): Block {
  return {
    attributes: hintAttributes(block.attributes, hints, prefix, pending),
    blockTypes: mapValues(block.blockTypes, (blockType, name): BlockType => {
      const path = `${prefix}${name}`;
      const limits = hints.items?.[path];
      if (limits !== undefined) pending.delete(path);
      const [minItems, maxItems] = limits ?? [blockType.minItems, blockType.maxItems];
      return {
        ...blockType,
        minItems,
        maxItems,
        block: hintBlock(blockType.block, hints, `${path}.`, pending),
      };
    }),
  };
}

function hintAttributes(
  attributes: Record<string, Attribute>,
  hints: TypeHints,
  prefix: string,
  pending: Set<string>,
): Record<string, Attribute> {
  return mapValues(attributes, (attribute, name): Attribute => {
    const path = `${prefix}${name}`;
    const sensitive = hints.sensitive?.includes(path) ?? false;
    if (sensitive) pending.delete(path);
    const nested =
      attribute.nested === undefined
        ? undefined
        : {
            ...attribute.nested,
            attributes: hintAttributes(attribute.nested.attributes, hints, `${path}.`, pending),
          };
    return { ...attribute, nested, sensitive };
  });
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}
