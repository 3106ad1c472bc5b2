import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { forbiddenTrailer } from "../http1/chunked-body";
import { clock } from "../clock";
import { type Failure, type OriginLink, type OwnBody, TOO_LARGE } from "../exchange";
import { type ExchangeServices } from "../exchange-services";
import { toHttp2Fields, toLines } from "../http2/head-text";
import { INCOMPLETE, MALFORMED } from "../http1/message-head";
import { type ResponseHead } from "../http1/response-head";
import { ClientExchange } from "./client-exchange";

/** Fields that are framing or hop in HTTP/1 and have no meaning in HTTP/2. */
const DROPPED = new Set(["host", "te"]);
/** Above it HTTP/1 has room for three digits, and HTTP/2 for nothing. */
const MAX_STATUS = 599;
/** gRPC itself, in any encoding; gRPC-Web is plain HTTP. */
const GRPC = /^application\/grpc(?:[+; ]|$)/i;
/** Milliseconds that the rest of a request is read and dropped after its answer. */
const LINGER_MS = 2_000;
const WRONG_LENGTH: Failure = { status: 400, problem: "body shorter or longer than Content-Length" };

/** One stream of an HTTP/2 client: an exchange. It travels as HTTP/1 text inside, so the same checks see it. */
export class ClientStream extends ClientExchange {
  readonly wantsPayload = true;
  readonly upgrading = false;
  readonly startedAt = performance.now();
  requestDone = false;

  private chunked = false;
  private left = 0;
  private sentPieces = 0;
  private requestTrailers = "";
  private over = false;
  private trailerLines = "";
  /** The answer's end has yet to be written: it comes after its trailers, and may wait for the client's window. */
  private endDue = false;

  constructor(
    private readonly stream: ServerHttp2Stream,
    services: ExchangeServices,
    remoteAddress: string,
    secure: boolean,
    peer: string | undefined,
  ) {
    super(services, remoteAddress, secure, peer);
  }

  protected get reading(): boolean {
    return !this.stream.isPaused();
  }

  protected get underWay(): boolean {
    return !this.over;
  }

  /** An answer, the origin's or the proxy's own, has begun. */
  get answerBegun(): boolean {
    return this.stream.headersSent;
  }

  begin(fields: IncomingHttpHeaders, raw: readonly string[]): void {
    const { stream, services, head } = this;
    stream.on("data", (bytes: Buffer) => this.receive(bytes));
    stream.on("trailers", (trailers) => (this.requestTrailers = toLines(trailers)));
    stream.on("end", () => this.requestEnded());
    stream.on("drain", () => this.unstall());
    // A stream that is reset without an error is closed only once its end has been read and written.
    // After the exchange the reset is this side's own, and has to go out.
    stream.on("aborted", () => {
      if (!this.over) process.nextTick(() => this.gone());
    });
    stream.on("close", () => this.gone());
    stream.pause();
    this.requestDone = stream.endAfterHeaders;
    const text = this.http1Text(fields, raw);
    const bytes = Buffer.from(text, "latin1");
    const end = head.parse(bytes, 0, bytes.length);
    if (end === MALFORMED || end === INCOMPLETE || end !== bytes.length) {
      this.refuse(end === MALFORMED ? head.status : 400, head.problem || "malformed request");
      return;
    }
    this.id = head.id === "" ? services.ids.next() : head.id;
    this.messages = GRPC.test(fields["content-type"] ?? "");
    this.route(this.messages ? "h2" : "any");
  }

  protected collectBody(asks: boolean): void {
    if (asks) this.stream.additionalHeaders({ ":status": 100 });
    this.stream.resume();
  }

  /** Enforces time-outs; called once a tick. */
  sweep(now: number): void {
    if (this.over) this.sweepAnswered((now - this.since) / 1000);
    else this.sweepExchange(now);
  }

  /** Either the client does not read the answer, or it has not ended its request, which has no reader. */
  private sweepAnswered(seconds: number): void {
    const { stream } = this;
    const written = stream.writableFinished && !this.endDue;
    const limit = written ? LINGER_MS / 1000 : this.services.options.writeTimeout;
    if (seconds <= limit) return;
    // A session that has fallen out with its client does not tell streams of their end any more.
    if (stream.closed || stream.session?.destroyed !== false) stream.destroy();
    else stream.close(written ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
  }

  send(link: OriginLink): void {
    this.link = link;
    this.since = clock.now;
    let flowing = link.writeText(`${this.services.headFor(this, link.origin)}\r\n`);
    if (this.firstBody !== undefined) flowing = link.write(this.firstBody);
    // The end may have come while the request waited for a connection.
    if (this.requestDone) this.endBody();
    else if (flowing) this.stream.resume();
  }

  /** What comes of the body waits until there is a link again. */
  override detach(): void {
    super.detach();
    this.stream.pause();
  }

  originDrained(): void {
    this.since = clock.now;
    this.stream.resume();
  }

  inform(head: ResponseHead): void {
    if (this.over || this.stream.closed || this.stream.destroyed) return;
    this.since = clock.now;
    this.destination?.amend?.(head);
    this.stream.additionalHeaders({ ":status": head.status, ...toHttp2Fields(fieldLines(head)) });
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    // The link of a response that is complete may serve another exchange already.
    if (last) this.link = undefined;
    if (this.over) return true;
    if (this.stream.closed || this.stream.destroyed) {
      this.gone();
      return true;
    }
    if (head.status > MAX_STATUS) {
      this.fail({ status: 502, problem: `malformed response: HTTP/2 has no status ${head.status}` });
      return true;
    }
    this.responding = true;
    this.status = head.status;
    this.since = clock.now;
    const amended = this.destination?.amend?.(head) ?? "";
    const fields = toHttp2Fields(fieldLines(head) + amended);
    const empty = last && from === to;
    this.stream.on("wantTrailers", () => this.sendTrailers());
    this.stream.respond(
      { ...fields, ":status": head.status, "x-chocon-id": this.id },
      empty ? { endStream: true } : { waitForTrailers: true },
    );
    if (empty) {
      this.complete();
      return true;
    }
    // A status without content (205) has ended the stream with the head.
    this.endDue = !this.stream.writableEnded;
    return this.body(bytes, from, to, last);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (last) this.link = undefined;
    if (this.over) return true;
    this.since = clock.now;
    const { stream } = this;
    this.sent += to - from;
    // What is written is copied: it is sent when the client's window allows, long after the buffer is read into again.
    const flowing =
      to === from || stream.writableEnded || stream.write(Buffer.from(bytes.subarray(from, to)));
    if (last) {
      stream.end();
      this.complete();
    }
    this.stalled ||= !flowing;
    return flowing;
  }

  trailers(lines: string): void {
    this.trailerLines = lines;
  }

  private sendTrailers(): void {
    this.endDue = false;
    this.since = clock.now;
    this.stream.sendTrailers(toHttp2Fields(this.trailerLines));
  }

  protected cutShort(): void {
    this.complete();
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** The request as HTTP/1 text: what has a length keeps it, what has none is chunked. */
  private http1Text(fields: IncomingHttpHeaders, raw: readonly string[]): string {
    let lines = "";
    let cookies = "";
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!;
      const value = raw[i + 1]!;
      if (name.startsWith(":") || DROPPED.has(name)) continue;
      if (name === "cookie") cookies += cookies === "" ? value : `; ${value}`;
      else lines += `${name}: ${value}\r\n`;
    }
    if (cookies !== "") lines += `cookie: ${cookies}\r\n`;
    const length = fields["content-length"];
    if (length !== undefined) this.left = Number(length);
    else if (!this.requestDone) {
      this.chunked = true;
      lines += "transfer-encoding: chunked\r\n";
    }
    const host = fields[":authority"] ?? fields["host"] ?? "";
    return `${fields[":method"]} ${fields[":path"]} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
  }

  private receive(bytes: Buffer): void {
    const { link } = this;
    this.since = clock.now;
    if ((link === undefined && !this.collecting) || this.over) return;
    this.left -= bytes.length;
    this.rate.add(bytes.length);
    if (!this.chunked && this.left < 0) return this.fail(WRONG_LENGTH);
    const piece = this.chunked
      ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
      : bytes;
    if (this.collecting) {
      this.collect(piece);
      return;
    }
    if (this.tooLarge) return this.fail(TOO_LARGE);
    if (this.sentPieces++ === 0) this.firstBody = piece;
    else {
      this.firstBody = undefined;
      this.triesLeft = 0;
    }
    if (!link!.write(piece)) this.stream.pause();
  }

  private requestEnded(): void {
    // "end" comes also of a stream that was reset without an error: then it is closed.
    if (this.requestDone || this.over || this.stream.closed) return;
    this.requestDone = true;
    const forbidden = forbiddenTrailer(this.requestTrailers, this.services.forbidsTrailer);
    if (forbidden !== undefined) this.fail({ status: 400, problem: `forbidden trailer field ${forbidden}` });
    else if (!this.chunked && this.left !== 0) this.fail(WRONG_LENGTH);
    else if (this.collecting) this.endCollecting();
    else this.endBody();
  }

  /** What more there is of the body waits until there is a link. */
  protected override endCollecting(): void {
    this.stream.pause();
    this.sentPieces = 1;
    super.endCollecting();
  }

  /** Where the body has chunks, its last one, and what trails it; a length leaves no room for trailers. */
  private endBody(): void {
    if (this.chunked) this.link?.write(Buffer.from(`0\r\n${this.requestTrailers}\r\n`, "latin1"));
  }

  protected writeAnswer({ contentType, text }: OwnBody, lines: string): void {
    const { stream } = this;
    if (stream.closed || stream.destroyed) return;
    // Node has ended the stream of a HEAD request by now.
    const headOnly = stream.writableEnded;
    this.sent = headOnly ? 0 : text.length;
    stream.respond({
      ...toHttp2Fields(lines),
      ":status": this.status,
      "content-type": contentType,
      ...(text === "" ? undefined : { "content-length": text.length }),
      "x-chocon-id": this.id,
    });
    if (!headOnly) stream.end(text, "latin1");
  }

  protected override complete(): void {
    this.over = true;
    super.complete();
    this.services.completed(this);
    // What is left of the request has no reader.
    this.stream.resume();
  }

  private gone(): void {
    if (!this.over) this.leave("client closed the stream");
    this.stream.destroy();
  }

  protected leave(problem: string): void {
    this.clientLeft(problem);
    this.letGo();
    this.complete();
    this.stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** The field lines of a response that travel on. */
function fieldLines(head: ResponseHead): string {
  const text = head.forwarded();
  return text.slice(text.indexOf("\r\n") + 2);
}
