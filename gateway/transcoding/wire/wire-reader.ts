import { UNUSUAL } from "./unusual";

const NONE = Buffer.alloc(0);
const TWO_32 = 4_294_967_296;
/** All but ASCII that JSON writes as it is. */
const TO_LOOK_AT = /[^ !#-[\]-~]/;
/** What stands for bytes that are no UTF-8. */
const NO_CHARACTER = "\ufffd";
/** The mark of the order of bytes, which the library leaves out where a text begins with it. */
const BYTE_ORDER = "\ufeff";

/** Reads a message's values one after the other, each as JSON. @throws UNUSUAL where one is not whole */
export class WireReader {
  private bytes: Buffer = NONE;
  /** Of a varint: 32 bits each, without sign. */
  private low = 0;
  private high = 0;
  at = 0;

  begin(bytes: Buffer): void {
    this.bytes = bytes;
    this.at = 0;
  }

  /** Nothing is held on to. */
  end(): void {
    this.bytes = NONE;
  }

  /** Field and kind of what follows. */
  tag(): number {
    this.varint();
    if (this.high !== 0) throw UNUSUAL;
    return this.low;
  }

  /** Where something ends that tells its length. */
  until(): number {
    this.varint();
    const end = this.at + this.low;
    if (this.high !== 0 || end > this.bytes.length) throw UNUSUAL;
    return end;
  }

  /** What lies between here and there, which is passed over. */
  slice(end: number): Buffer {
    const slice = this.bytes.subarray(this.at, end);
    this.at = end;
    return slice;
  }

  int32(): number {
    this.varint();
    return this.low | 0;
  }

  uint32(): number {
    this.varint();
    return this.low;
  }

  sint32(): number {
    this.varint();
    return (this.low >>> 1) ^ -(this.low & 1);
  }

  bool(): boolean {
    this.varint();
    if (this.low > 1 || this.high !== 0) throw UNUSUAL;
    return this.low === 1;
  }

  int64(): string {
    this.varint();
    return this.signed();
  }

  uint64(): string {
    this.varint();
    return this.unsigned();
  }

  sint64(): string {
    this.varint();
    const negative = (this.low & 1) === 1;
    const low = ((this.low >>> 1) | (this.high << 31)) >>> 0;
    this.high >>>= 1;
    this.low = negative ? ~low >>> 0 : low;
    if (negative) this.high = ~this.high >>> 0;
    return this.signed();
  }

  fixed32(): number {
    const at = this.pass(4);
    return this.bytes.readUInt32LE(at);
  }

  sfixed32(): number {
    const at = this.pass(4);
    return this.bytes.readInt32LE(at);
  }

  fixed64(): string {
    this.pass64();
    return this.unsigned();
  }

  sfixed64(): string {
    this.pass64();
    return this.signed();
  }

  float(): number {
    return finite(this.bytes.readFloatLE(this.pass(4)));
  }

  double(): number {
    return finite(this.bytes.readDoubleLE(this.pass(8)));
  }

  /** With its quotes. */
  text(): string {
    const end = this.until();
    const value = this.bytes.toString("utf8", this.at, end);
    this.at = end;
    if (!TO_LOOK_AT.test(value)) return `"${value}"`;
    if (value.includes(NO_CHARACTER) || value.startsWith(BYTE_ORDER)) throw UNUSUAL;
    return JSON.stringify(value);
  }

  /** In base64, with its quotes. */
  base64(): string {
    const end = this.until();
    const value = this.bytes.toString("base64", this.at, end);
    this.at = end;
    return `"${value}"`;
  }

  private varint(): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[this.at++];
      if (byte === undefined) throw UNUSUAL;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw UNUSUAL;
  }

  private signed(): string {
    const high = this.high | 0;
    const value = high * TWO_32 + this.low;
    return Number.isSafeInteger(value) ? `"${value}"` : `"${(BigInt(high) << 32n) | BigInt(this.low)}"`;
  }

  private unsigned(): string {
    const value = this.high * TWO_32 + this.low;
    return Number.isSafeInteger(value) ? `"${value}"` : `"${(BigInt(this.high) << 32n) | BigInt(this.low)}"`;
  }

  private pass64(): void {
    const at = this.pass(8);
    this.low = this.bytes.readUInt32LE(at);
    this.high = this.bytes.readUInt32LE(at + 4);
  }

  private pass(size: number): number {
    const { at } = this;
    this.at += size;
    if (this.at > this.bytes.length) throw UNUSUAL;
    return at;
  }
}

/** What has no digits is a text in JSON. */
function finite(value: number): number {
  if (!Number.isFinite(value)) throw UNUSUAL;
  return value;
}
