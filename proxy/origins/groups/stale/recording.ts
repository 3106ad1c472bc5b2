import { ChunkedBody } from "../../../http1/chunked-body";
import { MALFORMED } from "../../../http1/message-head";

const MAX_TRAILER_BYTES = 65_536;

/** Takes an answer's body down as it passes, up to a bound. */
export class Recording {
  private pieces: Buffer[] = [];
  private bytes = 0;
  private useful = true;
  private readonly chunks: ChunkedBody | undefined;

  /**
   * @param framed the body comes in chunks
   * @param whole called once with a body that has come whole, and is not larger than may be
   */
  constructor(
    framed: boolean,
    private readonly maxBytes: number,
    private readonly whole: (body: Buffer) => void,
  ) {
    if (framed) this.chunks = new ChunkedBody(MAX_TRAILER_BYTES);
  }

  /** More of the body, lent until this returns. */
  add(bytes: Buffer, from: number, to: number, last: boolean): void {
    if (!this.useful) return;
    if (this.chunks === undefined) this.take(bytes, from, to);
    else if (
      this.chunks.scan(bytes, from, to, (piece, start, end) => this.take(piece, start, end)) === MALFORMED
    )
      this.useful = false;
    if (last && this.useful) this.whole(Buffer.concat(this.pieces));
    if (last || !this.useful) this.stop();
  }

  private take(bytes: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    if (this.bytes > this.maxBytes) this.useful = false;
    else if (to > from) this.pieces.push(Buffer.from(bytes.subarray(from, to)));
  }

  private stop(): void {
    this.useful = false;
    this.pieces = [];
  }
}
