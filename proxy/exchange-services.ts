import { type Destination, type Failure } from "./exchange";
import { type Log } from "./observation/log";
import { type RequestMetrics } from "./observation/metrics";
import { type Options } from "./options/options";
import { type RequestHead } from "./http1/request-head";
import { type RequestIds } from "./request-id";
import { type Origin } from "./route";

/** What a request may go out over: what its origin offers, HTTP/2 alone (gRPC), or HTTP/1.1 alone (Upgrade). */
export type WireProtocol = "any" | "h2" | "http/1.1";

/** A request that is to go somewhere, or does. */
export interface RoutedRequest {
  readonly head: RequestHead;
  readonly id: string;
  readonly remoteAddress: string;
  /** Its client speaks TLS. */
  readonly secure: boolean;
  /** The name in its certificate, where its client is another region's proxy. */
  readonly peer: string | undefined;
  /** Where it goes, once that is known. */
  readonly destination: Destination | undefined;
}

/** What is known of an exchange at its end. */
export interface CompletedExchange extends RoutedRequest {
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
  /** Shutting down: the exchange is to be its connection's last. */
  readonly draining: boolean;

  /** Whether a field with this name, in lower case, may not come after a request's body. */
  readonly forbidsTrailer: (name: string) => boolean;
  /** Where a request goes, or why nowhere. */
  destinationFor(request: RoutedRequest, over: WireProtocol): Destination | Failure;
  /** The head that an origin is to read: its lines, without the empty one. */
  headFor(request: RoutedRequest, origin: Origin): string;
  /** Called once at the end of each exchange. */
  completed(exchange: CompletedExchange): void;
}
