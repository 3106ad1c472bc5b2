/**
 * The one door to what serves: parsers, connections, origins, log, metrics, options, workers and reload. A program made
 * on it imports nothing else of this folder, but for what reads its options, which comes by `grammar` alone.
 */
export { whenUp } from "./clock";
export { tellToReload } from "./control/reload-command";
export {
  type Destination,
  type Failure,
  type MovableRequester,
  type OriginLink,
  type OwnBody,
  RETRIES,
  TOO_LARGE,
  triesAfterLoss,
} from "./exchange";
export { type CompletedExchange, type RoutedRequest, type WireProtocol } from "./exchange-services";
export { ChunkedBody, isForbiddenTrailer } from "./http1/chunked-body";
export { RequestHead } from "./http1/request-head";
export { ResponseHead } from "./http1/response-head";
export { statusText } from "./http1/status-text";
export { LinkedRequest } from "./linked-request";
export { type AccessRecord } from "./observation/access-log";
export * from "./grammar";
export { Log } from "./observation/log";
export { Histogram } from "./observation/histogram";
export { type Family, type Snapshot } from "./observation/metrics";
export { type OriginPool } from "./origins/origin-pool";
export { type Program } from "./program";
export { type AskTogether, type Fellows } from "./together/fellows";
export { run } from "./run";
export { MALFORMED_HOST, Service, trusting } from "./service";
export { VERSION } from "./version";
export { work } from "./worker";
export { workerCount } from "./worker-count";
