import {
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";

/** What becomes of the values of a message's JSON. */
export interface Visit {
  /** A value of this type. */
  scalar(type: ScalarType, value: JsonValue): JsonValue;
  /** One of no stated type, in which there is none but such. */
  free(value: JsonValue): JsonValue;
  /** A map's key. */
  key?(type: ScalarType, key: string): void;
}

const FREE = new Set(["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"]);
/** Messages whose JSON is that of their one field. */
const WRAPPERS: ReadonlyMap<string, ScalarType> = new Map([
  ["google.protobuf.DoubleValue", ScalarType.DOUBLE],
  ["google.protobuf.FloatValue", ScalarType.FLOAT],
  ["google.protobuf.Int64Value", ScalarType.INT64],
  ["google.protobuf.UInt64Value", ScalarType.UINT64],
  ["google.protobuf.Int32Value", ScalarType.INT32],
  ["google.protobuf.UInt32Value", ScalarType.UINT32],
]);

const ANY = "google.protobuf.Any";

/** Messages with a JSON form of their own in which a text may be a number. */
export const holdsNumbers = ({ typeName }: DescMessage): boolean =>
  typeName === ANY || WRAPPERS.has(typeName);

/** JSON of a message, or of a field, in which each value is what its visit makes of it. */
export function visited(
  value: JsonValue,
  shape: DescMessage | DescField,
  registry: Registry | undefined,
  visit: Visit,
): JsonValue {
  const ofMessage = (each: JsonValue, message: DescMessage): JsonValue => {
    const wrapped = WRAPPERS.get(message.typeName);
    if (wrapped !== undefined) return visit.scalar(wrapped, each);
    if (FREE.has(message.typeName) || !isObject(each)) return visit.free(each);
    if (message.typeName === ANY) return ofAny(each);
    return mapped(each, (member, name) => {
      const field = message.fields.find((known) => known.jsonName === name || known.name === name);
      return field === undefined ? visit.free(member) : ofField(member, field);
    });
  };
  const ofAny = (each: Readonly<Record<string, JsonValue>>): JsonValue => {
    const name = each["@type"];
    const type =
      typeof name === "string" ? registry?.getMessage(name.slice(name.lastIndexOf("/") + 1)) : undefined;
    if (type === undefined) return visit.free(each);
    // What has a JSON form of its own stands in `value`.
    if ("value" in each && /^google\.protobuf\./.test(type.typeName))
      return { ...each, value: ofMessage(each["value"]!, type) };
    return ofMessage(each, type);
  };
  const ofField = (each: JsonValue, field: DescField): JsonValue => {
    const single = (one: JsonValue): JsonValue => {
      if (field.message !== undefined) return ofMessage(one, field.message);
      return field.scalar === undefined ? visit.free(one) : visit.scalar(field.scalar, one);
    };
    if (field.fieldKind === "list" && Array.isArray(each)) return each.map(single);
    if (field.fieldKind !== "map" || !isObject(each)) return single(each);
    return mapped(each, (member, key) => {
      visit.key?.(field.mapKey, key);
      return single(member);
    });
  };
  return shape.kind === "message" ? ofMessage(value, shape) : ofField(value, shape);
}

export const isObject = (value: JsonValue): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const mapped = (
  value: Readonly<Record<string, JsonValue>>,
  each: (value: JsonValue, name: string) => JsonValue,
): JsonValue => Object.fromEntries(Object.entries(value).map(([name, member]) => [name, each(member, name)]));

/** JSON in which each value that holds no others is what is made of it. */
export function leavesMapped(value: JsonValue, leaf: (value: JsonValue) => JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((each) => leavesMapped(each, leaf));
  return isObject(value) ? mapped(value, (each) => leavesMapped(each, leaf)) : leaf(value);
}
