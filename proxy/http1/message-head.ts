import { latin1 } from "../latin1";
import { CR, FIELD, LF, SPACE, TAB, TOKEN, COLON, spells } from "./byte-classes";

/** What a head parser returns instead of an offset when it cannot go on. */
export const INCOMPLETE = 0;
export const MALFORMED = -1;

/** Bounds on one message head; the same for requests and responses. */
export interface HeadLimits {
  /** Bytes from the first of the start line to the empty line. */
  readonly maxHeaderBytes: number;
  /** Number of fields. */
  readonly maxHeaderCount: number;
}

/** Each byte as a character, letters in lower case. */
const LOWER_CASE = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte).toLowerCase());

/** Content-Length's value when the field is absent. */
export const NO_LENGTH = -1;

/** Of most heads none are dropped, and many serve one message alone. */
const NO_DROPS = new Int32Array(0);

/**
 * The header fields of one HTTP/1 message, read in one pass over the bytes.
 *
 * Objects are reused from message to message: `text` is the head as received, and the fields that
 * must not travel further are recorded as ranges of it to leave out, so that what is kept leaves in
 * its own order and case.
 */
export abstract class MessageHead {
  text = "";
  contentLength = NO_LENGTH;
  chunked = false;
  minorVersion = 1;
  /** The sender asked for (or, by its version, implied) the end of the connection after this message. */
  close = false;
  keepAliveAsked = false;
  /** `Connection: upgrade` was there. */
  upgradeAsked = false;
  /** Value of Upgrade, empty when absent. */
  upgrade = "";
  /** Value of X-Chocon-Id, empty when absent. */
  id = "";
  /** Why the head is refused; set when a parser returns MALFORMED. */
  problem = "";
  /** The head is well formed as far as it goes but too large. */
  tooLarge = false;

  protected base = 0;
  private drops = NO_DROPS;
  private dropCount = 0;
  private connectionNames: string[] | undefined;
  private upgradeStart = 0;
  private upgradeEnd = 0;

  constructor(protected readonly limits: HeadLimits) {}

  /** Fields whose name, in lower case, this is true for do not go on. */
  withhold(withheld: (name: string) => boolean): void {
    this.leaveOut(withheld, this.fieldsStart);
  }

  /**
   * Calls `take` with name (in lower case) and value of each field that begins with one of these letters, until it
   * returns true.
   */
  someField(initials: string, take: (name: string, value: string) => boolean): boolean {
    const { text } = this;
    for (let at = this.fieldsStart; at < text.length - 2;) {
      const lineEnd = text.indexOf("\r\n", at);
      // Most fields are none of those that somebody asks for: their names are not even copied.
      if (initials.includes(LOWER_CASE[text.charCodeAt(at)]!)) {
        const colon = text.indexOf(":", at);
        if (take(text.slice(at, colon).toLowerCase(), text.slice(colon + 1, lineEnd).trim())) return true;
      }
      at = lineEnd + 2;
    }
    return false;
  }

  /** Value of the first field with this name, in lower case. */
  fieldValue(name: string): string | undefined {
    let found: string | undefined;
    this.someField(name.charAt(0), (each, value) => {
      if (each !== name) return false;
      found = value;
      return true;
    });
    return found;
  }

  protected get fieldsStart(): number {
    return this.text.indexOf("\r\n") + 2;
  }

  protected reset(from: number): void {
    this.base = from;
    this.contentLength = NO_LENGTH;
    this.chunked = false;
    this.close = false;
    this.keepAliveAsked = false;
    this.upgradeAsked = false;
    this.upgrade = "";
    this.id = "";
    this.problem = "";
    this.tooLarge = false;
    this.dropCount = 0;
    this.connectionNames = undefined;
    this.upgradeEnd = 0;
  }

  protected refuse(problem: string): typeof MALFORMED {
    this.problem = problem;
    return MALFORMED;
  }

  /** INCOMPLETE while more bytes may come, MALFORMED once no allowed head can be this long. */
  protected wantMore(seen: number): number {
    if (seen < this.limits.maxHeaderBytes) return INCOMPLETE;
    this.tooLarge = true;
    return this.refuse(`head of more than ${this.limits.maxHeaderBytes} bytes`);
  }

  /** A field that this kind of message gives a meaning to; returns false to refuse the message (`problem` set). */
  protected abstract field(
    bytes: Buffer,
    nameStart: number,
    nameLength: number,
    valueStart: number,
    valueEnd: number,
    lineEnd: number,
  ): boolean;

  /**
   * Reads the field lines from `start`; returns the offset after the empty line, INCOMPLETE or MALFORMED.
   * On success `text` is set.
   */
  protected parseFields(bytes: Buffer, start: number, to: number): number {
    const from = this.base;
    let count = 0;
    let i = start;
    for (;;) {
      const nameStart = i;
      while (i < to && TOKEN[bytes[i]!] === 1) i++;
      if (i >= to) return this.wantMore(to - from);
      if (i === nameStart) {
        if (bytes[i] !== CR) return this.refuse("invalid field name or folded line");
        if (i + 1 >= to) return this.wantMore(to - from);
        if (bytes[i + 1] !== LF) return this.refuse("bare CR in head");
        i += 2;
        break;
      }
      if (bytes[i] !== COLON) return this.refuse("invalid field name");
      const nameEnd = i++;
      while (i < to && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
      const valueStart = i;
      while (i < to && FIELD[bytes[i]!] === 1) i++;
      if (i >= to) return this.wantMore(to - from);
      if (bytes[i] !== CR) return this.refuse("invalid byte in field value");
      if (i + 1 >= to) return this.wantMore(to - from);
      if (bytes[i + 1] !== LF) return this.refuse("bare CR in field value");
      let valueEnd = i;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB))
        valueEnd--;
      i += 2;
      if (++count > this.limits.maxHeaderCount) {
        this.tooLarge = true;
        return this.refuse(`more than ${this.limits.maxHeaderCount} fields`);
      }
      if (!this.field(bytes, nameStart, nameEnd - nameStart, valueStart, valueEnd, i)) return MALFORMED;
    }
    if (i - from > this.limits.maxHeaderBytes) {
      this.tooLarge = true;
      return this.refuse(`head of more than ${this.limits.maxHeaderBytes} bytes`);
    }
    this.text = latin1(bytes, from, i);
    if (this.upgradeEnd > 0) this.upgrade = this.text.slice(this.upgradeStart - from, this.upgradeEnd - from);
    if (this.chunked && this.contentLength !== NO_LENGTH) {
      return this.refuse("both Content-Length and Transfer-Encoding");
    }
    if (this.connectionNames !== undefined && !this.dropNamed(this.connectionNames, start - from))
      return MALFORMED;
    return i;
  }

  /** Has `other` hold what was read here, whatever is read here next. */
  protected copyInto<H extends MessageHead>(other: H): H {
    Object.assign(other, this);
    other.drops = this.drops.slice();
    return other;
  }

  /** Leaves the line [lineStart, lineEnd) out of what is forwarded. Lines come in ascending order. */
  protected drop(lineStart: number, lineEnd: number): true {
    const at = this.dropCount * 2;
    if (at >= this.drops.length) {
      const larger = new Int32Array(Math.max(32, this.drops.length * 2));
      larger.set(this.drops);
      this.drops = larger;
    }
    this.drops[at] = lineStart - this.base;
    this.drops[at + 1] = lineEnd - this.base;
    this.dropCount++;
    return true;
  }

  /** The text between two offsets of `text`, without the dropped lines. */
  kept(start: number, end: number): string {
    const { text, drops } = this;
    let out = "";
    let at = start;
    for (let i = 0; i < this.dropCount; i++) {
      const dropStart = drops[i * 2]!;
      if (dropStart < at) continue;
      if (dropStart >= end) break;
      if (dropStart > at) out += text.slice(at, dropStart);
      at = drops[i * 2 + 1]!;
    }
    return at < end ? out + text.slice(at, end) : out;
  }

  protected readLength(bytes: Buffer, start: number, end: number): boolean {
    if (this.contentLength !== NO_LENGTH) {
      this.problem = "more than one Content-Length";
      return false;
    }
    const digits = end - start;
    if (digits === 0 || digits > 15) {
      this.problem = "malformed Content-Length";
      return false;
    }
    let length = 0;
    for (let i = start; i < end; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) {
        this.problem = "malformed Content-Length";
        return false;
      }
      length = length * 10 + digit;
    }
    this.contentLength = length;
    return true;
  }

  protected readTransferEncoding(bytes: Buffer, start: number, end: number): boolean {
    if (this.chunked) {
      this.problem = "more than one Transfer-Encoding";
      return false;
    }
    if (end - start !== 7 || !spells(bytes, start, "chunked")) {
      this.problem = "a Transfer-Encoding other than chunked";
      return false;
    }
    // It may be there (RFC 9110 section 5.6.3), but llhttp then takes the coding for another one, and the body for its own.
    if (
      bytes[end] === TAB ||
      (bytes[end] === SPACE && latin1(bytes, end, bytes.indexOf(CR, end)).includes("\t"))
    ) {
      this.problem = "a tab behind Transfer-Encoding";
      return false;
    }
    if (this.minorVersion === 0) {
      this.problem = "Transfer-Encoding in HTTP/1.0";
      return false;
    }
    this.chunked = true;
    return true;
  }

  /** Connection: the options with a meaning here are noted, every other names a field of this hop. */
  protected readConnection(bytes: Buffer, start: number, end: number): true {
    const length = end - start;
    if (length === 10 && spells(bytes, start, "keep-alive")) {
      this.keepAliveAsked = true;
      return true;
    }
    if (length === 5 && spells(bytes, start, "close")) {
      this.close = true;
      return true;
    }
    for (const option of latin1(bytes, start, end).toLowerCase().split(",")) {
      const name = option.trim();
      if (name === "close") this.close = true;
      else if (name === "keep-alive") this.keepAliveAsked = true;
      else if (name === "upgrade") this.upgradeAsked = true;
      else if (name !== "") (this.connectionNames ??= []).push(name);
    }
    return true;
  }

  protected readUpgrade(start: number, end: number): true {
    this.upgradeStart = start;
    this.upgradeEnd = end;
    return true;
  }

  /** Drops the fields that Connection named. Naming what frames or routes the message is an attack, not a wish. */
  private dropNamed(names: readonly string[], start: number): boolean {
    const never = names.find((name) => NEVER_HOP_BY_HOP.has(name));
    if (never !== undefined) {
      this.problem = `Connection names ${never}`;
      return false;
    }
    this.leaveOut((name) => names.includes(name), start);
    return true;
  }

  /** Fields whose name this is true for are not forwarded. @param start offset of the first field in `text` */
  private leaveOut(withheld: (name: string) => boolean, start: number): void {
    const ranges: [number, number][] = [];
    for (let i = 0; i < this.dropCount; i++) ranges.push([this.drops[i * 2]!, this.drops[i * 2 + 1]!]);
    const { text } = this;
    for (let line = start; line < text.length - 2;) {
      const lineEnd = text.indexOf("\r\n", line) + 2;
      const name = text.slice(line, text.indexOf(":", line)).toLowerCase();
      const lineStart = line;
      if (withheld(name) && !ranges.some(([from]) => from === lineStart)) ranges.push([line, lineEnd]);
      line = lineEnd;
    }
    ranges.sort((a, b) => a[0] - b[0]);
    this.dropCount = 0;
    for (const [from, to] of ranges) this.drop(from + this.base, to + this.base);
  }
}

const NEVER_HOP_BY_HOP = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "content-encoding",
  "content-range",
  "authorization",
  "cookie",
  "x-chocon-id",
  "x-chocon-ver",
]);
