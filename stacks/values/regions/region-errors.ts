import type { z } from "zod";
import { shownValue } from "../../../constructs/grammar/shown-value";

/** One thing wrong with a value. */
export interface ValueProblem {
  /** Path in the value, for example `servers[1].hostKey`. */
  readonly path: string;
  /** The offending value as it would be written in JSON. */
  readonly value: string;
  readonly expectation: string;
}

/** One thing wrong with a region value. */
export interface RegionProblem extends ValueProblem {
  readonly region: string;
}

/** Region values are wrong; nothing has been constructed or written. */
export class InvalidRegionsError extends Error {
  constructor(readonly problems: readonly RegionProblem[]) {
    super(problems.map(describe).join("\n"));
    this.name = "InvalidRegionsError";
  }
}

const describe = ({ region, ...problem }: RegionProblem): string =>
  `region ${region}: ${problemText(problem)}`;

/** The problem in a sentence, without whose value it is. */
export const problemText = ({ path, value, expectation }: ValueProblem): string =>
  `${path === "" ? "" : `${path}: `}${expectation}, got: ${value}`;

/** Puts zod's findings about `input` in the house's words. */
export function problemsOf(input: unknown, error: z.ZodError): ValueProblem[] {
  return error.issues.flatMap((issue) => issueProblems(input, issue));
}

function issueProblems(input: unknown, issue: z.core.$ZodIssue): ValueProblem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = pathText([...issue.path, key]);
      return {
        path,
        value: shownValue(valueAt(input, [...issue.path, key]), key),
        expectation: `expected no such field${MOVED[path] ?? ""}`,
      };
    });
  }
  if (issue.code === "invalid_key") {
    const key = String(issue.path.at(-1));
    return issue.issues.map(({ message }) => ({
      path: pathText(issue.path),
      value: shownValue(key, key),
      expectation: expectationOf(message),
    }));
  }
  const given = issue.code === "custom" ? (issue.params?.["value"] as unknown) : undefined;
  return [
    {
      path: pathText(issue.path),
      value: typeof given === "string" ? given : shownValue(valueAt(input, issue.path), fieldOf(issue.path)),
      expectation: expectationOf(issue.message),
    },
  ];
}

/** Where fields of earlier releases have gone. */
const MOVED: Readonly<Record<string, string>> = {
  "availability.origins": " here: origins are described in the region's own field origins",
};

/** zod's own messages read "Invalid input: expected string, received undefined"; the value is shown apart. */
function expectationOf(message: string): string {
  const [, expected] = /expected (.*?)(?:, received .*)?$/.exec(message) ?? [];
  return expected === undefined ? message : `expected ${TYPES[expected] ?? expected}`;
}

const TYPES: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "an object",
  record: "an object",
  string: "a string",
};

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`,
    )
    .join("");
}

/** Name of the field that a path leads to, or that holds the list it leads into. */
const fieldOf = (path: readonly PropertyKey[]): string =>
  path.filter((step) => typeof step === "string").at(-1) ?? "";

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[step] : undefined,
    input,
  );
}
