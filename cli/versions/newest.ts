/** What is newest of something, as far as it can be told. */
export interface Newest {
  /** The newest of the line that is held, 1.22.4 for 1.22.3; of all where none of that line is left. */
  readonly version: string;
  /** The newest of all where it is of a later line: 1.23.0, or 2.0.1. */
  readonly later?: string;
  /** Whether what is held is among them. */
  readonly hasHeld: boolean;
}

/**
 * The newest version of those shaped as the one that is held: for `24.21.0-slim` all that differ from it in numbers alone.
 *
 * @param held undefined where none is: then the newest of all
 * @param line how many numbers in front a version of the same line has in common with it
 * @throws Error where there is none
 */
export function newestOf(versions: readonly string[], held: string | undefined, line: number): Newest {
  const alike = versions.filter((version) => held === undefined || shapeOf(version) === shapeOf(held));
  const newest = (among: readonly string[]): string | undefined => [...among].sort(compareVersions).at(-1);
  const all = newest(alike);
  if (all === undefined) {
    throw new Error(
      `has ${versions.length} versions, and none ${held === undefined ? "that can be taken" : `like ${held}`}`,
    );
  }
  if (held === undefined) return { version: all, hasHeld: true };
  // Of a line that is gone altogether nothing is to be had.
  const version = newest(alike.filter((one) => lineOf(one, line) === lineOf(held, line))) ?? all;
  const isLater = lineOf(all, line) !== lineOf(version, line);
  return { version, hasHeld: alike.includes(held), ...(isLater && { later: all }) };
}

/** By their numbers, one after another: 1.9.11 is after 1.9.2. */
export function compareVersions(one: string, other: string): number {
  const [numbers, others] = [numbersOf(one), numbersOf(other)];
  for (let index = 0; index < Math.max(numbers.length, others.length); index++) {
    const difference = (numbers[index] ?? -1) - (others[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

const numbersOf = (version: string): number[] => (version.match(/\d+/g) ?? []).map(Number);
const lineOf = (version: string, numbers: number): string => numbersOf(version).slice(0, numbers).join(".");
const shapeOf = (version: string): string => version.replace(/\d+/g, "0");
