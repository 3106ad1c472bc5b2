import { COLON, CR, FIELD, HEX, LF, SEMICOLON, SPACE, TAB, TOKEN } from "./byte-classes";
import { MALFORMED } from "./message-head";

const enum At {
  SizeStart,
  Size,
  Extension,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  TrailerStart,
  TrailerName,
  TrailerValue,
  TrailerLf,
  EndLf,
  Done,
}

/** Digits of a chunk size: 12 give 2^48 bytes, far from where doubles lose whole numbers. */
const MAX_SIZE_DIGITS = 12;
/** Bytes of extensions allowed in the whole body; nobody uses them but attackers (CVE-2023-39326 and kin). */
const MAX_EXTENSION_BYTES = 4096;

/** Fields that frame, route or authorise a message may not come after its body (RFC 9110 section 6.5.1). */
const FORBIDDEN_TRAILERS = new Set([
  "transfer-encoding",
  "content-length",
  "host",
  "connection",
  "trailer",
  "te",
  "upgrade",
  "keep-alive",
  "proxy-connection",
  "expect",
  "max-forwards",
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "content-encoding",
  "content-range",
  "x-chocon-id",
  "x-chocon-ver",
]);

export const isForbiddenTrailer = (name: string): boolean => FORBIDDEN_TRAILERS.has(name);

/**
 * The name of the first of these field lines that may not be a trailer; undefined when all may.
 *
 * @param forbids asked with each name in lower case
 */
export function forbiddenTrailer(
  lines: string,
  forbids: (name: string) => boolean = isForbiddenTrailer,
): string | undefined {
  for (const line of lines.split("\r\n")) {
    const name = line.slice(0, Math.max(0, line.indexOf(":"))).toLowerCase();
    if (forbids(name)) return name;
  }
  return undefined;
}

/** Where the payload of a chunked body goes, piece by piece, when it is decoded. */
export type PayloadSink = (bytes: Buffer, from: number, to: number) => void;

/**
 * Follows a chunked body (RFC 9112 section 7.1) byte by byte, strictly: CRLF only, plain hexadecimal sizes, bounded
 * extensions and trailers. It copies nothing; what it has accepted may travel on as it is.
 */
export class ChunkedBody {
  done = false;
  problem = "";
  /** The trailer section as received, without the empty line; only collected while decoding. */
  trailers = "";

  private at: At = At.SizeStart;
  private left = 0;
  private digits = 0;
  private extensionBytes = 0;
  private trailerBytes = 0;
  private trailerName = "";

  /** @param forbids whether a field with this name, in lower case, may not be a trailer */
  constructor(
    private readonly maxTrailerBytes: number,
    private readonly forbids: (name: string) => boolean = isForbiddenTrailer,
  ) {}

  reset(): void {
    this.done = false;
    this.problem = "";
    this.trailers = "";
    this.at = At.SizeStart;
    this.left = 0;
    this.digits = 0;
    this.extensionBytes = 0;
    this.trailerBytes = 0;
    this.trailerName = "";
  }

  /** Reads `bytes[from..to)`: the offset up to which they belong to the body (`done` says whether it ended), or MALFORMED. */
  scan(bytes: Buffer, from: number, to: number, sink?: PayloadSink): number {
    let i = from;
    while (i < to) {
      if (this.at === At.Data) {
        const end = Math.min(to, i + this.left);
        if (sink !== undefined) sink(bytes, i, end);
        this.left -= end - i;
        i = end;
        if (this.left === 0) this.at = At.DataCr;
        continue;
      }
      if (!this.step(bytes[i]!, sink !== undefined)) return MALFORMED;
      i++;
      if (this.done) return i;
    }
    return i;
  }

  private refuse(problem: string): false {
    this.problem = problem;
    return false;
  }

  private step(byte: number, collect: boolean): boolean {
    switch (this.at) {
      case At.SizeStart:
      case At.Size: {
        const digit = HEX[byte]!;
        if (digit !== 255) {
          if (++this.digits > MAX_SIZE_DIGITS) return this.refuse("chunk size too large");
          this.left = this.left * 16 + digit;
          this.at = At.Size;
          return true;
        }
        if (this.at === At.SizeStart) return this.refuse("malformed chunk size");
        if (byte === CR) this.at = At.SizeLf;
        else if (byte === SEMICOLON) this.at = At.Extension;
        else return this.refuse("malformed chunk size");
        return true;
      }
      case At.Extension:
        if (byte === CR) {
          this.at = At.SizeLf;
          return true;
        }
        if (FIELD[byte] !== 1) return this.refuse("invalid byte in chunk extension");
        return ++this.extensionBytes <= MAX_EXTENSION_BYTES || this.refuse("chunk extensions too large");
      case At.SizeLf:
        if (byte !== LF) return this.refuse("bare CR in chunk size line");
        this.digits = 0;
        this.at = this.left === 0 ? At.TrailerStart : At.Data;
        return true;
      case At.DataCr:
        if (byte !== CR) return this.refuse("chunk longer than its size");
        this.at = At.DataLf;
        return true;
      case At.DataLf:
        if (byte !== LF) return this.refuse("bare CR after chunk");
        this.at = At.SizeStart;
        return true;
      case At.EndLf:
        if (byte !== LF) return this.refuse("bare CR in trailers");
        this.at = At.Done;
        this.done = true;
        return true;
      default:
        return this.trailer(byte, collect);
    }
  }

  private trailer(byte: number, collect: boolean): boolean {
    if (++this.trailerBytes > this.maxTrailerBytes) return this.refuse("trailers too large");
    switch (this.at) {
      case At.TrailerStart:
        if (byte === CR) {
          this.at = At.EndLf;
          return true;
        }
        if (TOKEN[byte] !== 1) return this.refuse("invalid trailer field name");
        this.trailerName = String.fromCharCode(byte);
        this.at = At.TrailerName;
        break;
      case At.TrailerName:
        if (byte === COLON) {
          if (this.forbids(this.trailerName.toLowerCase())) return this.refuse("forbidden trailer field");
          this.at = At.TrailerValue;
        } else if (TOKEN[byte] !== 1) return this.refuse("invalid trailer field name");
        else this.trailerName += String.fromCharCode(byte);
        break;
      case At.TrailerValue:
        if (byte === CR) this.at = At.TrailerLf;
        else if (FIELD[byte] !== 1 && byte !== SPACE && byte !== TAB)
          return this.refuse("invalid byte in trailer");
        break;
      default:
        if (byte !== LF) return this.refuse("bare CR in trailer");
        this.at = At.TrailerStart;
    }
    if (collect) this.trailers += String.fromCharCode(byte);
    return true;
  }
}
