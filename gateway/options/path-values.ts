import { BadValue, type Reader } from "../../proxy/grammar";
import { PATH_EXPECTS, type PathPattern, readPathPattern, variablesOf } from "../routes/path-pattern";

export const readPath: Reader<PathPattern> = (value, path) => {
  const pattern = typeof value === "string" ? readPathPattern(value) : undefined;
  if (pattern === undefined) throw new BadValue(path, value, PATH_EXPECTS);
  return pattern;
};

/** A path that can be made of what a route's path has taken. */
export const pathMadeOf =
  (pattern: PathPattern): Reader<PathPattern> =>
  (value, path) => {
    const made = readPath(value, path);
    const names = variablesOf(pattern);
    const fits = variablesOf(made).every((name) => names.includes(name)) && (pattern.open || !made.open);
    if (!fits)
      throw new BadValue(path, value, "a path whose variables, and ** at its end, are the route's too");
    return made;
  };
