import { type MovableRequester, type OriginLink } from "../../../exchange";
import { type ResponseHead } from "../../../http1/response-head";
import { type Origin } from "../../../route";

/** Bytes that a client is handed before it is known whether it reads them. */
const PIECE_BYTES = 65_536;

/** Leads to an answer that came before: read as slowly as the client likes, like any other. */
export class StoredLink implements OriginLink {
  readonly served = 0;
  private at = 0;
  private over = false;

  constructor(
    readonly origin: Origin,
    private readonly requester: MovableRequester,
    private readonly head: ResponseHead,
    private readonly bytes: Buffer,
  ) {}

  /** For a requester without a link. */
  answer(): void {
    this.requester.send(this);
    const end = Math.min(this.bytes.length, PIECE_BYTES);
    this.over = end === this.bytes.length;
    this.at = end;
    if (this.requester.respond(this.head, this.bytes, 0, end, this.over)) this.resume();
  }

  resume(): void {
    let flowing = true;
    while (flowing && !this.over) {
      const from = this.at;
      this.at = Math.min(this.bytes.length, from + PIECE_BYTES);
      this.over = this.at === this.bytes.length;
      flowing = this.requester.body(this.bytes, from, this.at, this.over);
    }
  }

  abandon(): void {
    this.over = true;
  }

  writeText(): boolean {
    return true;
  }

  writeTextAndBytes(): boolean {
    return true;
  }

  write(): boolean {
    return true;
  }

  keepBuffer(): void {
    // These bytes are nobody else's.
  }

  end(): void {
    // Nothing was switched to another protocol.
  }
}
