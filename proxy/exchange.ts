import { type RequestHead } from "./http1/request-head";
import { type ResponseHead } from "./http1/response-head";
import { type Origin } from "./route";

/** Why an exchange failed: the status for the client and the reason for the log. */
export interface Failure {
  readonly status: number;
  readonly problem: string;
  /** The origin has certainly not acted on the request. */
  readonly untouched?: boolean;
  /** Where the request would have gone. */
  readonly destination?: Destination;
  /** Field lines of the answer that tell the client more. */
  readonly lines?: string;
  /** Why the client may not have what it asks for: nothing that is out of order here. */
  readonly refused?: boolean;
}

/** The body of an answer that is the program's own. */
export interface OwnBody {
  readonly contentType: string;
  /** Each character a byte. */
  readonly text: string;
}

/** The request's body is larger than its destination takes. */
export const TOO_LARGE: Failure = { status: 413, problem: "a larger request body than may be sent" };

/** Times that a request is sent again at most; more than once only where it was refused unread. */
export const RETRIES = 3;

/** An origin, or what stands before it, says that it cannot serve: another one might. */
export function isGatewayFailure(status: number): boolean {
  return status >= 502 && status <= 504;
}

/** Interim (1xx) responses to one request at most: they go to the client past every bound on what waits for it. */
export const MAX_INTERIMS = 64;

/**
 * How often a request may be sent after the next try, when it was lost with this link and had `triesLeft`; undefined
 * when there must be no next try, since it could do something twice that may not be done twice.
 */
export function triesAfterLoss(
  triesLeft: number,
  link: OriginLink,
  failure: Failure,
  answered: boolean,
  request: { readonly requestDone: boolean; readonly head: { readonly idempotent: boolean } },
): number | undefined {
  if (triesLeft === 0 || answered || failure.status === 504) return undefined;
  if (failure.untouched === true) return triesLeft - 1;
  // A connection that had served before may have been closed by the origin just as the request was sent.
  return link.served > 0 && request.requestDone && request.head.idempotent ? 0 : undefined;
}

/**
 * The origin's side of one exchange, as the client's side sees it: an HTTP/1.1 connection, or one stream of an HTTP/2
 * session. Requests are given to it as HTTP/1.1 text whatever it speaks.
 */
export interface OriginLink {
  /** Whom it leads to. */
  readonly origin: Origin;
  /** Exchanges that were completed here before. */
  readonly served: number;
  /** Keeps the body as bytes: a text would have to be made those again. @default false */
  readonly wantsBytes?: boolean;
  /** The head, and with it as much of the body as is at hand; latin1. False: write no more until `originDrained`. */
  writeText(text: string): boolean;
  /** The head, and the first part of the body. */
  writeTextAndBytes(text: string, bytes: Buffer): boolean;
  /** More of the body, framed as the head said. */
  write(bytes: Buffer): boolean;
  /** The bytes last handed to the requester are still being written: read the next ones into another buffer. */
  keepBuffer(): void;
  /** Read on, after `respond` or `body` returned false. */
  resume(): void;
  /** After `switched`: the client sends no more. */
  end(): void;
  /** The requester is gone. */
  abandon(): void;
}

/**
 * The client's side of one exchange, as the origin's side sees it. The bytes it is handed belong to a buffer that is
 * read into again: who returns true from `respond` or `body` must be done with them, or have called `keepBuffer`.
 */
export interface Requester {
  /** What the logs of all that handled the request have in common. */
  readonly id: string;
  readonly method: string;
  /** The whole request has been written to the origin. */
  readonly requestDone: boolean;
  /** The request asked to switch protocols. */
  readonly upgrading: boolean;
  /** The body is to arrive without chunk framing. */
  readonly wantsPayload: boolean;

  /** A link of its own, until the response has ended: writes the request to it. */
  send(link: OriginLink): void;
  /** More can be written to the origin. */
  originDrained(): void;
  /** An interim (1xx) response. */
  inform(head: ResponseHead): void;
  /** The response's head and what came of its body with it; false to stop reading until `resume`. */
  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean;
  /** More of the body; false to stop reading until `resume`. */
  body(bytes: Buffer, from: number, to: number, last: boolean): boolean;
  /** Trailer lines (each ended by CRLF) that follow a body without framing; comes before its last piece. */
  trailers(lines: string): void;
  /** The origin switched protocols (101): what follows, both ways, is not HTTP. */
  switched(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean;
  /** After `switched`: the origin sends no more. What the client sends still goes out. */
  originEnded(): void;
  /** The link died; `answered` when bytes of a response had come. */
  lost(link: OriginLink, failure: Failure, answered: boolean): void;
  /** No link could be had. */
  fail(failure: Failure): void;
}

/** A requester whose request can be taken from one link to another. */
export interface MovableRequester extends Requester {
  readonly head: RequestHead;
  /** Something of an answer has reached the client. */
  readonly answerBegun: boolean;
  /** Writes a whole answer of the program's own. @default - `respond` does it */
  readonly answerOwn?: (status: number, body: OwnBody) => void;
  /** All that was sent of the request is at hand still: `send` may be called again. */
  readonly replayable: boolean;
  /** The link it has is none of its any more; another `send` or `fail` follows. */
  detach(): void;
  /** Of several links that the request was sent over, this is the one whose answer it gets. */
  adopt(link: OriginLink): void;
}

/** Where requests with one Host go: one origin's connections, or a group of origins. */
export interface Destination {
  /** What logs call it. */
  readonly key: string;
  /** Bytes of a request's body at most, chunk framing included. @default - any number */
  readonly maxBodyBytes?: number;
  /** Bytes of a request's body that are collected before a link is asked for. @default - requestBuffering */
  readonly collects?: number;
  /**
   * Decides whether the request is taken, before more of its body is asked for or collected: calls `taken` or
   * `requester.fail`, now or later. Must bound the time that it takes. @default - it is
   */
  readonly admit?: (requester: MovableRequester, taken: () => void) => void;
  /**
   * Field lines for an answer, which may be the program's own: then it has no head. May have the head leave out others.
   * @default - none
   */
  readonly amend?: (answer?: ResponseHead) => string;
  /** What is answered where an exchange fails. @default - the status in plain text */
  readonly tell?: (failure: Failure) => OwnBody | undefined;
  /** Calls `requester.send` with a link, now or later, or `requester.fail`. `fresh`: not one used before. */
  acquire(requester: MovableRequester, fresh?: boolean): void;
  /** The requester wants nothing any more. */
  forget(requester: MovableRequester): void;
}

/** What a link's connection tells the pool it came from. */
export interface LinkOwner {
  readonly origin: Origin;
  /** A response with this status is complete. */
  answered(address: string, status: number): void;
  /** The exchange ended without one; `blamed` when that tells of the origin: not of the client, nor of the connection. */
  unanswered(address: string, blamed: boolean): void;
  /** The end of a body over TLS was told by nothing but the end of the connection, which anybody on the way can cause. */
  endUnconfirmed(address: string, id: string): void;
}
