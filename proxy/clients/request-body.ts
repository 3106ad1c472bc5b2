import { type BodyRate } from "./body-rate";
import { ChunkedBody } from "../http1/chunked-body";
import { MALFORMED } from "../http1/message-head";
import { type Options } from "../options/options";
import { type RequestHead } from "../http1/request-head";

/** Where the body of a request ends: follows its bytes as they pass. */
export class RequestBody {
  done = true;
  private chunked = false;
  private left = 0;
  private readonly chunks: ChunkedBody;

  /**
   * @param rate what is told how much of each body has come
   * @param forbidsTrailer whether a field with this name, in lower case, may not be a trailer
   */
  constructor(
    private readonly rate: BodyRate,
    options: Pick<Options, "maxHeaderBytes">,
    forbidsTrailer: (name: string) => boolean,
  ) {
    this.chunks = new ChunkedBody(options.maxHeaderBytes, forbidsTrailer);
  }

  get problem(): string {
    return this.chunks.problem;
  }

  /** The body that this head announces is to come. */
  start(head: RequestHead): void {
    this.done = !head.hasBody;
    this.chunked = head.chunked;
    this.left = head.contentLength;
    this.rate.restart();
    if (head.chunked) this.chunks.reset();
  }

  /** Nothing more is expected, or cared for. */
  end(): void {
    this.done = true;
  }

  /** The offset up to which `bytes[from..]` belong to the body, or MALFORMED. */
  advance(bytes: Buffer, from: number): number {
    if (this.done) return from;
    if (this.chunked) {
      const end = this.chunks.scan(bytes, from, bytes.length);
      if (end === MALFORMED) return end;
      this.done = this.chunks.done;
      this.rate.add(end - from);
      return end;
    }
    const end = Math.min(bytes.length, from + this.left);
    this.left -= end - from;
    this.rate.add(end - from);
    this.done = this.left === 0;
    return end;
  }
}
