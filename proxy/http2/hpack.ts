import { huffmanText } from "./huffman";
import { latin1 } from "../latin1";

/** A header field of HTTP/2; latin1. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** The name is a lower-case token (or a pseudo field's), and the value could stand on a line of HTTP/1. */
  readonly sound: boolean;
}

/** A header block that breaks RFC 7541: nothing after it on the connection could be read. */
export class CompressionError extends Error {}

/** Octets that our SETTINGS_HEADER_TABLE_SIZE allows the other side's table; it is the default. */
const TABLE_BYTES = 4_096;
/** What an entry costs beyond its text (RFC 7541 section 4.1). */
const ENTRY_BYTES = 32;
/** Forgotten entries that are left in place, since moving all others down for each costs more. */
const MOST_FORGOTTEN = 128;
const SOUND_NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const UNSOUND_VALUE = /[\0\r\n]/;

/** RFC 7541 appendix A. */
const STATIC_TABLE: readonly Field[] = [
  ":authority",
  ":method: GET",
  ":method: POST",
  ":path: /",
  ":path: /index.html",
  ":scheme: http",
  ":scheme: https",
  ...["200", "204", "206", "304", "400", "404", "500"].map((status) => `:status: ${status}`),
  "accept-charset",
  "accept-encoding: gzip, deflate",
  ..."accept-language accept-ranges accept access-control-allow-origin age allow authorization".split(" "),
  ..."cache-control content-disposition content-encoding content-language content-length".split(" "),
  ..."content-location content-range content-type cookie date etag expect expires from host".split(" "),
  ..."if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link".split(" "),
  ..."location max-forwards proxy-authenticate proxy-authorization range referer refresh".split(" "),
  ..."retry-after server set-cookie strict-transport-security transfer-encoding user-agent".split(" "),
  ..."vary via www-authenticate".split(" "),
].map((text) => {
  const colon = text.indexOf(": ");
  const [name, value] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 2)];
  return { name, value, sound: true };
});

/** Reads the header blocks of one direction of a connection, in order, since each may refer to those before it. */
export class HpackDecoder {
  /** The newest last; those before `first` are forgotten. */
  private readonly table: Field[] = [];
  private first = 0;
  private bytes = 0;
  private capacity = TABLE_BYTES;
  private at = 0;

  /** Calls `take` with each field of the block `bytes[from..to)`. @throws CompressionError */
  decode(bytes: Buffer, from: number, to: number, take: (field: Field) => void): void {
    this.at = from;
    let resizable = true;
    while (this.at < to) {
      const first = bytes[this.at]!;
      if (first >= 0x80) take(this.entry(this.integer(bytes, to, 0x7f)));
      else if (first >= 0x40) {
        const field = this.literal(bytes, to, 0x3f);
        this.insert(field);
        take(field);
      } else if (first < 0x20) take(this.literal(bytes, to, 0x0f));
      else {
        if (!resizable) throw new CompressionError("a table is resized within a header block");
        this.resize(this.integer(bytes, to, 0x1f));
        continue;
      }
      resizable = false;
    }
  }

  private literal(bytes: Buffer, to: number, prefix: number): Field {
    const index = this.integer(bytes, to, prefix);
    const name = index === 0 ? this.text(bytes, to) : this.entry(index).name;
    const value = this.text(bytes, to);
    return { name, value, sound: SOUND_NAME.test(name) && !UNSOUND_VALUE.test(value) };
  }

  private entry(index: number): Field {
    const at = this.table.length + STATIC_TABLE.length - index;
    const field =
      index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : at < this.first ? undefined : this.table[at];
    if (field === undefined) throw new CompressionError(`header field ${index} is not in the table`);
    return field;
  }

  /** An integer with the prefix whose bits are all set in `prefix` (RFC 7541 section 5.1). */
  private integer(bytes: Buffer, to: number, prefix: number): number {
    const first = bytes[this.at++]! & prefix;
    if (first < prefix) return first;
    let value = prefix;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.at >= to) break;
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new CompressionError("an integer in a header block is cut off or too large");
  }

  private text(bytes: Buffer, to: number): string {
    if (this.at >= to) throw new CompressionError("a header block is cut off");
    const coded = bytes[this.at]! >= 0x80;
    const length = this.integer(bytes, to, 0x7f);
    const from = this.at;
    this.at += length;
    if (this.at > to) throw new CompressionError("a text in a header block is cut off");
    if (!coded) return latin1(bytes, from, this.at);
    const text = huffmanText(bytes, from, this.at);
    if (text === undefined) throw new CompressionError("a text in a header block is no Huffman code");
    return text;
  }

  private insert(field: Field): void {
    const bytes = sizeOf(field);
    this.evict(this.capacity - bytes);
    if (bytes > this.capacity) return;
    this.table.push(field);
    this.bytes += bytes;
  }

  private resize(capacity: number): void {
    if (capacity > TABLE_BYTES) throw new CompressionError(`a table of ${capacity} bytes was not offered`);
    this.capacity = capacity;
    this.evict(capacity);
  }

  /** Drops the oldest until no more than `limit` bytes are left. */
  private evict(limit: number): void {
    while (this.bytes > Math.max(0, limit)) this.bytes -= sizeOf(this.table[this.first++]!);
    if (this.first < MOST_FORGOTTEN) return;
    this.table.splice(0, this.first);
    this.first = 0;
  }
}

function sizeOf({ name, value }: Field): number {
  return name.length + value.length + ENTRY_BYTES;
}

/**
 * What a connection's first header block begins with: our blocks keep nothing in the other side's table, so that they
 * do not depend on each other, nor on what the other side allows.
 */
export const NO_TABLE = "\x20";

/** These are not to be kept in any table on their way (RFC 7541 section 7.1.3). */
const NEVER_INDEXED = new Set(["authorization", "cookie", "proxy-authorization"]);

const WHOLE_FIELDS = new Map<string, string>();
const KNOWN_NAMES = new Map<string, string>();
STATIC_TABLE.forEach(({ name, value }, i) => {
  if (value !== "") WHOLE_FIELDS.set(`${name}: ${value}`, String.fromCharCode(0x80 | (i + 1)));
  if (!KNOWN_NAMES.has(name)) KNOWN_NAMES.set(name, encodeInteger(i + 1, 0x0f, patternFor(name)));
});

/** A field of a header block, as latin1. `name` is in lower case. */
export function encodeField(name: string, value: string): string {
  const known = KNOWN_NAMES.get(name);
  return known === undefined
    ? String.fromCharCode(patternFor(name)) + encodeText(name) + encodeText(value)
    : known + encodeText(value);
}

/** The same for a pseudo field, of which the table knows some as a whole. */
export function encodePseudoField(name: string, value: string): string {
  return WHOLE_FIELDS.get(`${name}: ${value}`) ?? encodeField(name, value);
}

function patternFor(name: string): number {
  return NEVER_INDEXED.has(name) ? 0x10 : 0;
}

function encodeText(text: string): string {
  return encodeInteger(text.length, 0x7f, 0) + text;
}

/** @param pattern the bits of the first byte above its `prefix` */
function encodeInteger(value: number, prefix: number, pattern: number): string {
  if (value < prefix) return String.fromCharCode(pattern | value);
  let text = String.fromCharCode(pattern | prefix);
  let rest = value - prefix;
  for (; rest >= 0x80; rest >>= 7) text += String.fromCharCode(0x80 | (rest & 0x7f));
  return text + String.fromCharCode(rest);
}
