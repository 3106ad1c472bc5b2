import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type Failure, type OriginLink, type Requester } from "./exchange";
import { toHttp2Fields } from "./head-text";
import { INCOMPLETE, MALFORMED } from "./message-head";
import { type OriginPool } from "./origin-pool";
import { RequestHead } from "./request-head";
import { type ResponseHead } from "./response-head";
import { type CompletedExchange, type Service } from "./service";
import { statusText } from "./status-text";

/** Fields that are framing or hop in HTTP/1 and have no meaning in HTTP/2. */
const DROPPED = new Set(["host", "te"]);
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** One stream of an HTTP/2 client: an exchange. It travels as HTTP/1 text inside, so the same checks see it. */
export class Http2Request implements Requester, CompletedExchange {
  readonly head: RequestHead;
  readonly remoteAddress: string;
  readonly wantsPayload = true;
  readonly upgrading = false;
  readonly startedAt = performance.now();
  id = "";
  status = 0;
  sent = 0;
  requestDone = false;

  private chunked = false;
  private left = 0;
  private pool: OriginPool | undefined;
  private origin: OriginLink | undefined;
  private responding = false;
  private over = false;
  private stalled = false;
  private trailerLines = "";

  constructor(
    private readonly stream: ServerHttp2Stream,
    private readonly service: Service,
  ) {
    this.head = new RequestHead(service.options);
    this.remoteAddress = stream.session?.socket.remoteAddress ?? "";
  }

  get method(): string {
    return this.head.method;
  }

  begin(fields: IncomingHttpHeaders, raw: readonly string[]): void {
    const { stream, service, head } = this;
    stream.on("data", (bytes: Buffer) => this.receive(bytes));
    stream.on("end", () => this.requestEnded());
    stream.on("drain", () => this.unstall());
    stream.on("close", () => this.gone());
    stream.pause();
    this.requestDone = stream.endAfterHeaders;
    const text = this.http1Text(fields, raw);
    const bytes = Buffer.from(text, "latin1");
    const end = head.parse(bytes, 0, bytes.length);
    if (end === MALFORMED || end === INCOMPLETE || end !== bytes.length) {
      this.id = service.ids.next();
      service.metrics.refused++;
      service.log.requestRefused(this.id, this.remoteAddress, 400, head.problem || "malformed request");
      head.blank();
      this.answer(end === MALFORMED ? head.status : 400);
      return;
    }
    this.id = head.id === "" ? service.ids.next() : head.id;
    if (head.looped)
      return this.fail({ status: 508, problem: "the request has been through a proxy already" });
    const grpc = /^application\/grpc/i.test(fields["content-type"] ?? "");
    const pool = service.poolFor(head.host, grpc);
    if ("problem" in pool) return this.fail(pool);
    this.pool = pool;
    pool.acquire(this);
  }

  send(link: OriginLink): void {
    this.origin = link;
    const host = this.service.hostFor(this.head, this.pool!.origin);
    link.writeText(`${this.head.forwarded(host)}${this.service.requestMark}${this.id}\r\n\r\n`);
    if (!this.requestDone) this.stream.resume();
  }

  originDrained(): void {
    this.stream.resume();
  }

  inform(head: ResponseHead): void {
    if (this.over || this.stream.headersSent) return;
    this.stream.additionalHeaders({ ":status": head.status, ...toHttp2Fields(fieldLines(head)) });
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (this.over) return true;
    this.responding = true;
    this.status = head.status;
    const fields = toHttp2Fields(fieldLines(head));
    const empty = last && from === to;
    this.stream.on("wantTrailers", () => this.stream.sendTrailers(toHttp2Fields(this.trailerLines)));
    this.stream.respond(
      { ...fields, ":status": head.status, "x-chocon-id": this.id },
      empty ? { endStream: true } : { waitForTrailers: true },
    );
    if (empty) {
      this.complete();
      return true;
    }
    return this.body(bytes, from, to, last);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (this.over) return true;
    this.sent += to - from;
    // Copied: the stream sends it when the client's window allows, long after the buffer is read into again.
    const flowing = to > from ? this.stream.write(Buffer.from(bytes.subarray(from, to))) : true;
    if (last) {
      this.stream.end();
      this.complete();
    }
    this.stalled ||= !flowing;
    return flowing;
  }

  trailers(lines: string): void {
    this.trailerLines = lines;
  }

  switched(): boolean {
    throw new Error("an HTTP/2 request never asks to switch protocols");
  }

  lost(link: OriginLink, failure: Failure): void {
    if (this.origin !== link) return;
    this.origin = undefined;
    this.fail(failure);
  }

  fail(failure: Failure): void {
    if (this.over) return;
    this.service.log.exchangeFailed(this.id, this.head, this.pool?.origin, failure);
    this.letGo();
    if (this.responding) {
      this.complete();
      this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    this.answer(failure.status);
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
    const { origin } = this;
    if (origin === undefined || this.over) return;
    this.left -= bytes.length;
    const framed = this.chunked
      ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")])
      : bytes;
    if (!origin.write(framed)) this.stream.pause();
  }

  private requestEnded(): void {
    if (this.requestDone || this.over) return;
    this.requestDone = true;
    if (this.chunked) this.origin?.write(LAST_CHUNK);
    else if (this.left !== 0)
      this.fail({ status: 400, problem: "body shorter or longer than Content-Length" });
  }

  private unstall(): void {
    if (!this.stalled) return;
    this.stalled = false;
    this.origin?.resume();
  }

  private answer(status: number): void {
    this.status = status;
    if (this.stream.destroyed || this.stream.closed) {
      this.complete();
      return;
    }
    const text = `${status} ${statusText(status)}\nid: ${this.id}\n`;
    this.sent = text.length;
    this.stream.respond({ ":status": status, "content-type": "text/plain", "x-chocon-id": this.id });
    this.stream.end(text);
    this.complete();
    // What is left of the request has no reader.
    this.stream.resume();
  }

  private complete(): void {
    this.over = true;
    this.service.completed(this);
  }

  private gone(): void {
    if (this.over) return;
    this.status = 499;
    this.service.log.exchangeFailed(this.id, this.head, this.pool?.origin, {
      status: 499,
      problem: "client closed the stream",
    });
    this.letGo();
    this.complete();
  }

  private letGo(): void {
    const { origin } = this;
    this.origin = undefined;
    origin?.abandon();
    this.pool?.forget(this);
  }
}

/** The field lines of a response that travel on. */
function fieldLines(head: ResponseHead): string {
  const text = head.forwarded();
  return text.slice(text.indexOf("\r\n") + 2);
}
