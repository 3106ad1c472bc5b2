import { type Origin, type OriginLink } from "../../proxy/engine";

/** Passes a request on to its link, and keeps its body as it was framed, up to a size. */
export class RecordingLink implements OriginLink {
  private readonly parts: Buffer[] = [];
  private length = 0;

  constructor(
    readonly link: OriginLink,
    private readonly maxBytes: number,
  ) {}

  /** What was sent of the body; undefined where it is larger than is kept. */
  get body(): Buffer | undefined {
    return this.length > this.maxBytes ? undefined : Buffer.concat(this.parts);
  }

  get origin(): Origin {
    return this.link.origin;
  }

  get served(): number {
    return this.link.served;
  }

  writeText(text: string): boolean {
    this.keep(Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1"));
    return this.link.writeText(text);
  }

  writeTextAndBytes(text: string, bytes: Buffer): boolean {
    this.keep(bytes);
    return this.link.writeTextAndBytes(text, bytes);
  }

  write(bytes: Buffer): boolean {
    this.keep(bytes);
    return this.link.write(bytes);
  }

  keepBuffer(): void {
    this.link.keepBuffer();
  }

  resume(): void {
    this.link.resume();
  }

  end(): void {
    this.link.end();
  }

  abandon(): void {
    this.link.abandon();
  }

  private keep(bytes: Buffer): void {
    this.length += bytes.length;
    if (this.length > this.maxBytes) this.parts.length = 0;
    else if (bytes.length > 0) this.parts.push(Buffer.from(bytes));
  }
}
