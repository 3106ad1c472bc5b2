import { type TypeExpression } from "../schema/schema";
import { type Value, type ValueObject } from "./value";

/**
 * Reads a resource out of a state file as a value of the type it has today: what the type no longer has
 * is dropped, what it has since gained is null.
 *
 * @param json the resource's attributes as the state file holds them
 */
export function readStoredState(json: unknown, type: TypeExpression): Value {
  if (json === null || json === undefined) return null;
  if (type === "dynamic") return storedDynamic(json);
  if (typeof type === "string") return json as Value;
  if (type[0] === "object") {
    const stored = json as Record<string, unknown>;
    const members = Object.entries(type[1]).map(([name, member]) => [
      name,
      readStoredState(stored[name], member),
    ]);
    return Object.fromEntries(members) as ValueObject;
  }
  const element = type[1];
  if (type[0] === "map") {
    const entries = Object.entries(json as Record<string, unknown>);
    return Object.fromEntries(entries.map(([key, value]) => [key, readStoredState(value, element)]));
  }
  return asList(json).map((value) => readStoredState(value, element));
}

/** A single block that has become a list of one, as between a provider's major versions. */
function asList(json: unknown): unknown[] {
  return Array.isArray(json) ? (json as unknown[]) : [json];
}

/** A value whose type is stored with it. The two agree, so the value is as it is; only its type is encoded. */
function storedDynamic(json: unknown): Value {
  const { type, value } = json as { type: unknown; value: Value };
  return [Buffer.from(JSON.stringify(type)), value];
}
