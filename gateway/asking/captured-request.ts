import { ChunkedBody, type Origin, type OriginLink, type RequestHead } from "../../proxy/engine";

/** Of no meaning: whom the request goes to is said once there is a connection. */
const NOBODY: Origin = { host: "", port: 0, tls: false, authority: "" };

/** The body has been looked at already, its trailers too. */
const MOST_TRAILER_BYTES = 1_048_576;

/** What the client's side takes for an origin: keeps a request that is here whole, and asks for the next steps. */
export class CapturedRequest implements OriginLink {
  readonly origin = NOBODY;
  readonly served = 0;
  readonly wantsBytes = true;
  /** The head as an origin would read it. */
  head = "";
  private readonly parts: Buffer[] = [];
  private readonly chunks: ChunkedBody | undefined;

  /** @param client what its wishes are told to */
  constructor(
    head: RequestHead,
    private readonly client: { readonly abandon: () => void; readonly resume: () => void },
  ) {
    this.chunks = head.chunked ? new ChunkedBody(MOST_TRAILER_BYTES) : undefined;
  }

  /** Without its framing. */
  get body(): Buffer {
    return this.parts.length === 1 ? this.parts[0]! : Buffer.concat(this.parts);
  }

  writeText(text: string): true {
    const end = text.indexOf("\r\n\r\n") + 4;
    this.head = text.slice(0, end);
    return end < text.length ? this.write(Buffer.from(text.slice(end), "latin1")) : true;
  }

  writeTextAndBytes(text: string, bytes: Buffer): true {
    this.head = text;
    return this.write(bytes);
  }

  write(bytes: Buffer): true {
    if (this.chunks === undefined) this.parts.push(bytes);
    else
      this.chunks.scan(bytes, 0, bytes.length, (piece, from, to) =>
        this.parts.push(piece.subarray(from, to)),
      );
    return true;
  }

  keepBuffer(): void {
    // What is handed to the client is nobody else's.
  }

  resume(): void {
    this.client.resume();
  }

  end(): void {
    throw new Error("a request that goes on as others never asks to switch protocols");
  }

  abandon(): void {
    this.client.abandon();
  }
}
