import type { Block } from "../block";
import { presentable } from "./presentation";

/**
 * A block in words: `a × b` needs both, `(a | b)` one of them, `2 of (a, b, c)` two. Where more than a few
 * branches have the same shape and figures, the first stands for all: `2 of 5 like web-1`.
 */
export function compositionText(block: Block): string {
  return text(presentable(block), false);
}

function text(block: Block, inner: boolean): string {
  switch (block.type) {
    case "component":
      return block.about.label ?? block.id;
    case "remote":
      return `${block.stack}/${block.service}`;
    case "series": {
      const all = block.blocks.map((part) => text(part, true)).join(" × ");
      return inner ? `(${all})` : all;
    }
    case "parallel": {
      if (alike(block.blocks)) return `any of ${likeFirst(block.blocks)}`;
      return `(${block.blocks.map((part) => text(part, true)).join(" | ")})`;
    }
    case "atLeast": {
      if (alike(block.blocks)) return `${block.k} of ${likeFirst(block.blocks)}`;
      return `${block.k} of (${block.blocks.map((part) => text(part, false)).join(", ")})`;
    }
  }
}

const FEW = 3;

/** More than a few branches of the same shape and figures. */
export function alike(blocks: readonly Block[]): boolean {
  return blocks.length > FEW && new Set(blocks.map(shape)).size === 1;
}

const likeFirst = (blocks: readonly Block[]): string =>
  `${blocks.length} like ${text(blocks[0] as Block, true)}`;

function shape(block: Block): string {
  if (block.type === "component") return String(block.unavailability);
  if (block.type === "remote") return `${block.stack}/${block.service}`;
  return `${block.type}${block.type === "atLeast" ? block.k : ""}(${block.blocks.map(shape).join()})`;
}
