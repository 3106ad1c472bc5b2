import { type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { clock } from "../clock";
import { type Failure, type OriginLink, type OwnBody, RETRIES, TOO_LARGE } from "../exchange";
import { type ExchangeServices } from "../exchange-services";
import { beginsPreface, PREFACE } from "../http2/http2-frames";
import { peerOf } from "../peers/peer-sockets";
import { latin1 } from "../latin1";
import { ClientExchange } from "./client-exchange";
import { INCOMPLETE, MALFORMED, NO_LENGTH } from "../http1/message-head";
import { RequestBody } from "./request-body";
import { type RequestHead } from "../http1/request-head";
import { type ResponseHead } from "../http1/response-head";
import { statusText } from "../http1/status-text";
import { type Reader, Wire } from "../wire";

const EMPTY = Buffer.alloc(0);
/** Bytes a client may send ahead (pipelined requests, a body nobody can take yet) before it is not read from any more. */
const READ_AHEAD_BYTES = 65_536;
/** Bodies up to this size travel in the same string as their head: one write, one copy. */
const INLINE_BODY_BYTES = 8_192;
/** Milliseconds a client is read from after its last response, so that closing does not destroy what is on its way. */
const LINGER_MS = 2_000;
/** Milliseconds an idle client connection is kept while draining: long enough for a request that is on its way. */
const DRAIN_IDLE_MS = 1_000;

/** What a connection asks of the service it came from. */
export interface ClientOwner extends ExchangeServices {
  /** What all clients are read into. */
  readonly readBuffer: Buffer;
  readonly responseMark: string;
  /** The JSON for a request to the proxy itself rather than through it. */
  localAnswer(head: RequestHead): Promise<string> | undefined;
  /** The client speaks HTTP/2. */
  acceptHttp2(socket: Socket): void;
  left(client: ClientConnection): void;
}

const enum Phase {
  Idle,
  Head,
  Exchange,
  /** The last response waits for the client to read it: only then it is complete. The next request waits too. */
  Flushing,
  /** After 101: bytes pass both ways until either side ends. */
  Tunnel,
  Lingering,
  Closed,
}

/** One client's connection: its requests one after the other, each an exchange with an origin. */
export class ClientConnection extends ClientExchange<ClientOwner> implements Reader {
  startedAt = 0;

  private phase: Phase = Phase.Idle;
  private readonly requestBody: RequestBody;
  /** Bytes received and not yet dealt with. */
  private pending: Buffer | undefined;
  private chunkResponse = false;
  private responseTrailers = "";
  private closeAfter = false;
  private clientPaused = false;
  /** The client has ended its side. */
  private ended = false;
  /** One side of the tunnel has ended. */
  private halfClosed = false;
  /** No request has been read yet. */
  private fresh = true;
  private readonly wire: Wire;
  private readonly flushed = (): void => this.unstall();

  constructor(
    private readonly socket: Socket,
    owner: ClientOwner,
  ) {
    super(owner, socket.remoteAddress ?? "", socket instanceof TLSSocket, peerOf(socket));
    this.requestBody = new RequestBody(this.rate, owner.options, owner.forbidsTrailer);
    this.wire = new Wire(socket, this, owner.readBuffer);
    socket.on("end", () => this.onEnd());
    socket.on("error", () => this.gone());
    socket.on("close", () => {
      this.gone();
      owner.left(this);
    });
  }

  get requestDone(): boolean {
    return this.requestBody.done;
  }

  get upgrading(): boolean {
    return this.head.upgrading;
  }

  get answerBegun(): boolean {
    return this.responding;
  }

  /** HTTP/1.0 knows no chunks. */
  get wantsPayload(): boolean {
    return this.head.minorVersion === 0;
  }

  protected get reading(): boolean {
    return !this.clientPaused;
  }

  protected get underWay(): boolean {
    return this.phase === Phase.Exchange;
  }

  /**
   * The last answer is still on its way out. Of a text that TLS was given Node never says whether it went, where the
   * client ended its side and reset the connection meanwhile.
   */
  private get delivering(): boolean {
    if (this.socket.writableFinished) return false;
    return !(this.secure && this.ended && this.wire.unsent === 0);
  }

  private get idleSeconds(): number {
    return this.services.draining ? DRAIN_IDLE_MS / 1000 : this.services.options.clientIdleTimeout;
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    const { options } = this.services;
    const seconds = (now - this.since) / 1000;
    switch (this.phase) {
      case Phase.Idle:
        if (seconds > (this.wire.flushed ? this.idleSeconds : options.writeTimeout)) this.destroy();
        return;
      case Phase.Head:
        if (seconds > options.readTimeout) this.refuse(408, "no complete head in time");
        return;
      case Phase.Exchange:
        this.sweepExchange(now);
        return;
      case Phase.Flushing:
        if (seconds > options.writeTimeout) this.leave("client reads no more");
        return;
      case Phase.Tunnel:
        // Where one side has ended, the other one has not long to follow.
        if (seconds > (this.halfClosed ? options.readTimeout : options.tunnelIdleTimeout))
          this.leave("no byte either way through the tunnel");
        return;
      case Phase.Lingering:
        if (seconds > (this.delivering ? options.writeTimeout : LINGER_MS / 1000)) this.destroy();
        return;
      default:
    }
  }

  destroy(): void {
    this.phase = Phase.Closed;
    this.socket.destroy();
  }

  // ---- the request -------------------------------------------------------------------------------------------

  /** Takes what the client sent. */
  receive(bytes: Buffer, length: number): boolean {
    switch (this.phase) {
      case Phase.Idle:
        this.phase = Phase.Head;
        this.since = clock.now;
        this.startedAt = performance.now();
        this.readHead(bytes, length);
        break;
      case Phase.Head:
        this.readMoreOfHead(bytes.subarray(0, length));
        break;
      case Phase.Exchange:
        this.since = clock.now;
        if (this.collecting) this.bufferBody(this.own(bytes, length));
        else if (!this.requestDone && this.link !== undefined && this.pending === undefined)
          this.forwardBody(this.own(bytes, length));
        else this.readAhead(bytes, length);
        break;
      case Phase.Tunnel:
        this.since = clock.now;
        if (!this.link!.write(this.own(bytes, length))) this.pauseClient();
        break;
      case Phase.Flushing:
        this.readAhead(bytes, length);
        break;
      default:
    }
    return true;
  }

  /** The first `length` bytes, out of reach of the next read. */
  private own(bytes: Buffer, length: number): Buffer {
    const received = bytes.subarray(0, length);
    return bytes === this.services.readBuffer ? Buffer.from(received) : received;
  }

  private readAhead(bytes: Buffer, length: number): void {
    this.pending =
      this.pending === undefined
        ? this.own(bytes, length)
        : Buffer.concat([this.pending, bytes.subarray(0, length)]);
    if (this.pending.length >= READ_AHEAD_BYTES) this.pauseClient();
  }

  private readMoreOfHead(bytes: Buffer): void {
    const all = this.pending === undefined ? bytes : Buffer.concat([this.pending, bytes]);
    this.readHead(all, all.length);
  }

  private readHead(bytes: Buffer, length: number): void {
    this.pending = undefined;
    const { head } = this;
    // Over TLS it is ALPN that says what is spoken (RFC 9113 section 3.2).
    if (this.fresh && !this.secure && beginsPreface(bytes, length)) {
      this.handOver(this.own(bytes, length));
      return;
    }
    const end = head.parse(bytes, 0, length);
    if (end === INCOMPLETE) this.pending = this.own(bytes, length);
    else if (end === MALFORMED) this.refuse(head.status, head.problem);
    else if (end === length) this.begin(EMPTY, 0);
    else this.begin(this.own(bytes, length), end);
  }

  /** The client speaks HTTP/2 by prior knowledge. */
  private handOver(bytes: Buffer): void {
    if (bytes.length < PREFACE.length) {
      this.pending = bytes;
      return;
    }
    this.phase = Phase.Closed;
    this.socket
      .on("error", () => undefined)
      .removeAllListeners("data")
      .removeAllListeners("end")
      .removeAllListeners("close");
    // Or what is put back would be handed out before anybody listens.
    this.socket.pause();
    this.socket.unshift(bytes);
    this.services.left(this);
    this.services.acceptHttp2(this.socket);
  }

  private begin(bytes: Buffer, from: number): void {
    const { head, services } = this;
    this.phase = Phase.Exchange;
    this.fresh = false;
    this.since = clock.now;
    this.id = head.id === "" ? services.ids.next() : head.id;
    this.responding = false;
    this.chunkResponse = false;
    this.responseTrailers = "";
    this.triesLeft = RETRIES;
    this.status = 0;
    this.sent = 0;
    this.closeAfter = head.close || services.draining;
    this.firstBody = undefined;
    this.requestBody.start(head);
    const end = this.requestBody.advance(bytes, from);
    if (end === MALFORMED) {
      this.refuse(400, this.requestBody.problem);
      return;
    }
    if (end > from) this.firstBody = bytes.subarray(from, end);
    if (end < bytes.length) this.pending = bytes.subarray(end);
    const local = this.peer === undefined ? services.localAnswer(head) : undefined;
    if (local !== undefined) {
      void local.then((json) => this.answerLocally(json));
      return;
    }
    this.route(head.upgrading ? "http/1.1" : "any");
  }

  protected collectBody(asks: boolean): void {
    const { firstBody } = this;
    if (asks && firstBody === undefined && this.pending === undefined)
      this.wire.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (firstBody !== undefined) this.collect(firstBody);
    const { pending } = this;
    if (!this.collecting || pending === undefined) return;
    // It came while the request was looked at.
    this.pending = undefined;
    this.resumeClient();
    this.bufferBody(pending);
  }

  private bufferBody(bytes: Buffer): void {
    const end = this.requestBody.advance(bytes, 0);
    if (end === MALFORMED) {
      this.refuse(400, this.requestBody.problem);
      return;
    }
    if (end < bytes.length) this.pending = bytes.subarray(end);
    this.collect(end === bytes.length ? bytes : bytes.subarray(0, end));
  }

  send(link: OriginLink): void {
    this.link = link;
    const { head } = this;
    const upgrade = head.upgrading ? `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n` : "";
    const text = `${this.services.headFor(this, link.origin)}${upgrade}\r\n`;
    const first = this.firstBody;
    let flowing: boolean;
    if (first === undefined) flowing = link.writeText(text);
    else if (first.length <= INLINE_BODY_BYTES && link.wantsBytes !== true)
      flowing = link.writeText(text + latin1(first, 0, first.length));
    else flowing = link.writeTextAndBytes(text, first);
    if (this.requestDone) return;
    this.since = clock.now;
    if (flowing) this.originDrained();
    else this.pauseClient();
  }

  originDrained(): void {
    if (this.link === undefined) return;
    if (this.phase === Phase.Tunnel) {
      this.resumeClient();
      return;
    }
    if (this.requestDone) return;
    const bytes = this.pending;
    this.pending = undefined;
    if (bytes === undefined || this.forwardBody(bytes)) this.resumeClient();
  }

  /** False when the origin wants no more for now. */
  private forwardBody(bytes: Buffer): boolean {
    const end = this.requestBody.advance(bytes, 0);
    if (end === MALFORMED) {
      this.fail({ status: 400, problem: this.requestBody.problem });
      return false;
    }
    if (this.tooLarge) {
      this.fail(TOO_LARGE);
      return false;
    }
    this.firstBody = undefined;
    this.triesLeft = 0;
    const flowing = this.link!.write(end === bytes.length ? bytes : bytes.subarray(0, end));
    if (end < bytes.length) this.pending = bytes.subarray(end);
    if (!flowing && !this.requestDone) this.pauseClient();
    return flowing;
  }

  // ---- the response ------------------------------------------------------------------------------------------

  inform(head: ResponseHead): void {
    this.since = clock.now;
    this.destination?.amend?.(head);
    if (this.head.minorVersion === 1) this.wire.write(`${head.forwarded()}\r\n`);
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    this.responding = true;
    this.status = head.status;
    const length = to - from;
    const text = this.responseHead(head, this.destination?.amend?.(head) ?? "", length, last);
    this.sent += length;
    if (length === 0) this.wire.write(text);
    else if (this.chunkResponse) this.wire.write(text + frameChunk(bytes, from, to));
    else if (length <= INLINE_BODY_BYTES) this.wire.write(text + latin1(bytes, from, to));
    else this.wire.writeBoth(text, bytes.subarray(from, to));
    return this.written(last, length > INLINE_BODY_BYTES);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    this.since = clock.now;
    this.sent += to - from;
    if (this.chunkResponse) {
      const text = frameChunk(bytes, from, to) + (last ? `0\r\n${this.responseTrailers}\r\n` : "");
      if (text !== "") this.wire.write(text);
      return this.written(last, false);
    }
    if (to > from) this.wire.writeBytes(bytes.subarray(from, to));
    return this.written(last, true);
  }

  /** Kept for a body that is chunked here; without chunks there is no place for them. */
  trailers(lines: string): void {
    this.responseTrailers = lines;
  }

  /** The origin agreed to switch protocols: from here on the two sockets speak it past this proxy. */
  override switched(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean {
    this.responding = true;
    this.status = head.status;
    this.phase = Phase.Tunnel;
    this.closeAfter = true;
    this.since = clock.now;
    const upgrade = `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
    const amended = this.destination?.amend?.(head) ?? "";
    this.wire.write(`${head.forwarded()}${amended}${upgrade}${this.services.responseMark}${this.id}\r\n\r\n`);
    if (this.pending !== undefined) this.link!.write(this.pending);
    this.pending = undefined;
    this.resumeClient();
    return this.body(bytes, from, to, false);
  }

  override originEnded(): void {
    this.halfClosed = true;
    this.since = clock.now;
    this.wire.end();
  }

  /** @param length bytes of body at hand; all there are when they are the `last` */
  private responseHead(head: ResponseHead, amended: string, length: number, last: boolean): string {
    const unframed = !last && !head.chunked && head.contentLength === NO_LENGTH;
    let text = head.forwarded() + amended;
    // The answer may be complete before the request is, and then what is left of it has no reader.
    if (!this.requestDone || this.services.draining) this.closeAfter = true;
    if (this.head.minorVersion === 0) {
      if (head.chunked) text = withoutTransferEncoding(text);
      if (head.chunked || unframed) this.closeAfter = true;
      if (!this.closeAfter) text += "Connection: keep-alive\r\n";
    } else if (unframed) {
      this.chunkResponse = true;
      text += "Transfer-Encoding: chunked\r\n";
    }
    if (last && lengthUnsaid(head, this.method)) text += `Content-Length: ${length}\r\n`;
    if (this.closeAfter) text += "Connection: close\r\n";
    return `${text}${this.services.responseMark}${this.id}\r\n\r\n`;
  }

  /** After a write: takes the buffer over if the kernel did not take it all, and ends the exchange at its end. */
  private written(last: boolean, fromBuffer: boolean): boolean {
    const flowing = this.wire.flushed;
    if (!flowing) {
      if (fromBuffer) this.link!.keepBuffer();
      if (!last && !this.stalled) {
        this.stalled = true;
        this.since = clock.now;
        this.wire.whenFlushed(this.flushed);
      }
    }
    if (last) this.complete();
    return flowing;
  }

  /** The exchange has ended: on to the next request, or out. */
  protected override complete(): void {
    super.complete();
    if (this.wire.backedUp) {
      this.phase = Phase.Flushing;
      this.pauseClient();
      this.wire.whenFlushed(() => this.phase === Phase.Flushing && this.delivered());
    } else this.delivered();
  }

  /** The response is out of this process. */
  private delivered(): void {
    this.services.completed(this);
    this.destination = undefined;
    this.since = clock.now;
    if (this.closeAfter || !this.requestDone) this.linger();
    else this.ready();
  }

  /** Takes the next request. */
  private ready(): void {
    this.since = clock.now;
    if (this.pending === undefined) {
      this.phase = Phase.Idle;
      this.resumeClient();
      return;
    }
    this.phase = Phase.Head;
    process.nextTick(() => this.next());
  }

  /** Takes up a request that came before the last one was answered. */
  private next(): void {
    if (this.phase !== Phase.Head || this.pending === undefined) return;
    this.startedAt = performance.now();
    this.resumeClient();
    this.readHead(this.pending, this.pending.length);
  }

  // ---- answers of the proxy's own ----------------------------------------------------------------------------

  override lost(link: OriginLink, failure: Failure, answered: boolean): void {
    if (this.phase !== Phase.Tunnel) super.lost(link, failure, answered);
    else if (this.link === link) {
      this.detach();
      this.endTunnel();
    }
  }

  /** Only a reset tells the client that the rest is missing. */
  protected cutShort(): void {
    this.services.completed(this);
    this.phase = Phase.Closed;
    this.reset();
  }

  /** A request that cannot be read: answer, and trust nothing that follows. */
  protected override refuse(status: number, problem: string): void {
    this.requestBody.end();
    this.phase = Phase.Exchange;
    this.pending = undefined;
    this.closeAfter = true;
    super.refuse(status, problem);
  }

  private answerLocally(json: string): void {
    if (this.phase === Phase.Exchange)
      this.answer(200, { contentType: "application/json", text: `${json}\n` });
  }

  protected writeAnswer({ contentType, text }: OwnBody, lines: string): void {
    const { status } = this;
    // After a request that could not be understood nothing on the connection is to be trusted.
    if (!this.requestDone || status === 400) this.closeAfter = true;
    const body = this.head.method === "HEAD" ? "" : text;
    this.sent = body.length;
    const connection = this.closeAfter ? "close" : "keep-alive";
    this.wire.write(
      `HTTP/1.1 ${status} ${statusText(status)}\r\nContent-Type: ${contentType}\r\nContent-Length: ${text.length}\r\n` +
        `${lines}Connection: ${connection}\r\n${this.services.responseMark}${this.id}\r\n\r\n${body}`,
    );
  }

  // ---- the end -----------------------------------------------------------------------------------------------

  /** Once all is written the client is read from a little longer, or what it still sends would destroy that. */
  private linger(): void {
    this.phase = Phase.Lingering;
    this.pending = undefined;
    this.socket.once("finish", () => {
      this.since = clock.now;
      if (this.ended) this.destroy();
    });
    this.wire.end();
    this.resumeClient();
  }

  private endTunnel(): void {
    this.services.completed(this);
    this.linger();
  }

  private reset(): void {
    // Only TCP sockets can be reset; on TLS the missing close_notify says the same.
    if (this.secure) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  protected leave(problem: string): void {
    const isAnswering = this.phase === Phase.Exchange || this.phase === Phase.Flushing;
    if (isAnswering) this.clientLeft(problem);
    if (isAnswering || this.phase === Phase.Tunnel) this.services.completed(this);
    this.letGo();
    this.destroy();
  }

  /** The client sends no more. In a tunnel the other direction goes on, and a last response is still its. */
  private onEnd(): void {
    this.ended = true;
    if (this.phase === Phase.Tunnel) {
      this.halfClosed = true;
      this.since = clock.now;
      this.link!.end();
    } else if (this.phase !== Phase.Lingering || this.socket.writableFinished) this.gone();
  }

  private gone(): void {
    if (this.phase !== Phase.Closed) this.leave("client closed the connection");
  }

  private pauseClient(): void {
    if (this.clientPaused) return;
    this.clientPaused = true;
    this.wire.pause();
  }

  private resumeClient(): void {
    if (!this.clientPaused) return;
    this.clientPaused = false;
    this.since = clock.now;
    this.wire.resume();
  }
}

/** A response of HTTP/2 that may have a body, and whose end is not told by its head: HTTP/1 needs to know. */
function lengthUnsaid(head: ResponseHead, method: string): boolean {
  if (head.chunked || head.contentLength !== NO_LENGTH) return false;
  return method !== "HEAD" && head.status !== 204 && head.status !== 304;
}

function withoutTransferEncoding(head: string): string {
  return head.replace(/\r\ntransfer-encoding:[^\r]*/i, "");
}

function frameChunk(bytes: Buffer, from: number, to: number): string {
  return from === to ? "" : `${(to - from).toString(16)}\r\n${latin1(bytes, from, to)}\r\n`;
}
