import { latin1 } from "../latin1";

/** Types of frames (RFC 9113 section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** Error codes (RFC 9113 section 7). */
export const CODE = {
  noError: 0,
  protocol: 1,
  flowControl: 3,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export const SETTING = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** Octets of a window before anybody says otherwise, and at most. */
export const FIRST_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;
/** Octets of a frame's payload that everybody takes. */
export const FRAME_BYTES = 16_384;
/** What a client says first (RFC 9113 section 3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PREFACE_BYTES = Buffer.from(PREFACE);

const HEADER_BYTES = 9;
/** Frames that a header block may come in: empty ones cost their sender nothing. */
const MAX_BLOCK_FRAMES = 32;

/** The other side breaks the protocol: the connection is over. */
export class ConnectionError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** What frames say. All of it may throw ConnectionError. */
export interface FrameSink {
  /** A DATA frame begins, of so many octets, padding included. */
  dataBegins(stream: number, octets: number): void;
  /** More of its payload; `end` when it was the stream's last. */
  data(stream: number, bytes: Buffer, from: number, to: number, end: boolean): void;
  /** A whole header block. */
  headers(stream: number, bytes: Buffer, from: number, to: number, end: boolean): void;
  streamReset(stream: number, code: number): void;
  setting(id: number, value: number): void;
  /** All values of a SETTINGS frame have been told. */
  settingsEnd(): void;
  ping(payload: string, ack: boolean): void;
  /** Streams above `lastStream` have not been looked at. */
  goAway(lastStream: number): void;
  /** @param stream 0 for the connection */
  windowUpdate(stream: number, octets: number): void;
}

/** `bytes[0..length)` are the beginning of a preface: at least `PR`, which no method begins with that is served. */
export function beginsPreface(bytes: Buffer, length: number): boolean {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x52) return false;
  const come = Math.min(length, PREFACE.length);
  return bytes.compare(PREFACE_BYTES, 0, come, 0, come) === 0;
}

/** A frame as latin1. */
export function frame(type: number, flags: number, stream: number, payload: string): string {
  return frameHeader(type, flags, stream, payload.length) + payload;
}

export function frameHeader(type: number, flags: number, stream: number, octets: number): string {
  return String.fromCharCode(
    octets >> 16,
    (octets >> 8) & 255,
    octets & 255,
    type,
    flags,
    stream >>> 24,
    (stream >> 16) & 255,
    (stream >> 8) & 255,
    stream & 255,
  );
}

export function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255);
}

/** @param values by SETTING */
export function settingsFrame(values: readonly (readonly [id: number, value: number])[]): string {
  const payload = values.map(([id, value]) => String.fromCharCode(0, id) + uint32(value)).join("");
  return frame(FRAME.settings, 0, 0, payload);
}

/** Takes the bytes of a server's side of a connection apart into frames, strictly (RFC 9113 sections 4 and 6). */
export class FrameReader {
  /** The beginning of a frame that is not all here; DATA is handed on as it comes. */
  private partial: Buffer | undefined;
  private begun = false;
  private dataStream = 0;
  private dataLeft = 0;
  private paddingLeft = 0;
  private dataEnds = false;
  /** A header block that goes on in CONTINUATION frames. */
  private block: Buffer | undefined;
  private blockStream = 0;
  private blockEnds = false;
  private blockFrames = 0;

  /** @param maxBlockBytes octets of a header block at most */
  constructor(
    private readonly sink: FrameSink,
    private readonly maxBlockBytes: number,
  ) {}

  /** Reads `bytes[0..length)`. @throws ConnectionError */
  read(bytes: Buffer, length: number): void {
    if (this.partial === undefined) {
      this.readFrames(bytes, length);
      return;
    }
    const all = Buffer.concat([this.partial, bytes.subarray(0, length)]);
    this.partial = undefined;
    this.readFrames(all, all.length);
  }

  private readFrames(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      const next =
        this.dataLeft + this.paddingLeft > 0
          ? this.moreData(bytes, at, length)
          : this.frame(bytes, at, length);
      if (next < 0) {
        this.partial = Buffer.from(bytes.subarray(at, length));
        return;
      }
      at = next;
    }
  }

  /** Reads the frame at `at`: the offset after what was read of it, or -1 when more has to come first. */
  private frame(bytes: Buffer, at: number, to: number): number {
    if (to - at < HEADER_BYTES) return -1;
    const octets = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const stream = bytes.readUInt32BE(at + 5) & MAX_WINDOW_BYTES;
    const from = at + HEADER_BYTES;
    if (!this.begun && (type !== FRAME.settings || (flags & FLAG.ack) !== 0))
      throw new ConnectionError(CODE.protocol, "what the origin speaks is not HTTP/2");
    this.begun = true;
    if (octets > FRAME_BYTES) throw new ConnectionError(CODE.frameSize, `a frame of ${octets} octets`);
    if (this.block !== undefined && (type !== FRAME.continuation || stream !== this.blockStream))
      throw new ConnectionError(CODE.protocol, "a header block is interrupted");
    if (type === FRAME.data) return this.beginData(bytes, from, to, { octets, flags, stream });
    const end = from + octets;
    if (end > to) return -1;
    this.whole(type, flags, stream, bytes, from, end);
    return end;
  }

  private beginData(
    bytes: Buffer,
    from: number,
    to: number,
    { octets, flags, stream }: { octets: number; flags: number; stream: number },
  ): number {
    const padded = (flags & FLAG.padded) !== 0;
    if (padded && octets > 0 && from >= to) return -1;
    const padding = padded ? (bytes[from] ?? 0) : 0;
    onStream("DATA", stream);
    if (padded && padding >= octets) throw new ConnectionError(CODE.protocol, "DATA of padding only");
    this.sink.dataBegins(stream, octets);
    this.dataStream = stream;
    this.dataLeft = octets - padding - (padded ? 1 : 0);
    this.paddingLeft = padding;
    this.dataEnds = (flags & FLAG.endStream) !== 0;
    if (this.dataLeft === 0) this.sink.data(stream, bytes, from, from, this.dataEnds);
    return padded ? from + 1 : from;
  }

  private moreData(bytes: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.dataLeft);
    if (end > at) {
      this.dataLeft -= end - at;
      this.sink.data(this.dataStream, bytes, at, end, this.dataEnds && this.dataLeft === 0);
    }
    const padding = Math.min(to - end, this.dataLeft === 0 ? this.paddingLeft : 0);
    this.paddingLeft -= padding;
    return end + padding;
  }

  private whole(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    const octets = to - from;
    switch (type) {
      case FRAME.headers:
        onStream("HEADERS", stream);
        this.beginBlock(flags, stream, bytes, from, to);
        return;
      case FRAME.continuation:
        if (this.block === undefined) throw new ConnectionError(CODE.protocol, "CONTINUATION of nothing");
        this.continueBlock(Buffer.concat([this.block, bytes.subarray(from, to)]), flags);
        return;
      case FRAME.priority:
        onStream("PRIORITY", stream);
        sized("PRIORITY", octets, octets === 5);
        return;
      case FRAME.reset:
        onStream("RST_STREAM", stream);
        sized("RST_STREAM", octets, octets === 4);
        this.sink.streamReset(stream, bytes.readUInt32BE(from));
        return;
      case FRAME.settings:
        onConnection("SETTINGS", stream);
        this.settings(flags, bytes, from, to);
        return;
      case FRAME.pushPromise:
        throw new ConnectionError(CODE.protocol, "a push that was not offered");
      case FRAME.ping:
        onConnection("PING", stream);
        sized("PING", octets, octets === 8);
        this.sink.ping(latin1(bytes, from, to), (flags & FLAG.ack) !== 0);
        return;
      case FRAME.goAway:
        onConnection("GOAWAY", stream);
        sized("GOAWAY", octets, octets >= 8);
        this.sink.goAway(bytes.readUInt32BE(from) & MAX_WINDOW_BYTES);
        return;
      case FRAME.windowUpdate:
        sized("WINDOW_UPDATE", octets, octets === 4);
        this.sink.windowUpdate(stream, bytes.readUInt32BE(from) & MAX_WINDOW_BYTES);
        return;
      default:
      // Types that nobody here knows are to be ignored.
    }
  }

  private beginBlock(flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    let start = from;
    const padding = (flags & FLAG.padded) !== 0 ? (bytes[start++] ?? 0) : 0;
    if ((flags & FLAG.priority) !== 0) start += 5;
    const end = to - padding;
    if (start > end) throw new ConnectionError(CODE.protocol, "HEADERS of padding only");
    const ends = (flags & FLAG.endStream) !== 0;
    if ((flags & FLAG.endHeaders) !== 0) {
      this.sink.headers(stream, bytes, start, end, ends);
      return;
    }
    this.blockStream = stream;
    this.blockEnds = ends;
    this.blockFrames = 0;
    this.continueBlock(Buffer.from(bytes.subarray(start, end)), flags);
  }

  private continueBlock(block: Buffer, flags: number): void {
    if (block.length > this.maxBlockBytes || ++this.blockFrames > MAX_BLOCK_FRAMES)
      throw new ConnectionError(CODE.enhanceYourCalm, "a header block that does not end");
    this.block = block;
    if ((flags & FLAG.endHeaders) === 0) return;
    this.block = undefined;
    this.sink.headers(this.blockStream, block, 0, block.length, this.blockEnds);
  }

  private settings(flags: number, bytes: Buffer, from: number, to: number): void {
    if ((flags & FLAG.ack) !== 0) return sized("SETTINGS", to - from, to === from);
    sized("SETTINGS", to - from, (to - from) % 6 === 0);
    for (let at = from; at < to; at += 6)
      this.sink.setting(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    this.sink.settingsEnd();
  }
}

function onStream(type: string, stream: number): void {
  if (stream === 0) throw new ConnectionError(CODE.protocol, `${type} of no stream`);
}

function onConnection(type: string, stream: number): void {
  if (stream !== 0) throw new ConnectionError(CODE.protocol, `${type} of a stream`);
}

function sized(type: string, octets: number, right: boolean): void {
  if (!right) throw new ConnectionError(CODE.frameSize, `${type} of ${octets} octets`);
}
