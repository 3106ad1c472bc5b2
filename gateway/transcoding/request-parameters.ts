import { type DescField, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { BadRequest } from "./bad-request";
import { type FoundBinding } from "./method-table";
import { fieldPathOf, type FieldPath } from "./field-path";
import { FilledMessage } from "./filled-message";
import { type RequestForm } from "./request-form";

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

/**
 * What path and query say, as JSON of the fields that they fill, to be merged into what the body has filled.
 *
 * @param query without its question mark
 * @param ignoring parameters that name no field are passed over
 * @param form how requests were made before they became calls
 * @returns undefined where they say nothing
 * @throws BadRequest
 */
export function parametersOf(
  { binding, values }: FoundBinding,
  query: string,
  ignoring: boolean,
  form?: RequestForm,
): JsonValue | undefined {
  if (query === "" && values.length === 0) return undefined;
  const filled = new FilledMessage();
  if (query !== "") {
    const { input } = binding.method.method;
    const free = (path: FieldPath): boolean =>
      binding.body !== "*" &&
      path[0] !== binding.body &&
      !binding.variables.some((bound) => bound.path.every((field, index) => field === path[index]));
    if (form !== undefined) form.query(input, query, free, filled);
    else
      for (const [name, value] of new URLSearchParams(query)) {
        const path = fieldPathOf(input, name.split("."));
        if (path !== undefined && free(path)) put(filled, path, value, name);
        else if (!ignoring) throw notFree(name);
      }
  }
  binding.variables.forEach(({ path, variable }, index) =>
    put(filled, path, values[index]!, variable.field.join(".")),
  );
  return filled.empty ? undefined : filled.json();
}

export const notFree = (name: string): BadRequest =>
  new BadRequest(`parameter ${name}: no field that the query may fill`);

function put(filled: FilledMessage, path: FieldPath, text: string, name: string): void {
  const field = path.at(-1)!;
  if (field.fieldKind === "map") throw noSingle(name);
  const value = jsonOf(field, text, name);
  if (field.fieldKind === "list") filled.add(path, value, `parameter ${name}`);
  else filled.put(path, value, `parameter ${name}`);
}

const noSingle = (name: string): BadRequest =>
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
