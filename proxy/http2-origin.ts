import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { type Socket } from "node:net";
import { ChunkedBody, forbiddenTrailer } from "./chunked-body";
import { clock } from "./clock";
import { type Failure, type LinkOwner, type OriginLink, type Requester } from "./exchange";
import { fieldsOf, toHttp2Fields, toLines } from "./head-text";
import { type HeadLimits, MALFORMED } from "./message-head";
import { ResponseHead } from "./response-head";
import { statusText } from "./status-text";

/** Bytes an origin may send ahead per stream and per session: a long way needs wide windows. */
const STREAM_WINDOW_BYTES = 1_048_576;
const SESSION_WINDOW_BYTES = 8_388_608;
/** Streams begun before the origin has said how many it takes (RFC 9113 section 6.5.2 recommends it takes as many). */
const STREAMS_UNTIL_SETTLED = 100;
/** Milliseconds of silence, with exchanges under way, after which an origin is asked whether it is still there. */
const SILENCE_MS = 10_000;
/** Milliseconds it then has to say so. */
const PING_MS = 5_000;
const EMPTY = Buffer.alloc(0);

/** What a session tells the pool it came from. */
export interface SessionOwner extends LinkOwner {
  /** A stream has ended: there is room for another. */
  eased(session: OriginSession): void;
  ended(session: OriginSession): void;
}

/** One HTTP/2 connection to an origin, with as many exchanges at once as the origin allows. */
export class OriginSession {
  touched = clock.now;
  /** `clock.now` when something last came of any exchange. */
  heard = clock.now;
  served = 0;
  /** `clock.now` when it was asked whether it is still there; 0 when it was not, or has answered. */
  private askedAt = 0;
  /** `heard` when it was last asked: once for each silence, since origins take more for an attack. */
  private askedAfter = 0;
  private readonly streams = new Set<OriginStream>();
  private readonly session: ClientHttp2Session;
  private over = false;
  /** The origin has said how many streams it takes at once. */
  private settled = false;

  /** @param authority `https://name` or `http://name`: what requests carry when they have no Host of their own */
  constructor(
    readonly owner: SessionOwner,
    readonly address: string,
    authority: string,
    private readonly socket: Socket,
    readonly limits: HeadLimits,
  ) {
    this.session = connect(authority, {
      createConnection: () => socket,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxHeaderListSize: limits.maxHeaderBytes,
      },
      maxHeaderListPairs: limits.maxHeaderCount,
    });
    this.session.on("connect", () => this.session.setLocalWindowSize(SESSION_WINDOW_BYTES));
    this.session.once("remoteSettings", () => {
      this.settled = true;
      this.owner.eased(this);
    });
    this.session.on("error", () => this.end());
    this.session.on("goaway", () => this.end());
    this.session.on("close", () => this.end());
  }

  get active(): number {
    return this.streams.size;
  }

  /** Can take another exchange now. */
  get open(): boolean {
    const limit = this.settled ? this.session.remoteSettings.maxConcurrentStreams! : STREAMS_UNTIL_SETTLED;
    return !this.over && !this.session.closed && !this.session.destroyed && this.streams.size < limit;
  }

  begin(requester: Requester): void {
    this.touched = clock.now;
    if (this.streams.size === 0) this.heard = clock.now;
    const stream = new OriginStream(this, this.session, requester);
    this.streams.add(stream);
    requester.send(stream);
  }

  /** Enforces the time-out for answers. */
  sweep(now: number, proxyReadTimeout: number): void {
    this.checkAlive(now);
    for (const stream of this.streams) {
      // Where nothing at all comes any more the connection itself may be dead: what is new goes elsewhere.
      if (stream.sweep(now, proxyReadTimeout) && now - this.heard > proxyReadTimeout * 1000) this.close();
    }
  }

  /** A connection can be gone without a word: the way there cut, or its end lost while a write was under way. */
  private checkAlive(now: number): void {
    if (this.session.destroyed || this.streams.size === 0) return;
    if (this.askedAt > 0) {
      if (now - this.askedAt > PING_MS && this.heard < this.askedAt) this.destroy();
    } else if (now - this.heard > SILENCE_MS && this.askedAfter !== this.heard) {
      this.askedAt = now;
      this.askedAfter = this.heard;
      this.session.ping(() => (this.askedAt = 0));
    }
  }

  finished(stream: OriginStream): void {
    if (!this.streams.delete(stream)) return;
    this.touched = clock.now;
    this.owner.eased(this);
  }

  /** Takes no more exchanges. */
  get dead(): boolean {
    return this.over;
  }

  /** Takes no more; streams under way may end. */
  close(): void {
    this.end();
  }

  /** The connection goes. By itself a session that was closed waits for its origin to close the connection too. */
  destroy(): void {
    this.session.destroy();
    this.socket.destroy();
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.session.close();
    this.owner.ended(this);
  }
}

/** One exchange on an HTTP/2 session. */
export class OriginStream implements OriginLink {
  private stream: ClientHttp2Stream | undefined;
  private readonly decoder: ChunkedBody;
  private readonly head: ResponseHead;
  private chunked = false;
  private left = 0;
  /** Bytes of the response's body. */
  private received = 0;
  /** The origin has sent all it had to send. */
  private complete = false;
  private answered = false;
  private paused = false;
  private over = false;
  private touched = clock.now;

  constructor(
    private readonly owner: OriginSession,
    private readonly session: ClientHttp2Session,
    private readonly requester: Requester,
  ) {
    this.decoder = new ChunkedBody(owner.limits.maxHeaderBytes);
    this.head = new ResponseHead(owner.limits);
  }

  get served(): number {
    return this.owner.served;
  }

  writeText(text: string): boolean {
    const end = text.indexOf("\r\n\r\n") + 4;
    this.request(text.slice(0, end));
    return end < text.length ? this.write(Buffer.from(text.slice(end), "latin1")) : true;
  }

  writeTextAndBytes(text: string, bytes: Buffer): boolean {
    this.request(text);
    return this.write(bytes);
  }

  /** Body bytes as HTTP/1 frames them: chunks are taken off, and the end is found. */
  write(bytes: Buffer): boolean {
    const { stream } = this;
    if (stream === undefined || this.over) return true;
    this.touched = clock.now;
    let flowing = true;
    if (this.chunked) {
      const end = this.decoder.scan(bytes, 0, bytes.length, (piece, from, to) => {
        flowing = stream.write(piece.subarray(from, to)) && flowing;
      });
      // The requester has checked the framing already.
      if (end === MALFORMED || this.decoder.done) stream.end();
      return flowing;
    }
    this.left -= bytes.length;
    if (this.left <= 0) {
      stream.end(bytes);
      return true;
    }
    return stream.write(bytes);
  }

  keepBuffer(): void {
    // Each piece has a buffer of its own.
  }

  resume(): void {
    this.paused = false;
    this.touched = clock.now;
    this.stream?.resume();
  }

  abandon(): void {
    if (this.over) return;
    this.finish();
    this.owner.owner.disappointed(this.owner.address, false);
    this.stream?.close(constants.NGHTTP2_CANCEL);
  }

  /** Ends the exchange when the origin has owed bytes for too long: true then. */
  sweep(now: number, proxyReadTimeout: number): boolean {
    if (this.paused || (!this.answered && !this.requester.requestDone)) return false;
    if (now - this.touched <= proxyReadTimeout * 1000) return false;
    this.lose({ status: 504, problem: `no byte from the origin for ${proxyReadTimeout} s` });
    return true;
  }

  private request(text: string): void {
    const [startLine = "", ...lines] = text.split("\r\n");
    const [method = "", path = ""] = startLine.split(" ");
    const joined = lines.join("\r\n");
    let authority = "";
    for (const [name, value] of fieldsOf(joined)) {
      if (name === "host") authority = value;
      if (name === "content-length") this.left = Number(value);
      if (name === "transfer-encoding") this.chunked = true;
    }
    const bodiless = !this.chunked && this.left === 0;
    const stream = this.session.request(
      { ":method": method, ":path": path, ":authority": authority, ...toHttp2Fields(joined), te: "trailers" },
      { endStream: bodiless, waitForTrailers: this.chunked },
    );
    this.stream = stream;
    this.noteEnd(stream);
    if (this.chunked)
      stream.on("wantTrailers", () => stream.sendTrailers(toHttp2Fields(this.decoder.trailers)));
    stream.on("headers", (fields) => this.inform(fields));
    stream.on("response", (fields, flags) =>
      this.respond(fields, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
    );
    stream.on("trailers", (fields) => this.trailers(toLines(fields)));
    stream.on("end", () => this.ended());
    stream.on("drain", () => this.over || this.requester.originDrained());
    // A stream that is reset without an error is closed only once its end has been read and written. What came before
    // the reset has its events on the next tick. After the exchange the reset is this side's own, and has to go out.
    stream.on("aborted", () => {
      if (!this.over) process.nextTick(() => this.broken("origin reset the stream"));
    });
    stream.on("error", (error) => this.broken(error.message));
    stream.on("close", () => this.broken("origin closed the stream"));
  }

  /** "end" comes also of a stream that was reset without an error; but then the stream is closed before its end is pushed. */
  private noteEnd(stream: ClientHttp2Stream): void {
    const push = stream.push.bind(stream);
    stream.push = (bytes: unknown, encoding?: BufferEncoding): boolean => {
      this.complete ||= bytes === null && !stream.closed;
      return push(bytes, encoding);
    };
  }

  private broken(problem: string): void {
    const { stream } = this;
    if (!this.over && !this.deliverRest()) {
      // Refused, or never sent (RFC 9113 section 8.7).
      const untouched = stream?.id === undefined || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      this.lose({ status: 502, problem, untouched });
    }
    // Else it would wait, and its session with it, for somebody to read what is left.
    stream?.destroy();
  }

  /** All of the response may have come before its stream or session was ended, and the client has yet to take it. */
  private deliverRest(): boolean {
    if (!this.answered) return false;
    this.stream?.removeAllListeners("data");
    const rest = (this.stream?.read() as Buffer | null) ?? EMPTY;
    // To a client of HTTP/1.1 it is complete with its last byte, and has no trailers to wait for.
    this.complete ||= !this.requester.wantsPayload && this.received + rest.length === this.head.contentLength;
    if (!this.complete) return false;
    this.requester.body(rest, 0, rest.length, false);
    this.ended();
    return true;
  }

  private trailers(lines: string): void {
    if (this.over) return;
    const forbidden = forbiddenTrailer(lines);
    if (forbidden === undefined) this.requester.trailers(lines);
    else this.lose({ status: 502, problem: `malformed response: forbidden trailer field ${forbidden}` });
  }

  /** An HTTP/1 head for HTTP/2 fields, read as strictly as one from a socket; false when it is refused. */
  private read(fields: IncomingHttpHeaders & { ":status"?: number }): boolean {
    const status = fields[":status"] ?? 0;
    const text = `HTTP/1.1 ${status} ${statusText(status)}\r\n${toLines(fields)}\r\n`;
    const bytes = Buffer.from(text, "latin1");
    if (this.head.parse(bytes, 0, bytes.length) === bytes.length && !this.head.chunked) return true;
    this.lose({
      status: 502,
      problem: `malformed response: ${this.head.problem || "Transfer-Encoding in HTTP/2"}`,
    });
    return false;
  }

  private inform(fields: IncomingHttpHeaders): void {
    this.touched = this.owner.heard = clock.now;
    if (!this.over && this.read(fields)) this.requester.inform(this.head);
  }

  private respond(fields: IncomingHttpHeaders, bodiless: boolean): void {
    // What follows the head may be at hand before the head's own event is: it waits until the head has been passed on.
    this.stream?.on("data", (bytes: Buffer) => this.data(bytes));
    if (this.over || !this.read(fields)) return;
    this.answered = true;
    this.touched = this.owner.heard = clock.now;
    const { status } = this.head;
    const last = bodiless || this.requester.method === "HEAD" || status === 204 || status === 304;
    if (last) this.succeed();
    this.flow(this.requester.respond(this.head, EMPTY, 0, 0, last));
  }

  private data(bytes: Buffer): void {
    if (this.over) return;
    this.touched = this.owner.heard = clock.now;
    this.received += bytes.length;
    this.flow(this.requester.body(bytes, 0, bytes.length, false));
  }

  private ended(): void {
    if (this.over) return;
    if (!this.answered || !this.complete) return this.broken("origin closed the stream");
    this.succeed();
    this.requester.body(EMPTY, 0, 0, true);
  }

  private flow(flowing: boolean): void {
    if (flowing || this.over) return;
    this.paused = true;
    this.stream?.pause();
  }

  private succeed(): void {
    this.owner.served++;
    this.owner.owner.answered(this.owner.address, this.head.status);
    this.finish();
    // The origin may answer before it has taken the whole request; the rest has no reader.
    if (!this.requester.requestDone) this.stream?.close(constants.NGHTTP2_NO_ERROR);
  }

  private lose(failure: Failure): void {
    if (this.over) return;
    this.finish();
    this.owner.owner.disappointed(this.owner.address, true);
    if (this.stream !== undefined && !this.stream.destroyed) this.stream.close(constants.NGHTTP2_CANCEL);
    this.requester.lost(this, failure, this.answered);
  }

  private finish(): void {
    this.over = true;
    this.owner.finished(this);
  }
}
