import { ChunkedBody, forbiddenTrailer } from "../http1/chunked-body";
import { clock } from "../clock";
import { type Failure, type LinkOwner, MAX_INTERIMS, type OriginLink, type Requester } from "../exchange";
import { encodeField, encodePseudoField, type Field } from "../http2/hpack";
import { eachField, HTTP1_ONLY } from "../http2/head-text";
import { CODE, ConnectionError, MAX_WINDOW_BYTES } from "../http2/http2-frames";
import { type HeadLimits, MALFORMED, NO_LENGTH } from "../http1/message-head";
import { type ResponseHead } from "../http1/response-head";
import { statusText } from "../http1/status-text";
import { type Origin } from "../route";

/** Octets an origin may send ahead on one stream. */
export const STREAM_WINDOW_BYTES = 1_048_576;
const EMPTY = Buffer.alloc(0);
const STATUS = /^[1-9]\d\d$/;
/** Fields of a hop in HTTP/1: a message of HTTP/2 that has one is malformed (RFC 9113 section 8.2.2). */
const HOP_FIELDS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** What an exchange asks of the session that it is a stream of. */
export interface StreamSession {
  readonly owner: LinkOwner;
  readonly address: string;
  readonly scheme: "http" | "https";
  readonly limits: HeadLimits;
  /** What the last response's head is read into: one at a time. */
  readonly head: ResponseHead;
  /** Exchanges that were completed. */
  served: number;
  /** Begins the exchange's stream with this header block: its number. */
  beginStream(exchange: OriginStream, block: string, end: boolean): number;
  sendBlock(stream: number, block: string, end: boolean): void;
  /** Octets of DATA that may go out now, given what the stream's own window allows; 0 to wait for `mayGoOn`. */
  allowance(exchange: OriginStream, window: number): number;
  /** One frame of a body, as large as `allowance` said at most. */
  sendData(stream: number, bytes: Buffer, from: number, to: number, end: boolean): void;
  /** Ends the stream; nothing of it is looked at any more. */
  reset(stream: number, code: number): void;
  /** The other side may send so many octets more on the stream. */
  grant(stream: number, octets: number): void;
  /** The bytes last handed out stay with who got them. */
  keepBuffer(): void;
  /** The exchange's head is in `head`: it is to be told before another is read. */
  headRead(exchange: OriginStream): void;
  /** The exchange has ended, for its requester. */
  finished(exchange: OriginStream): void;
  /** Both sides have ended the stream. */
  ended(stream: number): void;
}

/** One exchange on an HTTP/2 connection: HTTP/1 text in, HTTP/1 heads out, so that the same checks see them. */
export class OriginStream implements OriginLink {
  private stream = 0;
  private touched = clock.now;
  /** The requester has what it gets. */
  private over = false;

  // What goes out.
  private readonly decoder: ChunkedBody;
  private chunked = false;
  private left = 0;
  /** Pieces of the body that wait for the origin, and how much of the first is gone. */
  private readonly pieces: Buffer[] = [];
  private gone = 0;
  private bodyEnds = false;
  /** The stream's end has gone out. */
  private endSent = false;
  private requesterWaits = false;

  // What comes in.
  private answered = false;
  /** The head is read, and its requester has not got it yet. */
  private headDue = false;
  private interims = 0;
  private bodiless = false;
  private status = 0;
  private contentLength = NO_LENGTH;
  private received = 0;
  /** Octets that may come before more are granted. */
  private ownWindow = STREAM_WINDOW_BYTES;
  private paused = false;
  /** What came while the requester could not take it. */
  private readonly kept: Buffer[] = [];
  /** The origin has ended the stream. */
  private endCame = false;
  private trailers = "";

  /** @param window octets that the origin takes before it says more */
  constructor(
    private readonly session: StreamSession,
    private readonly requester: Requester,
    private window: number,
  ) {
    this.decoder = new ChunkedBody(session.limits.maxHeaderBytes);
  }

  get served(): number {
    return this.session.served;
  }

  get origin(): Origin {
    return this.session.owner.origin;
  }

  // ---- the request ------------------------------------------------------------------------------------------

  writeText(text: string): boolean {
    const end = text.indexOf("\r\n\r\n") + 4;
    this.begin(text, end);
    return end < text.length ? this.write(Buffer.from(text.slice(end), "latin1")) : true;
  }

  writeTextAndBytes(text: string, bytes: Buffer): boolean {
    this.begin(text, text.length);
    return this.write(bytes);
  }

  /** Body bytes as HTTP/1 frames them: chunks are taken off, and the end is found. */
  write(bytes: Buffer): boolean {
    if (this.over || this.bodyEnds) return true;
    this.touched = clock.now;
    if (this.chunked) {
      const end = this.decoder.scan(bytes, 0, bytes.length, (piece, from, to) => {
        if (to > from) this.pieces.push(piece.subarray(from, to));
      });
      // The requester has checked the framing already.
      this.bodyEnds = end === MALFORMED || this.decoder.done;
    } else {
      this.left -= bytes.length;
      this.pieces.push(bytes);
      this.bodyEnds = this.left <= 0;
    }
    return this.sendBody();
  }

  keepBuffer(): void {
    this.session.keepBuffer();
  }

  /** The window or the socket has room again. */
  mayGoOn(): void {
    if (this.over || !this.sendBody() || !this.requesterWaits) return;
    this.requesterWaits = false;
    this.requester.originDrained();
  }

  /** The origin takes so many octets more, or less. @throws ConnectionError */
  widen(octets: number): void {
    this.window += octets;
    if (this.window > MAX_WINDOW_BYTES) throw new ConnectionError(CODE.flowControl, "too wide a window");
    if (octets > 0) this.mayGoOn();
  }

  private begin(text: string, to: number): void {
    const lineEnd = text.indexOf("\r\n");
    const methodEnd = text.indexOf(" ");
    const pathEnd = text.indexOf(" ", methodEnd + 1);
    let authority = "";
    let fields = "";
    eachField(text, lineEnd + 2, to - 2, (name, value) => {
      if (name === "host") authority = value;
      else if (name === "transfer-encoding") this.chunked = true;
      if (HTTP1_ONLY.has(name)) return;
      if (name === "content-length") this.left = Number(value);
      fields += encodeField(name, value);
    });
    this.bodyEnds = this.endSent = !this.chunked && this.left === 0;
    const block =
      encodePseudoField(":method", text.slice(0, methodEnd)) +
      encodePseudoField(":scheme", this.session.scheme) +
      encodePseudoField(":authority", authority) +
      encodePseudoField(":path", text.slice(methodEnd + 1, pathEnd)) +
      fields +
      encodeField("te", "trailers");
    this.stream = this.session.beginStream(this, block, this.endSent);
  }

  /** Sends what may be sent of the body; false when some of it has to wait. */
  private sendBody(): boolean {
    const { session, pieces, stream } = this;
    const trailers = this.bodyEnds && this.chunked ? this.decoder.trailers : "";
    while (pieces.length > 0) {
      const octets = session.allowance(this, this.window);
      if (octets === 0) {
        this.requesterWaits = true;
        return false;
      }
      const piece = pieces[0]!;
      const from = this.gone;
      const to = Math.min(piece.length, from + octets);
      const whole = to === piece.length;
      if (whole) pieces.shift();
      this.gone = whole ? 0 : to;
      this.window -= to - from;
      this.endSent = this.bodyEnds && pieces.length === 0 && trailers === "";
      session.sendData(stream, piece, from, to, this.endSent);
    }
    if (this.bodyEnds && !this.endSent) {
      this.endSent = true;
      if (trailers === "") session.sendData(stream, EMPTY, 0, 0, true);
      else session.sendBlock(stream, trailerBlock(trailers), true);
    }
    if (this.endSent && this.endCame) session.ended(stream);
    return true;
  }

  // ---- the response -----------------------------------------------------------------------------------------

  /** @param fields undefined when there are too many */
  headers(fields: readonly Field[] | undefined, end: boolean): void {
    this.touched = clock.now;
    if (this.over) return this.drop(end);
    if (fields === undefined) return this.malformed("head too large");
    const problem = unsound(fields, !this.answered);
    if (problem !== undefined) return this.malformed(problem);
    if (this.answered) return this.trail(fields, end);
    const { session, requester } = this;
    const { head } = session;
    const status = fields[0]!.value;
    const text = Buffer.from(
      `HTTP/1.1 ${status} ${statusText(Number(status))}\r\n${linesOf(fields, 1)}\r\n`,
      "latin1",
    );
    if (head.parse(text, 0, text.length) !== text.length)
      return this.malformed(head.problem || "malformed head");
    if (head.status < 200) {
      if (end || head.status === 101) return this.malformed(`status ${head.status} as an answer`);
      if (++this.interims > MAX_INTERIMS) return this.malformed("too many interim responses");
      requester.inform(head);
      return;
    }
    this.answered = true;
    this.status = head.status;
    this.bodiless = requester.method === "HEAD" || head.status === 204 || head.status === 304;
    this.contentLength = this.bodiless ? NO_LENGTH : head.contentLength;
    if (end && this.contentLength > 0) return this.malformed("body shorter than Content-Length");
    const last = end || this.bodiless || (this.contentLength === 0 && !requester.wantsPayload);
    if (last) {
      this.succeed(end);
      requester.respond(head, EMPTY, 0, 0, true);
      return;
    }
    this.headDue = true;
    session.headRead(this);
  }

  /** Hands the head on by itself: nothing of the body has come with it. */
  passHead(): void {
    if (!this.headDue) return;
    this.headDue = false;
    if (!this.over && !this.requester.respond(this.session.head, EMPTY, 0, 0, false)) this.paused = true;
  }

  /** @throws ConnectionError */
  dataBegins(octets: number): void {
    this.ownWindow -= octets;
    if (this.ownWindow < 0) throw new ConnectionError(CODE.flowControl, "more than the stream's window");
  }

  data(bytes: Buffer, from: number, to: number, end: boolean): void {
    this.touched = clock.now;
    if (this.over) return this.drop(end);
    this.received += to - from;
    if (!this.answered) return this.malformed("body before its head");
    if (this.bodiless && to > from) return this.malformed(`body in a ${this.status} response`);
    if (this.contentLength !== NO_LENGTH) {
      if (this.received > this.contentLength) return this.malformed("body longer than Content-Length");
      if (end && this.received < this.contentLength)
        return this.malformed("body shorter than Content-Length");
    }
    this.endCame = end;
    if (this.paused) {
      if (to > from) this.kept.push(Buffer.from(bytes.subarray(from, to)));
      return;
    }
    this.deliver(bytes, from, to);
    if (!this.over && !this.paused) this.grant();
  }

  resume(): void {
    if (!this.paused || this.over) return;
    this.paused = false;
    this.touched = clock.now;
    while (this.kept.length > 0 && !this.paused && !this.over) {
      const piece = this.kept.shift()!;
      this.deliver(piece, 0, piece.length);
    }
    if (this.over || this.paused) return;
    if (this.endCame) this.deliver(EMPTY, 0, 0);
    else this.grant();
  }

  /**
   * The stream, or all of its connection, is lost.
   *
   * @param untouched the origin has certainly not acted on the request
   * @param blamed it is another sign that something is wrong with the origin
   */
  broken(problem: string, untouched: boolean, blamed = !untouched): void {
    if (this.over) return;
    // All of it may have come, and the requester has yet to take it.
    this.endCame ||= this.received === this.contentLength && !this.requester.wantsPayload;
    if (this.endCame) return;
    this.lose({ status: 502, problem, untouched }, CODE.cancel, blamed);
  }

  end(): void {
    throw new Error("no HTTP/2 stream of this proxy ever switches protocols");
  }

  abandon(): void {
    if (this.over) return;
    this.finish();
    this.session.owner.unanswered(this.session.address, false);
    this.session.reset(this.stream, CODE.cancel);
  }

  /** Ends the exchange when the origin has owed bytes for too long: true then. */
  sweep(now: number, proxyReadTimeout: number): boolean {
    if (this.over) {
      if (now - this.touched > proxyReadTimeout * 1000) this.session.reset(this.stream, CODE.cancel);
      return false;
    }
    if (this.paused || (!this.answered && !this.requester.requestDone)) return false;
    if (now - this.touched <= proxyReadTimeout * 1000) return false;
    this.lose({ status: 504, problem: `no byte from the origin for ${proxyReadTimeout} s` });
    return true;
  }

  private trail(fields: readonly Field[], end: boolean): void {
    if (!end) return this.malformed("a second head");
    if (this.contentLength !== NO_LENGTH && this.received < this.contentLength)
      return this.malformed("body shorter than Content-Length");
    const lines = linesOf(fields, 0);
    const forbidden = forbiddenTrailer(lines);
    if (forbidden !== undefined) return this.malformed(`forbidden trailer field ${forbidden}`);
    this.trailers = lines;
    this.endCame = true;
    if (!this.paused) this.deliver(EMPTY, 0, 0);
  }

  /** Hands on a piece of body; the last one when nothing is to follow. */
  private deliver(bytes: Buffer, from: number, to: number): void {
    const { requester } = this;
    // To a client of HTTP/1.1 a body is complete with its last byte, and has no trailers to wait for.
    const complete = this.received === this.contentLength && !requester.wantsPayload;
    const last = this.kept.length === 0 && (this.endCame || complete);
    if (last) {
      if (this.trailers !== "") requester.trailers(this.trailers);
      this.succeed(this.endCame);
    }
    const flowing = this.headDue
      ? requester.respond(this.session.head, bytes, from, to, last)
      : requester.body(bytes, from, to, last);
    this.headDue = false;
    if (!flowing) this.paused = true;
  }

  /** Lets the origin send more once half of what it may send has come. */
  private grant(): void {
    if (this.endCame || this.ownWindow > STREAM_WINDOW_BYTES / 2) return;
    this.session.grant(this.stream, STREAM_WINDOW_BYTES - this.ownWindow);
    this.ownWindow = STREAM_WINDOW_BYTES;
  }

  /** What follows an answer that its requester has: only the stream's end matters. */
  private drop(end: boolean): void {
    if (!end) return;
    this.endCame = true;
    if (this.endSent) this.session.ended(this.stream);
  }

  private succeed(end: boolean): void {
    const { session, stream } = this;
    this.endCame = end;
    session.served++;
    session.owner.answered(session.address, this.status);
    // The origin may answer before it has taken the whole request; the rest has no reader.
    if (!this.endSent) session.reset(stream, CODE.noError);
    this.finish();
    if (end) session.ended(stream);
  }

  private malformed(problem: string): void {
    this.lose({ status: 502, problem: `malformed response: ${problem}` }, CODE.protocol);
  }

  private lose(failure: Failure, code: number = CODE.cancel, blamed = true): void {
    if (this.over) return;
    const { session } = this;
    this.finish();
    session.owner.unanswered(session.address, blamed);
    session.reset(this.stream, code);
    this.requester.lost(this, failure, this.answered);
  }

  private finish(): void {
    this.over = true;
    this.pieces.length = this.kept.length = 0;
    this.session.finished(this);
  }
}

/** Why these fields are no head (or trailers) of HTTP/2 (RFC 9113 section 8), else undefined. */
function unsound(fields: readonly Field[], isHead: boolean): string | undefined {
  if (isHead && (fields[0]?.name !== ":status" || !STATUS.test(fields[0].value))) return "no status";
  for (let i = isHead ? 1 : 0; i < fields.length; i++) {
    const { name, sound } = fields[i]!;
    if (!sound) return "invalid field name or value";
    if (name.charCodeAt(0) === 0x3a || HOP_FIELDS.has(name)) return `a field ${name}`;
  }
  return undefined;
}

/** HTTP/1 lines of the fields from the one at `start` on. */
function linesOf(fields: readonly Field[], start: number): string {
  let lines = "";
  for (let i = start; i < fields.length; i++) lines += `${fields[i]!.name}: ${fields[i]!.value}\r\n`;
  return lines;
}

function trailerBlock(lines: string): string {
  let block = "";
  eachField(lines, 0, lines.length, (name, value) => {
    if (!HTTP1_ONLY.has(name)) block += encodeField(name, value);
  });
  return block;
}
