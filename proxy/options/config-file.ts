import { readFileSync } from "node:fs";
import { BadValue, OptionError, show } from "./option-error";
import { type Definition, type Value } from "./option-values";

/** The options that a JSON file sets, read by the definitions of those that it may. @throws OptionError that names file, path, value and what was expected */
export function readConfigFile<Name extends string>(
  file: string,
  definitions: Readonly<Record<Name, Definition>>,
): Map<Name, Value> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new OptionError(`${file}: ${error instanceof Error ? error.message : String(error)}`, false);
  }
  return readConfigValues(file, parsed, definitions);
}

/** The same of what such a file holds. @param file for messages @throws OptionError */
export function readConfigValues<Name extends string>(
  file: string,
  parsed: unknown,
  definitions: Readonly<Record<Name, Definition>>,
): Map<Name, Value> {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new OptionError(`${file}: (root): ${show(parsed)} is not an object of options`, false);
  }
  const values = new Map<Name, Value>();
  for (const [key, value] of Object.entries(parsed)) {
    if (!Object.hasOwn(definitions, key))
      throw new OptionError(
        `${file}: ${key}: unknown key, with value ${show(value)}; known are ${Object.keys(definitions).join(", ")}`,
        false,
      );
    const definition = definitions[key as Name];
    const bad = (path: string, wrong: unknown, expects = definition.expects): OptionError =>
      badValue(file, new BadValue([path], wrong, expects));
    if (definition.structure !== undefined)
      values.set(key as Name, structured(file, definition.structure, value));
    else if (definition.repeatable === true) {
      if (!Array.isArray(value)) throw bad(key, value, `a list, each ${definition.expects}`);
      value.forEach((item: unknown, index) => {
        if (!definition.accepts(item)) throw bad(`${key}[${index}]`, item);
      });
      values.set(key as Name, value as string[]);
    } else {
      if (!definition.accepts(value)) throw bad(key, value);
      values.set(key as Name, typeof value === "string" ? definition.read(value)! : (value as Value));
    }
  }
  return values;
}

function structured(file: string, read: (value: unknown) => Value, value: unknown): Value {
  try {
    return read(value);
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    throw badValue(file, error);
  }
}

/** What is thrown of a value in a file. */
export const badValue = (file: string, found: BadValue): OptionError =>
  new OptionError(`${file}: ${found.message}`, false, found);
