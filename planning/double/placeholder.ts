import { createHash } from "node:crypto";
import { type HintValue, type TypeHints } from "../hints/hints";
import { type Block, type TypeExpression, blockType } from "../schema/schema";
import { standIn } from "../stand-in";
import { type Path, dotted } from "./paths";
import { readStoredState } from "./stored-state";
import { type Value, type ValueObject, encodeValue, isObject, isUnknown } from "./value";

/**
 * Stands in for what the cloud would have answered: every unknown part of a planned state gets a value
 * of its type. The values name what they stand for and depend on the planned state alone.
 *
 * @param type e.g. `aws_vpc`
 */
export function completeState(
  planned: Value,
  block: Block,
  type: string,
  hints: TypeHints | undefined,
): Value {
  return new Placeholder(type, digest(planned), hints).complete(planned, blockType(block), []);
}

/** What is deployed, as state files hold it: attributes of each resource by type. */
export type Deployed = ReadonlyMap<string, readonly unknown[]>;

/**
 * Answers a data source: its configuration, completed with what is deployed where it lists that, and otherwise with
 * what the hints or placeholders say.
 */
export function answerDataSource(
  config: Value,
  block: Block,
  type: string,
  hints: TypeHints | undefined,
  deployed: Deployed,
): Value {
  if (!isObject(config)) throw new Error("a data source's configuration must be an object");
  const placeholder = new Placeholder(type, digest(config), hints);
  const answers: ValueObject = {};
  for (const [name, attribute] of Object.entries(block.attributes)) {
    const value = config[name] ?? null;
    const [, members] = blockType({ attributes: { [name]: attribute }, blockTypes: {} }) as [
      "object",
      Members,
    ];
    const memberType = members[name] ?? "string";
    const listed = hints?.lists?.[name];
    if (listed !== undefined) answers[name] = readStoredState(deployed.get(listed) ?? [], memberType);
    else answers[name] = value === null && attribute.computed ? placeholder.of(memberType, [name]) : value;
  }
  return { ...config, ...answers };
}

type Members = Record<string, TypeExpression>;

class Placeholder {
  public constructor(
    private readonly type: string,
    private readonly seed: string,
    private readonly hints: TypeHints | undefined,
  ) {}

  public complete(value: Value, type: TypeExpression, path: Path): Value {
    if (isUnknown(value)) return this.of(type, path);
    if (value === null || typeof type === "string") return value;
    if (type[0] === "object") {
      if (!isObject(value)) return value;
      return Object.fromEntries(
        Object.entries(type[1]).map(([name, member]) => [
          name,
          this.complete(value[name] ?? null, member, [...path, name]),
        ]),
      );
    }
    const element = type[1];
    if (Array.isArray(value)) return value.map((one, index) => this.complete(one, element, [...path, index]));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, this.complete(one, element, [...path, { key }])]),
    );
  }

  public of(type: TypeExpression, path: Path): Value {
    const hint = this.hints?.values?.[dotted(path)];
    if (hint !== undefined) return fromHint(hint);
    switch (type) {
      case "string":
        return this.text(path);
      case "number":
        return 1;
      case "bool":
        return false;
      case "dynamic":
        return null;
    }
    if (type[0] === "object") {
      return Object.fromEntries(
        Object.entries(type[1]).map(([name, member]) => [name, this.of(member, [...path, name])]),
      );
    }
    // One element, so that references to the first of something find it.
    return type[0] === "map" ? {} : [this.of(type[1], path)];
  }

  private text(path: Path): string {
    const name = String(path.filter((step) => typeof step === "string").at(-1));
    const bare = this.type.replace(/^[a-z]+_/, "").replaceAll("_", "-");
    if (name === "id") return standIn(this.seed, `${bare}-`);
    if (name === "arn") return standIn(this.seed, `arn:aws:${bare}:::`);
    return standIn(this.seed, `${bare}-${name.replaceAll("_", "-")}-`);
  }
}

function fromHint(hint: HintValue): Value {
  if (typeof hint !== "object") return hint;
  if (Array.isArray(hint)) return hint.map(fromHint);
  return Object.fromEntries(
    Object.entries(hint).map(([name, value]) => [name, fromHint(value as HintValue)]),
  );
}

function digest(value: Value): string {
  return createHash("sha256").update(encodeValue(value)).digest("hex").slice(0, 8);
}
