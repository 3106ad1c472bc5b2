import { type SecureContext } from "node:tls";
import { type Log } from "./observation/log";
import { type MetricFamilies } from "./observation/metrics";
import { type Options } from "./options/options";
import { type Service } from "./service";
import { type Fellows } from "./together/fellows";

/** An origin on loopback that a rehearsal asks. */
export interface RehearsalOrigin {
  readonly tls: boolean;
  readonly port: number;
}

/** How a rehearsal's requests reach its origins. */
export interface Rehearsal<O extends Options> {
  readonly options: O;
  /** Host and path that lead to each origin, in the order of these. */
  readonly requests: readonly { readonly host: string; readonly path: string }[];
}

/** What makes a program of this engine: the aggregation proxy, or the gateway. */
export interface Program<O extends Options> {
  readonly metrics: MetricFamilies;
  /** What the process was told to serve by, read from where it was told. @throws OptionError */
  read(): O;
  /** Makes who answers what workers ask about all of them together. @default - nobody */
  together?(): (question: unknown) => unknown;
  /** @param fellows the processes that serve together with this one @default - it serves alone */
  make(options: O, log?: Log, trust?: SecureContext, fellows?: Fellows): Service<O>;
  /** The same options, with all that serves nobody else left out. */
  rehearsal(options: O, origins: readonly RehearsalOrigin[]): Rehearsal<O>;
}
