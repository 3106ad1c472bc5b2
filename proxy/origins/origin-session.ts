import { type Socket } from "node:net";
import { clock } from "../clock";
import { type LinkOwner, type Requester } from "../exchange";
import { CompressionError, type Field, HpackDecoder, NO_TABLE } from "../http2/hpack";
import { OriginStream, STREAM_WINDOW_BYTES, type StreamSession } from "./origin-stream";
import {
  CODE,
  ConnectionError,
  FIRST_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_BYTES,
  frame,
  frameHeader,
  FrameReader,
  type FrameSink,
  MAX_WINDOW_BYTES,
  PREFACE,
  SETTING,
  settingsFrame,
  uint32,
} from "../http2/http2-frames";
import { latin1 } from "../latin1";
import { type HeadLimits } from "../http1/message-head";
import { ResponseHead } from "../http1/response-head";
import { READ_BUFFER_BYTES, type Reader, Wire } from "../wire";

/** Octets an origin may send ahead on all streams together: a long way needs wide windows. */
const CONNECTION_WINDOW_BYTES = 8_388_608;
/** Streams begun before the origin has said how many it takes (RFC 9113 section 6.5.2 recommends it takes as many). */
export const STREAMS_UNTIL_SETTLED = 100;
/** Stream numbers end at 2^31; a connection that gets near is followed by another. */
const LAST_STREAM = 2 ** 30;
/** Pieces of body up to this size are copied to where the frames' headers are: one write for many frames. */
const INLINE_BYTES = 8_192;
/** Octets of frames that are gathered before they are written without waiting for the others of this turn. */
const GATHERED_BYTES = 65_536;
/** Octets that may wait for the socket before bodies wait instead; and at most, since answers to PING come on top. */
const UNSENT_BYTES = 262_144;
const MAX_UNSENT_BYTES = 4_194_304;
/** Milliseconds of silence, with exchanges under way, after which an origin is asked whether it is still there. */
const SILENCE_MS = 10_000;
/** Milliseconds it then has to say so. */
const PING_MS = 5_000;

/** What a session tells the pool it came from. */
export interface SessionOwner extends LinkOwner {
  /** Streams at once that the origin took on its last connection: what a new one begins with. */
  streamLimit: number;
  /** There is room for another exchange. */
  roomMade(session: OriginSession): void;
  /** It takes no more exchanges. */
  ended(session: OriginSession): void;
}

/** One HTTP/2 connection to an origin, with as many exchanges at once as the origin allows. */
export class OriginSession implements Reader, FrameSink, StreamSession {
  touched = clock.now;
  /** `clock.now` when something last came of any exchange. */
  heard = clock.now;
  served = 0;
  readonly head: ResponseHead;

  private readonly wire: Wire;
  private readonly frames: FrameReader;
  private readonly fields = new HpackDecoder();
  private readonly exchanges = new Set<OriginStream>();
  /** Streams that one of the two sides has not ended, by number. */
  private readonly streams = new Map<number, OriginStream>();
  /** Exchanges whose bodies wait for a window or the socket. */
  private readonly waiting = new Set<OriginStream>();
  /** Whose head is read and not passed on yet: what follows it in the same read goes with it. */
  private headed: OriginStream | undefined;
  private nextStream = 1;
  private gathered: string;
  private flushing = false;
  private readonly flush = (): void => {
    this.flushing = false;
    this.writeGathered();
    this.pump();
  };

  /** What the origin said in its settings. */
  private maxStreams: number;
  private streamsSaid = false;
  private firstWindow = FIRST_WINDOW_BYTES;
  /** Octets that may be sent, and that may come, on the whole connection. */
  private window = FIRST_WINDOW_BYTES;
  private ownWindow = CONNECTION_WINDOW_BYTES;

  /** `clock.now` when it was asked whether it is still there; 0 when it was not, or has answered. */
  private askedAt = 0;
  /** `heard` when it was last asked: once for each silence, since origins take more for an attack. */
  private askedAfter = 0;
  private over = false;
  private gone = false;

  /** @param socket connected, and quiet since */
  constructor(
    readonly owner: SessionOwner,
    readonly address: string,
    readonly scheme: "http" | "https",
    private readonly socket: Socket,
    readonly limits: HeadLimits,
  ) {
    this.head = new ResponseHead(limits);
    this.maxStreams = owner.streamLimit;
    // A block may be somewhat longer than what it says.
    this.frames = new FrameReader(this, limits.maxHeaderBytes + FRAME_BYTES);
    this.gathered =
      PREFACE +
      settingsFrame([
        [SETTING.enablePush, 0],
        [SETTING.initialWindowSize, STREAM_WINDOW_BYTES],
        [SETTING.maxHeaderListSize, limits.maxHeaderBytes],
      ]) +
      windowUpdate(0, CONNECTION_WINDOW_BYTES - FIRST_WINDOW_BYTES);
    this.wire = new Wire(socket, this, Buffer.allocUnsafeSlow(READ_BUFFER_BYTES));
    socket.on("drain", () => this.pump());
    socket.on("end", () => this.fail("origin closed the connection"));
    socket.on("error", (error) => this.fail(error.message));
    socket.on("close", () => this.fail("origin closed the connection"));
    this.gather("");
  }

  /** Exchanges under way. */
  get active(): number {
    return this.exchanges.size;
  }

  /** Can take another exchange now. */
  get open(): boolean {
    return !this.over && this.streams.size < this.maxStreams && this.nextStream < LAST_STREAM;
  }

  /** Takes no more exchanges. */
  get dead(): boolean {
    return this.over;
  }

  begin(requester: Requester): void {
    this.touched = clock.now;
    if (this.exchanges.size === 0) this.heard = clock.now;
    const exchange = new OriginStream(this, requester, this.firstWindow);
    this.exchanges.add(exchange);
    requester.send(exchange);
  }

  /** Enforces the time-out for answers. */
  sweep(now: number, proxyReadTimeout: number): void {
    this.checkAlive(now);
    for (const exchange of this.streams.values()) {
      // Where nothing at all comes any more the connection itself may be dead: what is new goes elsewhere.
      if (exchange.sweep(now, proxyReadTimeout) && now - this.heard > proxyReadTimeout * 1000) this.close();
    }
  }

  /** Takes no more; exchanges under way may end. */
  close(): void {
    if (this.over) return;
    this.over = true;
    this.owner.ended(this);
  }

  /** The connection goes. */
  destroy(): void {
    this.fail("connection given up");
  }

  // ---- what its exchanges send ------------------------------------------------------------------------------

  beginStream(exchange: OriginStream, block: string, end: boolean): number {
    const stream = this.nextStream;
    this.nextStream += 2;
    this.streams.set(stream, exchange);
    this.sendBlock(stream, stream === 1 ? NO_TABLE + block : block, end);
    return stream;
  }

  sendBlock(stream: number, block: string, end: boolean): void {
    let type: number = FRAME.headers;
    let flags: number = end ? FLAG.endStream : 0;
    let frames = "";
    let at = 0;
    for (; block.length - at > FRAME_BYTES; at += FRAME_BYTES) {
      frames += frame(type, flags, stream, block.slice(at, at + FRAME_BYTES));
      type = FRAME.continuation;
      flags = 0;
    }
    this.gather(frames + frame(type, flags | FLAG.endHeaders, stream, block.slice(at)));
  }

  allowance(exchange: OriginStream, window: number): number {
    const unsent = this.wire.unsent + this.gathered.length;
    const octets = unsent > UNSENT_BYTES ? 0 : Math.min(window, this.window, FRAME_BYTES);
    if (octets <= 0) this.waiting.add(exchange);
    return Math.max(0, octets);
  }

  sendData(stream: number, bytes: Buffer, from: number, to: number, end: boolean): void {
    const octets = to - from;
    this.window -= octets;
    const header = frameHeader(FRAME.data, end ? FLAG.endStream : 0, stream, octets);
    if (octets <= INLINE_BYTES) {
      this.gather(header + latin1(bytes, from, to));
      return;
    }
    const gathered = this.gathered + header;
    this.gathered = "";
    this.wire.writeBoth(gathered, bytes.subarray(from, to));
  }

  reset(stream: number, code: number): void {
    if (this.streams.delete(stream)) this.gather(frame(FRAME.reset, 0, stream, uint32(code)));
  }

  grant(stream: number, octets: number): void {
    this.gather(windowUpdate(stream, octets));
  }

  keepBuffer(): void {
    this.wire.keep();
  }

  finished(exchange: OriginStream): void {
    this.waiting.delete(exchange);
    if (!this.exchanges.delete(exchange)) return;
    this.touched = clock.now;
    if (!this.over) this.owner.roomMade(this);
  }

  ended(stream: number): void {
    if (this.streams.delete(stream) && !this.over) this.owner.roomMade(this);
  }

  private gather(frames: string): void {
    this.gathered += frames;
    if (this.gathered.length > GATHERED_BYTES) this.writeGathered();
    else if (!this.flushing) {
      // What the other events of this turn add goes out in the same write.
      this.flushing = true;
      setImmediate(this.flush);
    }
  }

  private writeGathered(): void {
    const { gathered } = this;
    if (gathered === "" || this.gone) return;
    this.gathered = "";
    this.wire.write(gathered);
    if (this.wire.unsent > MAX_UNSENT_BYTES) this.fail("origin does not read");
  }

  /** Lets bodies that wait go on, as far as windows and socket allow. */
  private pump(): void {
    if (this.waiting.size === 0 || this.gone) return;
    for (const exchange of [...this.waiting]) {
      this.waiting.delete(exchange);
      exchange.mayGoOn();
    }
  }

  // ---- what the origin sends --------------------------------------------------------------------------------

  receive(bytes: Buffer, length: number): boolean {
    if (this.gone) return false;
    try {
      this.frames.read(bytes, length);
      this.passHead();
    } catch (error) {
      if (error instanceof CompressionError) this.refuse(CODE.compression, error.message);
      else if (error instanceof ConnectionError) this.refuse(error.code, error.message);
      else throw error;
    }
    return !this.gone;
  }

  dataBegins(stream: number, octets: number): void {
    this.known(stream);
    this.ownWindow -= octets;
    if (this.ownWindow < 0) throw new ConnectionError(CODE.flowControl, "more than the connection's window");
    if (this.ownWindow <= CONNECTION_WINDOW_BYTES / 2) {
      this.grant(0, CONNECTION_WINDOW_BYTES - this.ownWindow);
      this.ownWindow = CONNECTION_WINDOW_BYTES;
    }
    this.streams.get(stream)?.dataBegins(octets);
  }

  data(stream: number, bytes: Buffer, from: number, to: number, end: boolean): void {
    this.heard = clock.now;
    const exchange = this.streams.get(stream);
    if (exchange === this.headed) this.headed = undefined;
    else this.passHead();
    exchange?.data(bytes, from, to, end);
  }

  headers(stream: number, bytes: Buffer, from: number, to: number, end: boolean): void {
    this.known(stream);
    this.passHead();
    this.heard = clock.now;
    const { maxHeaderBytes, maxHeaderCount } = this.limits;
    const fields: Field[] = [];
    let octets = 0;
    // Read to its end in any case: what comes later refers to it.
    this.fields.decode(bytes, from, to, (field) => {
      octets += field.name.length + field.value.length + 4;
      if (octets <= maxHeaderBytes && fields.length <= maxHeaderCount) fields.push(field);
    });
    const tooLarge = octets > maxHeaderBytes || fields.length > maxHeaderCount;
    this.streams.get(stream)?.headers(tooLarge ? undefined : fields, end);
  }

  /** Told by `data` or `passHead`. */
  headRead(exchange: OriginStream): void {
    this.headed = exchange;
  }

  private passHead(): void {
    const { headed } = this;
    this.headed = undefined;
    headed?.passHead();
  }

  streamReset(stream: number, code: number): void {
    this.known(stream);
    const exchange = this.streams.get(stream);
    this.streams.delete(stream);
    exchange?.broken("origin reset the stream", code === CODE.refusedStream);
    if (!this.over) this.owner.roomMade(this);
  }

  setting(id: number, value: number): void {
    switch (id) {
      case SETTING.maxConcurrentStreams:
        this.maxStreams = value;
        this.streamsSaid = true;
        break;
      case SETTING.initialWindowSize:
        if (value > MAX_WINDOW_BYTES)
          throw new ConnectionError(CODE.flowControl, `a first window of ${value} octets`);
        for (const exchange of this.streams.values()) exchange.widen(value - this.firstWindow);
        this.firstWindow = value;
        break;
      case SETTING.maxFrameSize:
        // Larger ones than everybody takes would only keep the other streams waiting.
        if (value < FRAME_BYTES || value >= 2 ** 24)
          throw new ConnectionError(CODE.protocol, `frames of ${value} octets`);
        break;
      default:
    }
  }

  settingsEnd(): void {
    // Who says nothing of it takes any number.
    if (!this.streamsSaid) this.maxStreams = Infinity;
    this.owner.streamLimit = Math.min(this.maxStreams, STREAMS_UNTIL_SETTLED);
    this.gather(frame(FRAME.settings, FLAG.ack, 0, ""));
    this.pump();
    if (!this.over) this.owner.roomMade(this);
  }

  ping(payload: string, ack: boolean): void {
    if (ack) this.askedAt = 0;
    else this.gather(frame(FRAME.ping, FLAG.ack, 0, payload));
  }

  goAway(lastStream: number): void {
    this.close();
    for (const [stream, exchange] of this.streams) {
      if (stream <= lastStream) continue;
      this.streams.delete(stream);
      exchange.broken("origin is leaving", true);
    }
  }

  windowUpdate(stream: number, octets: number): void {
    if (octets === 0) throw new ConnectionError(CODE.protocol, "a window is widened by nothing");
    if (stream === 0) {
      this.window += octets;
      if (this.window > MAX_WINDOW_BYTES) throw new ConnectionError(CODE.flowControl, "too wide a window");
      this.pump();
      return;
    }
    this.known(stream);
    this.streams.get(stream)?.widen(octets);
  }

  /** @throws ConnectionError for a stream that was never begun */
  private known(stream: number): void {
    if (stream % 2 === 0 || stream >= this.nextStream)
      throw new ConnectionError(CODE.protocol, `stream ${stream} was never begun`);
  }

  // ---- the end ----------------------------------------------------------------------------------------------

  /** A connection can be gone without a word: the way there cut, or its end lost while a write was under way. */
  private checkAlive(now: number): void {
    if (this.gone || this.exchanges.size === 0) return;
    if (this.askedAt > 0) {
      if (now - this.askedAt > PING_MS && this.heard < this.askedAt) this.fail("origin is silent");
    } else if (now - this.heard > SILENCE_MS && this.askedAfter !== this.heard) {
      this.askedAt = now;
      this.askedAfter = this.heard;
      this.gather(frame(FRAME.ping, 0, 0, "tricloud"));
    }
  }

  private refuse(code: number, problem: string): void {
    this.gathered += frame(FRAME.goAway, 0, 0, uint32(0) + uint32(code));
    this.writeGathered();
    this.fail(`malformed response: ${problem}`);
  }

  /** The connection is lost, and with it every exchange that has not got all of its response. */
  private fail(problem: string): void {
    if (this.gone) return;
    this.gone = true;
    this.close();
    this.socket.destroy();
    this.streams.clear();
    // One connection is one failure, however many exchanges were on it.
    let blamed = true;
    for (const exchange of [...this.exchanges]) {
      exchange.broken(problem, false, blamed);
      blamed = false;
    }
  }
}

function windowUpdate(stream: number, octets: number): string {
  return frame(FRAME.windowUpdate, 0, stream, uint32(octets));
}
