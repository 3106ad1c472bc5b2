import type { Block } from "../block";

/**
 * A block in words: `a × b` needs both, `(a | b)` one of them, `2 of (a, b, c)` two. Branches that differ in
 * names only are counted: `any 20 like web-1`.
 */
export function compositionText(block: Block): string {
  return text(block, false);
}

function text(block: Block, inner: boolean): string {
  switch (block.type) {
    case "component":
      return block.about.label ?? block.id;
    case "remote":
      return `${block.stack}/${block.service}`;
    case "series": {
      const parts = distinct(flattened("series", block.blocks));
      const all = parts.map((part) => text(part, parts.length > 1)).join(" × ");
      return inner && parts.length > 1 ? `(${all})` : all;
    }
    case "parallel": {
      const parts = distinct(flattened("parallel", block.blocks));
      if (parts.length === 1) return text(parts[0] as Block, inner);
      return alike(parts)
        ? `any of ${likeFirst(parts)}`
        : `(${parts.map((part) => text(part, true)).join(" | ")})`;
    }
    case "atLeast": {
      const { blocks, k } = block;
      if (alike(blocks)) return `${k} of ${likeFirst(blocks)}`;
      return `${k} of (${blocks.map((part) => text(part, false)).join(", ")})`;
    }
  }
}

const FEW = 3;

/** More than a few branches of the same shape. */
function alike(blocks: readonly Block[]): boolean {
  return blocks.length > FEW && new Set(blocks.map(shape)).size === 1;
}

const likeFirst = (blocks: readonly Block[]): string =>
  `${blocks.length} like ${text(blocks[0] as Block, true)}`;

function shape(block: Block): string {
  if (block.type === "component") return String(block.unavailability);
  if (block.type === "remote") return `${block.stack}/${block.service}`;
  return `${block.type}${block.type === "atLeast" ? block.k : ""}(${block.blocks.map(shape).join()})`;
}

function flattened(type: "series" | "parallel", blocks: readonly Block[]): Block[] {
  return blocks.flatMap((block) => (block.type === type ? flattened(type, block.blocks) : [block]));
}

function distinct(blocks: readonly Block[]): Block[] {
  return [...new Map(blocks.map((block) => [block.type === "component" ? block.id : block, block])).values()];
}
