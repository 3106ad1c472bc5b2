import type { Block, Component, Remote } from "../block";

type Atom = Component | Remote;

/**
 * The same composition written for people: nested series and parallels are merged, a part that every branch needs
 * stands before the branches, and nothing stands twice in a row of things that are all needed.
 */
export function presentable(block: Block): Block {
  switch (block.type) {
    case "component":
    case "remote":
      return block;
    case "series":
      return seriesOf(block.blocks.map(presentable));
    case "parallel":
      return branching(1, block.blocks.map(presentable));
    case "atLeast":
      if (block.k === block.blocks.length) return seriesOf(block.blocks.map(presentable));
      return branching(block.k, block.blocks.map(presentable));
  }
}

/** What must all work, as one flat list. */
function needs(block: Block): readonly Block[] {
  return block.type === "series" ? block.blocks : [block];
}

const isAtom = (block: Block): block is Atom => block.type === "component" || block.type === "remote";

const nameOf = (atom: Atom): string =>
  atom.type === "component" ? `component ${atom.id}` : `remote ${atom.stack}/${atom.service}`;

const keyOf = (block: Block): string => (isAtom(block) ? nameOf(block) : JSON.stringify(shapeOf(block)));

function shapeOf(block: Block): unknown {
  if (isAtom(block)) return nameOf(block);
  return [block.type, block.type === "atLeast" ? block.k : 0, block.blocks.map(shapeOf)];
}

function seriesOf(blocks: readonly Block[]): Block {
  const parts = unique(blocks.flatMap(needs));
  return parts.length === 1 ? (parts[0] as Block) : { type: "series", blocks: parts };
}

/** Each once, where it stands first. */
function unique(blocks: readonly Block[]): Block[] {
  return [...new Map(blocks.map((block) => [keyOf(block), block])).values()];
}

function branching(k: number, given: readonly Block[]): Block {
  const branches =
    k === 1 ? unique(given.flatMap((one) => (one.type === "parallel" ? one.blocks : [one]))) : given;
  const [first, ...others] = branches;
  if (first === undefined) throw new Error("a block has at least one branch");
  if (others.length === 0) return first;
  const everywhere = needs(first)
    .filter(isAtom)
    .filter((atom) => others.every((other) => needs(other).some((part) => keyOf(part) === keyOf(atom))));
  const common = new Set(everywhere.map(keyOf));
  const rest = branches.map((branch) => needs(branch).filter((part) => !common.has(keyOf(part))));
  // A branch of common parts alone works whenever they do.
  const stillNeeded = k - rest.filter((parts) => parts.length === 0).length;
  if (stillNeeded <= 0) return seriesOf(everywhere);
  const left = rest.filter((parts) => parts.length > 0).map(seriesOf);
  const inner: Block =
    stillNeeded === left.length
      ? seriesOf(left)
      : stillNeeded === 1
        ? { type: "parallel", blocks: left }
        : { type: "atLeast", k: stillNeeded, blocks: left };
  return everywhere.length === 0 ? inner : seriesOf([...everywhere, inner]);
}
