import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { ChunkedBody, type ResponseHead } from "../../proxy/engine";
import { type AnswerTaker } from "./own-request";

const EMPTY = Buffer.alloc(0);
const DECODERS = new Map(
  [
    ["gzip", gunzip],
    ["x-gzip", gunzip],
    ["deflate", inflate],
    ["br", brotliDecompress],
  ].map(([name, decode]) => [name as string, promisify(decode as typeof gunzip)]),
);

/** An answer as somebody got it, up to a size. */
export class RecordedAnswer implements AnswerTaker {
  /** 0 until it has begun. */
  status = 0;
  contentType = "";
  contentEncoding = "";
  /** All of it has come. */
  whole = false;
  /** It can still be compared: it is neither too large nor a stream that may go on for ever. */
  comparable = true;

  private readonly parts: Buffer[] = [];
  private length = 0;
  private chunks: ChunkedBody | undefined;

  /** @param maxBytes of its body, beyond which nothing of it is kept */
  constructor(private readonly maxBytes: number) {}

  /** @param framed the body comes with its chunk framing, if it has any */
  begin(head: ResponseHead, framed: boolean): void {
    this.status = head.status;
    this.contentType = head.fieldValue("content-type") ?? "";
    this.contentEncoding = (head.fieldValue("content-encoding") ?? "").toLowerCase();
    if (framed && head.chunked) this.chunks = new ChunkedBody(head.text.length + this.maxBytes);
    if (/^text\/event-stream\b/i.test(this.contentType)) this.comparable = false;
  }

  get useful(): boolean {
    return this.comparable;
  }

  /** The bytes are copied. */
  add(bytes: Buffer, from: number, to: number, last: boolean): true {
    this.whole = last;
    if (!this.comparable) return true;
    if (this.chunks === undefined) this.keep(bytes, from, to);
    else this.chunks.scan(bytes, from, to, (piece, start, end) => this.keep(piece, start, end));
    return true;
  }

  trail(): void {
    // Trailers are not kept.
  }

  /** All of the body as it came but for chunk framing. */
  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }

  /** The body without its Content-Encoding; undefined where that is unknown, or leads to more than is compared. */
  async decoded(): Promise<Buffer | undefined> {
    const { bytes, contentEncoding } = this;
    if (bytes.length === 0) return EMPTY;
    if (contentEncoding === "" || contentEncoding === "identity") return bytes;
    const decode = DECODERS.get(contentEncoding);
    return decode?.(bytes, { maxOutputLength: this.maxBytes }).catch(() => undefined);
  }

  private keep(bytes: Buffer, from: number, to: number): void {
    this.length += to - from;
    if (this.length > this.maxBytes) {
      this.comparable = false;
      this.parts.length = 0;
    } else if (to > from && this.comparable) this.parts.push(Buffer.from(bytes.subarray(from, to)));
  }
}
