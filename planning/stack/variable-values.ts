import { standIn } from "../stand-in";

/** A value made up for a variable that has no default, so that a plan needs no secrets. */
export type MadeUpValue = string | number | boolean | MadeUpValue[] | { [name: string]: MadeUpValue };

/** Forms that variables are often required to have; the first that a variable's rules allow is taken. */
const FORMS: readonly string[] = [
  Buffer.alloc(32).toString("base64"),
  Buffer.alloc(16).toString("base64"),
  "192.0.2.1",
  "192.0.2.0/24",
  "planned.example.com",
  "planned.example.com.",
  "https://planned.example.com",
  "planned@example.com",
  "123456789012",
  "00000000-0000-4000-8000-000000000000",
  "arn:aws:iam::123456789012:role/planned",
  "-----BEGIN PLANNED-----\n",
  "planned",
  "1",
];

export interface VariableDeclaration {
  /** Terraform's type constraint, e.g. `list(object({ name = string, port = optional(number) }))`. */
  readonly type?: string;
  readonly sensitive?: boolean;
  readonly default?: unknown;
  readonly validation?: readonly Rule[];
}

/** Where a stack has variables and what is demanded of them. */
export interface Variables {
  readonly variable?: Readonly<Record<string, VariableDeclaration>>;
  readonly output?: Readonly<Record<string, { readonly precondition?: readonly Rule[] }>>;
}

interface Rule {
  readonly condition?: unknown;
}

/** Whether somebody has to give it a value: it has no default, or is a secret that is empty by default. */
export const wantsValue = ({ sensitive = false, default: value }: VariableDeclaration): boolean =>
  value === undefined || (sensitive && value === "");

/** Values for variables of a stack, by name. */
export const madeUpValues = (
  { variable = {}, output = {} }: Variables,
  names: readonly string[],
): Record<string, MadeUpValue> => {
  // Rules of sensitive variables are preconditions of an output.
  const rules = Object.values(output).flatMap(({ precondition = [] }) => precondition);
  return Object.fromEntries(names.map((name) => [name, madeUpValue(name, variable[name] ?? {}, rules)]));
};

/**
 * Makes up a value of a variable's type. Where rules for the variable hold patterns, a text that fits them all is taken
 * if one is known; other rules are left to Terraform to check.
 *
 * @param name the variable's name; texts are made from it
 * @param rules of the whole stack, beside the variable's own
 */
export function madeUpValue(
  name: string,
  { type, validation = [] }: VariableDeclaration,
  rules: readonly Rule[] = [],
): MadeUpValue {
  const patterns = [...validation, ...rules].flatMap(({ condition }) => patternsIn(String(condition), name));
  const fits = (text: string): boolean => patterns.every((pattern) => pattern.test(text));
  const sample = standIn(name);
  const text = [sample, ...FORMS].find(fits) ?? sample;
  return new ConstraintReader((type ?? "string").replace(/^\$\{(.*)\}$/s, "$1"), text).read();
}

/** Patterns that the variable must match. */
function patternsIn(condition: string, name: string): RegExp[] {
  const calls = condition.matchAll(/\bregex\("((?:[^"\\]|\\.)*)", *var\.([\w-]+)/g);
  return [...calls].flatMap(([, pattern, variable]) => {
    if (variable !== name) return [];
    try {
      return [new RegExp(JSON.parse(`"${pattern}"`) as string)];
    } catch {
      return []; // A pattern of the other dialect: the value is tried as it is, and Terraform judges it.
    }
  });
}

/** Reads a type constraint and makes a value for each part of it on the way. */
class ConstraintReader {
  private readonly tokens: string[];

  public constructor(
    private readonly text: string,
    private readonly sample: string,
  ) {
    this.tokens = text.match(/[\w-]+|[(){}[\],=:]|"[^"]*"/g) ?? [];
  }

  public read(): MadeUpValue {
    const word = this.tokens.shift();
    switch (word) {
      case "string":
      case "any":
        return this.sample;
      case "number":
        return 1;
      case "bool":
        return false;
      case "list":
      case "set":
        return [this.argument()];
      case "map":
        return { [this.sample]: this.argument() };
      case "optional":
        return this.argument();
      case "object":
        return this.object();
      case "tuple":
        return this.tuple();
      default:
        throw new Error(`cannot make up a value of type "${this.text}": give one with --var`);
    }
  }

  /** One type in parentheses; anything after a comma is an optional attribute's default. */
  private argument(): MadeUpValue {
    if (this.tokens[0] !== "(") return this.sample;
    this.tokens.shift();
    const value = this.read();
    for (let depth = 1; depth > 0 && this.tokens.length > 0;) {
      const token = this.tokens.shift();
      if (token === "(") depth += 1;
      if (token === ")") depth -= 1;
    }
    return value;
  }

  private object(): MadeUpValue {
    const members: Record<string, MadeUpValue> = {};
    this.tokens.splice(0, 2); // ( {
    while (this.tokens.length > 0 && this.tokens[0] !== "}") {
      const [name, separator] = this.tokens.splice(0, 2);
      if (separator !== "=" && separator !== ":") {
        throw new Error(`cannot read the object type "${this.text}": give the value with --var`);
      }
      members[(name ?? "").replaceAll('"', "")] = this.read();
      if (this.tokens[0] === ",") this.tokens.shift();
    }
    this.tokens.splice(0, 2); // } )
    return members;
  }

  private tuple(): MadeUpValue {
    const members: MadeUpValue[] = [];
    this.tokens.splice(0, 2); // ( [
    while (this.tokens.length > 0 && this.tokens[0] !== "]") {
      members.push(this.read());
      if (this.tokens[0] === ",") this.tokens.shift();
    }
    this.tokens.splice(0, 2); // ] )
    return members;
  }
}
