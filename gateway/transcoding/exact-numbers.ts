import {
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { leavesMapped, type Visit, visited } from "./typed-json";

const STRING_OR_LONG = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/g;
const MARK = "\u0000";
const WIDE = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

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
  visited(value, shape, registry, UNMARKING);

const UNMARKING: Visit = {
  scalar: (type, value) => (WIDE.has(type) && isMarked(value) ? value.slice(1) : rounded(value)),
  free: rounded,
};

const isMarked = (value: JsonValue): value is string => typeof value === "string" && value.startsWith(MARK);

function rounded(value: JsonValue): JsonValue {
  return leavesMapped(value, (each) => (isMarked(each) ? Number(each.slice(1)) : each));
}
