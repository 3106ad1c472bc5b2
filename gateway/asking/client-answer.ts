import { type MovableRequester, type OwnBody, ResponseHead, statusText } from "../../proxy/engine";

const EMPTY = Buffer.alloc(0);
/** Bounds on the head of an answer: that of a service, and what is added to it. */
const LIMITS = { maxHeaderBytes: 131_072, maxHeaderCount: 2_000 };

/** Writes an answer to a client, as an origin would. */
export class ClientAnswer {
  begun = false;
  private over = false;

  constructor(private readonly requester: MovableRequester) {}

  /** An answer that is here whole. @param lines fields, each ended by CRLF, without those of its body */
  whole(status: number, lines: string, contentType: string, body: Buffer | string): void {
    const { requester } = this;
    if (typeof body === "string" && lines === "" && requester.answerOwn !== undefined && isAscii(body)) {
      this.tell(status, { contentType, text: body });
      return;
    }
    const all = typeof body === "string" ? Buffer.from(body) : body;
    const type = contentType === "" ? "" : `Content-Type: ${contentType}\r\n`;
    const bytes = requester.head.method === "HEAD" ? EMPTY : all;
    this.respond(status, `${type}Content-Length: ${all.length}\r\n${lines}`, bytes, true);
  }

  /** An answer of which more comes. */
  begin(status: number, lines: string): void {
    this.respond(status, lines, EMPTY, false);
  }

  /** @returns false to write no more for now */
  write(bytes: Buffer): boolean {
    return this.over || this.requester.body(bytes, 0, bytes.length, false);
  }

  /** @param trailers lines, each ended by CRLF */
  end(bytes: Buffer, trailers = ""): void {
    if (this.over) return;
    this.over = true;
    if (trailers !== "") this.requester.trailers(trailers);
    this.requester.body(bytes, 0, bytes.length, true);
  }

  /** Nobody but the gateway has said anything of it: there is no head to be read again. */
  private tell(status: number, body: OwnBody): void {
    if (this.over) return;
    this.begun = this.over = true;
    this.requester.answerOwn!(status, body);
  }

  private respond(status: number, lines: string, bytes: Buffer, last: boolean): void {
    if (this.over) return;
    const head = new ResponseHead(LIMITS);
    const text = Buffer.from(`HTTP/1.1 ${status} ${statusText(status)}\r\n${lines}\r\n`, "latin1");
    this.over = last;
    if (head.parse(text, 0, text.length) !== text.length) {
      this.over = true;
      this.requester.fail({ status: 502, problem: `malformed answer: ${head.problem}` });
      return;
    }
    this.begun = true;
    this.requester.respond(head, bytes, 0, bytes.length, last);
  }
}

/** Each of its characters is a byte in UTF-8 as well. */
const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;
