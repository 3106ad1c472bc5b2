import type { Block } from "./block";

/**
 * Works out something of a block from what was worked out of its parts, each distinct block once and without
 * recursion: neither blocks that stand in many places nor deep nesting make it slow or overflow the stack.
 *
 * @param known results of blocks seen before, shared between calls; blocks are told apart by identity
 * @throws RangeError for a block that contains itself, and for what is no block
 */
export function fold<T>(
  block: Block,
  combine: (block: Block, parts: readonly T[]) => T,
  known = new Map<Block, T>(),
): T {
  const path: { readonly block: Block; readonly parts: readonly Block[]; next: number }[] = [];
  const open = new Set<Block>();
  const enter = (one: Block): void => {
    if (open.has(one)) {
      const loop = path.slice(path.findIndex((step) => step.block === one)).map((step) => step.block.type);
      throw new RangeError(`availability block contains itself: ${[...loop, one.type].join(" > ")}`);
    }
    open.add(one);
    path.push({ block: one, parts: partsOf(one), next: 0 });
  };
  if (!known.has(block)) enter(block);
  for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
    const part = step.parts[step.next];
    if (part !== undefined) {
      step.next++;
      if (!known.has(part)) enter(part);
      continue;
    }
    const results = step.parts.map((one) => known.get(one) as T);
    known.set(step.block, combine(step.block, results));
    open.delete(step.block);
    path.pop();
  }
  return known.get(block) as T;
}

/** What a block is made of; nothing for a component or another stack's service. */
export function partsOf(block: Block): readonly Block[] {
  switch (block.type) {
    case "component":
    case "remote":
      return [];
    case "series":
    case "parallel":
    case "atLeast":
      return block.blocks;
    default:
      throw unknownBlock(block);
  }
}

/** The block with other parts in the places of its own, in the same order. */
export function withParts(block: Block, parts: readonly Block[]): Block {
  if (block.type === "component" || block.type === "remote") return block;
  return block.blocks.every((part, index) => part === parts[index]) ? block : { ...block, blocks: parts };
}

/** The block with what `replace` gives in place of components and remote services; undefined leaves one as it is. */
export function replaced(
  block: Block,
  replace: (leaf: Block) => Block | undefined,
  known?: Map<Block, Block>,
): Block {
  return fold<Block>(
    block,
    (one, parts) => (parts.length === 0 ? (replace(one) ?? one) : withParts(one, parts)),
    known,
  );
}

function unknownBlock(value: unknown): RangeError {
  const type: unknown = (value as { type?: unknown } | null | undefined)?.type;
  return new RangeError(
    `no block of type ${JSON.stringify(type) ?? "undefined"}: the calculus is monotone (a part that fails never makes ` +
      "the whole work again), so there is no negation; expected component, series, parallel, atLeast or remote",
  );
}
