import { type TypeHints } from "../hints/hints";
import { type Block } from "../schema/schema";
import { holdsStandIn } from "../stand-in";
import { type Path, dotted, protocolPath, visitAttributes } from "./paths";
import { type Diagnostic } from "./protocol";
import { type Value, type ValueObject, isObject, isUnknown } from "./value";

/**
 * Checks a configuration for what Terraform leaves to the provider: attributes that cannot be set,
 * and the rules between and on arguments that the hints know.
 */
export function validateConfig(config: Value, block: Block, hints: TypeHints | undefined): Diagnostic[] {
  const found: Diagnostic[] = [];
  visitAttributes(config, block, {
    attribute(value, { required, optional, computed }, path) {
      if (computed && !optional && !required && value !== null) found.push(unconfigurable(path));
      const name = dotted(path);
      if (typeof value !== "string" || holdsStandIn(value)) return;
      const allowed = hints?.allowed?.[name];
      if (allowed !== undefined && !allowed.includes(value)) {
        found.push(notAllowed(path, value, `one of ${allowed.map((one) => `"${one}"`).join(", ")}`));
      }
      const pattern = hints?.pattern?.[name];
      if (pattern !== undefined && !pattern[0].test(value)) {
        found.push(notAllowed(path, value, pattern[1]));
      }
    },
  });
  for (const group of hints?.conflicts ?? []) found.push(...checkGroup(config, group, conflicting));
  for (const group of hints?.exactlyOne ?? []) found.push(...checkGroup(config, group, notExactlyOne));
  return found;
}

function unconfigurable(path: Path): Diagnostic {
  const name = path.at(-1);
  return {
    severity: "ERROR",
    summary: "Value for unconfigurable attribute",
    detail: `"${String(name)}" is decided by the provider and cannot be set: remove it from the configuration.`,
    attribute: protocolPath(path),
  };
}

function notAllowed(path: Path, value: string, expected: string): Diagnostic {
  return {
    severity: "ERROR",
    summary: `Invalid value for "${dotted(path)}"`,
    detail: `Expected ${expected}; got "${value}".`,
    attribute: protocolPath(path),
  };
}

type GroupCheck = (holder: ValueObject, names: readonly string[], path: Path) => Diagnostic | undefined;

/** Applies a check to every object that holds the group: the names' common path leads to it. */
function checkGroup(config: Value, group: readonly string[], check: GroupCheck): Diagnostic[] {
  const parents = (group[0] ?? "").split(".").slice(0, -1);
  const names = group.map((path) => path.slice(path.lastIndexOf(".") + 1));
  return holdersAt(config, parents, []).flatMap(([holder, path]) => check(holder, names, path) ?? []);
}

function holdersAt(value: Value, names: readonly string[], path: Path): Array<readonly [ValueObject, Path]> {
  if (Array.isArray(value))
    return value.flatMap((element, index) => holdersAt(element, names, [...path, index]));
  if (!isObject(value)) return [];
  const [name, ...rest] = names;
  if (name === undefined) return [[value, path]];
  return holdersAt(value[name] ?? null, rest, [...path, name]);
}

// An unknown value may still turn out to be null, so it neither conflicts nor is missing.
const conflicting: GroupCheck = (holder, names, path) => {
  const [first, ...others] = names.filter((name) => isSet(holder[name]) && !isUnknown(holder[name]));
  if (first === undefined || others.length === 0) return undefined;
  return {
    severity: "ERROR",
    summary: "Conflicting configuration arguments",
    detail: `"${first}" conflicts with ${others.map((name) => `"${name}"`).join(", ")}: set only one of them.`,
    attribute: protocolPath([...path, first]),
  };
};

const notExactlyOne: GroupCheck = (holder, names, path) => {
  if (names.some((name) => isUnknown(holder[name]))) return undefined;
  const set = names.filter((name) => isSet(holder[name]));
  if (set.length === 1) return undefined;
  return {
    severity: "ERROR",
    summary: "Invalid combination of arguments",
    detail:
      `Exactly one of ${names.map((name) => `"${name}"`).join(", ")} must be set; ` +
      (set.length === 0 ? "none is." : `${set.map((name) => `"${name}"`).join(" and ")} are.`),
    attribute: protocolPath(path),
  };
};

function isSet(value: Value | undefined): boolean {
  return value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0);
}
