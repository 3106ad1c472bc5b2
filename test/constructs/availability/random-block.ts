import fc from "fast-check";
import {
  atLeast,
  type Block,
  component,
  type Component,
  parallel,
  series,
} from "../../../constructs/availability";

/**
 * Components with figures over the whole range, the certain ones included. Products of sixteen of them stay clear of
 * the subnormal numbers, which hold too few digits for two ways of computing to agree.
 */
const figures = fc.oneof(
  fc.constantFrom(0, 1, 0.5),
  fc.double({ min: 1e-15, max: 1, noNaN: true }),
  fc.integer({ min: -9, max: -1 }).map((exponent) => 10 ** exponent),
);

export interface RandomBlock {
  readonly block: Block;
  readonly components: readonly Component[];
}

/** Structures over at most `most` components, in which the same component may stand in many places. */
export function randomBlock(most = 16): fc.Arbitrary<RandomBlock> {
  return fc
    .array(figures, { minLength: 1, maxLength: most })
    .map((all) => all.map((unavailability, index) => component(`c${index}`, { unavailability })))
    .chain((components) => {
      const { block } = fc.letrec<{ block: Block; gate: Block; leaf: Block }>((tie) => ({
        leaf: fc.constantFrom(...components),
        gate: fc
          .tuple(fc.array(tie("block"), { minLength: 1, maxLength: 5 }), fc.integer({ min: 0, max: 6 }))
          .map(([blocks, choice]) => {
            if (choice === 0) return series(...blocks);
            if (choice === 1) return parallel(...blocks);
            return atLeast(1 + (choice % blocks.length), ...blocks);
          }),
        block: fc.oneof({ depthSize: "medium", withCrossShrink: true }, tie("leaf"), tie("gate")),
      }));
      return block.map((one) => ({ block: one, components }));
    });
}

/** Whether a block works, read straight off its definition. */
export function works(block: Block, up: (id: string) => boolean): boolean {
  switch (block.type) {
    case "component":
      return up(block.id);
    case "series":
      return block.blocks.every((inner) => works(inner, up));
    case "parallel":
      return block.blocks.some((inner) => works(inner, up));
    case "atLeast":
      return block.blocks.filter((inner) => works(inner, up)).length >= block.k;
    case "remote":
      throw new Error("not in random structures");
  }
}

/** Every state of the components: its probability and whether the block is down in it. */
export function* states({ block, components }: RandomBlock): Generator<{
  down: ReadonlySet<string>;
  probability: number;
  fails: boolean;
}> {
  for (let state = 0; state < 2 ** components.length; state++) {
    const down = new Set<string>();
    let probability = 1;
    components.forEach(({ id, unavailability, availability }, index) => {
      const isDown = ((state >> index) & 1) === 1;
      if (isDown) down.add(id);
      probability *= isDown ? unavailability : availability;
    });
    yield { down, probability, fails: !works(block, (id) => !down.has(id)) };
  }
}
