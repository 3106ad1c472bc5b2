import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { HINTS } from "../../../planning/hints";
import { applyHints } from "../../../planning/schema/apply-hints";
import { findBindings } from "../../../planning/schema/binding-source";
import { deriveSchema } from "../../../planning/schema/derive";
import {
  type Attribute,
  type Block,
  type TypeExpression,
  attributeType,
} from "../../../planning/schema/schema";

/**
 * Checks what is derived against what the providers themselves say (`terraform providers schema -json`, one file
 * per provider), where such files are at hand.
 */
const SCHEMAS = process.env["TRICLOUD_SCHEMAS"] ?? resolve(__dirname, "../../../../shared/schemas");
const PROVIDERS = ["aws", "google", "helm", "kubernetes"];

interface TrueAttribute {
  readonly type?: TypeExpression;
  readonly nested_type?: {
    readonly nesting_mode: string;
    readonly attributes: Record<string, TrueAttribute>;
  };
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly sensitive?: boolean;
}

interface TrueBlock {
  readonly attributes?: Record<string, TrueAttribute>;
  readonly block_types?: Record<
    string,
    {
      readonly nesting_mode: string;
      readonly block: TrueBlock;
      readonly min_items?: number;
      readonly max_items?: number;
    }
  >;
}

type TrueSchemas = Record<
  "resource_schemas" | "data_source_schemas",
  Record<string, { readonly block: TrueBlock }>
>;

/** Files that were stripped of descriptions and deprecations lack attributes of those names too. */
const STRIPPED = ["description", "deprecated"];

/** What the installed bindings have and the schemas at hand, of an older version of the provider, have not. */
const NEWER = [
  "helm_release.resources",
  "helm_release.take_ownership",
  "helm_release.timeouts",
  "helm_release.upgrade_install",
  "data.helm_template.set_wo",
  "data.helm_template.timeouts",
];

/** Limits that no binding states; those of types in use are in the hints. */
const isOneOrNone = (limit: number | undefined): boolean => (limit ?? 0) <= 1;

function differences(path: string, derived: Block, truth: TrueBlock, hinted: boolean): string[] {
  const blocks = truth.block_types ?? {};
  return [
    ...attributeDifferences(path, derived.attributes, truth.attributes ?? {}, hinted),
    ...missing(path, Object.keys(derived.blockTypes), Object.keys(blocks)),
    ...Object.entries(blocks).flatMap(([name, block]) => {
      const own = derived.blockTypes[name];
      if (own === undefined) return [];
      const at = `${path}.${name}`;
      const found = differences(at, own.block, block.block, hinted);
      if (own.nesting !== block.nesting_mode)
        found.push(`${at}: nesting ${own.nesting}, truly ${block.nesting_mode}`);
      for (const [limit, trueLimit, word] of [
        [own.minItems, block.min_items, "least"],
        [own.maxItems, block.max_items, "most"],
      ] as const) {
        const comparable = hinted || isOneOrNone(trueLimit);
        if (comparable && limit !== (trueLimit ?? 0))
          found.push(`${at}: at ${word} ${limit}, truly ${trueLimit ?? 0}`);
      }
      return found;
    }),
  ];
}

function attributeDifferences(
  path: string,
  derived: Record<string, Attribute>,
  truth: Record<string, TrueAttribute>,
  hinted: boolean,
): string[] {
  return [
    ...missing(path, Object.keys(derived), Object.keys(truth)),
    ...Object.entries(truth).flatMap(([name, attribute]) => {
      const own = derived[name];
      if (own === undefined) return [];
      const at = `${path}.${name}`;
      const found: string[] = [];
      for (const flag of ["required", "optional", "computed"] as const) {
        if (own[flag] !== (attribute[flag] ?? false)) found.push(`${at}: ${flag} is ${String(own[flag])}`);
      }
      if (hinted && (own.sensitive ?? false) !== (attribute.sensitive ?? false)) {
        found.push(`${at}: sensitive is ${String(own.sensitive)}`);
      }
      const [type, trueType] = [attributeType(own), typeOf(attribute)].map(canonical);
      if (type !== trueType) found.push(`${at}: ${type}, truly ${trueType}`);
      if (own.nested !== undefined && attribute.nested_type !== undefined) {
        found.push(
          ...attributeDifferences(at, own.nested.attributes, attribute.nested_type.attributes, hinted),
        );
      }
      return found;
    }),
  ];
}

function missing(path: string, derived: readonly string[], truth: readonly string[]): string[] {
  return [
    ...truth.filter((name) => !derived.includes(name)).map((name) => `${path}.${name} is missing`),
    ...derived
      .filter(
        (name) => !truth.includes(name) && !STRIPPED.includes(name) && !NEWER.includes(`${path}.${name}`),
      )
      .map((name) => `${path}.${name} does not exist`),
  ];
}

function typeOf({ type, nested_type }: TrueAttribute): TypeExpression {
  if (nested_type === undefined) return type ?? "dynamic";
  const object: TypeExpression = [
    "object",
    Object.fromEntries(
      Object.entries(nested_type.attributes).map(([name, member]) => [name, typeOf(member)]),
    ),
  ];
  return nested_type.nesting_mode === "single"
    ? object
    : [nested_type.nesting_mode as "list" | "set" | "map", object];
}

/** A type as text in which neither order nor stripped attributes count. */
function canonical(type: TypeExpression): string {
  if (typeof type === "string") return type;
  if (type[0] !== "object") return `${type[0]}(${canonical(type[1])})`;
  const members = Object.entries(type[1]).filter(([name]) => !STRIPPED.includes(name));
  return `{${members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${name}:${canonical(member)}`)
    .join(",")}}`;
}

const absent = existsSync(SCHEMAS) ? undefined : `no true schemas in ${SCHEMAS} (set TRICLOUD_SCHEMAS)`;

describe.each(PROVIDERS)("the schemas derived for %s", (provider) => {
  // A skipped test's name says why it is skipped.
  const check = absent === undefined ? test : test.skip;
  const suffix = absent === undefined ? "" : ` (skipped: ${absent})`;

  check(`are the provider's own${suffix}`, () => {
    // GIVEN the provider's own schemas
    const truth = JSON.parse(readFileSync(join(SCHEMAS, `${provider}.json`), "utf8")) as TrueSchemas;
    const bindings = findBindings(provider, [__dirname]);
    const hints = HINTS[provider] ?? {};

    // WHEN each is derived from the bindings and completed by its hints
    const found: string[] = [];
    let compared = 0;
    for (const [key, kind] of [
      ["resource_schemas", "resource"],
      ["data_source_schemas", "data"],
    ] as const) {
      for (const [type, { block }] of Object.entries(truth[key])) {
        const name = kind === "data" ? `data.${type}` : type;
        const derived = deriveSchema(bindings, type, kind);
        if (derived === undefined) found.push(`${name} is missing`);
        else found.push(...differences(name, applyHints(derived, hints[name], name), block, name in hints));
        compared += 1;
      }
    }

    // THEN they agree in names, nesting, flags, types and, for hinted types, limits and sensitivity
    expect(found).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });
});
