import { FALSE, NodeTable, TooLarge, TRUE } from "./node-table";

const UNION = 0;
const WITHOUT = 1;
const PRODUCT = 2;
/** Calls within one another, well below what a stack holds. */
const DEEPEST = 2000;

/**
 * Families of sets as zero-suppressed decision diagrams (Minato, 1993): a family is the number of its node,
 * FALSE is the empty family and TRUE the family of the empty set alone. `high` holds the sets with the variable.
 */
export class SetFamilies extends NodeTable {
  private depth = 0;

  /** Sets of `low`, and those of `high` with `variable` added. All variables in them stand behind `variable`. */
  family(variable: number, low: number, high: number): number {
    return high === FALSE ? low : this.unique(variable, low, high);
  }

  union(f: number, g: number): number {
    if (f === g || g === FALSE) return f;
    if (f === FALSE) return g;
    if (f > g) [f, g] = [g, f];
    const known = this.recall(UNION, f, g);
    if (known !== -1) return known;
    const variable = Math.min(this.variable(f), this.variable(g));
    const [lowF, highF] = this.split(f, variable);
    const [lowG, highG] = this.split(g, variable);
    this.enter();
    const made = this.family(variable, this.union(lowF, lowG), this.union(highF, highG));
    this.depth--;
    return this.remember(UNION, f, g, made);
  }

  /** The sets of `f` that contain no set of `g` (Rauzy, 1993). */
  without(f: number, g: number): number {
    if (f === FALSE || f === g || g === TRUE) return FALSE;
    if (g === FALSE || f === TRUE) return this.hasEmptySet(g) ? FALSE : f;
    const known = this.recall(WITHOUT, f, g);
    if (known !== -1) return known;
    const variable = this.variable(f);
    let made: number;
    this.enter();
    if (variable > this.variable(g)) made = this.without(f, this.low(g));
    else {
      const [lowG, highG] = this.split(g, variable);
      const high = this.without(this.without(this.high(f), highG), lowG);
      made = this.family(variable, this.without(this.low(f), lowG), high);
    }
    this.depth--;
    return this.remember(WITHOUT, f, g, made);
  }

  /** Every union of a set of `f` and a set of `g`, where all variables of `f` stand before those of `g`. */
  product(f: number, g: number): number {
    if (f === FALSE || g === FALSE) return FALSE;
    if (f === TRUE) return g;
    if (g === TRUE) return f;
    const known = this.recall(PRODUCT, f, g);
    if (known !== -1) return known;
    this.enter();
    const low = this.product(this.low(f), g);
    const made = this.family(this.variable(f), low, this.product(this.high(f), g));
    this.depth--;
    return this.remember(PRODUCT, f, g, made);
  }

  /** @throws TooLarge where the stack would not do; the table is of no use after that */
  private enter(): void {
    if (++this.depth > DEEPEST) throw new TooLarge(`families nested deeper than ${DEEPEST}`);
  }

  private hasEmptySet(f: number): boolean {
    while (f > TRUE) f = this.low(f);
    return f === TRUE;
  }

  private split(f: number, variable: number): [low: number, high: number] {
    return this.variable(f) === variable ? [this.low(f), this.high(f)] : [f, FALSE];
  }
}
