const BYTES = 16_384;
/** What is kept from one message to the next. */
const MOST_KEPT = 1_048_576;
/** In UTF-8 one byte tells their length, whatever they are. */
const SHORT = 42;
/** Bytes whose number one byte tells. */
const ONE_BYTE_LENGTH = 127;
const TWO_32 = 4_294_967_296;

/** Has texts in UTF-8. */
export interface TextSource {
  /** Puts its next one there. @returns its bytes; undefined where it has more than so many, or another form, and stays */
  copyText(into: Buffer, to: number, most: number): number | undefined;
}

/** Writes one message after the other in the encoding of Protocol Buffers, each value as its type has been checked. */
export class WireWriter {
  private bytes = Buffer.allocUnsafe(BYTES);
  private at = 0;

  /** @param before bytes that are left free for somebody else */
  begin(before: number): void {
    this.at = before;
    if (this.bytes.length > MOST_KEPT) this.bytes = Buffer.allocUnsafe(BYTES);
  }

  /** A copy of what has been written. */
  end(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.at));
  }

  uint32(value: number): void {
    this.reserve(5);
    let left = value;
    while (left > 127) {
      this.bytes[this.at++] = (left & 127) | 128;
      left >>>= 7;
    }
    this.bytes[this.at++] = left;
  }

  /** @param value a safe integer, or a bigint, of 64 bits with or without sign */
  varint64(value: number | bigint): void {
    if (typeof value === "number") this.halves(value >>> 0, Math.floor(value / TWO_32) >>> 0);
    else this.halves(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.at = this.bytes.writeUInt32LE(value >>> 0, this.at);
  }

  /** @param value as of `varint64` */
  fixed64(value: number | bigint): void {
    this.reserve(8);
    this.at = this.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), this.at);
  }

  float(value: number): void {
    this.reserve(4);
    this.at = this.bytes.writeFloatLE(value, this.at);
  }

  double(value: number): void {
    this.reserve(8);
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }

  text(value: string): void {
    const { length } = value;
    if (length <= SHORT) {
      this.reserve(1 + 3 * SHORT);
      const size = this.ascii(value) ?? this.bytes.write(value, this.at + 1, "utf8");
      this.bytes[this.at] = size;
      this.at += 1 + size;
      return;
    }
    const size = Buffer.byteLength(value);
    this.uint32(size);
    this.reserve(size);
    this.at += this.bytes.write(value, this.at, "utf8");
  }

  /** A text straight from where it is. @returns false where that has another one, of which nothing is written */
  shortText(source: TextSource): boolean {
    this.reserve(1 + ONE_BYTE_LENGTH);
    const size = source.copyText(this.bytes, this.at + 1, ONE_BYTE_LENGTH);
    if (size === undefined) return false;
    this.bytes[this.at] = size;
    this.at += 1 + size;
    return true;
  }

  base64(value: string): void {
    const size = Buffer.byteLength(value, "base64");
    this.uint32(size);
    this.reserve(size);
    this.at += this.bytes.write(value, this.at, "base64");
  }

  raw(value: Uint8Array): void {
    this.uint32(value.length);
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /** Something whose length is known once it is written. @returns what `close` is told */
  open(): number {
    this.reserve(1);
    return ++this.at;
  }

  close(from: number): void {
    const size = this.at - from;
    if (size < 128) {
      this.bytes[from - 1] = size;
      return;
    }
    let more = 0;
    for (let left = size >>> 7; left > 0; left >>>= 7) more++;
    this.reserve(more);
    this.bytes.copyWithin(from + more, from, this.at);
    const { at } = this;
    this.at = from - 1;
    this.uint32(size);
    this.at = at + more;
  }

  /** @returns undefined where it is no ASCII, and what has been written is to be written over */
  private ascii(value: string): number | undefined {
    const from = this.at + 1;
    for (let index = 0; index < value.length; index++) {
      const character = value.charCodeAt(index);
      if (character > 127) return undefined;
      this.bytes[from + index] = character;
    }
    return value.length;
  }

  private halves(low: number, high: number): void {
    this.reserve(10);
    let [lower, upper] = [low, high];
    while (upper > 0 || lower > 127) {
      this.bytes[this.at++] = (lower & 127) | 128;
      lower = ((upper << 25) | (lower >>> 7)) >>> 0;
      upper >>>= 7;
    }
    this.bytes[this.at++] = lower;
  }

  private reserve(more: number): void {
    if (this.at + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.at + more));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}
