import { BadValue, type Path, type Reader, seconds } from "../../proxy/grammar";

/** RFC 9110 section 5.6.2; a field name, for one. */
export const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** @throws BadValue where it is no text, or empty */
export function readText(value: unknown, path: Path, expects: string): string {
  if (typeof value !== "string" || value === "") throw new BadValue(path, value, expects);
  return value;
}

export const onOrOff: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new BadValue(path, value, "true or false");
  return value;
};

/** Seconds in these bounds, both included. */
export const between =
  (least: number, most: number, expects: string): Reader<number> =>
  (value, path) => {
    const time = seconds(value, path);
    if (time < least || time > most) throw new BadValue(path, value, expects);
    return time;
  };

/** The steps of a JSON pointer (RFC 6901) that begins with a slash. */
export const stepsOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

/** @throws BadValue where it is no list, or empty, or has a text that `test` does not match */
export function readList(value: unknown, path: Path, test: RegExp, each: string): string[] {
  if (!Array.isArray(value) || value.length === 0) throw new BadValue(path, value, `a list, each ${each}`);
  return value.map((item: unknown, index) => {
    if (typeof item !== "string" || !test.test(item)) throw new BadValue([...path, index], item, each);
    return item;
  });
}
