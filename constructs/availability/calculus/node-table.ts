/** Thrown when a diagram would pass its limit of nodes or time. */
export class TooLarge extends Error {}

export interface Limits {
  readonly nodes: number;
  /** Milliseconds of `performance.now()` at which to give up. */
  readonly deadline: number;
}

/** The two leaves of every diagram. */
export const FALSE = 0;
export const TRUE = 1;

const CLOCK_INTERVAL = 8192;
const FIRST_BITS = 10;
const MAX_CACHE_BITS = 16;

/**
 * Nodes of a decision diagram, each kept once: a variable and where to go when it is false (low) and true
 * (high). Variables are looked at in rising order. Leaves stand behind all variables.
 */
export abstract class NodeTable {
  private capacity = 1 << FIRST_BITS;
  private variables = new Int32Array(this.capacity);
  private lows = new Int32Array(this.capacity);
  private highs = new Int32Array(this.capacity);
  private count = 2;
  private slots = new Int32Array(this.capacity * 2);
  /** Results of earlier operations, direct-mapped: what is overwritten is computed again. */
  private cacheBits = FIRST_BITS;
  private cacheLeft = new Int32Array(1 << FIRST_BITS).fill(-1);
  private cacheRight = new Int32Array(1 << FIRST_BITS);
  private cacheResult = new Int32Array(1 << FIRST_BITS);
  private steps = 0;

  constructor(private readonly limits: Limits) {
    this.variables[FALSE] = this.variables[TRUE] = 0x7fffffff;
  }

  variable(node: number): number {
    return this.variables[node] as number;
  }

  low(node: number): number {
    return this.lows[node] as number;
  }

  high(node: number): number {
    return this.highs[node] as number;
  }

  /** The one node with these parts. @throws TooLarge */
  protected unique(variable: number, low: number, high: number): number {
    const mask = this.slots.length - 1;
    let slot = mix(variable, low, high) & mask;
    for (let found = this.slots[slot] as number; found !== 0; found = this.slots[slot] as number) {
      if (this.variables[found] === variable && this.lows[found] === low && this.highs[found] === high)
        return found;
      slot = (slot + 1) & mask;
    }
    if (this.count >= this.limits.nodes) throw new TooLarge(`more than ${this.limits.nodes} nodes`);
    if (this.count === this.capacity) {
      this.grow();
      return this.unique(variable, low, high);
    }
    const made = this.count++;
    this.variables[made] = variable;
    this.lows[made] = low;
    this.highs[made] = high;
    this.slots[slot] = made;
    return made;
  }

  /** The result of an operation (a small number) on two nodes, if it is still known; -1 if not. @throws TooLarge */
  protected recall(operation: number, left: number, right: number): number {
    if (++this.steps % CLOCK_INTERVAL === 0 && performance.now() > this.limits.deadline) {
      throw new TooLarge("out of time");
    }
    const slot = this.cacheSlot(operation, left, right);
    const known = this.cacheLeft[slot] === left && this.cacheRight[slot] === right * 4 + operation;
    return known ? (this.cacheResult[slot] as number) : -1;
  }

  protected remember(operation: number, left: number, right: number, result: number): number {
    const slot = this.cacheSlot(operation, left, right);
    this.cacheLeft[slot] = left;
    this.cacheRight[slot] = right * 4 + operation;
    this.cacheResult[slot] = result;
    return result;
  }

  private cacheSlot(operation: number, left: number, right: number): number {
    return mix(left, right, operation) & ((1 << this.cacheBits) - 1);
  }

  private grow(): void {
    this.capacity *= 2;
    this.variables = grown(this.variables, this.capacity);
    this.lows = grown(this.lows, this.capacity);
    this.highs = grown(this.highs, this.capacity);
    this.slots = new Int32Array(this.capacity * 2);
    const mask = this.slots.length - 1;
    for (let node = 2; node < this.count; node++) {
      let slot = mix(this.variable(node), this.low(node), this.high(node)) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = node;
    }
    if (this.cacheBits === MAX_CACHE_BITS) return;
    this.cacheBits++;
    this.cacheLeft = new Int32Array(1 << this.cacheBits).fill(-1);
    this.cacheRight = new Int32Array(1 << this.cacheBits);
    this.cacheResult = new Int32Array(1 << this.cacheBits);
  }
}

/** Looked up once: this runs millions of times. */
const { imul } = Math;

function mix(a: number, b: number, c: number): number {
  let hash = imul(a, 0x9e3779b1) ^ imul(b, 0x85ebca6b) ^ imul(c, 0xc2b2ae35);
  hash ^= hash >>> 15;
  hash = imul(hash, 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** The array with room for more. */
export function grown(array: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}
