import { type DescEnum, type DescField, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { UNUSUAL } from "./unusual";
import { type WireWriter } from "./wire-writer";

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
export const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** How the values of a type are written: none but those that need no thought. */
export interface Form<T> {
  readonly wire: number;
  /** @throws UNUSUAL */
  read(value: JsonValue): T;
  write(value: T): void;
  /** It is what a field has that is not there. */
  isZero(value: T): boolean;
}

/** Of each scalar type. */
export type ScalarForms = ReturnType<typeof scalarForms>;

/** @param out what values are written to */
export function scalarForms(out: WireWriter) {
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

/** @returns undefined where it is for the library */
export function enumForm(choices: DescEnum, forms: ScalarForms): Form<number> | undefined {
  if (!choices.open || choices.typeName === "google.protobuf.NullValue") return undefined;
  const int32 = forms[ScalarType.INT32];
  const numbers = new Map<JsonValue, number>();
  for (const { jsonName, number } of choices.values) numbers.set(jsonName, number);
  for (const { name, number } of choices.values) numbers.set(name, number);
  return { ...int32, read: (value) => numbers.get(value) ?? int32.read(value) };
}

export const tagOf = ({ number }: DescField, wire: number): number => ((number << 3) | wire) >>> 0;

/** Without half of a surrogate pair. Node has it since 20, and its types later. */
const isWellFormed = (value: string): boolean =>
  (value as string & { isWellFormed(): boolean }).isWellFormed();

const isPositiveZero = (value: number): boolean => Object.is(value, 0);

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
