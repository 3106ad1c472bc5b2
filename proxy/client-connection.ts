import { latin1 } from "./latin1";
import { type Socket } from "node:net";
import { ChunkedBody } from "./chunked-body";
import { clock } from "./clock";
import { type Failure, type Requester } from "./exchange";
import { INCOMPLETE, MALFORMED, NO_LENGTH } from "./message-head";
import { type OriginConnection } from "./origin-connection";
import { type OriginPool } from "./origin-pool";
import { type CompletedExchange, type Service } from "./service";
import { RequestHead } from "./request-head";
import { type ResponseHead } from "./response-head";
import { statusText } from "./status-text";

const EMPTY = Buffer.alloc(0);
/** Bytes a client may send ahead (pipelined requests, a body nobody can take yet) before it is not read from any more. */
const READ_AHEAD_BYTES = 65_536;
/** Bodies up to this size travel in the same string as their head: one write, one copy. */
const INLINE_BODY_BYTES = 8_192;
/** Milliseconds a client is read from after its last response, so that closing does not destroy what is on its way. */
const LINGER_MS = 2_000;

const enum Phase {
  Idle,
  Head,
  Exchange,
  Lingering,
  Closed,
}

const enum Body {
  None,
  Length,
  Chunked,
}

/** One client's connection: its requests one after the other, each an exchange with an origin. */
export class ClientConnection implements Requester, CompletedExchange {
  readonly head: RequestHead;
  requestDone = true;
  startedAt = 0;
  status = 0;
  sent = 0;

  private phase: Phase = Phase.Idle;
  private since = clock.now;
  private pending: Buffer | undefined;
  private framing: Body = Body.None;
  private bodyLeft = 0;
  private readonly chunks: ChunkedBody;
  /** The part of the body that came with the head; kept for a second try until more has been sent. */
  private firstBody: Buffer | undefined;
  private pool: OriginPool | undefined;
  private origin: OriginConnection | undefined;
  private id = "";
  private responding = false;
  private chunkResponse = false;
  private closeAfter = false;
  private retried = false;
  private stalled = false;
  private clientPaused = false;
  private readonly flushed = (): void => this.onFlushed();

  constructor(
    private readonly socket: Socket,
    private readonly service: Service,
  ) {
    this.head = new RequestHead(service.options);
    this.chunks = new ChunkedBody(service.options.maxHeaderBytes);
    socket.on("data", (bytes: Buffer) => this.receive(bytes));
    socket.on("end", () => this.gone());
    socket.on("error", () => this.gone());
    socket.on("close", () => this.gone());
  }

  get method(): string {
    return this.head.method;
  }

  /** HTTP/1.0 knows no chunks. */
  get wantsPayload(): boolean {
    return this.head.minorVersion === 0;
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    const still = now - this.since;
    const { options } = this.service;
    switch (this.phase) {
      case Phase.Idle: {
        const limit = this.service.draining ? DRAIN_IDLE_MS : options.clientIdleTimeout * 1000;
        if (still > limit) this.destroy();
        return;
      }
      case Phase.Head:
        if (still > options.readTimeout * 1000) this.refuse(408, "no complete head in time");
        return;
      case Phase.Exchange:
        if (this.stalled) {
          if (still > options.writeTimeout * 1000) this.leave("client reads no more");
        } else if (!this.requestDone && !this.clientPaused && still > options.readTimeout * 1000) {
          this.fail({ status: 408, problem: "no more of the request body in time" });
        }
        return;
      case Phase.Lingering:
        if (still > LINGER_MS) this.destroy();
        return;
      default:
    }
  }

  destroy(): void {
    this.phase = Phase.Closed;
    this.socket.destroy();
  }

  // ---- the request -------------------------------------------------------------------------------------------

  private receive(bytes: Buffer): void {
    switch (this.phase) {
      case Phase.Exchange:
        this.since = clock.now;
        if (!this.requestDone && this.origin !== undefined && this.pending === undefined)
          this.forwardBody(bytes);
        else this.readAhead(bytes);
        return;
      case Phase.Idle:
        this.phase = Phase.Head;
        this.since = clock.now;
        this.startedAt = performance.now();
        this.readHead(bytes);
        return;
      case Phase.Head:
        this.readHead(this.pending === undefined ? bytes : Buffer.concat([this.pending, bytes]));
        return;
      default:
    }
  }

  private readAhead(bytes: Buffer): void {
    this.pending = this.pending === undefined ? bytes : Buffer.concat([this.pending, bytes]);
    if (this.pending.length >= READ_AHEAD_BYTES) this.pauseClient();
  }

  private readHead(bytes: Buffer): void {
    this.pending = undefined;
    const { head } = this;
    const end = head.parse(bytes, 0, bytes.length);
    if (end === INCOMPLETE) {
      this.pending = bytes;
      return;
    }
    if (end === MALFORMED) {
      this.refuse(head.status, head.problem);
      return;
    }
    this.begin(bytes, end);
  }

  private begin(bytes: Buffer, from: number): void {
    const { head, service } = this;
    this.phase = Phase.Exchange;
    this.id = head.id === "" ? service.ids.next() : head.id;
    this.responding = false;
    this.chunkResponse = false;
    this.retried = false;
    this.status = 0;
    this.sent = 0;
    this.closeAfter = head.close || service.draining;
    const end = this.startBody(bytes, from);
    if (end === MALFORMED) {
      this.refuse(400, this.chunks.problem);
      return;
    }
    if (end < bytes.length) this.pending = bytes.subarray(end);
    if (head.looped) {
      this.fail({ status: 508, problem: "the request has been through a proxy already" });
      return;
    }
    const pool = service.poolFor(head.host);
    if ("problem" in pool) {
      this.fail(pool);
      return;
    }
    this.pool = pool;
    pool.acquire(this);
  }

  /** Finds how much of the body came with the head; returns the offset after it or MALFORMED. */
  private startBody(bytes: Buffer, from: number): number {
    const { head } = this;
    this.firstBody = undefined;
    if (!head.hasBody) {
      this.framing = Body.None;
      this.requestDone = true;
      return from;
    }
    this.requestDone = false;
    if (head.chunked) {
      this.framing = Body.Chunked;
      this.chunks.reset();
    } else {
      this.framing = Body.Length;
      this.bodyLeft = head.contentLength;
    }
    const end = this.advance(bytes, from);
    if (end > from) this.firstBody = bytes.subarray(from, end);
    return end;
  }

  /** Moves through the request body; returns the offset up to which `bytes` belong to it or MALFORMED. */
  private advance(bytes: Buffer, from: number): number {
    if (this.framing === Body.Chunked) {
      const end = this.chunks.scan(bytes, from, bytes.length);
      this.requestDone = this.chunks.done;
      return end;
    }
    const end = Math.min(bytes.length, from + this.bodyLeft);
    this.bodyLeft -= end - from;
    this.requestDone = this.bodyLeft === 0;
    return end;
  }

  send(connection: OriginConnection): void {
    this.origin = connection;
    const text =
      this.head.forwarded(this.pool!.origin.authority) + this.service.requestMark + this.id + "\r\n\r\n";
    const first = this.firstBody;
    let flowing: boolean;
    if (first === undefined) flowing = connection.writeText(text);
    else if (first.length <= INLINE_BODY_BYTES)
      flowing = connection.writeText(text + latin1(first, 0, first.length));
    else flowing = connection.writeTextAndBytes(text, first);
    if (this.requestDone) return;
    if (!flowing) {
      this.pauseClient();
      return;
    }
    this.originDrained();
  }

  originDrained(): void {
    if (this.requestDone || this.origin === undefined) return;
    const bytes = this.pending;
    this.pending = undefined;
    if (bytes !== undefined) this.forwardBody(bytes);
    if (this.pending === undefined) this.resumeClient();
  }

  private forwardBody(bytes: Buffer): void {
    const end = this.advance(bytes, 0);
    const origin = this.origin!;
    if (end === MALFORMED) {
      this.fail({ status: 400, problem: this.chunks.problem });
      return;
    }
    this.firstBody = undefined;
    this.retried = true;
    const flowing = origin.write(end === bytes.length ? bytes : bytes.subarray(0, end));
    if (end < bytes.length) this.pending = bytes.subarray(end);
    if (!flowing && !this.requestDone) this.pauseClient();
  }

  // ---- the response ------------------------------------------------------------------------------------------

  inform(head: ResponseHead): void {
    if (this.head.minorVersion === 1) this.socket.write(head.forwarded() + "\r\n", "latin1");
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    this.responding = true;
    this.status = head.status;
    const untilClose = !last && !head.chunked && head.contentLength === NO_LENGTH;
    let text = head.forwarded();
    if (this.head.minorVersion === 0) {
      if (head.chunked || untilClose) this.closeAfter = true;
      if (head.chunked) text = withoutTransferEncoding(text);
      if (!this.closeAfter) text += "Connection: keep-alive\r\n";
    } else if (untilClose) {
      this.chunkResponse = true;
      text += "Transfer-Encoding: chunked\r\n";
    }
    if (last && !this.requestDone) this.closeAfter = true;
    if (this.closeAfter) text += "Connection: close\r\n";
    text += this.service.responseMark + this.id + "\r\n\r\n";
    const { socket } = this;
    const length = to - from;
    this.sent += length;
    if (length === 0) socket.write(text, "latin1");
    else if (this.chunkResponse) socket.write(text + frameChunk(bytes, from, to), "latin1");
    else if (length <= INLINE_BODY_BYTES) socket.write(text + latin1(bytes, from, to), "latin1");
    else {
      socket.cork();
      socket.write(text, "latin1");
      socket.write(bytes.subarray(from, to));
      socket.uncork();
    }
    return this.settle(last, length > INLINE_BODY_BYTES);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    const { socket } = this;
    const length = to - from;
    this.sent += length;
    if (this.chunkResponse) {
      const text = frameChunk(bytes, from, to) + (last ? "0\r\n\r\n" : "");
      if (text !== "") socket.write(text, "latin1");
      return this.settle(last, false);
    }
    if (length > 0) socket.write(bytes.subarray(from, to));
    return this.settle(last, true);
  }

  /** After a write: takes the buffer over if the kernel did not take it all, and ends the exchange at its end. */
  private settle(last: boolean, wroteBuffer: boolean): boolean {
    const { origin } = this;
    const flowing = this.socket.writableLength === 0;
    if (!flowing) {
      if (wroteBuffer) origin!.keepBuffer();
      if (!last && !this.stalled) {
        this.stalled = true;
        this.since = clock.now;
        this.socket.write(EMPTY, this.flushed);
      }
    }
    if (last) this.complete();
    return flowing;
  }

  private onFlushed(): void {
    this.since = clock.now;
    if (!this.stalled) return;
    this.stalled = false;
    this.origin?.resume();
  }

  /** The exchange has ended: on to the next request, or out. */
  private complete(): void {
    this.origin = undefined;
    this.pool = undefined;
    this.firstBody = undefined;
    this.stalled = false;
    this.service.completed(this);
    this.since = clock.now;
    if (this.closeAfter || !this.requestDone) {
      this.linger();
      return;
    }
    this.phase = Phase.Idle;
    if (this.pending === undefined) {
      this.resumeClient();
      return;
    }
    this.phase = Phase.Head;
    process.nextTick(() => this.next());
  }

  /** Takes up a request that came before the last one was answered. */
  private next(): void {
    if (this.phase !== Phase.Head || this.pending === undefined) return;
    const bytes = this.pending;
    this.startedAt = performance.now();
    this.resumeClient();
    this.readHead(bytes);
  }

  // ---- when something goes wrong -----------------------------------------------------------------------------

  lost(connection: OriginConnection, failure: Failure, answered: boolean): void {
    if (this.origin !== connection) return;
    this.origin = undefined;
    const again =
      connection.served > 0 && !answered && !this.retried && this.head.idempotent && this.requestDone;
    if (!again || failure.status === 504) {
      this.fail(failure);
      return;
    }
    this.retried = true;
    this.pool!.acquire(this, true);
  }

  fail(failure: Failure): void {
    if (this.phase !== Phase.Exchange) return;
    this.service.log.exchangeFailed(this.id, this.head, this.pool?.origin, failure);
    const { origin } = this;
    this.origin = undefined;
    origin?.abandon();
    this.pool?.forget(this);
    if (this.responding) {
      // Half a response is out: only a reset tells the client that the rest is missing.
      this.service.completed(this);
      this.phase = Phase.Closed;
      this.socket.resetAndDestroy();
      return;
    }
    if (!this.requestDone) this.closeAfter = true;
    this.answer(failure.status);
    this.complete();
  }

  /** A request that cannot be read: answer, and trust nothing that follows. */
  private refuse(status: number, problem: string): void {
    this.phase = Phase.Exchange;
    this.id = this.service.ids.next();
    this.pending = undefined;
    this.requestDone = true;
    this.closeAfter = true;
    this.responding = false;
    this.sent = 0;
    this.service.log.requestRefused(this.id, this.socket.remoteAddress ?? "", status, problem);
    this.answer(status);
    this.complete();
  }

  private answer(status: number): void {
    const text = `${status} ${statusText(status)}\nid: ${this.id}\n`;
    this.status = status;
    const body = this.head.method === "HEAD" ? "" : text;
    this.sent = body.length;
    this.socket.write(
      `HTTP/1.1 ${status} ${statusText(status)}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n` +
        (this.closeAfter
          ? "Connection: close\r\n"
          : this.head.minorVersion === 0
            ? "Connection: keep-alive\r\n"
            : "") +
        `${this.service.responseMark}${this.id}\r\n\r\n${body}`,
      "latin1",
    );
  }

  private linger(): void {
    this.phase = Phase.Lingering;
    this.pending = undefined;
    this.socket.end();
    this.resumeClient();
  }

  /** The client has gone, or is to. */
  private leave(problem: string): void {
    if (this.phase === Phase.Exchange) {
      this.status = 499;
      this.service.log.exchangeFailed(this.id, this.head, this.pool?.origin, { status: 499, problem });
      this.service.completed(this);
      this.origin?.abandon();
      this.pool?.forget(this);
      this.origin = undefined;
    }
    this.destroy();
  }

  private gone(): void {
    if (this.phase === Phase.Closed) return;
    this.leave("client closed the connection");
    this.service.left(this);
  }

  private pauseClient(): void {
    if (this.clientPaused) return;
    this.clientPaused = true;
    this.socket.pause();
  }

  private resumeClient(): void {
    if (!this.clientPaused) return;
    this.clientPaused = false;
    this.socket.resume();
  }
}

/** Milliseconds an idle client connection is kept while draining: long enough for a request that is on its way. */
const DRAIN_IDLE_MS = 1_000;

function withoutTransferEncoding(head: string): string {
  return head.replace(/\r\ntransfer-encoding:[^\r]*/i, "");
}

function frameChunk(bytes: Buffer, from: number, to: number): string {
  return from === to ? "" : `${(to - from).toString(16)}\r\n${latin1(bytes, from, to)}\r\n`;
}
