// One run of npm run docs: what it was asked for, and what it has found.
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";

export const root = resolve(import.meta.dirname, "../..");

const USAGE = `usage: npm run docs -- [--check] [--docs DIR]

Writes the tables of docs/constructs from the JSDoc of the constructs, and docs/region.schema.json.

  --check     write nothing: name what is missing, out of date or wrong, exit 1 when there is any
  --docs DIR  the directory of pages, instead of docs
`;

function readCommandLine() {
  try {
    return parseArgs({
      options: {
        check: { type: "boolean", default: false },
        docs: { type: "string", default: "docs" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    console.error(`docs: ${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const values = readCommandLine();
if (values.help) {
  console.log(USAGE.trimEnd());
  process.exit();
}

/** Whether to write nothing. */
export const onlyCheck = values.check;

/** The directory of pages. */
export const docs = resolve(values.docs);

/** What is wrong, each as PLACE: WHAT. */
export const problems = [];

/** A path as messages name it. */
export const shown = (path) => relative(process.cwd(), path);
