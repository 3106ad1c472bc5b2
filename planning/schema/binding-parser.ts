/**
 * Reads the generated TypeScript text of one binding into the facts it states. The text is written
 * by a generator, so its layout is fixed; anything that does not fit it is an error, never a guess.
 */

/** One attribute or block as a binding class states it. */
export interface Field {
  /** Terraform's name, e.g. `vpc_id`. */
  readonly name: string;
  readonly computed: boolean;
  readonly optional: boolean;
  readonly required: boolean;
  /** How the class reads the value, e.g. `this.getStringAttribute('vpc_id')` or `new FooList(this, "foo", true)`. */
  readonly access: string;
}

/** How a settable attribute or block is written out. */
export interface Assignment {
  /** The mapping expression without its argument, e.g. `cdktf.listMapperHcl(fooToHclTerraform, true)`. */
  readonly mapper: string;
  /** `simple`, `list`, `set`, `map` or `struct`. */
  readonly kind: string;
  /** True for a member of an object-typed attribute, which must be present even when null. */
  readonly nullWhenUnset: boolean;
}

/** What the interface of a configuration says of one property. */
export interface Property {
  readonly required: boolean;
  readonly isBlock: boolean;
}

export interface Binding {
  /** Fields by class name; the top class appears under its own name. */
  readonly fields: ReadonlyMap<string, readonly Field[]>;
  /** Assignments by the name of the mapping function, e.g. `fooToHclTerraform`; `this` is the top class. */
  readonly assignments: ReadonlyMap<string, ReadonlyMap<string, Assignment>>;
  /** Properties by interface name, keyed by Terraform's names. */
  readonly properties: ReadonlyMap<string, ReadonlyMap<string, Property>>;
  readonly topClass: string;
  readonly configInterface: string;
}

export function parseBinding(source: string): Binding {
  const fields = new Map<string, readonly Field[]>();
  const assignments = new Map<string, ReadonlyMap<string, Assignment>>();
  const properties = new Map<string, ReadonlyMap<string, Property>>();
  let topClass: string | undefined;
  let configInterface: string | undefined;

  for (const [, name, parent, body] of source.matchAll(
    /^export class (\w+) extends cdktf\.(\w+) \{\n([\s\S]*?)^\}$/gm,
  )) {
    if (name === undefined || parent === undefined || body === undefined) continue;
    fields.set(name, parseFields(body));
    if (
      parent === "TerraformResource" ||
      parent === "TerraformDataSource" ||
      parent === "TerraformProvider"
    ) {
      topClass = name;
      configInterface = /^ {2}public constructor\(.*\bconfig: (\w+)/m.exec(body)?.[1];
      assignments.set("this", parseAssignments(body));
    }
  }
  for (const [, name, body] of source.matchAll(
    /^export function (\w+ToHclTerraform)\([\s\S]*?\{\n([\s\S]*?)^\}$/gm,
  )) {
    if (name !== undefined && body !== undefined) assignments.set(name, parseAssignments(body));
  }
  for (const [, name, body] of source.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}$/gm)) {
    if (name !== undefined && body !== undefined) properties.set(name, parseProperties(body));
  }
  if (topClass === undefined || configInterface === undefined) {
    throw new Error("the binding declares no resource, data source or provider class");
  }
  return { fields, assignments, properties, topClass, configInterface };
}

const FIELD =
  /^ {2}\/\/ (\S+) - computed: (true|false), optional: (true|false), required: (true|false)\n([\s\S]*?)(?=^ {2}\/\/ \S+ - computed: |$(?![\s\S]))/gm;

function parseFields(body: string): Field[] {
  return [...body.matchAll(FIELD)].map(([, name, computed, optional, required, rest]) => {
    const access = / = (new [^;]*);/.exec(rest ?? "")?.[1] ?? /\breturn (.*);/.exec(rest ?? "")?.[1];
    if (name === undefined || access === undefined)
      throw new Error(`cannot read how attribute "${name}" is accessed`);
    return {
      name,
      computed: computed === "true",
      optional: optional === "true",
      required: required === "true",
      access,
    };
  });
}

const ASSIGNMENT = /^ +"?([\w-]+)"?: \{\n +value: (.*),\n +isBlock: \w+,\n +type: "(\w+)",\n/gm;

function parseAssignments(body: string): Map<string, Assignment> {
  const found = new Map<string, Assignment>();
  for (const [, name, value, kind] of body.matchAll(ASSIGNMENT)) {
    if (name === undefined || value === undefined || kind === undefined) continue;
    const [, unset, expression] = /^(\S+ === undefined \? [^:]+ : )?(.*)$/.exec(value) ?? [];
    if (expression === undefined) throw new Error(`cannot read how attribute "${name}" is written: ${value}`);
    found.set(name, {
      mapper: expression.replace(/\([^()]*\)$/, ""),
      kind,
      nullWhenUnset: unset?.includes("? null :") ?? false,
    });
  }
  return found;
}

const PROPERTY = /^ {2}\/\*\*\n([\s\S]*?) {2}\*\/\n {2}readonly \w+(\??): /gm;

function parseProperties(body: string): Map<string, Property> {
  const found = new Map<string, Property>();
  for (const [, doc, optional] of body.matchAll(PROPERTY)) {
    const name = /Docs at Terraform Registry: \{@link \S+#(\S+) /.exec(doc ?? "")?.[1];
    if (name === undefined) throw new Error(`cannot read the name of a property from: ${doc}`);
    const first = /^ {2}\* (.*)$/m.exec(doc ?? "")?.[1];
    found.set(name, { required: optional === "", isBlock: first === `${name} block` });
  }
  return found;
}
