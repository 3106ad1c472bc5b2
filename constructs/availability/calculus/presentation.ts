import type { Block, Component, Remote } from "../block";

type Atom = Component | Remote;

/** What works for certain where it stands, because it is needed beside it anyway. */
const CERTAIN = "certain";

/**
 * The same composition written for people: nested series and parallels are merged, a part that every branch needs
 * stands before the branches, and what is needed anyway is not repeated further in.
 */
export function presentable(block: Block): Block {
  const shown = simplified(block, new Set());
  if (shown === CERTAIN) throw new Error("a block without certain parts is not certain");
  return shown;
}

/** @param certain keys of the atoms that work for certain */
function simplified(block: Block, certain: ReadonlySet<string>): Block | typeof CERTAIN {
  switch (block.type) {
    case "component":
    case "remote":
      return certain.has(keyOf(block)) ? CERTAIN : block;
    case "series":
      return all(block.blocks, certain);
    case "parallel":
      return branching(1, block.blocks, certain);
    case "atLeast":
      return branching(block.k, block.blocks, certain);
  }
}

/** What must all work. A part on its own makes itself certain for the parts beside it. */
function all(blocks: readonly Block[], certain: ReadonlySet<string>): Block | typeof CERTAIN {
  let parts = unique(blocks.flatMap(needs)).filter((part) => !certain.has(keyOf(part)));
  for (;;) {
    const alone = parts.filter(isAtom);
    const inside = new Set([...certain, ...alone.map(keyOf)]);
    parts = unique(parts.flatMap((part) => (isAtom(part) ? [part] : needs(simplified(part, inside)))));
    // Simplifying the others may have left more parts on their own, which tell on the rest in turn.
    if (parts.filter(isAtom).length === alone.length) return inSeries(parts);
  }
}

function branching(
  k: number,
  blocks: readonly Block[],
  certain: ReadonlySet<string>,
): Block | typeof CERTAIN {
  if (k === blocks.length) return all(blocks, certain);
  const shown = blocks.map((block) => simplified(block, certain));
  const open = shown.filter((one) => one !== CERTAIN);
  const needed = k - (shown.length - open.length);
  if (needed <= 0) return CERTAIN;
  const branches =
    needed === 1 ? unique(open.flatMap((one) => (one.type === "parallel" ? one.blocks : [one]))) : open;
  const [first, ...others] = branches;
  if (first === undefined) return CERTAIN;
  if (others.length === 0) return first;
  if (needed === branches.length) return all(branches, certain);
  const common = needs(first)
    .filter(isAtom)
    .filter((atom) => others.every((other) => needs(other).some((part) => keyOf(part) === keyOf(atom))));
  if (common.length > 0) return all([...common, { type: "atLeast", k: needed, blocks: branches }], certain);
  return needed === 1
    ? { type: "parallel", blocks: branches }
    : { type: "atLeast", k: needed, blocks: branches };
}

/** What must all work for a block to work, as one flat list. */
function needs(block: Block | typeof CERTAIN): readonly Block[] {
  if (block === CERTAIN) return [];
  return block.type === "series" ? block.blocks : [block];
}

function inSeries(parts: readonly Block[]): Block | typeof CERTAIN {
  const [first, ...others] = parts;
  if (first === undefined) return CERTAIN;
  return others.length === 0 ? first : { type: "series", blocks: parts };
}

const isAtom = (block: Block): block is Atom => block.type === "component" || block.type === "remote";

/** Equal for blocks that are the same arrangement of the same parts. */
function keyOf(block: Block): string {
  if (block.type === "component") return `component ${JSON.stringify(block.id)}`;
  if (block.type === "remote") return `remote ${JSON.stringify([block.stack, block.service])}`;
  return `${block.type} ${block.type === "atLeast" ? block.k : ""}(${block.blocks.map(keyOf).join()})`;
}

/** Each once, where it stands first. */
function unique(blocks: readonly Block[]): Block[] {
  return [...new Map(blocks.map((block) => [keyOf(block), block])).values()];
}
