import { type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { ChunkedBody } from "../http1/chunked-body";
import { clock } from "../clock";
import { type Failure, type LinkOwner, MAX_INTERIMS, type OriginLink, type Requester } from "../exchange";
import { type HeadLimits, INCOMPLETE, MALFORMED, NO_LENGTH } from "../http1/message-head";
import { ResponseHead } from "../http1/response-head";
import { type Origin } from "../route";
import { READ_BUFFER_BYTES, type Reader, Wire } from "../wire";

/** What a connection tells the pool it came from. */
export interface ConnectionOwner extends LinkOwner {
  released(connection: OriginConnection): void;
  closed(connection: OriginConnection): void;
}

const enum Reading {
  Head,
  Length,
  Chunked,
  UntilClose,
  /** After 101: whatever comes. */
  Tunnel,
}

const EMPTY = Buffer.alloc(0);

/** One HTTP/1.1 connection to an origin: at any time idle or in one exchange. */
export class OriginConnection implements OriginLink, Reader {
  readonly head: ResponseHead;
  /** `clock.now` when a byte last came or went. */
  touched = clock.now;
  /** Exchanges completed. */
  served = 0;
  /** The origin's own idle limit from `Keep-Alive`, in seconds; 0 when not said. */
  idleSeconds = 0;
  dead = false;
  /** Reading has stopped because the client is slower than the origin. */
  paused = false;

  private readonly wire: Wire;
  private requester: Requester | undefined;
  private reading: Reading = Reading.Head;
  private left = 0;
  private readonly chunks: ChunkedBody;
  private partial: Buffer | undefined;
  private answered = false;
  private interims = 0;
  private reusable = true;

  /** @param socket connected, and quiet since */
  constructor(
    private readonly owner: ConnectionOwner,
    readonly address: string,
    private readonly socket: Socket,
    limits: HeadLimits,
  ) {
    this.head = new ResponseHead(limits);
    this.chunks = new ChunkedBody(limits.maxHeaderBytes);
    this.wire = new Wire(socket, this, Buffer.allocUnsafeSlow(READ_BUFFER_BYTES));
    socket.on("drain", () => this.requester?.originDrained());
    socket.on("end", () => this.ended());
    socket.on("error", (error) => this.die({ status: 502, problem: error.message }));
    socket.on("close", () => this.die({ status: 502, problem: "origin closed the connection" }));
  }

  get origin(): Origin {
    return this.owner.origin;
  }

  get idle(): boolean {
    return this.requester === undefined;
  }

  /** It is the origin's turn to send: neither is the client slow to take nor to send. */
  get owing(): boolean {
    return (
      this.requester !== undefined &&
      this.reading !== Reading.Tunnel &&
      !this.paused &&
      (this.answered || this.requester.requestDone)
    );
  }

  begin(requester: Requester): void {
    this.requester = requester;
    this.reading = Reading.Head;
    this.answered = false;
    this.interims = 0;
    this.touched = clock.now;
    requester.send(this);
  }

  /** Writes latin1 text; false when the client should send no more until `originDrained`. */
  writeText(text: string): boolean {
    return this.wire.write(text);
  }

  write(bytes: Buffer): boolean {
    this.touched = clock.now;
    return this.wire.writeBytes(bytes);
  }

  writeTextAndBytes(text: string, bytes: Buffer): boolean {
    return this.wire.writeBoth(text, bytes);
  }

  end(): void {
    this.touched = clock.now;
    this.wire.end();
  }

  /** The bytes last handed out are still being written somewhere: read the next ones into another buffer. */
  keepBuffer(): void {
    this.wire.keep();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.touched = clock.now;
    this.wire.resume();
  }

  /** The client is gone: the rest of the response has no reader. */
  abandon(): void {
    if (this.requester !== undefined) this.owner.unanswered(this.address, false);
    this.requester = undefined;
    this.close();
  }

  close(): void {
    this.die(undefined);
  }

  /** The origin has owed bytes for too long. */
  timeOut(problem: string): void {
    this.die({ status: 504, problem });
  }

  receive(bytes: Buffer, length: number): boolean {
    // A head has to be complete in time, however many pieces it comes in.
    if (this.reading !== Reading.Head) this.touched = clock.now;
    if (this.requester === undefined) {
      // Bytes nobody asked for: whatever they are, the next response could not be trusted.
      this.close();
      return false;
    }
    const flowing =
      this.partial === undefined
        ? this.consume(bytes, length)
        : this.consumeWithPartial(bytes.subarray(0, length));
    if (flowing || this.dead) return !this.dead;
    this.paused = true;
    return false;
  }

  private consumeWithPartial(more: Buffer): boolean {
    const bytes = Buffer.concat([this.partial!, more]);
    this.partial = undefined;
    return this.consume(bytes, bytes.length);
  }

  private consume(bytes: Buffer, to: number): boolean {
    if (this.reading !== Reading.Head) return this.consumeBody(bytes, to);
    let at = 0;
    for (;;) {
      const { head } = this;
      const end = head.parse(bytes, at, to);
      if (end === INCOMPLETE) {
        this.answered ||= to > at;
        this.partial = Buffer.from(bytes.subarray(at, to));
        return true;
      }
      this.answered = true;
      if (end === MALFORMED) return this.malformed(head.problem);
      if (head.status < 200) {
        if (head.chunked || head.contentLength > 0) return this.malformed("interim response with a body");
        if (head.status === 101) return this.switchProtocols(bytes, end, to);
        if (++this.interims > MAX_INTERIMS) return this.malformed("too many interim responses");
        this.requester!.inform(head);
        if (this.requester === undefined || end === to) return true;
        at = end;
        continue;
      }
      return this.startBody(bytes, end, to);
    }
  }

  private switchProtocols(bytes: Buffer, from: number, to: number): boolean {
    const requester = this.requester!;
    if (!requester.upgrading) return this.malformed("switching protocols without being asked");
    this.reading = Reading.Tunnel;
    return requester.switched(this.head, bytes, from, to);
  }

  private startBody(bytes: Buffer, from: number, to: number): boolean {
    const { head } = this;
    const requester = this.requester!;
    this.reusable = !head.close;
    this.idleSeconds = head.keepAliveSeconds;
    if (head.chunked && head.status === 204) return this.malformed("Transfer-Encoding in a 204 response");
    let end = from;
    let last = false;
    if (requester.method === "HEAD" || head.status === 204 || head.status === 304) {
      last = true;
    } else if (head.chunked) {
      this.reading = Reading.Chunked;
      this.chunks.reset();
      if (requester.wantsPayload) return this.startPayload(bytes, from, to);
      end = this.chunks.scan(bytes, from, to);
      if (end === MALFORMED) return this.malformed(this.chunks.problem);
      last = this.chunks.done;
    } else if (head.contentLength !== NO_LENGTH) {
      this.reading = Reading.Length;
      end = Math.min(to, from + head.contentLength);
      this.left = head.contentLength - (end - from);
      last = this.left === 0;
    } else {
      this.reading = Reading.UntilClose;
      head.close = true;
      this.reusable = false;
      end = to;
    }
    if (last) this.finish(end < to);
    // After the last byte nothing is left to hold back, however slow the client is.
    return requester.respond(head, bytes, from, end, last) || last;
  }

  private consumeBody(bytes: Buffer, to: number): boolean {
    const requester = this.requester!;
    let end = to;
    let last = false;
    if (this.reading === Reading.Length) {
      end = Math.min(to, this.left);
      this.left -= end;
      last = this.left === 0;
    } else if (this.reading === Reading.Chunked) {
      if (requester.wantsPayload) return this.consumePayload(bytes, 0, to, true);
      end = this.chunks.scan(bytes, 0, to);
      if (end === MALFORMED) return this.malformed(this.chunks.problem);
      last = this.chunks.done;
    }
    if (last) this.finish(end < to);
    return requester.body(bytes, 0, end, last) || last;
  }

  private startPayload(bytes: Buffer, from: number, to: number): boolean {
    const flowing = this.requester!.respond(this.head, bytes, from, from, false);
    return this.requester === undefined || from === to
      ? flowing
      : this.consumePayload(bytes, from, to, flowing);
  }

  /** Hands a chunked body on without its framing. @param flowing the requester takes more of it */
  private consumePayload(bytes: Buffer, from: number, to: number, flowing: boolean): boolean {
    const requester = this.requester!;
    const end = this.chunks.scan(bytes, from, to, (piece, start, stop) => {
      if (this.requester !== undefined) flowing = requester.body(piece, start, stop, false) && flowing;
    });
    if (this.requester === undefined) return false;
    if (end === MALFORMED) return this.malformed(this.chunks.problem);
    if (!this.chunks.done) return flowing;
    if (this.chunks.trailers !== "") requester.trailers(this.chunks.trailers);
    this.finish(end < to);
    requester.body(bytes, end, end, true);
    // After the last byte nothing is left to hold back: the connection may be somebody else's by now.
    return true;
  }

  /** The response is complete: back to the pool, unless something forbids another exchange. */
  private finish(extraBytes: boolean): void {
    const requester = this.requester!;
    this.requester = undefined;
    // Over TLS more may come after reading was stopped, the last byte too; nobody would start it again.
    if (this.paused) this.resume();
    this.served++;
    this.owner.answered(this.address, this.head.status);
    if (this.reusable && !extraBytes && requester.requestDone) this.owner.released(this);
    else this.close();
  }

  private malformed(problem: string): false {
    this.die({ status: 502, problem: `malformed response: ${problem}` });
    return false;
  }

  private ended(): void {
    const { requester } = this;
    if (requester !== undefined && this.reading === Reading.Tunnel && !this.dead) {
      requester.originEnded();
      return;
    }
    if (requester !== undefined && this.reading === Reading.UntilClose && this.answered && !this.dead) {
      this.requester = undefined;
      this.served++;
      this.owner.answered(this.address, this.head.status);
      if (this.socket instanceof TLSSocket) this.owner.endUnconfirmed(this.address, requester.id);
      this.close();
      requester.body(EMPTY, 0, 0, true);
      return;
    }
    this.die({ status: 502, problem: "origin closed the connection" });
  }

  private die(failure: Failure | undefined): void {
    if (this.dead) return;
    this.dead = true;
    const { requester } = this;
    this.requester = undefined;
    this.partial = undefined;
    this.socket.destroy();
    // One that had served may have been closed just as the request was sent: the next one will tell of the origin.
    const stale = this.served > 0 && !this.answered && failure?.status !== 504;
    if (requester !== undefined) this.owner.unanswered(this.address, failure !== undefined && !stale);
    this.owner.closed(this);
    if (requester !== undefined && failure !== undefined) requester.lost(this, failure, this.answered);
  }
}
