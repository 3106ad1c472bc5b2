import { type DescField, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { BadRequest } from "./bad-request";
import { type FoundBinding } from "./method-table";
import { fieldPathOf, type FieldPath } from "./field-path";

/** JSON of the fields that path and query fill, to be merged into what the body has filled. */
type Overlay = { [name: string]: JsonValue };

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
 * What path and query say.
 *
 * @param query without its question mark
 * @param ignoring parameters that name no field are passed over
 * @returns undefined where they say nothing
 * @throws BadRequest
 */
export function parametersOf(
  { binding, values }: FoundBinding,
  query: string,
  ignoring: boolean,
): Overlay | undefined {
  const overlay: Overlay = {};
  if (query !== "") {
    const { input } = binding.method.method;
    for (const [name, value] of new URLSearchParams(query)) {
      const path = binding.body === "*" ? undefined : fieldPathOf(input, name.split("."));
      const free =
        path !== undefined &&
        path[0] !== binding.body &&
        !binding.variables.some((bound) => bound.path.every((field, index) => field === path[index]));
      if (free) put(overlay, path, value, name);
      else if (!ignoring) throw new BadRequest(`parameter ${name}: no field that the query may fill`);
    }
  }
  binding.variables.forEach(({ path, variable }, index) =>
    put(overlay, path, values[index]!, variable.field.join(".")),
  );
  return Object.keys(overlay).length === 0 ? undefined : overlay;
}

function put(overlay: Overlay, path: FieldPath, text: string, name: string): void {
  let within = overlay;
  for (const field of path.slice(0, -1)) within = (within[field.jsonName] ??= {}) as Overlay;
  const field = path.at(-1)!;
  const value = jsonOf(field, text, name);
  if (field.fieldKind === "list") ((within[field.jsonName] ??= []) as JsonValue[]).push(value);
  else if (field.jsonName in within) throw new BadRequest(`parameter ${name}: is there twice`);
  else within[field.jsonName] = value;
}

/** A text as the JSON that says the same; whether it fits its field is the decoder's to say. */
function jsonOf(field: DescField, text: string, name: string): JsonValue {
  if (field.enum !== undefined) return /^-?\d+$/.test(text) ? Number(text) : text;
  const message = field.fieldKind === "map" ? undefined : field.message?.typeName;
  const asBoolean = field.scalar === ScalarType.BOOL || message === "google.protobuf.BoolValue";
  if (asBoolean) {
    if (text !== "true" && text !== "false")
      throw new BadRequest(`parameter ${name}: ${JSON.stringify(text)} is not true or false`);
    return text === "true";
  }
  if (field.fieldKind === "map" || (message !== undefined && !TEXTS.has(message) && !NUMBERS.has(message)))
    throw new BadRequest(`parameter ${name}: names a message, and not a field of it that has a value`);
  const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  const asNumber = message === undefined ? !isText : NUMBERS.has(message);
  if (asNumber && !NUMBER.test(text))
    throw new BadRequest(`parameter ${name}: ${JSON.stringify(text)} is not a number`);
  return text;
}
