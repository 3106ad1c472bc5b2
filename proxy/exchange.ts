import { type OriginConnection } from "./origin-connection";
import { type ResponseHead } from "./response-head";

/** Why an exchange failed: the status for the client and the reason for the log. */
export interface Failure {
  readonly status: number;
  readonly problem: string;
}

/**
 * The client's side of one exchange, as an origin connection sees it. The bytes it is handed belong to a buffer that
 * is read into again: who returns true from `respond` or `body` must be done with them, or have taken the buffer
 * with `OriginConnection.keepBuffer`.
 */
export interface Requester {
  readonly method: string;
  /** The whole request has been written to the origin. */
  readonly requestDone: boolean;
  /** The request asked to switch protocols. */
  readonly upgrading: boolean;
  /** The body is to arrive without chunk framing. */
  readonly wantsPayload: boolean;

  /** A connection of its own, until the response has ended: writes the request to it. */
  send(connection: OriginConnection): void;
  /** More can be written to the origin. */
  originDrained(): void;
  /** An interim (1xx) response. */
  inform(head: ResponseHead): void;
  /** The response's head and what came of its body with it; false to stop reading until `resume`. */
  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean;
  /** More of the body; false to stop reading until `resume`. */
  body(bytes: Buffer, from: number, to: number, last: boolean): boolean;
  /** The origin switched protocols (101): what follows, both ways, is not HTTP. */
  switched(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean;
  /** The connection died; `answered` when bytes of a response had come. */
  lost(connection: OriginConnection, failure: Failure, answered: boolean): void;
  /** No connection could be had. */
  fail(failure: Failure): void;
}
