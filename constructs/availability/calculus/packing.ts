/**
 * The largest total weight that can be put on sets so that no element carries more than its capacity and the
 * total is at most one. By the simplex method with Bland's rule, which cannot go in circles.
 *
 * @param sets indices of elements
 * @param capacities of the elements, 0 or above
 */
export function largestPacking(sets: readonly (readonly number[])[], capacities: ArrayLike<number>): number {
  const elements = [...new Set(sets.flat())];
  const row = new Map(elements.map((element, index) => [element, index]));
  const rows = elements.length + 1;
  const columns = sets.length + rows;
  // One row for each capacity and one for the total; slack variables make the first basis.
  const table = Array.from({ length: rows + 1 }, () => new Float64Array(columns + 1));
  const at = (index: number): Float64Array => table[index] as Float64Array;
  sets.forEach((set, column) => {
    for (const element of set) at(row.get(element) as number)[column] = 1;
    at(rows - 1)[column] = 1;
    at(rows)[column] = -1;
  });
  for (let index = 0; index < rows; index++) {
    at(index)[sets.length + index] = 1;
    at(index)[columns] = index < elements.length ? (capacities[elements[index] as number] as number) : 1;
  }
  const basis = Array.from({ length: rows }, (_, index) => sets.length + index);
  const objective = at(rows);
  for (;;) {
    const entering = objective.findIndex((value, column) => column < columns && value < -TOLERANCE);
    if (entering === -1) return objective[columns] as number;
    let leaving = -1;
    let least = Infinity;
    for (let index = 0; index < rows; index++) {
      const slope = at(index)[entering] as number;
      if (slope <= TOLERANCE) continue;
      const ratio = (at(index)[columns] as number) / slope;
      const tie = ratio === least && (basis[index] as number) < (basis[leaving] as number);
      if (ratio < least || tie) [leaving, least] = [index, ratio];
    }
    // The total is at most one, so something always bounds what enters.
    pivot(table, leaving, entering);
    basis[leaving] = entering;
  }
}

const TOLERANCE = 1e-11;

function pivot(table: readonly Float64Array[], row: number, column: number): void {
  const source = table[row] as Float64Array;
  const scale = source[column] as number;
  for (let index = 0; index < source.length; index++) source[index] = (source[index] as number) / scale;
  for (const target of table) {
    const factor = target[column] as number;
    if (target === source || factor === 0) continue;
    for (let index = 0; index < target.length; index++) {
      target[index] = (target[index] as number) - factor * (source[index] as number);
    }
  }
}
