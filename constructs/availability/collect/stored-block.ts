import type { Block, Component, Remote } from "../calculus/block";
import { fold, partsOf } from "../calculus/fold";

/** A block as JSON: what stands in many places or nests too deep has a name instead, and stands apart once. */
export type StoredBlock =
  | Component
  | Remote
  | { readonly type: "part"; readonly name: string }
  | { readonly type: "series" | "parallel"; readonly blocks: readonly StoredBlock[] }
  | { readonly type: "atLeast"; readonly k: number; readonly blocks: readonly StoredBlock[] };

/** What stands in many places is written out where that takes no more places than this together. */
const MOST_PLACES = 300;
/** Nested no deeper than this: JSON's own writers and readers recurse. */
const DEEPEST = 60;

/** Writes blocks, with what they share under names. */
export class BlockStore {
  readonly parts: Record<string, StoredBlock> = {};
  private readonly known = new Map<Block, Written>();
  private readonly names = new Map<Written, Written>();
  private readonly parents = new Map<Block, number>();

  store(block: Block): StoredBlock {
    fold<void>(block, (one) => {
      for (const part of partsOf(one)) this.parents.set(part, (this.parents.get(part) ?? 0) + 1);
    });
    return fold<Written>(block, (one, inner) => this.written(one, inner), this.known).stored;
  }

  private written(block: Block, inner: readonly Written[]): Written {
    if (block.type === "component" || block.type === "remote") return { stored: block, places: 1, depth: 0 };
    const crowded = inner.reduce((sum, part) => sum + part.places, 0) > MOST_PLACES;
    const parts = block.blocks.map((part, index) => {
      const own = inner[index] as Written;
      const often = crowded && own.places > 1 && (this.parents.get(part) ?? 0) > 1;
      return often || own.depth >= DEEPEST ? this.named(own) : own;
    });
    const blocks = parts.map(({ stored }) => stored);
    return {
      stored:
        block.type === "atLeast" ? { type: "atLeast", k: block.k, blocks } : { type: block.type, blocks },
      places: parts.reduce((sum, part) => sum + part.places, 0),
      depth: 1 + Math.max(...parts.map(({ depth }) => depth)),
    };
  }

  private named(written: Written): Written {
    const known = this.names.get(written);
    if (known !== undefined) return known;
    const name = `part ${this.names.size + 1}`;
    this.parts[name] = written.stored;
    const made: Written = { stored: { type: "part", name }, places: 1, depth: 0 };
    this.names.set(written, made);
    return made;
  }
}

interface Written {
  readonly stored: StoredBlock;
  readonly places: number;
  readonly depth: number;
}

/**
 * The block that was stored; what had one name is one block again.
 *
 * @throws RangeError for a name without a part, or parts that hold each other
 */
export function restored(stored: StoredBlock, parts: Readonly<Record<string, StoredBlock>> = {}): Block {
  const named = new Map<string, Block>();
  const restore = (one: StoredBlock): Block => {
    switch (one.type) {
      case "component":
      case "remote":
        return one;
      case "part": {
        const part = named.get(one.name);
        if (part === undefined) throw new RangeError(`no part "${one.name}" before what holds it`);
        return part;
      }
      case "series":
      case "parallel":
        return { type: one.type, blocks: one.blocks.map(restore) };
      case "atLeast":
        return { type: "atLeast", k: one.k, blocks: one.blocks.map(restore) };
    }
  };
  // A part is stored after all that it holds.
  for (const [name, part] of Object.entries(parts)) named.set(name, restore(part));
  return restore(stored);
}
