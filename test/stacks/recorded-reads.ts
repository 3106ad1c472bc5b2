type Recordable = Record<string, unknown>;

/**
 * A value that remembers which of its fields somebody has read: names from it down, dots between them, `[]` for each of
 * a list. To write it down as JSON is not to read it, for that tells nothing of what a field is for.
 *
 * @param known paths are added to it
 */
export function recordingReads<Value>(value: Value, known: Set<string>, path = ""): Value {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value as Recordable, {
    get: (target, name, receiver: unknown) => {
      if (typeof name === "symbol") return Reflect.get(target, name, receiver) as unknown;
      if (name === "toJSON") return () => target;
      const found: unknown = Reflect.get(target, name, receiver);
      if (typeof found === "function" || !Object.hasOwn(target, name)) return found;
      const inside = Array.isArray(target) ? `${path}[]` : path === "" ? name : `${path}.${name}`;
      known.add(inside);
      return recordingReads(found, known, inside);
    },
  }) as Value;
}

/** Paths of all plain things in a value, as they are recorded. */
export function leavesOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return value === undefined ? [] : [path];
  if (Array.isArray(value)) return [...new Set(value.flatMap((each) => leavesOf(each, `${path}[]`)))];
  return Object.entries(value).flatMap(([name, each]) =>
    leavesOf(each, path === "" ? name : `${path}.${name}`),
  );
}
