import {
  type DescField,
  type DescMessage,
  fromBinary,
  type JsonWriteOptions,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { numberText, shortFloat, writtenJson } from "../written-json";
import { isKnown } from "./json-to-wire";
import { byLibrary, unlessUnusual, UNUSUAL } from "./unusual";
import { WireReader } from "./wire-reader";

/** Levels of messages that are looked at here; the library says how many there may be. */
const DEEPEST = 50;
/** Characters of a map's JSON in which a key is looked for. */
const MOST_SEARCHED = 2_000;
const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** Reads one value, and writes it as JSON. */
type Take = (depth: number) => string;

/** How the values of a type are read. */
interface Form {
  readonly wire: number;
  readonly take: Take;
  /** JSON of what a field has that is not there. */
  readonly zero: string;
}

/** How one field of a message is read. */
interface Entry {
  readonly field: DescField;
  /** Its place among those of its message, which are in the order of their numbers. */
  readonly place: number;
  /** With its colon. */
  readonly name: string;
  /** What it has, and what is left out, where it is not there; undefined where it is only what has been sent. */
  readonly zero: string | undefined;
  /** Reads what follows a tag of this kind. @param so what has come of the field before */
  take(wire: number, depth: number, so: string | undefined): string;
}

interface Shape {
  readonly byNumber: ReadonlyMap<number, Entry>;
  readonly entries: readonly Entry[];
}

/** Writes messages straight as JSON, without an object of the library's in between, as `JsonToWire` reads them. */
export class WireToJson {
  private readonly input = new WireReader();
  private readonly shapes = new Map<DescMessage, Shape | undefined>();
  private readonly forms = formsOf(this.input);

  constructor(private readonly writing: Partial<JsonWriteOptions>) {}

  /** @returns undefined where it is for the library */
  message(type: DescMessage, bytes: Buffer): string | undefined {
    if (isKnown(type)) return undefined;
    this.input.begin(bytes);
    const text = unlessUnusual(() => this.take(type, bytes.length, 1));
    this.input.end();
    return text;
  }

  private take(type: DescMessage, end: number, depth: number): string {
    const shape = this.shapeOf(type);
    if (shape === undefined || depth > DEEPEST) throw UNUSUAL;
    const { input } = this;
    const values: (string | undefined)[] = shape.entries.map(() => undefined);
    let oneofs: Set<unknown> | undefined;
    while (input.at < end) {
      const tag = input.tag();
      const entry = shape.byNumber.get(tag >>> 3);
      if (entry === undefined) throw UNUSUAL;
      const { place } = entry;
      const { oneof } = entry.field;
      // The last member of a oneof is the one that counts.
      if (oneof !== undefined) {
        if (oneofs?.has(oneof) === true) throw UNUSUAL;
        (oneofs ??= new Set()).add(oneof);
      }
      values[place] = entry.take(tag & 7, depth, values[place]);
    }
    if (input.at > end) throw UNUSUAL;
    return this.written(shape, values);
  }

  private written({ entries }: Shape, values: readonly (string | undefined)[]): string {
    const all = this.writing.alwaysEmitImplicit === true;
    let text = "";
    for (const { place, name, zero, field } of entries) {
      let value = values[place];
      if (value !== undefined && field.fieldKind === "list") value = `[${value}]`;
      if (value !== undefined && field.fieldKind === "map") value = `{${value}}`;
      if (value === undefined || value === zero) {
        if (zero === undefined || !all) continue;
        value = zero;
      }
      text += `${text === "" ? "" : ","}${name}${value}`;
    }
    return `{${text}}`;
  }

  private shapeOf(type: DescMessage): Shape | undefined {
    if (this.shapes.has(type)) return this.shapes.get(type);
    const entries: Entry[] = [];
    const byNumber = new Map<number, Entry>();
    const required = type.fields.some(({ presence }) => presence === Presence.LEGACY_REQUIRED);
    this.shapes.set(type, required ? undefined : { byNumber, entries });
    for (const field of [...type.fields].sort((one, other) => one.number - other.number)) {
      const name = this.writing.useProtoFieldName === true ? field.name : field.jsonName;
      const form = this.formOf(field);
      const entry = {
        field,
        place: entries.length,
        name: `${JSON.stringify(name)}:`,
        zero: zeroOf(field, form),
        take: form === undefined ? unusual : this.takeOf(field, form),
      };
      entries.push(entry);
      byNumber.set(field.number, entry);
    }
    return this.shapes.get(type);
  }

  private takeOf(field: DescField, form: Form): Entry["take"] {
    if (field.fieldKind === "map") return this.mapTake(field, form);
    if (field.fieldKind === "list") return this.listTake(form);
    return (wire, depth, so) => {
      // Messages of a field that is there twice are merged.
      if (wire !== form.wire || so !== undefined) throw UNUSUAL;
      return form.take(depth);
    };
  }

  private listTake(form: Form): Entry["take"] {
    const { input } = this;
    return (wire, depth, so) => {
      let text = so === undefined ? "" : `${so},`;
      if (wire === form.wire) return text + form.take(depth);
      if (wire !== WIRE.length) throw UNUSUAL;
      const end = input.until();
      if (input.at === end) throw UNUSUAL;
      for (let first = true; input.at < end; first = false) text += (first ? "" : ",") + form.take(depth);
      if (input.at > end) throw UNUSUAL;
      return text;
    };
  }

  /** One entry of a map: key and value, both there. */
  private mapTake({ mapKey }: DescField & { readonly fieldKind: "map" }, form: Form): Entry["take"] {
    const { input } = this;
    if (mapKey !== ScalarType.STRING) return unusual;
    return (wire, depth, so) => {
      if (wire !== WIRE.length) throw UNUSUAL;
      const end = input.until();
      if (input.tag() !== ((1 << 3) | WIRE.length)) throw UNUSUAL;
      const key = `${input.text()}:`;
      // Of two entries with the same key the last one counts; in a large map it takes long to look for one.
      if (so !== undefined && (so.length > MOST_SEARCHED || so.includes(key))) throw UNUSUAL;
      if (input.at >= end || input.tag() !== ((2 << 3) | form.wire)) throw UNUSUAL;
      const value = form.take(depth);
      if (input.at !== end) throw UNUSUAL;
      return `${so === undefined ? "" : `${so},`}${key}${value}`;
    };
  }

  private formOf(field: DescField): Form | undefined {
    if (field.scalar !== undefined) return this.forms[field.scalar];
    if (field.enum !== undefined) return this.enumForm(field.enum);
    const { message } = field;
    if (message === undefined || ("delimitedEncoding" in field && field.delimitedEncoding)) return undefined;
    return { wire: WIRE.length, zero: "", take: (depth) => this.takeInner(message, depth) };
  }

  private takeInner(type: DescMessage, depth: number): string {
    const end = this.input.until();
    if (!isKnown(type)) return this.take(type, end, depth + 1);
    const bytes = this.input.slice(end);
    return byLibrary(() =>
      writtenJson(toJson(type, fromBinary(type, bytes), this.writing), type, this.writing.registry),
    );
  }

  private enumForm({ open, typeName, values }: DescField["enum"] & object): Form | undefined {
    if (!open || typeName === "google.protobuf.NullValue") return undefined;
    const names = new Map<number, string>();
    if (this.writing.enumAsInteger !== true)
      for (const { number, jsonName } of values)
        if (!names.has(number)) names.set(number, JSON.stringify(jsonName));
    const { input } = this;
    const told = (number: number): string => names.get(number) ?? `${number}`;
    return { wire: WIRE.varint, take: () => told(input.int32()), zero: told(values[0]!.number) };
  }
}

const unusual: Entry["take"] = () => {
  throw UNUSUAL;
};

function zeroOf({ fieldKind, presence }: DescField, form: Form | undefined): string | undefined {
  if (fieldKind === "list") return "[]";
  if (fieldKind === "map") return "{}";
  return presence === Presence.IMPLICIT ? form?.zero : undefined;
}

function formsOf(input: WireReader): Readonly<Record<ScalarType, Form>> {
  const form = (wire: number, zero: string, take: Take): Form => ({ wire, zero, take });
  const { varint, fixed32, fixed64, length } = WIRE;
  return {
    [ScalarType.INT32]: form(varint, "0", () => `${input.int32()}`),
    [ScalarType.UINT32]: form(varint, "0", () => `${input.uint32()}`),
    [ScalarType.SINT32]: form(varint, "0", () => `${input.sint32()}`),
    [ScalarType.FIXED32]: form(fixed32, "0", () => `${input.fixed32()}`),
    [ScalarType.SFIXED32]: form(fixed32, "0", () => `${input.sfixed32()}`),
    [ScalarType.INT64]: form(varint, '"0"', () => input.int64()),
    [ScalarType.UINT64]: form(varint, '"0"', () => input.uint64()),
    [ScalarType.SINT64]: form(varint, '"0"', () => input.sint64()),
    [ScalarType.FIXED64]: form(fixed64, '"0"', () => input.fixed64()),
    [ScalarType.SFIXED64]: form(fixed64, '"0"', () => input.sfixed64()),
    [ScalarType.FLOAT]: form(fixed32, "0", () => numberText(shortFloat(input.float()))),
    [ScalarType.DOUBLE]: form(fixed64, "0", () => numberText(input.double())),
    [ScalarType.BOOL]: form(varint, "false", () => (input.bool() ? "true" : "false")),
    [ScalarType.STRING]: form(length, '""', () => input.text()),
    [ScalarType.BYTES]: form(length, '""', () => input.base64()),
  };
}
