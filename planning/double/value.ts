import { Decoder, Encoder, ExtensionCodec } from "@msgpack/msgpack";

/**
 * A value as Terraform sends it: null, a boolean, a number (or its decimal text when it does not fit),
 * a string, an array for lists, sets and tuples, an object for maps and objects, or UNKNOWN.
 * A value of type `dynamic` arrives as `[type in JSON as bytes, value]` and is passed on untouched.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | Unknown | Value[] | ValueObject;

export interface ValueObject {
  [name: string]: Value;
}

class Unknown {
  /** Sets the type apart: every value has a `toString`. */
  public readonly kind = "unknown";

  public toString(): string {
    return "(known after apply)";
  }
}

/** A value that only the real provider could tell, and only after apply. */
export const UNKNOWN = new Unknown();

export function isUnknown(value: Value | undefined): value is Unknown {
  return value instanceof Unknown;
}

export function isObject(value: Value | undefined): value is ValueObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !isUnknown(value)
  );
}

/** What a value of type `dynamic` holds, without its type; any other value as it is. */
export function withoutType(value: Value | undefined): Value | undefined {
  // Bytes come in no other value.
  return Array.isArray(value) && value[0] instanceof Uint8Array ? value[1] : value;
}

/** Whether a value is known in all its parts. */
export function isWhollyKnown(value: Value): boolean {
  if (isUnknown(value)) return false;
  if (Array.isArray(value)) return value.every(isWhollyKnown);
  return !isObject(value) || Object.values(value).every(isWhollyKnown);
}

// Terraform marks an unknown value by extension 0, and by 12 when it knows something of it already.
const UNKNOWN_TYPE = 0;
const REFINED_UNKNOWN_TYPE = 12;

const extensionCodec = new ExtensionCodec();
extensionCodec.register({
  type: UNKNOWN_TYPE,
  encode: (value) => (value instanceof Unknown ? new Uint8Array([0]) : null),
  decode: () => UNKNOWN,
});
extensionCodec.register({
  type: REFINED_UNKNOWN_TYPE,
  encode: () => null,
  decode: () => UNKNOWN,
});

// Decoder and encoder are made once: Terraform asks hundreds of times a second.
const decoder = new Decoder({ extensionCodec, useBigInt64: true });
const encoder = new Encoder({ extensionCodec, useBigInt64: true });

export function decodeValue(bytes: Uint8Array): Value {
  return decoder.decode(bytes) as Value;
}

export function encodeValue(value: Value): Uint8Array {
  return encoder.encode(value);
}

/** Whether two values are the same. Two unknown values are not: either may become anything. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (isUnknown(a) || isUnknown(b)) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((element, index) => sameValue(element, b[index]));
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (isObject(a) || isObject(b)) {
    if (!isObject(a) || !isObject(b)) return false;
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => sameValue(a[key], b[key]));
  }
  // A number may arrive as a 32-bit number once and as a 64-bit integer another time.
  if (typeof a === "bigint" || typeof b === "bigint") return String(a) === String(b);
  return a === b;
}
