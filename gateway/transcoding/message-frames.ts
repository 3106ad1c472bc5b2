/** Bytes before each message of gRPC: a flag, and the length in big-endian order. */
export const PREFIX_BYTES = 5;

/** A message as it travels (gRPC over HTTP2, Length-Prefixed-Message). */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes.set(message, PREFIX_BYTES);
  return prefixed(bytes);
}

/** The same of a message that has room before it. */
export function prefixed(bytes: Buffer): Buffer {
  bytes[0] = 0;
  bytes.writeUInt32BE(bytes.length - PREFIX_BYTES, 1);
  return bytes;
}

/** What is wrong with what has come. */
export type FrameProblem = "too_large" | "compressed";

/** Takes messages out of the bytes that they travel in. */
export class MessageFrames {
  private parts: Buffer[] = [];
  private length = 0;
  /** Bytes with which the next prefix, or the message after it, is whole. */
  private wanted = PREFIX_BYTES;

  /** @param maxBytes of one message */
  constructor(private readonly maxBytes: number) {}

  /** Nothing has come of a message that is not whole. */
  get complete(): boolean {
    return this.length === 0;
  }

  /**
   * Calls `take` with each message that is whole; its bytes are lent, as those that are handed in.
   *
   * @returns what is wrong, after which no more is to come
   */
  add(bytes: Buffer, from: number, to: number, take: (message: Buffer) => void): FrameProblem | undefined {
    if (to === from) return undefined;
    const more = bytes.subarray(from, to);
    this.length += more.length;
    if (this.length < this.wanted) {
      this.parts.push(Buffer.from(more));
      return undefined;
    }
    const all = this.parts.length === 0 ? more : Buffer.concat([...this.parts, more]);
    let at = 0;
    this.wanted = PREFIX_BYTES;
    while (all.length - at >= PREFIX_BYTES) {
      const size = all.readUInt32BE(at + 1);
      if (size > this.maxBytes) return "too_large";
      if (all[at] !== 0) return "compressed";
      if (all.length - at - PREFIX_BYTES < size) {
        this.wanted = PREFIX_BYTES + size;
        break;
      }
      take(all.subarray(at + PREFIX_BYTES, at + PREFIX_BYTES + size));
      at += PREFIX_BYTES + size;
    }
    this.length = all.length - at;
    this.parts = this.length === 0 ? [] : [Buffer.from(all.subarray(at))];
    return undefined;
  }
}
