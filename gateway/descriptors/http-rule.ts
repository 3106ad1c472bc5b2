import { type MethodOptions } from "@bufbuild/protobuf/wkt";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** By which HTTP request a method is asked for: google.api.HttpRule, as far as it says that. */
export interface HttpRule {
  /** In upper case; `*` for any. */
  readonly method: string;
  /** A path template. */
  readonly path: string;
  /** The field that holds the body, `*` for all that the path does not bind, or empty for none. */
  readonly body: string;
  /** The field that is answered with, or empty for all of the message. */
  readonly responseBody: string;
  readonly additional: readonly HttpRule[];
}

/** The number of the extension google.api.http (google/api/annotations.proto). */
const HTTP_EXTENSION = 72295728;
/** Fields of google.api.HttpRule and of google.api.CustomHttpPattern (google/api/http.proto). */
const PATTERNS = new Map([
  [2, "GET"],
  [3, "PUT"],
  [4, "POST"],
  [5, "DELETE"],
  [6, "PATCH"],
]);
const BODY = 7;
const CUSTOM = 8;
const CUSTOM_KIND = 1;
const CUSTOM_PATH = 2;
const ADDITIONAL = 11;
const RESPONSE_BODY = 12;

/** What a method's options say of google.api.http; undefined where they say nothing. */
export function httpRuleOf(options: MethodOptions | undefined): HttpRule | undefined {
  const said = options?.$unknown?.filter(({ no }) => no === HTTP_EXTENSION) ?? [];
  // Of a message that comes in parts, the parts are merged: their bytes one after the other are that.
  const parts = said.map(({ data }) => new BinaryReader(data).bytes());
  return parts.length === 0 ? undefined : readRule(Buffer.concat(parts));
}

/** The same rule as the bytes that follow the extension's number in options. */
export function unknownHttpRule(rule: HttpRule): NonNullable<MethodOptions["$unknown"]>[number] {
  return {
    no: HTTP_EXTENSION,
    wireType: WireType.LengthDelimited,
    data: new BinaryWriter().bytes(writtenRule(rule)).finish(),
  };
}

function readRule(bytes: Uint8Array): HttpRule {
  const reader = new BinaryReader(bytes);
  const additional: HttpRule[] = [];
  let [method, path, body, responseBody] = ["", "", "", ""];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const pattern = PATTERNS.get(field);
    if (pattern !== undefined) [method, path] = [pattern, reader.string()];
    else if (field === BODY) body = reader.string();
    else if (field === RESPONSE_BODY) responseBody = reader.string();
    else if (field === CUSTOM) [method, path] = readCustom(reader.bytes());
    else if (field === ADDITIONAL) additional.push(readRule(reader.bytes()));
    else reader.skip(wireType, field);
  }
  return { method, path, body, responseBody, additional };
}

function readCustom(bytes: Uint8Array): [string, string] {
  const reader = new BinaryReader(bytes);
  let [kind, path] = ["", ""];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === CUSTOM_KIND) kind = reader.string();
    else if (field === CUSTOM_PATH) path = reader.string();
    else reader.skip(wireType, field);
  }
  return [kind, path];
}

function writtenRule({ method, path, body, responseBody, additional }: HttpRule): Uint8Array {
  const writer = new BinaryWriter();
  const text = (field: number, value: string): void => {
    if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
  };
  const pattern = [...PATTERNS].find(([, name]) => name === method)?.[0];
  if (pattern !== undefined) text(pattern, path);
  else {
    const custom = new BinaryWriter();
    custom.tag(CUSTOM_KIND, WireType.LengthDelimited).string(method);
    custom.tag(CUSTOM_PATH, WireType.LengthDelimited).string(path);
    writer.tag(CUSTOM, WireType.LengthDelimited).bytes(custom.finish());
  }
  text(BODY, body);
  for (const each of additional) writer.tag(ADDITIONAL, WireType.LengthDelimited).bytes(writtenRule(each));
  text(RESPONSE_BODY, responseBody);
  return writer.finish();
}
