import { type TypeHints } from "../hints/hints";
import { type Attribute, type Block, type BlockType, type Nesting } from "../schema/schema";
import { type Path } from "./paths";
import { UNKNOWN, type Value, type ValueObject, isObject, isUnknown, sameValue, withoutType } from "./value";

/**
 * Plans one resource as its provider would: what the configuration leaves to the provider is unknown
 * on creation and stays as it was on change.
 *
 * @param prior state before, null on creation
 * @param proposed Terraform's own merge of prior state and configuration, null on destruction
 * @param config the configuration alone
 */
export function planChange(prior: Value, proposed: Value, config: Value, block: Block): Value {
  if (proposed === null) return null;
  if (!isObject(proposed) || !isObject(config))
    throw new Error("a resource's configuration must be an object");
  return isObject(prior) ? planUpdate(prior, proposed, config, block) : planCreate(proposed, config, block);
}

function planCreate(proposed: ValueObject, config: ValueObject, block: Block): ValueObject {
  return {
    ...createAttributes(proposed, config, block.attributes),
    ...mapRecord(block.blockTypes, (blockType, name) =>
      createBlocks(proposed[name], config[name], blockType),
    ),
  };
}

function createBlocks(proposed: Value | undefined, config: Value | undefined, blockType: BlockType): Value {
  if (isAbsent(config)) return isProvidersOwn(blockType) ? UNKNOWN : (proposed ?? null);
  return mapElements(blockType.nesting, proposed, config, (element, elementConfig) =>
    planCreate(element, elementConfig, blockType.block),
  );
}

function createAttributes(
  proposed: ValueObject,
  config: ValueObject,
  attributes: Record<string, Attribute>,
): ValueObject {
  return mapRecord(attributes, (attribute, name) => {
    const configured = config[name] ?? null;
    if (configured === null) return attribute.computed ? UNKNOWN : (proposed[name] ?? null);
    const { nested } = attribute;
    if (nested === undefined) return proposed[name] ?? null;
    return mapElements(nested.nesting, proposed[name], configured, (element, elementConfig) =>
      createAttributes(element, elementConfig, nested.attributes),
    );
  });
}

/** Terraform's merge has kept the prior values already, except where the whole block is the provider's. */
function planUpdate(
  prior: ValueObject,
  proposed: ValueObject,
  config: ValueObject,
  block: Block,
): ValueObject {
  const kept = mapRecord(block.blockTypes, (blockType, name) => {
    const before = prior[name] ?? null;
    if (isAbsent(config[name])) return isProvidersOwn(blockType) ? before : (proposed[name] ?? null);
    // Positions of a list say which block was which; in a set nothing does, so Terraform's merge stands.
    if (blockType.nesting === "set") {
      return mapElements("set", proposed[name], config[name], (element) =>
        completeNew(element, blockType.block),
      );
    }
    return mapElements(blockType.nesting, proposed[name], config[name], (element, elementConfig, key) => {
      const earlier = elementAt(before, key);
      return isObject(earlier)
        ? planUpdate(earlier, element, elementConfig, blockType.block)
        : planCreate(element, elementConfig, blockType.block);
    });
  });
  return { ...proposed, ...kept };
}

/** Marks what a block that has no known predecessor leaves to the provider, where the merge found nothing. */
function completeNew(proposed: ValueObject, block: Block): ValueObject {
  return {
    ...proposed,
    ...mapRecord(block.attributes, (attribute, name) => {
      const value = proposed[name] ?? null;
      return value === null && attribute.computed ? UNKNOWN : value;
    }),
    ...mapRecord(block.blockTypes, (blockType, name) =>
      mapElements(blockType.nesting, proposed[name], proposed[name], (element) =>
        completeNew(element, blockType.block),
      ),
    ),
  };
}

/**
 * Whether a provider fills in a block that the configuration leaves out. Bindings do not say; a block
 * that holds attributes only the provider can set is taken for one.
 */
function isProvidersOwn({ nesting, block, minItems }: BlockType): boolean {
  if (nesting === "single" || nesting === "map" || minItems > 0) return false;
  return holdsComputed(block);
}

function holdsComputed(block: Block): boolean {
  return (
    Object.values(block.attributes).some(
      ({ computed, optional, required }) => computed && !optional && !required,
    ) || Object.values(block.blockTypes).some((nested) => holdsComputed(nested.block))
  );
}

/**
 * A planned change with those attributes unknown that its hints say are new whenever others change. What refers to
 * them is then known to change as well.
 */
export function withRenewed(prior: Value, planned: Value, hints: TypeHints | undefined): Value {
  if (!isObject(prior) || !isObject(planned)) return planned;
  const renewed = Object.entries(hints?.renewed ?? {}).filter(([, causes]) =>
    (causes === "*" ? Object.keys(planned) : causes).some((name) => !sameValue(prior[name], planned[name])),
  );
  return { ...planned, ...Object.fromEntries(renewed.map(([name]) => [name, UNKNOWN])) };
}

/**
 * The attributes whose change makes Terraform replace the resource.
 *
 * @returns their paths; a path into a set ends at the set
 */
export function replacingPaths(
  prior: Value,
  planned: Value,
  block: Block,
  hints: TypeHints | undefined,
): Path[] {
  if (!isObject(prior) || !isObject(planned)) return [];
  return (hints?.replace ?? []).flatMap((path) => differing(prior, planned, path.split("."), block, []));
}

function differing(
  priorTyped: Value | undefined,
  plannedTyped: Value | undefined,
  names: readonly string[],
  block: Block | undefined,
  path: Path,
): Path[] {
  const [prior, planned] = [withoutType(priorTyped), withoutType(plannedTyped)];
  const [name, ...rest] = names;
  if (Array.isArray(prior) && Array.isArray(planned) && name !== undefined) {
    if (prior.length !== planned.length) return [path];
    return prior.flatMap((element, index) =>
      differing(element, planned[index], names, block, [...path, index]),
    );
  }
  if (name === undefined || !isObject(prior) || !isObject(planned))
    return sameValue(prior, planned) ? [] : [path];
  const nested = block?.blockTypes[name];
  // A set's elements have no address: the set as a whole is what differs.
  const further = nested?.nesting === "set" ? [] : rest;
  return differing(prior[name], planned[name], further, nested?.block, [...path, name]);
}

function isAbsent(value: Value | undefined): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** Maps the elements of a nested block or attribute together with the configuration each came from. */
function mapElements(
  nesting: Nesting,
  proposed: Value | undefined,
  config: Value | undefined,
  map: (element: ValueObject, config: ValueObject, key: string | number) => ValueObject,
): Value {
  const mapOne = (element: Value, key: string | number): Value => {
    if (!isObject(element)) return element;
    const own = elementAt(config, key);
    return map(element, isObject(own) ? own : element, key);
  };
  if (isUnknown(proposed) || isUnknown(config)) return UNKNOWN;
  if (Array.isArray(proposed)) return proposed.map(mapOne);
  if (!isObject(proposed)) return proposed ?? null;
  return nesting === "map" ? mapRecord(proposed, mapOne) : mapOne(proposed, "");
}

/** The element of a list, set or map; the value itself when it stands alone. */
function elementAt(value: Value | undefined, key: string | number): Value | undefined {
  if (Array.isArray(value)) return typeof key === "number" ? value[key] : undefined;
  if (!isObject(value)) return undefined;
  return key === "" ? value : value[key];
}

function mapRecord<T>(record: Record<string, T>, map: (value: T, name: string) => Value): ValueObject {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}
