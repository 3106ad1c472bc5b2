import { type MovableRequester } from "../../exchange";
import { ResponseHead } from "../../http1/response-head";
import { statusText } from "../../http1/status-text";
import { type SubstituteOptions } from "../../options/group-options";

const LIMITS = { maxHeaderBytes: 65_536, maxHeaderCount: 100 };

/** A fixed answer for when no origin has one, so that callers degrade instead of failing. */
export class Substitute {
  private readonly head: Buffer;
  private readonly body: Buffer;

  constructor({ status, contentType, body }: SubstituteOptions) {
    this.body = Buffer.from(body);
    this.head = Buffer.from(
      `HTTP/1.1 ${status} ${statusText(status)}\r\nContent-Type: ${contentType}\r\n` +
        `Content-Length: ${this.body.length}\r\nCache-Control: no-store\r\n` +
        "Cache-Status: tricloud-proxy; fwd=miss; detail=substitute\r\n\r\n",
    );
  }

  /** Only to who asked for something: a fixed answer to anything else would say that it was done. */
  fits({ method }: MovableRequester): boolean {
    return method === "GET" || method === "HEAD";
  }

  /** Answers a requester that has no link. */
  answer(requester: MovableRequester): void {
    const head = new ResponseHead(LIMITS);
    head.parse(this.head, 0, this.head.length);
    requester.respond(head, this.body, 0, requester.method === "HEAD" ? 0 : this.body.length, true);
  }
}
