import { type Assignment, type Binding, type Field, parseBinding } from "./binding-parser";
import { type BindingPackage, bindingDirectories, bindingSource } from "./binding-source";
import { type Attribute, type Block, type BlockType, type Nesting, type TypeExpression } from "./schema";

/** Endings of the classes that wrap a structure. */
const SUFFIXES = ["List", "Map", "OutputReference", "MapList", "ListMap", "ListList"] as const;

/** A block that contains itself is followed this deep, as providers do. */
const RECURSION_LIMIT = 3;

/**
 * Derives the schema of a resource or data source from its bindings.
 *
 * @param type e.g. `aws_instance`
 * @returns undefined when the provider has no such type
 */
export function deriveSchema(
  bindings: BindingPackage,
  type: string,
  kind: "resource" | "data",
): Block | undefined {
  for (const directory of bindingDirectories(bindings.provider, type, kind)) {
    const source = bindingSource(bindings, directory);
    if (source === undefined) continue;
    if (!source.includes(`static readonly tfResourceType = "${type}"`)) continue;
    return new Derivation(parseBinding(source)).top();
  }
  return undefined;
}

/** Derives the schema of a provider's own configuration block. */
export function deriveProviderSchema(bindings: BindingPackage): Block {
  const source = bindingSource(bindings, "provider");
  if (source === undefined) throw new Error(`the bindings in ${bindings.lib} hold no provider`);
  const { attributes, blockTypes } = new Derivation(parseBinding(source)).top();
  // `alias` belongs to Terraform, which the bindings list among the provider's own attributes.
  return {
    attributes: Object.fromEntries(Object.entries(attributes).filter(([name]) => name !== "alias")),
    blockTypes,
  };
}

/** Walks a binding from its top class into the structures it is made of. */
class Derivation {
  private readonly depth = new Map<string, number>();

  public constructor(private readonly binding: Binding) {}

  public top(): Block {
    return this.block(
      this.binding.fields.get(this.binding.topClass) ?? [],
      this.binding.assignments.get("this") ?? new Map(),
      this.binding.configInterface,
    );
  }

  private block(
    fields: readonly Field[],
    assignments: ReadonlyMap<string, Assignment>,
    configInterface: string,
  ): Block {
    const attributes: Record<string, Attribute> = {};
    const blockTypes: Record<string, BlockType> = {};
    for (const field of fields) {
      const assignment = assignments.get(field.name);
      const struct = assignment === undefined ? undefined : structOf(assignment.mapper);
      if (struct !== undefined && this.isBlock(assignment, field, configInterface)) {
        const block = this.nestedBlock(struct, assignment, field);
        if (block !== undefined) blockTypes[field.name] = block;
      } else {
        const attribute = this.attribute(field, assignment);
        if (attribute !== undefined) attributes[field.name] = attribute;
      }
    }
    return { attributes, blockTypes };
  }

  /** Lists say whether they hold blocks; a lone structure is told by its comment in the interface. */
  private isBlock(
    assignment: Assignment | undefined,
    field: Field,
    configInterface: string,
  ): assignment is Assignment {
    if (assignment === undefined) return false;
    const list = /^cdktf\.listMapperHcl\(.*, (true|false)\)$/.exec(assignment.mapper);
    if (list !== null) return list[1] === "true";
    if (assignment.kind === "list" || assignment.kind === "set") return true;
    return this.binding.properties.get(configInterface)?.get(field.name)?.isBlock ?? false;
  }

  private nestedBlock(struct: string, assignment: Assignment, field: Field): BlockType | undefined {
    return this.within(struct, () => {
      const block = this.block(this.fieldsOf(struct), this.assignmentsOf(struct), struct);
      if (assignment.kind === "struct") return { nesting: "single", block, minItems: 0, maxItems: 0 };
      if (assignment.kind === "map") return { nesting: "map", block, minItems: 0, maxItems: 0 };
      const one = !assignment.mapper.startsWith("cdktf.listMapperHcl(");
      return {
        nesting: assignment.kind === "set" ? "set" : "list",
        block,
        minItems: field.required ? 1 : 0,
        maxItems: one ? 1 : 0,
      };
    });
  }

  private attribute(field: Field, assignment: Assignment | undefined): Attribute | undefined {
    const { required, optional, computed } = field;
    const struct = assignment === undefined ? undefined : structOf(assignment.mapper);
    if (assignment === undefined || struct === undefined) {
      const type = assignment === undefined ? this.readType(field) : writtenType(assignment);
      return type === undefined ? undefined : { type, required, optional, computed };
    }
    return this.within(struct, () => {
      const members = this.fieldsOf(struct);
      const written = this.assignmentsOf(struct);
      const nesting: Nesting = assignment.kind === "struct" ? "single" : (assignment.kind as Nesting);
      if ([...written.values()].some((member) => member.nullWhenUnset)) {
        const object: TypeExpression = ["object", this.memberTypes(members, written)];
        return { type: nesting === "single" ? object : [nesting, object], required, optional, computed };
      }
      const attributes: Record<string, Attribute> = {};
      for (const member of members) {
        const attribute = this.attribute(member, written.get(member.name));
        if (attribute !== undefined) attributes[member.name] = attribute;
      }
      return { nested: { nesting, attributes }, required, optional, computed };
    });
  }

  private memberTypes(
    members: readonly Field[],
    written: ReadonlyMap<string, Assignment>,
  ): Record<string, TypeExpression> {
    const types: Record<string, TypeExpression> = {};
    for (const member of members) {
      const assignment = written.get(member.name);
      const struct = assignment === undefined ? undefined : structOf(assignment.mapper);
      const type =
        assignment !== undefined && struct === undefined
          ? writtenType(assignment)
          : this.readType(member, assignment?.kind);
      if (type !== undefined) types[member.name] = type;
    }
    return types;
  }

  /** The type of an attribute that cannot be set, from the way the class reads it. */
  private readType(field: Field, kind?: string): TypeExpression | undefined {
    const known = READ_TYPES.find(([pattern]) => pattern.test(field.access));
    if (known !== undefined) return known[1];
    const [, name, wrapsSet] = /^new (\w+)\(this, "[^"]*"(?:, (true|false))?\)$/.exec(field.access) ?? [];
    if (name === undefined) throw new Error(`cannot tell the type of "${field.name}" from: ${field.access}`);
    // A structure's own name may end in "Map" or "List": the shortest suffix that leaves a known name is right.
    const suffix = SUFFIXES.find((end) => name.endsWith(end) && this.isStruct(name.slice(0, -end.length)));
    if (suffix === undefined) throw new Error(`cannot tell the structure of "${field.name}" from: ${name}`);
    const struct = name.slice(0, -suffix.length);
    return this.within(struct, () => {
      const members = this.fieldsOf(struct);
      const object: TypeExpression = ["object", this.memberTypes(members, this.assignmentsOf(struct))];
      const outer = wrapsSet === "true" || kind === "set" ? "set" : "list";
      switch (suffix) {
        case "OutputReference":
          return object;
        case "Map":
          return ["map", object];
        case "List":
          return [outer, object];
        case "MapList":
          return [outer, ["map", object]];
        case "ListMap":
          return ["map", ["list", object]];
        default:
          return [outer, ["list", object]];
      }
    });
  }

  private isStruct(name: string): boolean {
    return this.binding.fields.has(`${name}OutputReference`);
  }

  private fieldsOf(struct: string): readonly Field[] {
    const fields = this.binding.fields.get(`${struct}OutputReference`);
    if (fields !== undefined) return fields;
    // A provider's structures have no class; their interfaces name the same properties.
    const properties = this.binding.properties.get(struct);
    if (properties === undefined)
      throw new Error(`the binding refers to "${struct}" but does not declare it`);
    return [...properties].map(([name, { required }]) => ({
      name,
      computed: false,
      optional: !required,
      required,
      access: "",
    }));
  }

  private assignmentsOf(struct: string): ReadonlyMap<string, Assignment> {
    const name = `${struct.charAt(0).toLowerCase()}${struct.slice(1)}ToHclTerraform`;
    return this.binding.assignments.get(name) ?? new Map<string, Assignment>();
  }

  private within<T>(struct: string, derive: () => T): T | undefined {
    const depth = this.depth.get(struct) ?? 0;
    if (depth >= RECURSION_LIMIT) return undefined;
    this.depth.set(struct, depth + 1);
    try {
      return derive();
    } finally {
      this.depth.set(struct, depth);
    }
  }
}

/** The structure a mapping expression writes, e.g. `FooBar` for `listMapperHcl(fooBarToHclTerraform, true)`. */
function structOf(mapper: string): string | undefined {
  const [, name] = /^(?:cdktf\.\w+\()*(\w+)ToHclTerraform\b/.exec(mapper) ?? [];
  if (name === undefined) return undefined;
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

const PRIMITIVES: Record<string, TypeExpression> = {
  string: "string",
  number: "number",
  boolean: "bool",
  any: "dynamic",
};

/** The type of an attribute from the expression that writes it, for types without structures. */
function writtenType({ mapper, kind }: Assignment): TypeExpression {
  const [, primitive] = /cdktf\.(string|number|boolean|any)ToHclTerraform/.exec(mapper) ?? [];
  const element = PRIMITIVES[primitive ?? ""];
  if (element === undefined) throw new Error(`cannot tell the type written by: ${mapper}`);
  if (element === "dynamic") return element;
  const collections = [...mapper.matchAll(/cdktf\.(list|hash)MapperHcl\(/g)].map(([, name]) => name);
  return collections.reverse().reduce<TypeExpression>((inner, name, index) => {
    if (name === "hash") return ["map", inner];
    const outermost = index === collections.length - 1;
    return [outermost && kind === "set" ? "set" : "list", inner];
  }, element);
}

const READ_TYPES: ReadonlyArray<readonly [RegExp, TypeExpression]> = [
  [/^this\.getStringAttribute\(/, "string"],
  [/^this\.getNumberAttribute\(/, "number"],
  [/^this\.getBooleanAttribute\(/, "bool"],
  [/^this\.getStringMapAttribute\(/, ["map", "string"]],
  [/^this\.getNumberMapAttribute\(/, ["map", "number"]],
  [/^this\.getBooleanMapAttribute\(/, ["map", "bool"]],
  [/^this\.getAnyMapAttribute\(/, "dynamic"],
  [/^this\.getListAttribute\(/, ["list", "string"]],
  [/^this\.getNumberListAttribute\(/, ["list", "number"]],
  [/^cdktf\.Fn\.tolist\(this\.getListAttribute\(/, ["set", "string"]],
  [/^cdktf\.Token\.asNumberList\(cdktf\.Fn\.tolist\(/, ["set", "number"]],
  [/^new cdktf\.StringMap\(/, ["map", "string"]],
  [/^new cdktf\.NumberMap\(/, ["map", "number"]],
  [/^new cdktf\.BooleanMap\(/, ["map", "bool"]],
  [/^new cdktf\.AnyMap\(/, "dynamic"],
  [/^new cdktf\.StringMapList\(.*, false\)$/, ["list", ["map", "string"]]],
  [/^new cdktf\.StringMapList\(.*, true\)$/, ["set", ["map", "string"]]],
  [/^new cdktf\.BooleanList\(.*, false\)$/, ["list", "bool"]],
  [/^new cdktf\.BooleanList\(.*, true\)$/, ["set", "bool"]],
  [/^this\.interpolationForAttribute\(/, "dynamic"],
  [/interpolationForAttribute\(/, "dynamic"],
];
