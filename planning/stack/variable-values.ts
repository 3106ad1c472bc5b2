/** A value made up for a variable that has no default, so that a plan needs no secrets. */
export type MadeUpValue = string | number | boolean | MadeUpValue[] | { [name: string]: MadeUpValue };

/**
 * Makes up a value of a variable's type.
 *
 * @param name the variable's name; texts are made from it
 * @param constraint Terraform's type constraint, e.g. `list(object({ name = string, port = optional(number) }))`
 */
export function madeUpValue(name: string, constraint: string | undefined): MadeUpValue {
  const text = (constraint ?? "string").replace(/^\$\{(.*)\}$/s, "$1");
  const reader = new ConstraintReader(text, `planned-${name}`);
  return reader.read();
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
