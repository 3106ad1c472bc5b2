import { CR, LF, SPACE, TARGET, TOKEN, spells } from "./byte-classes";
import { INCOMPLETE, MALFORMED, MessageHead } from "./message-head";

/** Methods that may be sent twice without harm (RFC 9110 section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);

/** The head of a client's request. */
export class RequestHead extends MessageHead {
  method = "";
  target = "";
  host = "";
  /** X-Chocon-Ver was there: the request has been through a proxy already. */
  looped = false;
  /** The client awaits 100 (Continue): the origin is asked for it, unless this is set to false. */
  expectContinue = false;
  /** Status to refuse a MALFORMED head with. */
  status = 400;

  private methodEnd = 0;
  private targetEnd = 0;
  private hostCount = 0;
  private hostStart = 0;
  private hostEnd = 0;
  private idStart = 0;
  private idEnd = 0;
  private agentStart = 0;
  private agentEnd = 0;

  get idempotent(): boolean {
    return IDEMPOTENT.has(this.method);
  }

  /** The client wants another protocol on this connection. h2c is none: it is spoken by prior knowledge or not at all. */
  get upgrading(): boolean {
    return (
      this.upgradeAsked &&
      this.upgrade !== "" &&
      this.minorVersion === 1 &&
      !this.hasBody &&
      !/h2c/i.test(this.upgrade)
    );
  }

  /** Value of User-Agent. */
  get userAgent(): string {
    return this.agentEnd > 0 ? this.text.slice(this.agentStart - this.base, this.agentEnd - this.base) : "";
  }

  /** The target without its query: what logs may show. */
  get path(): string {
    const query = this.target.indexOf("?");
    return query < 0 ? this.target : this.target.slice(0, query);
  }

  /** Forgets what was read: a refused head is not to be mistaken for one that was understood. */
  blank(): void {
    this.reset(0);
    this.text = this.method = this.target = this.host = "";
    this.agentEnd = 0;
    this.minorVersion = 1;
  }

  /** The same head, for who needs it when this object has read another one. */
  copy(): RequestHead {
    return this.copyInto(new RequestHead(this.limits));
  }

  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }

  /** Reads a head from `bytes[from..to)`: the offset after it, INCOMPLETE, or MALFORMED (`status`, `problem`). */
  parse(bytes: Buffer, from: number, to: number): number {
    if (bytes[from] === CR && from < to) {
      // One empty line before the request line is to be ignored (RFC 9112 section 2.2).
      if (from + 1 >= to) return INCOMPLETE;
      if (bytes[from + 1] === LF) from += 2;
    }
    this.reset(from);
    this.status = 400;
    this.looped = false;
    this.expectContinue = false;
    this.hostCount = 0;
    this.idEnd = 0;
    this.agentEnd = 0;
    let i = from;
    while (i < to && TOKEN[bytes[i]!] === 1) i++;
    if (i >= to) return this.bounded(this.wantMore(to - from));
    if (bytes[i] !== SPACE || i === from) return this.refuse("malformed request line");
    this.methodEnd = i++;
    const targetStart = i;
    while (i < to && TARGET[bytes[i]!] === 1) i++;
    if (i >= to) return this.bounded(this.wantMore(to - from));
    if (bytes[i] !== SPACE || i === targetStart) return this.refuse("malformed request target");
    this.targetEnd = i++;
    const versioned = readVersion(bytes, i, to);
    if (versioned === INCOMPLETE) return this.bounded(this.wantMore(to - from));
    if (versioned === MALFORMED) return this.refuse("malformed HTTP version");
    this.minorVersion = bytes[i + 7]! - 0x30;
    i += 8;
    if (i + 1 >= to && (i >= to || bytes[i] === CR)) return this.bounded(this.wantMore(to - from));
    if (bytes[i] !== CR || bytes[i + 1] !== LF) return this.refuse("malformed request line");
    const end = this.parseFields(bytes, i + 2, to);
    return end > 0 ? this.settle(end) : this.bounded(end);
  }

  private bounded(result: number): number {
    if (result === MALFORMED && this.tooLarge) this.status = 431;
    return result;
  }

  private settle(end: number): number {
    const { text, base } = this;
    this.method = text.slice(0, this.methodEnd - base);
    this.target = text.slice(this.methodEnd + 1 - base, this.targetEnd - base);
    if (this.hostCount > 1) return this.refuse("more than one Host");
    this.host = this.hostCount === 1 ? text.slice(this.hostStart - base, this.hostEnd - base) : "";
    if (this.minorVersion === 1 && this.hostCount === 0) return this.refuse("no Host");
    if (this.idEnd > 0) this.id = text.slice(this.idStart - base, this.idEnd - base);
    if (this.minorVersion === 0 && !this.keepAliveAsked) this.close = true;
    return this.target.charCodeAt(0) === 0x2f ? end : this.settleTarget(end);
  }

  /** Targets other than a path: `*` belongs to OPTIONS, an absolute one carries the host, CONNECT is not served. */
  private settleTarget(end: number): number {
    if (this.method === "CONNECT") {
      this.status = 405;
      return this.refuse("CONNECT is not served");
    }
    if (this.target === "*") return this.method === "OPTIONS" ? end : this.refuse("target * without OPTIONS");
    const absolute = /^http:\/\/([^/?@]+)(.*)$/i.exec(this.target);
    if (absolute === null) return this.refuse("malformed request target");
    this.host = absolute[1]!;
    const rest = absolute[2]!;
    // Without a path OPTIONS asks about the server itself (RFC 9112 section 3.2.4).
    if (rest === "" && this.method === "OPTIONS") this.target = "*";
    else this.target = rest.startsWith("/") ? rest : `/${rest}`;
    return end;
  }

  /**
   * The head to send to an origin known there as `host`; ends before the empty line.
   *
   * @param target what the origin is asked for instead of `target`
   */
  forwarded(host: string, target?: string): string {
    return this.expectContinue
      ? `${this.forwardedLines(host, target)}Expect: 100-continue\r\n`
      : this.forwardedLines(host, target);
  }

  private forwardedLines(host: string, rewritten: string | undefined): string {
    const { text, base } = this;
    const target = rewritten ?? this.target;
    const lines = text.length - 2;
    const { fieldsStart } = this;
    // The usual message: a path as target and HTTP/1.1, so that the start line can stay as it came.
    const startLine =
      rewritten === undefined &&
      this.minorVersion === 1 &&
      text.charCodeAt(this.methodEnd + 1 - base) === 0x2f
        ? ""
        : `${this.method} ${target} HTTP/1.1\r\n`;
    const from = startLine === "" ? 0 : fieldsStart;
    if (this.hostCount === 0)
      return `${this.method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${this.kept(fieldsStart, lines)}`;
    return startLine + this.kept(from, this.hostStart - base) + host + this.kept(this.hostEnd - base, lines);
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
      case 2:
        return !spells(bytes, name, "te") || this.drop(name, lineEnd);
      case 4:
        if (spells(bytes, name, "host")) {
          this.hostCount++;
          this.hostStart = valueStart;
          this.hostEnd = valueEnd;
        }
        return true;
      case 6:
        if (spells(bytes, name, "expect")) {
          if (valueEnd - valueStart !== 12 || !spells(bytes, valueStart, "100-continue")) {
            this.status = 417;
            this.problem = "an Expect other than 100-continue";
            return false;
          }
          this.expectContinue = this.minorVersion === 1;
          return this.drop(name, lineEnd);
        }
        return true;
      case 7:
        if (spells(bytes, name, "upgrade"))
          return this.readUpgrade(valueStart, valueEnd) && this.drop(name, lineEnd);
        return true;
      case 8:
        return !spells(bytes, name, "trailers") || this.drop(name, lineEnd);
      case 10:
        if (spells(bytes, name, "connection")) {
          return this.readConnection(bytes, valueStart, valueEnd) && this.drop(name, lineEnd);
        }
        if (spells(bytes, name, "user-agent")) {
          this.agentStart = valueStart;
          this.agentEnd = valueEnd;
          return true;
        }
        return !spells(bytes, name, "keep-alive") || this.drop(name, lineEnd);
      case 11:
        if (spells(bytes, name, "x-chocon-id")) {
          if (valueEnd > valueStart && valueEnd - valueStart <= 128) {
            this.idStart = valueStart;
            this.idEnd = valueEnd;
          }
          return this.drop(name, lineEnd);
        }
        return true;
      case 12:
        if (spells(bytes, name, "x-chocon-ver")) {
          this.looped ||= valueEnd > valueStart;
          return this.drop(name, lineEnd);
        }
        return true;
      case 14:
        if (spells(bytes, name, "content-length")) return this.readLength(bytes, valueStart, valueEnd);
        // HTTP2-Settings goes with the Upgrade: h2c that is not passed on.
        return !spells(bytes, name, "http2-settings") || this.drop(name, lineEnd);
      case 16:
        return !spells(bytes, name, "proxy-connection") || this.drop(name, lineEnd);
      case 17:
        return (
          !spells(bytes, name, "transfer-encoding") || this.readTransferEncoding(bytes, valueStart, valueEnd)
        );
      case 18:
        return !spells(bytes, name, "proxy-authenticate") || this.drop(name, lineEnd);
      case 19:
        return !spells(bytes, name, "proxy-authorization") || this.drop(name, lineEnd);
      default:
        return true;
    }
  }
}

/** `HTTP/1.0` or `HTTP/1.1` at `at`: 1 when there, INCOMPLETE while it may still come, else MALFORMED. */
export function readVersion(bytes: Buffer, at: number, to: number): number {
  for (let i = 0; i < 8; i++) {
    if (at + i >= to) return INCOMPLETE;
    const byte = bytes[at + i]!;
    if (i === 7 ? byte !== 0x30 && byte !== 0x31 : byte !== VERSION_PREFIX.charCodeAt(i)) return MALFORMED;
  }
  return 1;
}

const VERSION_PREFIX = "HTTP/1.";
