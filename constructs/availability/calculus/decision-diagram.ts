import { FALSE, NodeTable, TRUE } from "./node-table";

const OR = 0;
const AND = 1;

/**
 * Reduced ordered binary decision diagrams (Bryant, 1986). A function is the number of its node; the variables
 * say which inputs are down.
 */
export class DecisionDiagram extends NodeTable {
  /** The function "the variable is true". */
  literal(variable: number): number {
    return this.node(variable, FALSE, TRUE);
  }

  or(f: number, g: number): number {
    if (f === g || g === FALSE) return f;
    if (f === FALSE) return g;
    if (f === TRUE || g === TRUE) return TRUE;
    return this.apply(OR, f, g);
  }

  and(f: number, g: number): number {
    if (f === g || g === TRUE) return f;
    if (f === TRUE) return g;
    if (f === FALSE || g === FALSE) return FALSE;
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

  private apply(operation: typeof OR | typeof AND, f: number, g: number): number {
    if (f > g) [f, g] = [g, f];
    const known = this.recall(operation, f, g);
    if (known !== -1) return known;
    const variableF = this.variable(f);
    const variableG = this.variable(g);
    const variable = variableF < variableG ? variableF : variableG;
    const lowF = variableF === variable ? this.low(f) : f;
    const highF = variableF === variable ? this.high(f) : f;
    const lowG = variableG === variable ? this.low(g) : g;
    const highG = variableG === variable ? this.high(g) : g;
    const low = operation === OR ? this.or(lowF, lowG) : this.and(lowF, lowG);
    const high = operation === OR ? this.or(highF, highG) : this.and(highF, highG);
    return this.remember(operation, f, g, this.node(variable, low, high));
  }

  private node(variable: number, low: number, high: number): number {
    return low === high ? low : this.unique(variable, low, high);
  }
}
