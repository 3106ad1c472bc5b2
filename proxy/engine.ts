/**
 * The one door to what serves: parsers, connections, origins, log, metrics, options, workers and reload. A program made
 * on it imports nothing else of this folder.
 */
export { whenUp } from "./clock";
export {
  type Destination,
  type Failure,
  type MovableRequester,
  type OriginLink,
  RETRIES,
  TOO_LARGE,
  triesAfterLoss,
} from "./exchange";
export { type CompletedExchange, type RoutedRequest, type WireProtocol } from "./exchange-services";
export { ChunkedBody, isForbiddenTrailer } from "./http1/chunked-body";
export { RequestHead } from "./http1/request-head";
export { ResponseHead } from "./http1/response-head";
export { type AccessRecord } from "./observation/access-log";
export { Log } from "./observation/log";
export { Histogram } from "./observation/histogram";
export { type Family, type Snapshot } from "./observation/metrics";
export { readConfigFile } from "./options/config-file";
export { readUpstream } from "./options/endpoint-values";
export { type GroupOptions } from "./options/group-options";
export { GROUP_KEYS, readGroup } from "./options/group-values";
export { checkFiles } from "./options/option-checks";
export { BadValue, OptionError, type Path, show } from "./options/option-error";
export { type Definition, integer, structure } from "./options/option-values";
export { DEFINITIONS, type OptionName, type Options } from "./options/options";
export {
  type Fields,
  fieldsOf,
  fraction,
  known,
  members,
  type Reader,
  seconds,
  whole,
} from "./options/structured-values";
export { type OriginPool } from "./origins/origin-pool";
export { type Program } from "./program";
export { authorityOf, isHost, type Origin } from "./route";
export { run } from "./run";
export { MALFORMED_HOST, Service, trusting } from "./service";
export { VERSION } from "./version";
export { work } from "./worker";
