/**
 * The shape of a resource, data source or provider as Terraform's plugin protocol describes it.
 *
 * Types are written as Terraform writes them in JSON: a primitive name, or `[kind, element]`, or
 * `["object", { name: type }]`.
 */
export type TypeExpression =
  | "string"
  | "number"
  | "bool"
  | "dynamic"
  | ["list" | "set" | "map", TypeExpression]
  | ["object", Record<string, TypeExpression>];

export type Nesting = "single" | "list" | "set" | "map";

/** An attribute is either of a plain type or made of attributes of its own (`nested`). */
export interface Attribute {
  readonly type?: TypeExpression;
  readonly nested?: { readonly nesting: Nesting; readonly attributes: Record<string, Attribute> };
  readonly required: boolean;
  readonly optional: boolean;
  readonly computed: boolean;
  readonly sensitive?: boolean;
}

export interface BlockType {
  readonly nesting: Nesting;
  readonly block: Block;
  /** Fewest blocks allowed. Always 0 for `single` and `map`, for which Terraform allows no limits. */
  readonly minItems: number;
  /** Most blocks allowed; 0 means no limit. */
  readonly maxItems: number;
}

export interface Block {
  readonly attributes: Record<string, Attribute>;
  readonly blockTypes: Record<string, BlockType>;
}

/** The shape of one provider, as far as the stacks at hand use it. */
export interface ProviderSchema {
  readonly provider: Block;
  readonly resources: Record<string, Block>;
  readonly dataSources: Record<string, Block>;
}

/** The type of the value an attribute holds. */
export function attributeType(attribute: Attribute): TypeExpression {
  if (attribute.nested === undefined) {
    if (attribute.type === undefined)
      throw new Error("an attribute has neither a type nor attributes of its own");
    return attribute.type;
  }
  const members = Object.entries(attribute.nested.attributes);
  return collection(attribute.nested.nesting, [
    "object",
    Object.fromEntries(members.map(([name, member]) => [name, attributeType(member)])),
  ]);
}

/** The type of the object a block decodes to: its attributes and, by nesting, its blocks. */
export function blockType(block: Block): TypeExpression {
  const attributes = Object.entries(block.attributes).map(([name, attribute]): [string, TypeExpression] => [
    name,
    attributeType(attribute),
  ]);
  const blocks = Object.entries(block.blockTypes).map(([name, nested]): [string, TypeExpression] => [
    name,
    collection(nested.nesting, blockType(nested.block)),
  ]);
  return ["object", Object.fromEntries([...attributes, ...blocks])];
}

function collection(nesting: Nesting, element: TypeExpression): TypeExpression {
  return nesting === "single" ? element : [nesting, element];
}
