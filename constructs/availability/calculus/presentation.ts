import type { Block, Component, Remote } from "./block";
import { fold, partsOf } from "./fold";

/** A block as people are shown it, with names in place of what would be shown too often or nested too deep. */
export type Shown = Component | Remote | Named | ShownSeries | ShownBranches;

export interface Named {
  readonly type: "named";
  /** Of a part of the presentation, for example "part 1". */
  readonly name: string;
}

export interface ShownSeries {
  readonly type: "series";
  readonly blocks: readonly Shown[];
}

/** At least `k` of the blocks are needed. */
export interface ShownBranches {
  readonly type: "branches";
  readonly k: number;
  readonly blocks: readonly Shown[];
}

export interface Presentation {
  readonly whole: Shown;
  /** What the names in it and in one another stand for. */
  readonly parts: ReadonlyMap<string, Shown>;
}

/** Shared blocks get a name where writing them out would take more places than this. */
const MOST_PLACES = 400;
/** What is nested deeper gets a name too. */
const DEEPEST = 40;
/** Steps of simplification for each part, which is optional and could go on for very long. */
const MOST_STEPS = 20_000;

/**
 * The same composition written for people: nested series and parallels are merged, a part that every branch needs
 * stands before the branches, and what is needed anyway is not repeated further in.
 */
export function presentation(block: Block): Presentation {
  const { whole, parts } = named(block);
  const simple = new Map<string, Shown>();
  for (const [name, part] of parts) simple.set(name, new Simplifier().simple(part));
  return { whole: new Simplifier().simple(whole), parts: simple };
}

/** Parts of one presentation together with the whole, the whole first. */
export const allShown = ({ whole, parts }: Presentation): Shown[] => [whole, ...parts.values()];

interface Written {
  readonly shown: Shown;
  readonly places: number;
  readonly depth: number;
}

/** Gives names to blocks so that the whole can be written in about as many places as the block has in memory. */
function named(block: Block): Presentation {
  const parents = new Map<Block, number>();
  fold<void>(block, (one) => {
    for (const part of partsOf(one)) parents.set(part, (parents.get(part) ?? 0) + 1);
  });
  const parts = new Map<string, Shown>();
  const names = new Map<Block, Written>();
  const nameOf = (part: Block, written: Written): Written => {
    const known = names.get(part);
    if (known !== undefined) return known;
    const name = `part ${parts.size + 1}`;
    parts.set(name, written.shown);
    const made: Written = { shown: { type: "named", name }, places: 1, depth: 0 };
    names.set(part, made);
    return made;
  };
  const { shown } = fold<Written>(block, (one, inner) => {
    if (one.type === "component" || one.type === "remote") return { shown: one, places: 1, depth: 0 };
    const places = inner.reduce((sum, part) => sum + part.places, 0);
    const written = one.blocks.map((part, index): Written => {
      const own = inner[index] as Written;
      const often = places > MOST_PLACES && own.places > 1 && (parents.get(part) ?? 0) > 1;
      return often || own.depth >= DEEPEST ? nameOf(part, own) : own;
    });
    return {
      shown: together(
        one,
        written.map((part) => part.shown),
      ),
      places: written.reduce((sum, part) => sum + part.places, 0),
      depth: 1 + Math.max(...written.map(({ depth }) => depth)),
    };
  });
  return { whole: shown, parts };
}

function together(block: Exclude<Block, Component | Remote>, blocks: readonly Shown[]): Shown {
  if (block.type === "series") return { type: "series", blocks };
  return { type: "branches", k: block.type === "parallel" ? 1 : block.k, blocks };
}

type Atom = Component | Remote | Named;

/** What works for certain where it stands, because it is needed beside it anyway. */
const CERTAIN = "certain";

class Simplifier {
  private readonly keys = new WeakMap<Shown, number>();
  private readonly numbers = new Map<string, number>();
  private steps = 0;

  simple(shown: Shown): Shown {
    const made = this.simplified(shown, new Set());
    if (made === CERTAIN) throw new Error("a block without certain parts is not certain");
    return made;
  }

  /** @param certain keys of the atoms that work for certain */
  private simplified(shown: Shown, certain: ReadonlySet<number>): Shown | typeof CERTAIN {
    if (isAtom(shown)) return certain.has(this.key(shown)) ? CERTAIN : shown;
    if (++this.steps > MOST_STEPS) return shown;
    return shown.type === "series"
      ? this.all(shown.blocks, certain)
      : this.branching(shown.k, shown.blocks, certain);
  }

  /** What must all work. A part on its own makes itself certain for the parts beside it. */
  private all(blocks: readonly Shown[], certain: ReadonlySet<number>): Shown | typeof CERTAIN {
    let parts = this.unique(blocks.flatMap(needs)).filter((part) => !certain.has(this.key(part)));
    for (;;) {
      const alone = parts.filter(isAtom);
      const inside = new Set(certain);
      for (const atom of alone) inside.add(this.key(atom));
      parts = this.unique(
        parts.flatMap((part) => (isAtom(part) ? [part] : needs(this.simplified(part, inside)))),
      );
      // Simplifying the others may have left more parts on their own, which tell on the rest in turn.
      if (parts.filter(isAtom).length === alone.length) return inSeries(parts);
    }
  }

  private branching(
    k: number,
    blocks: readonly Shown[],
    certain: ReadonlySet<number>,
  ): Shown | typeof CERTAIN {
    if (k === blocks.length) return this.all(blocks, certain);
    const shown = blocks.map((block) => this.simplified(block, certain));
    const open = shown.filter((one) => one !== CERTAIN);
    const needed = k - (shown.length - open.length);
    if (needed <= 0) return CERTAIN;
    const branches =
      needed === 1
        ? this.unique(open.flatMap((one) => (one.type === "branches" && one.k === 1 ? one.blocks : [one])))
        : open;
    const [first, ...others] = branches;
    if (first === undefined) return CERTAIN;
    if (others.length === 0) return first;
    if (needed === branches.length) return this.all(branches, certain);
    const needsOf = others.map((other) => new Set(needs(other).map((part) => this.key(part))));
    const common = needs(first)
      .filter(isAtom)
      .filter((atom) => needsOf.every((other) => other.has(this.key(atom))));
    const made: Shown = { type: "branches", k: needed, blocks: branches };
    return common.length > 0 && this.steps < MOST_STEPS ? this.all([...common, made], certain) : made;
  }

  /** The same number for shown blocks that are the same arrangement of the same parts. */
  private key(shown: Shown): number {
    const known = this.keys.get(shown);
    if (known !== undefined) return known;
    const text = this.keyText(shown);
    const number = this.numbers.get(text) ?? this.numbers.size;
    this.numbers.set(text, number);
    this.keys.set(shown, number);
    return number;
  }

  private keyText(shown: Shown): string {
    switch (shown.type) {
      case "component":
        return `component ${shown.id}`;
      case "remote":
        return `remote ${JSON.stringify([shown.stack, shown.service])}`;
      case "named":
        return `named ${shown.name}`;
      case "series":
        return `series ${shown.blocks.map((part) => this.key(part)).join()}`;
      case "branches":
        return `${shown.k} of ${shown.blocks.map((part) => this.key(part)).join()}`;
    }
  }

  /** Each once, where it stands first. */
  private unique(blocks: readonly Shown[]): Shown[] {
    return [...new Map(blocks.map((block) => [this.key(block), block])).values()];
  }
}

/** What must all work for a block to work, as one flat list. */
function needs(shown: Shown | typeof CERTAIN): readonly Shown[] {
  if (shown === CERTAIN) return [];
  return shown.type === "series" ? shown.blocks : [shown];
}

function inSeries(parts: readonly Shown[]): Shown | typeof CERTAIN {
  const [first, ...others] = parts;
  if (first === undefined) return CERTAIN;
  return others.length === 0 ? first : { type: "series", blocks: parts };
}

const isAtom = (shown: Shown): shown is Atom => shown.type !== "series" && shown.type !== "branches";
