import {
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";

const STRING_OR_LONG = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/g;
const MARK = "\u0000";
const WIDE = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const FREE = new Set(["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"]);
const WIDE_WRAPPERS = new Set(["google.protobuf.Int64Value", "google.protobuf.UInt64Value"]);

/** A JSON text's value, with a mark in the place of each long integer, which `exactly` takes away. @param text that `JSON.parse` takes */
export const markedNumbers = (text: string): JsonValue =>
  JSON.parse(
    text.replace(STRING_OR_LONG, (each) => (each.startsWith('"') ? each : `"\\u0000${each}"`)),
  ) as JsonValue;

/**
 * JSON of a message, or of a field, in which no digit of a 64-bit integer is lost: such a number becomes the text that
 * proto3's JSON writes for it. A number in any other place is a double.
 *
 * @param value of `markedNumbers`
 */
export const exactly = (value: JsonValue, shape: DescMessage | DescField, registry: Registry): JsonValue =>
  shape.kind === "message" ? ofMessage(value, shape, registry) : ofField(value, shape, registry);

function ofMessage(value: JsonValue, message: DescMessage, registry: Registry): JsonValue {
  if (WIDE_WRAPPERS.has(message.typeName)) return wide(value);
  if (FREE.has(message.typeName) || !isObject(value)) return rounded(value);
  if (message.typeName === "google.protobuf.Any") return ofAny(value, registry);
  return mapped(value, (each, name) => {
    const field = message.fields.find((known) => known.jsonName === name || known.name === name);
    return field === undefined ? rounded(each) : ofField(each, field, registry);
  });
}

function ofAny(value: Readonly<Record<string, JsonValue>>, registry: Registry): JsonValue {
  const name = value["@type"];
  const type =
    typeof name === "string" ? registry.getMessage(name.slice(name.lastIndexOf("/") + 1)) : undefined;
  if (type === undefined) return rounded(value);
  // What has a JSON form of its own stands in `value`.
  if ("value" in value && /^google\.protobuf\./.test(type.typeName))
    return { ...value, value: ofMessage(value["value"]!, type, registry) };
  return ofMessage(value, type, registry);
}

function ofField(value: JsonValue, field: DescField, registry: Registry): JsonValue {
  const single = (each: JsonValue): JsonValue => {
    if (field.message !== undefined) return ofMessage(each, field.message, registry);
    return field.scalar !== undefined && WIDE.has(field.scalar) ? wide(each) : rounded(each);
  };
  if (field.fieldKind === "list" && Array.isArray(value)) return value.map(single);
  if (field.fieldKind === "map" && isObject(value)) return mapped(value, single);
  return single(value);
}

const wide = (value: JsonValue): JsonValue =>
  typeof value === "string" && value.startsWith(MARK) ? value.slice(1) : rounded(value);

function rounded(value: JsonValue): JsonValue {
  if (typeof value === "string") return value.startsWith(MARK) ? Number(value.slice(1)) : value;
  if (Array.isArray(value)) return value.map(rounded);
  return isObject(value) ? mapped(value, rounded) : value;
}

const isObject = (value: JsonValue): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const mapped = (
  value: Readonly<Record<string, JsonValue>>,
  each: (value: JsonValue, name: string) => JsonValue,
): JsonValue => Object.fromEntries(Object.entries(value).map(([name, member]) => [name, each(member, name)]));
