import { type FailureGraph, type Gate, isLeaf } from "./failure-graph";

/** An estimate by chance, no proof: shown beside proven bounds and marked as such. */
export interface Estimate {
  /** Availability, 0 to 1. */
  readonly availability: number;
  /** 95 % confidence interval of the availability (Wilson, 1927). */
  readonly confidence95: { readonly lower: number; readonly upper: number };
  readonly samples: number;
  /** Samples in which the whole was down. */
  readonly failures: number;
  /** The same seed and number of samples give the same estimate. */
  readonly seed: number;
}

export interface SimulationLimits {
  /** Milliseconds of `performance.now()` at which to stop. */
  readonly deadline: number;
  /** @default - as many as there is time for */
  readonly samples?: number;
  readonly seed: number;
}

/** States drawn together, one in each bit. */
const WORDS = 32;
const LANES = WORDS * 32;
/** Enough failures for an error of one in a hundred. */
const ENOUGH_FAILURES = 40_000;

/**
 * Monte Carlo: draws states of the components and counts in how many the whole is down, 1,024 states at a time.
 *
 * @param down unavailability of each component
 * @param limits at least one batch is drawn
 */
export function simulated(graph: FailureGraph, down: ArrayLike<number>, limits: SimulationLimits): Estimate {
  const random = generator(limits.seed);
  const { nodes, root } = graph;
  const state = nodes.map(() => new Int32Array(WORDS));
  let samples = 0;
  let failures = 0;
  do {
    nodes.forEach((node, index) => {
      const words = state[index] as Int32Array;
      if (isLeaf(node)) draw(words, down[node.component] as number, random);
      else gate(node, state, words);
    });
    samples += LANES;
    for (const word of state[root] as Int32Array) failures += bitCount(word);
  } while (
    failures < ENOUGH_FAILURES &&
    samples < (limits.samples ?? Infinity) &&
    performance.now() < limits.deadline
  );
  const interval = wilson(failures, samples);
  return {
    availability: 1 - failures / samples,
    confidence95: { lower: 1 - interval.upper, upper: 1 - interval.lower },
    samples,
    failures,
    seed: limits.seed,
  };
}

/** Sets each bit with the probability, going from one set bit straight to the next. */
function draw(words: Int32Array, probability: number, random: () => number): void {
  words.fill(probability >= 1 ? -1 : 0);
  if (probability <= 0 || probability >= 1) return;
  const scale = 1 / Math.log1p(-probability);
  for (let lane = skip(random, scale); lane < LANES; lane += 1 + skip(random, scale)) {
    words[lane >> 5] = (words[lane >> 5] as number) | (1 << (lane & 31));
  }
}

const skip = (random: () => number, scale: number): number => Math.floor(Math.log(random()) * scale);

function gate({ k, children }: Gate, state: readonly Int32Array[], into: Int32Array): void {
  if (k === 1 || k === children.length) {
    into.set(state[children[0] as number] as Int32Array);
    for (let at = 1; at < children.length; at++) {
      const child = state[children[at] as number] as Int32Array;
      for (let word = 0; word < WORDS; word++) {
        const [here, other] = [into[word] as number, child[word] as number];
        into[word] = k === 1 ? here | other : here & other;
      }
    }
    return;
  }
  // reached[j]: at least j of the children seen so far are down
  const reached = new Int32Array(k + 1);
  for (let word = 0; word < WORDS; word++) {
    reached.fill(0);
    reached[0] = -1;
    for (const child of children) {
      const down = (state[child] as Int32Array)[word] as number;
      for (let j = k; j >= 1; j--) reached[j] = (reached[j] as number) | (down & (reached[j - 1] as number));
    }
    into[word] = reached[k] as number;
  }
}

function bitCount(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

const Z95 = 1.959964;

function wilson(hits: number, tries: number): { lower: number; upper: number } {
  const square = Z95 * Z95;
  const middle = (hits + square / 2) / (tries + square);
  const half = (Z95 / (tries + square)) * Math.sqrt((hits * (tries - hits)) / tries + square / 4);
  return { lower: hits === 0 ? 0 : middle - half, upper: middle + half };
}

/** Numbers above 0 and below 1 (sfc32 of PractRand, started from one seed). */
export function generator(seed: number): () => number {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = (): number => {
    const made = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + made;
    return made >>> 0;
  };
  for (let warmUp = 0; warmUp < 16; warmUp++) next();
  return () => (next() + 0.5) / 2 ** 32;
}
