import { BadValue, type Path, type Reader } from "../../proxy/grammar";
import { readList } from "./text-values";

/** Who takes GET takes HEAD too. */
export const readMethods: Reader<readonly string[]> = (value, path) => {
  const methods = readList(value, path, /^[A-Z]+(?:-[A-Z]+)*$/, "a method such as GET");
  return methods.includes("GET") && !methods.includes("HEAD") ? [...methods, "HEAD"] : methods;
};

/**
 * What is told of methods that a route never takes is a mistake.
 *
 * @param named what the file says; undefined where `methods` are what is meant then
 * @param taken the methods that the route takes; none for any
 * @throws BadValue
 */
export function checkMethods(
  named: unknown,
  methods: readonly string[],
  taken: readonly string[],
  path: Path,
): void {
  if (taken.length === 0) return;
  const fits = (method: string): boolean => taken.includes(method);
  if (named === undefined ? methods.some(fits) : methods.every(fits)) return;
  throw new BadValue(path, named, `of the methods that the route takes, ${taken.join(", ")}`);
}
