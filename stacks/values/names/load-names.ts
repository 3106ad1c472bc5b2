import { existsSync } from "node:fs";
import { readValues, type Region, type ValueSource } from "../regions";
import { problemText, type ValueProblem } from "../regions/region-errors";
import { type NamesValue, readNames } from "./names-value";

/** What is said of public names is wrong; nothing has been constructed or written. */
export class InvalidNamesError extends Error {
  constructor(readonly problems: readonly ValueProblem[]) {
    super(problems.map((problem) => `names: ${problemText(problem)}`).join("\n"));
    this.name = "InvalidNamesError";
  }
}

/**
 * Reads and checks what is said of public names: the one `.json` file, or `.js` file's default export, of a directory.
 * Where there is none, their records are somebody else's.
 *
 * @throws Error when there are several files or one cannot be read; InvalidNamesError when its value is wrong.
 */
export function loadNames(directory: string, regions: readonly Region[]): NamesValue | undefined {
  const sources = existsSync(directory) ? readValues("name", directory) : [];
  if (sources.length === 0) return undefined;
  if (sources.length > 1) {
    throw new Error(
      `names directory ${directory}: expected one .js or .json file, for all public names are one stack's, got: ${sources.length}`,
    );
  }
  return validateNames(sources[0]!, regions);
}

/** @throws InvalidNamesError that lists every problem found. */
export function validateNames({ value }: Pick<ValueSource, "value">, regions: readonly Region[]): NamesValue {
  const read = readNames(value);
  if (!("zones" in read)) throw new InvalidNamesError(read);
  const known = regions.map(({ name }) => name);
  const problems = [
    ...Object.entries(read.nearest)
      .filter(([name]) => !known.includes(name))
      .map(([name]) => ({
        path: "nearest",
        value: JSON.stringify(name),
        expectation: `expected regions that there are (${known.join(", ")})`,
      })),
    ...(known.includes(NAMES_STACK)
      ? [{ path: "", value: NAMES_STACK, expectation: "expected no region of the name that their stack has" }]
      : []),
  ];
  if (problems.length > 0) throw new InvalidNamesError(problems);
  return read;
}

/** The stack that they are. */
export const NAMES_STACK = "names";
