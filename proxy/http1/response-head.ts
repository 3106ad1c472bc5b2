import { latin1 } from "../latin1";
import { CR, FIELD, LF, SPACE, spells } from "./byte-classes";
import { INCOMPLETE, MALFORMED, MessageHead } from "./message-head";
import { readVersion } from "./request-head";

/** The head of an origin's response. */
export class ResponseHead extends MessageHead {
  status = 0;
  /** Seconds an idle connection will be kept by the origin (`Keep-Alive: timeout=n`), 0 when not said. */
  keepAliveSeconds = 0;

  /** Reads a head from `bytes[from..to)`: the offset after it, INCOMPLETE, or MALFORMED (`problem`). */
  parse(bytes: Buffer, from: number, to: number): number {
    this.reset(from);
    this.keepAliveSeconds = 0;
    let i = from;
    const versioned = readVersion(bytes, i, to);
    if (versioned === INCOMPLETE) return this.wantMore(to - from);
    if (versioned === MALFORMED) return this.refuse("malformed HTTP version");
    this.minorVersion = bytes[i + 7]! - 0x30;
    i += 8;
    if (i + 5 > to) return this.wantMore(to - from);
    const status = readStatus(bytes, i);
    if (status === MALFORMED) return this.refuse("malformed status line");
    this.status = status;
    i += 5;
    while (i < to && FIELD[bytes[i]!] === 1) i++;
    if (i >= to) return this.wantMore(to - from);
    if (bytes[i] !== CR) return this.refuse("malformed status line");
    if (i + 1 >= to) return this.wantMore(to - from);
    if (bytes[i + 1] !== LF) return this.refuse("bare CR in status line");
    const end = this.parseFields(bytes, i + 2, to);
    if (end > 0 && this.minorVersion === 0 && !this.keepAliveAsked) this.close = true;
    return end;
  }

  /** Status line (always HTTP/1.1: the version is this hop's) and the fields that travel on; ends before the empty line. */
  forwarded(): string {
    const { text } = this;
    const lines = text.length - 2;
    return this.minorVersion === 1 ? this.kept(0, lines) : `HTTP/1.1${this.kept(8, lines)}`;
  }

  protected override field(
    bytes: Buffer,
    name: number,
    length: number,
    valueStart: number,
    valueEnd: number,
    lineEnd: number,
  ): boolean {
    switch (length) {
      case 7:
        if (spells(bytes, name, "upgrade"))
          return this.readUpgrade(valueStart, valueEnd) && this.drop(name, lineEnd);
        return true;
      case 10:
        if (spells(bytes, name, "connection")) {
          return this.readConnection(bytes, valueStart, valueEnd) && this.drop(name, lineEnd);
        }
        if (spells(bytes, name, "keep-alive")) {
          const timeout = /timeout=(\d{1,6})/i.exec(latin1(bytes, valueStart, valueEnd));
          if (timeout !== null) this.keepAliveSeconds = Number(timeout[1]);
          return this.drop(name, lineEnd);
        }
        return true;
      case 11:
        return !spells(bytes, name, "x-chocon-id") || this.drop(name, lineEnd);
      case 14:
        if (!spells(bytes, name, "content-length")) return true;
        if (!this.readLength(bytes, valueStart, valueEnd)) return false;
        // Where there never is a body its length is not to be said (RFC 9110 section 8.6), and confuses clients.
        return (this.status >= 200 && this.status !== 204) || this.drop(name, lineEnd);
      case 16:
        return !spells(bytes, name, "proxy-connection") || this.drop(name, lineEnd);
      case 17:
        return (
          !spells(bytes, name, "transfer-encoding") || this.readTransferEncoding(bytes, valueStart, valueEnd)
        );
      default:
        return true;
    }
  }
}

/** ` 200 ` at `at`: the three digits between two spaces. */
function readStatus(bytes: Buffer, at: number): number {
  const hundreds = bytes[at + 1]! - 0x30;
  const tens = bytes[at + 2]! - 0x30;
  const ones = bytes[at + 3]! - 0x30;
  const digits = hundreds >= 1 && hundreds <= 9 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9;
  if (!digits || bytes[at] !== SPACE || bytes[at + 4] !== SPACE) return MALFORMED;
  return hundreds * 100 + tens * 10 + ones;
}
