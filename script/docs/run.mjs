// One run of npm run docs: what it was asked for, and what it has found.
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";

export const root = resolve(import.meta.dirname, "../..");

const { values } = parseArgs({
  options: { check: { type: "boolean", default: false }, docs: { type: "string", default: "docs" } },
});

/** Whether to write nothing. */
export const onlyCheck = values.check;

/** The directory of pages. */
export const docs = resolve(values.docs);

/** What is wrong, each as PLACE: WHAT. */
export const problems = [];

/** A path as messages name it. */
export const shown = (path) => relative(process.cwd(), path);
