/**
 * What a provider's bindings do not say of a type, written by hand for the types this project uses.
 * Paths name attributes without positions: `ingress.cidr_blocks`.
 */
export interface TypeHints {
  /** Attributes whose values Terraform must not show. */
  readonly sensitive?: readonly string[];
  /** Fewest and most blocks of a kind, where more than "optional", "required" and "one" is known. */
  readonly items?: Readonly<Record<string, readonly [min: number, max: number]>>;
  /** Attributes whose change the cloud cannot make in place; empty for a type that takes every change. */
  readonly replace?: readonly string[];
  /** Attributes that the provider will know only afterwards when others change, and which: `*` for any. */
  readonly renewed?: Readonly<Record<string, readonly string[] | "*">>;
  /** Groups of neighbours of which at most one may be set. */
  readonly conflicts?: readonly (readonly string[])[];
  /** Groups of neighbours of which exactly one must be set. */
  readonly exactlyOne?: readonly (readonly string[])[];
  /** Values an attribute may have. */
  readonly allowed?: Readonly<Record<string, readonly string[]>>;
  /** What a text must look like, with the words to say so. */
  readonly pattern?: Readonly<Record<string, readonly [pattern: RegExp, expected: string]>>;
  /** Values the double gives for computed attributes where any text would not do. */
  readonly values?: Readonly<Record<string, HintValue>>;
  /** Attributes of a data source that hold all there is of a type of resource, by that type's name. */
  readonly lists?: Readonly<Record<string, string>>;
}

export type HintValue =
  string | number | boolean | readonly HintValue[] | { readonly [name: string]: HintValue };

/** Hints of one provider. Data sources are keyed `data.TYPE`, the provider's own block `provider`. */
export type ProviderHints = Readonly<Record<string, TypeHints>>;
