import {
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonReadOptions,
  type JsonValue,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import { byLibrary, unlessUnusual, UNUSUAL } from "./unusual";
import { WireWriter } from "./wire-writer";

/** Levels of messages that are looked at here; the library says how many there may be. */
const DEEPEST = 50;
const INTEGER = /^(?:0|-?[1-9]\d{0,19})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Characters of base64 that are looked at here. */
const MOST_BASE64 = 65_536;
const FLOAT_MAX = 3.4028234663852886e38;
const LEAST_64 = -(2n ** 63n);
const MOST_64 = 2n ** 63n - 1n;
const MOST_UNSIGNED_64 = 2n ** 64n - 1n;
/** Within these doubling loses nothing. */
const HALF_SAFE = 2 ** 52;
/** What a tag says of the value that follows (protobuf.dev, Encoding). */
const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** How the values of a type are written: none but those that need no thought. */
interface Form<T> {
  readonly wire: number;
  /** @throws UNUSUAL */
  read(value: JsonValue): T;
  write(value: T): void;
  /** It is what a field has that is not there. */
  isZero(value: T): boolean;
}

interface Entry {
  readonly field: DescField;
  put(value: JsonValue, depth: number): void;
}

type Put = Entry["put"];

/**
 * Writes messages straight from their JSON, without an object of the library's in between: what comes usually. All else,
 * and whatever is wrong, is the library's to do.
 */
export class JsonToWire {
  private readonly out = new WireWriter();
  private readonly fields = new Map<DescMessage, ReadonlyMap<string, Entry> | undefined>();
  private readonly forms = this.makeForms();

  constructor(private readonly reading: Partial<JsonReadOptions>) {}

  /** @returns undefined where it is for the library */
  message(type: DescMessage, value: JsonValue): Buffer | undefined {
    if (isKnown(type)) return undefined;
    return unlessUnusual(() => {
      this.out.begin();
      this.put(type, value, 1);
      return this.out.end();
    });
  }

  private put(type: DescMessage, value: JsonValue, depth: number): void {
    const fields = this.fieldsOf(type);
    if (fields === undefined || !isObject(value) || depth > DEEPEST) throw UNUSUAL;
    let oneofs: Set<unknown> | undefined;
    for (const name of Object.keys(value)) {
      const entry = fields.get(name);
      if (entry === undefined) throw UNUSUAL;
      const { oneof, jsonName } = entry.field;
      // Two members of a oneof, and a field by both of its names, are refused.
      if (oneof !== undefined) {
        if (oneofs?.has(oneof) === true) throw UNUSUAL;
        (oneofs ??= new Set()).add(oneof);
      }
      if (name !== jsonName && Object.hasOwn(value, jsonName)) throw UNUSUAL;
      entry.put(value[name]!, depth);
    }
  }

  /** Undefined where the library has to look whether all of them are there that have to be. */
  private fieldsOf(type: DescMessage): ReadonlyMap<string, Entry> | undefined {
    if (this.fields.has(type)) return this.fields.get(type);
    const fields = new Map<string, Entry>();
    const required = type.fields.some(({ presence }) => presence === Presence.LEGACY_REQUIRED);
    this.fields.set(type, required ? undefined : fields);
    for (const field of type.fields) {
      const entry = { field, put: this.putOf(field) };
      fields.set(field.name, entry).set(field.jsonName, entry);
    }
    return this.fields.get(type);
  }

  private putOf(field: DescField): Put {
    if (field.fieldKind === "map") return this.mapPut(field);
    if (field.fieldKind === "list") return this.listPut(field);
    if (field.message !== undefined) return this.messagePut(field, field.message);
    const form = this.formOf(field);
    if (form === undefined) return unusual;
    const tag = tagOf(field, form.wire);
    const implicit = field.presence === Presence.IMPLICIT;
    return (value) => {
      const read = form.read(value);
      if (implicit && form.isZero(read)) return;
      this.out.uint32(tag);
      form.write(read);
    };
  }

  private messagePut(field: DescField & { readonly delimitedEncoding: boolean }, type: DescMessage): Put {
    if (field.delimitedEncoding) return unusual;
    const tag = tagOf(field, WIRE.length);
    return (value, depth) => {
      this.out.uint32(tag);
      this.putInner(type, value, depth);
    };
  }

  private putInner(type: DescMessage, value: JsonValue, depth: number): void {
    if (value === null) throw UNUSUAL;
    if (isKnown(type)) {
      this.out.raw(byLibrary(() => toBinary(type, fromJson(type, value, this.reading))));
      return;
    }
    const from = this.out.open();
    this.put(type, value, depth + 1);
    this.out.close(from);
  }

  private listPut(field: DescField & { readonly fieldKind: "list" }): Put {
    if (field.listKind === "message") {
      const put = this.messagePut(field, field.message);
      return (value, depth) => {
        for (const each of listed(value)) put(each, depth);
      };
    }
    const form = this.formOf(field);
    if (form === undefined) return unusual;
    const tag = tagOf(field, field.packed ? WIRE.length : form.wire);
    if (!field.packed)
      return (value) => {
        for (const each of listed(value)) {
          const read = form.read(each);
          this.out.uint32(tag);
          form.write(read);
        }
      };
    return (value) => {
      const values = listed(value);
      if (values.length === 0) return;
      this.out.uint32(tag);
      const from = this.out.open();
      for (const each of values) form.write(form.read(each));
      this.out.close(from);
    };
  }

  private mapPut(field: DescField & { readonly fieldKind: "map" }): Put {
    const { message } = field;
    const form = message === undefined ? this.formOf(field) : undefined;
    if (field.mapKey !== ScalarType.STRING || (message === undefined && form === undefined)) return unusual;
    const tag = tagOf(field, WIRE.length);
    const keyTag = (1 << 3) | WIRE.length;
    const valueTag = (2 << 3) | (form?.wire ?? WIRE.length);
    const key = this.forms[ScalarType.STRING] as Form<string>;
    return (value, depth) => {
      if (!isObject(value)) throw UNUSUAL;
      for (const name of Object.keys(value)) {
        this.out.uint32(tag);
        const from = this.out.open();
        this.out.uint32(keyTag);
        key.write(key.read(name));
        this.out.uint32(valueTag);
        if (form !== undefined) form.write(form.read(value[name]!));
        else this.putInner(message!, value[name]!, depth);
        this.out.close(from);
      }
    };
  }

  private formOf({ scalar, enum: choices }: DescField): Form<unknown> | undefined {
    if (scalar !== undefined) return this.forms[scalar] as Form<unknown>;
    return choices === undefined ? undefined : (this.enumForm(choices) as Form<unknown> | undefined);
  }

  private enumForm(choices: DescEnum): Form<number> | undefined {
    if (!choices.open || choices.typeName === "google.protobuf.NullValue") return undefined;
    const int32 = this.forms[ScalarType.INT32];
    const numbers = new Map<JsonValue, number>();
    for (const { jsonName, number } of choices.values) numbers.set(jsonName, number);
    for (const { name, number } of choices.values) numbers.set(name, number);
    return { ...int32, read: (value) => numbers.get(value) ?? int32.read(value) };
  }

  private makeForms() {
    const { out } = this;
    const isNone = (value: unknown): boolean => value === 0;
    const isEmpty = (value: string): boolean => value === "";
    const integer = (
      write: (value: number) => void,
      read: Form<number>["read"],
      wire: number = WIRE.varint,
    ) => ({
      ...{ wire, read, write, isZero: isNone },
    });
    const long = (
      write: (value: number | bigint) => void,
      read: Form<number | bigint>["read"],
      wire: number = WIRE.varint,
    ) => ({ wire, read, write, isZero: isNone });
    return {
      [ScalarType.INT32]: integer((value) => (value < 0 ? out.varint64(value) : out.uint32(value)), signed),
      [ScalarType.UINT32]: integer((value) => out.uint32(value), unsigned),
      [ScalarType.SINT32]: integer((value) => out.uint32(((value << 1) ^ (value >> 31)) >>> 0), signed),
      [ScalarType.FIXED32]: integer((value) => out.fixed32(value), unsigned, WIRE.fixed32),
      [ScalarType.SFIXED32]: integer((value) => out.fixed32(value), signed, WIRE.fixed32),
      [ScalarType.INT64]: long((value) => out.varint64(value), longOf(LEAST_64, MOST_64)),
      [ScalarType.UINT64]: long((value) => out.varint64(value), longOf(0n, MOST_UNSIGNED_64)),
      [ScalarType.SINT64]: long((value) => out.varint64(zigzag(value)), longOf(LEAST_64, MOST_64)),
      [ScalarType.FIXED64]: long((value) => out.fixed64(value), longOf(0n, MOST_UNSIGNED_64), WIRE.fixed64),
      [ScalarType.SFIXED64]: long((value) => out.fixed64(value), longOf(LEAST_64, MOST_64), WIRE.fixed64),
      [ScalarType.FLOAT]: {
        wire: WIRE.fixed32,
        read: (value: JsonValue) => {
          if (typeof value !== "number" || Math.abs(value) > FLOAT_MAX) throw UNUSUAL;
          return value;
        },
        write: (value: number) => out.float(value),
        isZero: isPositiveZero,
      },
      [ScalarType.DOUBLE]: {
        wire: WIRE.fixed64,
        read: (value: JsonValue) => {
          if (typeof value !== "number" || !Number.isFinite(value)) throw UNUSUAL;
          return value;
        },
        write: (value: number) => out.double(value),
        isZero: isPositiveZero,
      },
      [ScalarType.BOOL]: {
        wire: WIRE.varint,
        read: (value: JsonValue) => {
          if (typeof value !== "boolean") throw UNUSUAL;
          return value;
        },
        write: (value: boolean) => out.uint32(value ? 1 : 0),
        isZero: (value: boolean) => !value,
      },
      [ScalarType.STRING]: {
        wire: WIRE.length,
        read: (value: JsonValue) => {
          if (typeof value !== "string" || !isWellFormed(value)) throw UNUSUAL;
          return value;
        },
        write: (value: string) => out.text(value),
        isZero: isEmpty,
      },
      [ScalarType.BYTES]: {
        wire: WIRE.length,
        read: (value: JsonValue) => {
          if (typeof value !== "string" || value.length > MOST_BASE64 || !BASE64.test(value)) throw UNUSUAL;
          return value;
        },
        write: (value: string) => out.base64(value),
        isZero: isEmpty,
      },
    };
  }
}

const unusual: Put = () => {
  throw UNUSUAL;
};

const tagOf = ({ number }: DescField, wire: number): number => ((number << 3) | wire) >>> 0;

/** It may have a form of its own in JSON. */
export const isKnown = ({ typeName }: DescMessage): boolean => typeName.startsWith("google.protobuf.");

const isObject = (value: JsonValue): value is { [name: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Without half of a surrogate pair. Node has it since 20, and its types later. */
const isWellFormed = (value: string): boolean =>
  (value as string & { isWellFormed(): boolean }).isWellFormed();

const isPositiveZero = (value: number): boolean => Object.is(value, 0);

function listed(value: JsonValue): JsonValue[] {
  if (!Array.isArray(value)) throw UNUSUAL;
  return value;
}

function signed(value: JsonValue): number {
  if (typeof value !== "number" || (value | 0) !== value) throw UNUSUAL;
  return value;
}

function unsigned(value: JsonValue): number {
  if (typeof value !== "number" || value >>> 0 !== value) throw UNUSUAL;
  return value;
}

const longOf =
  (least: bigint, most: bigint) =>
  (value: JsonValue): number | bigint => {
    if (typeof value === "string" && !INTEGER.test(value)) throw UNUSUAL;
    const number = typeof value === "string" ? Number(value) : value;
    if (typeof number !== "number") throw UNUSUAL;
    if (Number.isSafeInteger(number)) {
      if (number < 0 && least === 0n) throw UNUSUAL;
      return number;
    }
    // What is not safe has lost digits already, unless it is a text.
    if (typeof value !== "string") throw UNUSUAL;
    const long = BigInt(value);
    if (long < least || long > most) throw UNUSUAL;
    return long;
  };

function zigzag(value: number | bigint): number | bigint {
  if (typeof value === "number" && Math.abs(value) < HALF_SAFE) return value < 0 ? -2 * value - 1 : 2 * value;
  const long = BigInt(value);
  return long < 0n ? -2n * long - 1n : 2n * long;
}
