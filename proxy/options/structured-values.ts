import { BadValue, type Path } from "./option-error";
import { type Definition, duration, integer } from "./option-values";

/** Reads a value that stands at a path of a file. @throws BadValue */
export type Reader<T> = (value: unknown, path: Path) => T;
export type Fields = Readonly<Record<string, unknown>>;

/** @throws BadValue where it is none, or has a key that is not among `keys` */
export function known(value: unknown, path: Path, keys: readonly string[], expects: string): Fields {
  const fields = fieldsOf(value, path, expects);
  for (const key of Object.keys(fields)) {
    if (!keys.includes(key)) throw new BadValue(path, key, `one of ${keys.join(", ")}`);
  }
  return fields;
}

/** @throws BadValue where it is no object */
export function fieldsOf(value: unknown, path: Path, expects: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadValue(path, value, expects);
  return value as Fields;
}

/** Reads members of an object at a path; one that is not given is what it is `initial`ly. @throws BadValue */
export const members =
  (fields: Fields, path: Path) =>
  <T>(key: string, read: Reader<T>, initial: T): T =>
    fields[key] === undefined ? initial : read(fields[key], [...path, key]);

/** A reader by an option's definition. */
export function reading<T>(definition: Definition): Reader<T> {
  return (value, path) => {
    if (!definition.accepts(value)) throw new BadValue(path, value, definition.expects);
    return (typeof value === "string" ? definition.read(value) : value) as T;
  };
}

/** Seconds, also written with units. */
export const seconds = reading<number>(duration(0, ""));
/** A whole number between these, both included. */
export const whole = (min: number, max: number): Reader<number> => reading(integer(0, min, max, ""));
export const fraction: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !(value >= 0 && value <= 1))
    throw new BadValue(path, value, "a number from 0 to 1");
  return value;
};
