import { type Attribute, type Block, type Nesting } from "../schema/schema";
import { type Value, isObject } from "./value";

/** A step into a value: a name, or the position or key of an element. */
export type Step = string | number | { readonly key: string };
export type Path = readonly Step[];

/** A path without positions and keys, as hints write it: `ingress.cidr_blocks`. */
export function dotted(path: Path): string {
  return path.filter((step) => typeof step === "string").join(".");
}

/** The path in the protocol's form. A set's elements have no address: the path ends at the set. */
export function protocolPath(path: Path): { steps: object[] } {
  return {
    steps: path.map((step) => {
      if (typeof step === "string") return { attribute_name: step };
      return typeof step === "number" ? { element_key_int: step } : { element_key_string: step.key };
    }),
  };
}

export interface Visitor {
  /** Called for each attribute, those in nested blocks and nested attributes included. */
  attribute(value: Value, attribute: Attribute, path: Path, siblings: Record<string, Value>): void;
}

/** Visits the attributes of a configuration or state in the order of its schema. */
export function visitAttributes(value: Value, block: Block, visitor: Visitor, path: Path = []): void {
  if (!isObject(value)) return;
  visitMembers(value, block.attributes, visitor, path);
  for (const [name, { nesting, block: nested }] of Object.entries(block.blockTypes)) {
    for (const [step, element] of elementsOf(value[name] ?? null, nesting)) {
      visitAttributes(element, nested, visitor, [...path, name, ...step]);
    }
  }
}

function visitMembers(
  value: Record<string, Value>,
  attributes: Record<string, Attribute>,
  visitor: Visitor,
  path: Path,
): void {
  for (const [name, attribute] of Object.entries(attributes)) {
    const member = value[name] ?? null;
    visitor.attribute(member, attribute, [...path, name], value);
    if (attribute.nested === undefined) continue;
    for (const [step, element] of elementsOf(member, attribute.nested.nesting)) {
      if (isObject(element))
        visitMembers(element, attribute.nested.attributes, visitor, [...path, name, ...step]);
    }
  }
}

/** The elements a nested block or attribute holds, each with the step that leads to it. */
export function elementsOf(value: Value, nesting: Nesting): Array<readonly [Path, Value]> {
  if (value === null) return [];
  if (nesting === "single") return [[[], value]];
  if (nesting === "map") {
    return isObject(value)
      ? Object.entries(value).map(([key, element]) => [[{ key }], element] as const)
      : [];
  }
  if (!Array.isArray(value)) return [];
  return value.map((element, index) => [nesting === "list" ? [index] : [], element] as const);
}
