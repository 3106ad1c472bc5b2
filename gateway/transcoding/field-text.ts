import { type DescField, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { BadRequest } from "./bad-request";

/** Messages that JSON writes as one text (the JSON mapping of proto3). */
const TEXTS = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
  "google.protobuf.StringValue",
  "google.protobuf.BytesValue",
]);
const NUMBERS = new Set(
  ["Int32", "UInt32", "Int64", "UInt64", "Float", "Double"].map((of) => `google.protobuf.${of}Value`),
);
/** What is a number, whichever of them its field takes. The library takes more for one, such as `0x10`. */
const NUMBER = /^(?:[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/;

export const notFree = (name: string): BadRequest =>
  new BadRequest(`parameter ${name}: no field that the query may fill`);

export const noSingle = (name: string): BadRequest =>
  new BadRequest(`parameter ${name}: names a message, and not a field of it that has a value`);

/** Its value, or that of each that it holds, is a text or a number in JSON, or true or false. */
export function isSingle({ message }: DescField): boolean {
  const name = message?.typeName;
  return name === undefined || TEXTS.has(name) || NUMBERS.has(name) || name === "google.protobuf.BoolValue";
}

/** An empty text is a value of it. */
export const isText = ({ scalar, message }: DescField): boolean =>
  scalar === ScalarType.STRING ||
  scalar === ScalarType.BYTES ||
  message?.typeName === "google.protobuf.StringValue" ||
  message?.typeName === "google.protobuf.BytesValue";

export const isBoolean = ({ scalar, message }: DescField): boolean =>
  scalar === ScalarType.BOOL || message?.typeName === "google.protobuf.BoolValue";

/**
 * A text as the JSON that says the same of a field, or of one of those that it holds; whether it fits is the decoder's to
 * say.
 *
 * @throws BadRequest
 */
export function jsonOf(field: DescField, text: string, name: string): JsonValue {
  if (field.enum !== undefined) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (isBoolean(field)) {
    if (text !== "true" && text !== "false")
      throw new BadRequest(`parameter ${name}: ${JSON.stringify(text)} is not true or false`);
    return text === "true";
  }
  if (!isSingle(field)) throw noSingle(name);
  const message = field.message?.typeName;
  const asNumber = message === undefined ? !isText(field) : NUMBERS.has(message);
  if (asNumber && !NUMBER.test(text))
    throw new BadRequest(`parameter ${name}: ${JSON.stringify(text)} is not a number`);
  return text;
}
