import { readdirSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { type Region, type ValueSource, validateRegions } from "./validate-regions";

/**
 * Reads and validates all regions of a directory: each `.json` file, and each `.js` file's default export, is one
 * region value. A JSON value may name its schema in `$schema`.
 *
 * @throws Error when the directory holds no region or a file cannot be read; InvalidRegionsError when a value is wrong.
 */
export const loadRegions = (directory: string): Region[] => validateRegions(readRegions(directory));

/** Reads region values and leaves them as they are. @throws Error as `loadRegions` does, for what is not validated */
export function readRegions(directory: string): ValueSource[] {
  const sources = readValues("region", directory);
  if (sources.length === 0) {
    throw new Error(`regions directory ${directory}: expected at least one .js or .json file, got: none`);
  }
  return sources;
}

/**
 * Reads the values of a directory: each `.json` file, and each `.js` file's default export, is one.
 *
 * @param kind of value, for messages
 * @throws Error when a file cannot be read
 */
export const readValues = (
  kind: "region" | "service" | "gateway" | "name",
  directory: string,
): ValueSource[] => valueFiles(kind, directory).map((file) => readValue(kind, file));

function valueFiles(kind: string, directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    throw new Error(
      `${kind}s directory ${directory}: cannot be read (${(error as NodeJS.ErrnoException).code})`,
      { cause: error },
    );
  }
  // A value that is not deployed because its file is of another kind is missed by nobody until it is needed.
  const uncompiled = names.find(
    (name) => /(?<!\.d)\.[cm]?tsx?$/.test(name) && !names.includes(name.replace(/\.[cm]?tsx?$/, ".js")),
  );
  if (uncompiled !== undefined) {
    throw new Error(
      `${kind}s directory ${directory}: expected .js and .json files, which need no compiling, got: ${uncompiled}`,
    );
  }
  return names
    .filter((name) => [".js", ".json"].includes(extname(name)))
    .sort()
    .map((name) => resolve(join(directory, name)));
}

function readValue(kind: string, file: string): ValueSource {
  try {
    return {
      file,
      value: extname(file) === ".json" ? jsonValue(file) : moduleValue(file),
    };
  } catch (error) {
    throw new Error(`${kind} file ${file}: ${withoutExcerpt((error as Error).message)}`, { cause: error });
  }
}

/** The value without the name of its schema, which is for editors. */
function jsonValue(file: string): unknown {
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== "$schema"));
}

/** Node shows a piece of a text that is no JSON: it may be of a secret. */
const withoutExcerpt = (message: string): string =>
  message.replace(/, (\.\.\.)?".*"(\.\.\.)? is not valid JSON$/s, ": not valid JSON");

function moduleValue(file: string): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- which file it is, is known at run time only
  const loaded = require(file) as { default?: unknown };
  return loaded.default;
}
