import { type Destination, type Failure } from "./exchange";
import { type Log } from "./observation/log";
import { type RequestMetrics } from "./observation/metrics";
import { type Options } from "./options/options";
import { type RequestHead } from "./http1/request-head";
import { type RequestIds } from "./request-id";
import { type Origin } from "./route";

/** What a request may go out over: what its origin offers, HTTP/2 alone (gRPC), or HTTP/1.1 alone (Upgrade). */
export type WireProtocol = "any" | "h2" | "http/1.1";

/** What is known of an exchange at its end. */
export interface CompletedExchange {
  readonly head: RequestHead;
  readonly id: string;
  readonly remoteAddress: string;
  readonly status: number;
  /** Bytes of body sent to the client. */
  readonly sent: number;
  /** `performance.now()` at the first byte of the request. */
  readonly startedAt: number;
}

/** What the client's side of every exchange needs of the program around it, whatever protocol it speaks. */
export interface ExchangeServices {
  readonly options: Options;
  readonly ids: RequestIds;
  readonly log: Log;
  readonly metrics: RequestMetrics;
  /** The fields put on each request, up to the id. */
  readonly requestMark: string;
  /** Shutting down: the exchange is to be its connection's last. */
  readonly draining: boolean;

  /** Where a request with this Host goes, or why nowhere. */
  destinationFor(host: string, over?: WireProtocol): Destination | Failure;
  /** What an origin is to read in Host. */
  hostFor(head: RequestHead, origin: Origin): string;
  /** Called once at the end of each exchange. */
  completed(exchange: CompletedExchange): void;
}
