import { type Coverage } from "./coverage";

/** Numbers from 0 to below `below`, the same for the same seed. */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export interface FuzzTarget {
  readonly seeds: readonly Buffer[];
  /** What matters to its grammar. */
  readonly words: readonly string[];
  /** Bytes of an input at most. */
  readonly longest: number;
  /** @throws whatever is wrong with what was made of this input */
  run(input: Buffer): void | Promise<void>;
}

/** An input that something is wrong with. */
export class Finding extends Error {
  constructor(
    readonly input: Buffer,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Inputs that are tried between two looks at what has run: a look costs as much as some hundred of them. */
const AT_ONCE = 1024;
/** Changes that are made to an input at most before it is tried. */
const CHANGES = 6;

/**
 * Looks for inputs that something is wrong with: changes those it has at random, and keeps each that has code run which
 * none before has, so that the way goes on from there.
 */
export class GuidedSearch {
  readonly kept: Buffer[] = [];
  tried = 0;

  /**
   * @param coverage undefined for a search that nothing guides
   * @param random numbers from 0 to below its argument
   */
  constructor(
    private readonly target: FuzzTarget,
    private readonly coverage: Coverage | undefined,
    private readonly random: (below: number) => number,
  ) {}

  /**
   * Begins with the target's own, and those of these that lead on.
   *
   * @throws Finding
   */
  async begin(inputs: readonly Buffer[]): Promise<void> {
    this.coverage?.look(true);
    const { seeds } = this.target;
    for (const input of seeds) await this.try(input);
    this.coverage?.look(true);
    this.kept.push(...seeds);
    for (const input of inputs) {
      await this.try(input);
      if (this.coverage?.look(true) === true) this.kept.push(input);
    }
  }

  /**
   * @returns inputs that have had new code run
   * @throws Finding
   */
  async step(): Promise<Buffer[]> {
    const inputs = Array.from({ length: AT_ONCE }, () => this.changed());
    const found = await this.leadingOn(inputs);
    this.kept.push(...found);
    return found;
  }

  /** Those of them that have code run which none has before: found by halves, since most never do. */
  private async leadingOn(inputs: readonly Buffer[]): Promise<Buffer[]> {
    for (const input of inputs) await this.try(input);
    if (this.coverage?.look(inputs.length === 1) !== true) return [];
    if (inputs.length === 1) return [...inputs];
    const half = inputs.length >> 1;
    return [...(await this.leadingOn(inputs.slice(0, half))), ...(await this.leadingOn(inputs.slice(half)))];
  }

  private async try(input: Buffer): Promise<void> {
    this.tried++;
    try {
      await this.target.run(Buffer.from(input));
    } catch (error) {
      throw new Finding(input, error);
    }
  }

  private changed(): Buffer {
    // What was found last is most likely to lead further.
    const { kept, random } = this;
    const from = random(2) === 0 ? kept.length - 1 - random(Math.min(8, kept.length)) : random(kept.length);
    let input = kept[from]!;
    for (let left = 1 + random(CHANGES); left > 0; left--) input = this.change(input);
    return input.subarray(0, this.target.longest);
  }

  private change(input: Buffer): Buffer {
    const { random, kept, target } = this;
    const at = random(input.length + 1);
    const to = at + random(Math.min(16, input.length - at + 1));
    const with_ = (piece: Buffer | string, cut: number): Buffer =>
      Buffer.concat([
        input.subarray(0, at),
        typeof piece === "string" ? Buffer.from(piece, "latin1") : piece,
        input.subarray(at + cut),
      ]);
    switch (random(8)) {
      case 0:
        return with_("", to - at);
      case 1:
        return with_(Buffer.from([random(256)]), 0);
      case 2:
        return with_(Buffer.from([random(256)]), 1);
      case 3:
        return with_(Buffer.from([(input[at] ?? 0) ^ (1 << random(8))]), 1);
      case 4:
        return with_(input.subarray(at, to), 0);
      case 5: {
        const other = kept[random(kept.length)]!;
        const begin = random(other.length + 1);
        return with_(other.subarray(begin, begin + random(64)), random(2) * (to - at));
      }
      default:
        return with_(target.words[random(target.words.length)]!, random(4) === 0 ? to - at : 0);
    }
  }
}
