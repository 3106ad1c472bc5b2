import { FALSE, grown, NodeTable, TRUE } from "./node-table";

const OR = 0;
const AND = 1;
const FIRST_HEIGHT = 256;

/**
 * Reduced ordered binary decision diagrams (Bryant, 1986). A function is the number of its node; the variables
 * say which inputs are down.
 */
export class DecisionDiagram extends NodeTable {
  /** Pairs of functions under way, and what came of the pair's low sides: -1 while that is not known. */
  private lefts = new Int32Array(FIRST_HEIGHT);
  private rights = new Int32Array(FIRST_HEIGHT);
  private results = new Int32Array(FIRST_HEIGHT);
  private height = 0;

  /** The function "the variable is true". */
  literal(variable: number): number {
    return this.node(variable, FALSE, TRUE);
  }

  or(f: number, g: number): number {
    return this.apply(OR, f, g);
  }

  and(f: number, g: number): number {
    return this.apply(AND, f, g);
  }

  /** True where at least `k` of the functions are. */
  atLeast(k: number, functions: readonly number[]): number {
    if (k === 1) return functions.reduce((any, f) => this.or(any, f), FALSE);
    if (k === functions.length) return functions.reduce((all, f) => this.and(all, f), TRUE);
    // reached[j]: at least j of the functions seen so far are true
    const reached: number[] = [TRUE, ...Array<number>(k).fill(FALSE)];
    for (const f of functions) {
      for (let j = k; j >= 1; j--) {
        reached[j] = this.or(reached[j] as number, this.and(f, reached[j - 1] as number));
      }
    }
    return reached[k] as number;
  }

  /** With a stack of its own: a diagram may be as deep as it has variables. */
  private apply(operation: typeof OR | typeof AND, f: number, g: number): number {
    for (;;) {
      let value = operation === OR ? simpleOr(f, g) : simpleAnd(f, g);
      if (value === -1) {
        if (f > g) [f, g] = [g, f];
        value = this.recall(operation, f, g);
        if (value === -1) {
          this.push(f, g);
          const variable = Math.min(this.variable(f), this.variable(g));
          if (this.variable(f) === variable) f = this.low(f);
          if (this.variable(g) === variable) g = this.low(g);
          continue;
        }
      }
      for (;;) {
        if (this.height === 0) return value;
        const top = this.height - 1;
        const [left, right] = [this.lefts[top] as number, this.rights[top] as number];
        const variable = Math.min(this.variable(left), this.variable(right));
        const low = this.results[top] as number;
        if (low === -1) {
          this.results[top] = value;
          f = this.variable(left) === variable ? this.high(left) : left;
          g = this.variable(right) === variable ? this.high(right) : right;
          break;
        }
        this.height = top;
        value = this.remember(operation, left, right, this.node(variable, low, value));
      }
    }
  }

  private push(f: number, g: number): void {
    if (this.height === this.lefts.length) {
      this.lefts = grown(this.lefts, 2 * this.height);
      this.rights = grown(this.rights, 2 * this.height);
      this.results = grown(this.results, 2 * this.height);
    }
    this.lefts[this.height] = f;
    this.rights[this.height] = g;
    this.results[this.height++] = -1;
  }

  private node(variable: number, low: number, high: number): number {
    return low === high ? low : this.unique(variable, low, high);
  }
}

/** Without looking into the functions; -1 where that does not tell. */
function simpleOr(f: number, g: number): number {
  if (f === g || g === FALSE) return f;
  if (f === FALSE) return g;
  return f === TRUE || g === TRUE ? TRUE : -1;
}

function simpleAnd(f: number, g: number): number {
  if (f === g || g === TRUE) return f;
  if (f === TRUE) return g;
  return f === FALSE || g === FALSE ? FALSE : -1;
}
