import { z } from "zod";

/** One field of a region value, and what is tried for it. */
export interface Field {
  /** Names from the region value down to the field, dots between them: `entrance.port`. */
  readonly path: string;
  /** Values to try; `undefined` leaves the field out. */
  readonly values: readonly unknown[];
}

type Assignment = ReadonlyMap<string, number>;

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Stands for an object that is there; its fields say what is in it. */
const PRESENT = {};

/**
 * Every field that a region value may have, from its schema. Switches, terms and numbers bring their values along.
 *
 * @param samples values of the others, by path
 * @throws Error naming the fields that nothing is known to try for
 */
export function fieldsOf(schema: z.ZodType, samples: Readonly<Record<string, readonly unknown[]>>): Field[] {
  const root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const fields = fieldsBelow(root, "", samples);
  const missing = fields.filter(({ values }) => values.every((value) => value === undefined));
  if (missing.length > 0) {
    throw new Error(`expected values to try for ${missing.map(({ path }) => path).join(", ")}, got: none`);
  }
  const unused = Object.keys(samples).filter((path) => !fields.some((field) => field.path === path));
  if (unused.length > 0) throw new Error(`there is no such field: ${unused.join(", ")}`);
  return fields;
}

function fieldsBelow(
  { properties = {}, required = [] }: JsonSchema,
  prefix: string,
  samples: Readonly<Record<string, readonly unknown[]>>,
): Field[] {
  return Object.entries(properties).flatMap(([name, schema]): Field[] => {
    const path = `${prefix}${name}`;
    const absent = required.includes(name) ? [] : [undefined];
    const given = samples[path];
    if (given === undefined && schema.properties !== undefined) {
      const inside = fieldsBelow(schema, `${path}.`, samples);
      const alwaysThere = required.includes(name) || schema.default !== undefined;
      return alwaysThere ? inside : [{ path, values: [undefined, PRESENT] }, ...inside];
    }
    const values = given ?? ownValues(schema);
    // A default that is among the values need not be tried once more by leaving the field out.
    return [{ path, values: values.includes(schema.default) ? values : [...absent, ...values] }];
  });
}

function ownValues(schema: JsonSchema): readonly unknown[] {
  if (schema.const !== undefined) return [schema.const];
  if (schema.enum !== undefined) return schema.enum;
  if (schema.type === "boolean") return [true, false];
  const { minimum, maximum } = schema;
  const bounded = schema.type === "integer" && minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER;
  if (!bounded) return [];
  const most = maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? minimum + 1 : maximum;
  return schema.default === undefined ? [minimum, most] : [schema.default, most];
}

/** The object that has the fields' values where their paths say. */
export function valueWith(fields: readonly Field[], assignment: Assignment): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const left = new Set<string>();
  for (const { path, values } of fields) {
    const chosen = values[assignment.get(path) ?? 0];
    if (chosen === undefined) left.add(path);
    if (chosen === undefined || isBelow(path, left)) continue;
    const names = path.split(".");
    const last = names.pop() as string;
    let place = value;
    for (const name of names) place = (place[name] ??= {}) as Record<string, unknown>;
    place[last] = chosen === PRESENT ? {} : chosen;
  }
  return value;
}

const isBelow = (path: string, left: ReadonlySet<string>): boolean =>
  [...left].some((parent) => path.startsWith(`${parent}.`));

/**
 * Few assignments in which every two values of two fields meet at least once, apart from those that `isRefused`.
 *
 * @param isRefused tells whether a region value may not be so
 */
export function pairwise(
  fields: readonly Field[],
  isRefused: (value: Record<string, unknown>) => boolean,
): Assignment[] {
  const uncovered = new Set(allPairs(fields));
  const chosen: Assignment[] = [];
  while (uncovered.size > 0) {
    const [first] = uncovered;
    const start = assignmentOf(first as string);
    if (isRefused(valueWith(fields, start))) {
      uncovered.delete(first as string);
      continue;
    }
    const grown = grow(fields, start, uncovered, isRefused);
    for (const pair of pairsIn(fields, grown)) uncovered.delete(pair);
    // A field below one that is left out is nowhere: the pair has been told already.
    uncovered.delete(first as string);
    chosen.push(grown);
  }
  return chosen;
}

/** Gives one field after the other the value that meets the most new ones and is not refused. */
function grow(
  fields: readonly Field[],
  start: Assignment,
  uncovered: ReadonlySet<string>,
  isRefused: (value: Record<string, unknown>) => boolean,
): Assignment {
  const grown = new Map(start);
  const decided = fields.filter(({ path }) => start.has(path));
  for (const field of fields) {
    if (start.has(field.path)) continue;
    const news = field.values.map((_, value) => ({
      value,
      count: decided.filter((other) =>
        uncovered.has(pairKey(field.path, value, other.path, grown.get(other.path) ?? 0)),
      ).length,
    }));
    const best = news
      // What is there has more to meet than what is not.
      .sort((a, b) => b.count - a.count || b.value - a.value)
      .find(({ value }) => !isRefused(valueWith(fields, new Map(grown).set(field.path, value))));
    if (best !== undefined) grown.set(field.path, best.value);
    decided.push(field);
  }
  return grown;
}

function* allPairs(fields: readonly Field[]): Generator<string> {
  for (const [index, one] of fields.entries()) {
    for (const other of fields.slice(index + 1)) {
      // What is below a field goes with its presence, not beside its absence.
      const related = other.path.startsWith(`${one.path}.`);
      for (const [a, value] of one.values.entries()) {
        if (related && value === undefined) continue;
        for (const b of other.values.keys()) yield pairKey(one.path, a, other.path, b);
      }
    }
  }
}

const pairsIn = (fields: readonly Field[], assignment: Assignment): string[] => {
  const left = new Set(
    fields
      .filter(({ path, values }) => values[assignment.get(path) ?? 0] === undefined)
      .map(({ path }) => path),
  );
  const present = fields.filter(({ path }) => !isBelow(path, left));
  return present.flatMap((one, index) =>
    present
      .slice(index + 1)
      .map((other) =>
        pairKey(one.path, assignment.get(one.path) ?? 0, other.path, assignment.get(other.path) ?? 0),
      ),
  );
};

const pairKey = (path: string, value: number, otherPath: string, otherValue: number): string =>
  path < otherPath
    ? `${path}=${value} ${otherPath}=${otherValue}`
    : `${otherPath}=${otherValue} ${path}=${value}`;

/** The pair's own two fields; for one below an object that may be left out, the object is there. */
function assignmentOf(pair: string): Assignment {
  const assigned = pair.split(" ").map((each): [string, number] => {
    const [path, value] = each.split("=");
    return [path as string, Number(value)];
  });
  const parents = assigned.flatMap(([path]) => {
    const names = path.split(".");
    return names.slice(1).map((_, index): [string, number] => [names.slice(0, index + 1).join("."), 1]);
  });
  return new Map([...parents, ...assigned]);
}
