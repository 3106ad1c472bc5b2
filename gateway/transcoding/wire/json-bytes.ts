import { isUtf8 } from "node:buffer";
import { UNUSUAL } from "./unusual";
import { type TextSource } from "./wire-writer";

const NONE = Buffer.alloc(0);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const DOT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
const SPACE = 0x20;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const [LOWER_E, UPPER_E] = [0x65, 0x45];
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?\d+$/;
/** Digits that a double holds always. */
const EXACT_DIGITS = 15;
const TENS = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);
const LITERALS: readonly (readonly [Buffer, boolean])[] = [
  [Buffer.from("true"), true],
  [Buffer.from("false"), false],
];

/** Reads a JSON text's values one after the other from its bytes. @throws UNUSUAL where there is not what is asked for */
export class JsonBytes implements TextSource {
  private bytes: Buffer = NONE;
  at = 0;

  begin(bytes: Buffer): void {
    this.bytes = bytes;
    this.at = 0;
    if (!isUtf8(bytes)) throw UNUSUAL;
  }

  /** Nothing is held on to. */
  end(): void {
    this.bytes = NONE;
  }

  /** Nothing follows. */
  finish(): void {
    if (this.next() !== -1) throw UNUSUAL;
  }

  /** @returns false where it ends at once */
  openObject(): boolean {
    return this.open(OPEN_OBJECT, CLOSE_OBJECT);
  }

  openList(): boolean {
    return this.open(OPEN_LIST, CLOSE_LIST);
  }

  /** After a member. @returns false where no other follows */
  moreOfObject(): boolean {
    return this.more(CLOSE_OBJECT);
  }

  moreOfList(): boolean {
    return this.more(CLOSE_LIST);
  }

  /** Passes over what comes where it is this. */
  passes(wanted: Buffer): boolean {
    this.next();
    const { bytes, at } = this;
    for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false;
    this.at = at + wanted.length;
    return true;
  }

  colon(): void {
    if (this.next() !== COLON) throw UNUSUAL;
    this.at++;
  }

  /** A text follows: begins it. @returns false where it is empty, and behind */
  openText(): boolean {
    if (this.next() !== QUOTE) throw UNUSUAL;
    this.at++;
    if (this.bytes[this.at] !== QUOTE) return true;
    this.at++;
    return false;
  }

  /** The text that was begun, where it has no escapes. */
  copyText(into: Buffer, to: number, most: number): number | undefined {
    const { bytes, at } = this;
    const end = Math.min(bytes.length, at + most + 1);
    for (let from = at; from < end; from++) {
      const byte = bytes[from]!;
      if (byte === QUOTE) {
        this.at = from + 1;
        return from - at;
      }
      if (byte === BACKSLASH || byte < SPACE) return undefined;
      into[to + from - at] = byte;
    }
    return undefined;
  }

  /** The text that was begun. */
  text(): string {
    const from = this.at;
    const escaped = this.passText();
    if (escaped) return parsed(this.bytes.toString("utf8", from - 1, this.at)) as string;
    return this.bytes.toString("utf8", from, this.at - 1);
  }

  wholeText(): string {
    return this.openText() ? this.text() : "";
  }

  /** A text follows. */
  get isText(): boolean {
    return this.next() === QUOTE;
  }

  boolean(): boolean {
    for (const [literal, value] of LITERALS) if (this.passes(literal)) return value;
    throw UNUSUAL;
  }

  /** @param long more digits than a double holds always will do */
  number(long: boolean): number {
    let byte = this.next();
    const { bytes, at: from } = this;
    let at = from;
    const negative = byte === MINUS;
    if (negative) byte = bytes[++at]!;
    const first = at;
    let digits = 0;
    while (byte >= ZERO && byte <= NINE) {
      digits = digits * 10 + byte - ZERO;
      byte = bytes[++at]!;
    }
    const whole = at - first;
    if (whole === 0 || (whole > 1 && bytes[first] === ZERO)) throw UNUSUAL;
    let broken = 0;
    if (byte === DOT) {
      byte = bytes[++at]!;
      while (byte >= ZERO && byte <= NINE) {
        digits = digits * 10 + byte - ZERO;
        broken++;
        byte = bytes[++at]!;
      }
      if (broken === 0) throw UNUSUAL;
    }
    if (whole + broken > EXACT_DIGITS || byte === LOWER_E || byte === UPPER_E) return this.longNumber(long);
    this.at = at;
    // Both are exact, so that what comes of them is the double that is nearest.
    const value = broken === 0 ? digits : digits / TENS[broken]!;
    return negative ? -value : value;
  }

  /** The text of a value of any kind, which is passed over. */
  value(): string {
    const { bytes } = this;
    let byte = this.next();
    const from = this.at;
    let depth = 0;
    for (;;) {
      if (byte === -1) throw UNUSUAL;
      if (byte === QUOTE) {
        this.at++;
        this.passText();
      } else {
        if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
        else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth--;
        this.at++;
      }
      byte = bytes[this.at] ?? -1;
      if (depth < 0) throw UNUSUAL;
      if (depth === 0 && (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte === -1))
        return bytes.toString("utf8", from, this.at);
    }
  }

  private longNumber(long: boolean): number {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    for (let byte = bytes[at]!; isOfNumber(byte); byte = bytes[++at]!);
    this.at = at;
    const text = bytes.toString("latin1", from, at);
    const value = Number(text);
    if (!NUMBER.test(text)) throw UNUSUAL;
    if (!long && text.length > EXACT_DIGITS && !(INTEGER.test(text) && Number.isSafeInteger(value)))
      throw UNUSUAL;
    return value;
  }

  /** From within a text to behind its closing quote. @returns whether it has escapes */
  private passText(): boolean {
    const { bytes } = this;
    let escaped = false;
    for (let at = this.at; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === BACKSLASH) {
        escaped = true;
        at++;
      } else if (byte < SPACE) throw UNUSUAL;
      else if (byte === QUOTE) {
        this.at = at + 1;
        return escaped;
      }
    }
    throw UNUSUAL;
  }

  private open(first: number, last: number): boolean {
    if (this.next() !== first) throw UNUSUAL;
    this.at++;
    if (this.next() !== last) return true;
    this.at++;
    return false;
  }

  private more(last: number): boolean {
    const byte = this.next();
    if (byte !== COMMA && byte !== last) throw UNUSUAL;
    this.at++;
    return byte === COMMA;
  }

  /** Passes over space. @returns what comes then; -1 where nothing does */
  private next(): number {
    const { bytes } = this;
    for (;;) {
      const byte = bytes[this.at];
      if (byte === undefined) return -1;
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.at++;
    }
  }
}

const isOfNumber = (byte: number): boolean =>
  (byte >= ZERO && byte <= NINE) ||
  byte === DOT ||
  byte === MINUS ||
  byte === PLUS ||
  byte === LOWER_E ||
  byte === UPPER_E;

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw UNUSUAL;
  }
}
