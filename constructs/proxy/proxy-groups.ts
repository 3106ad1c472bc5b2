import { readGroups } from "../../proxy/options/group-values";
import { BadValue } from "../../proxy/options/option-error";

/** One origin of a group. */
export interface ProxyOrigin {
  /** `http://host[:port]` or `https://host[:port]`. */
  readonly url: string;
  /** Its part of the requests beside those of the others; for each origin of a group, or for none. @default - by preference */
  readonly weight?: number;
  /** Requests under way at most; what is beyond goes to the next. @default 0, no limit */
  readonly limit?: number;
  /** Connections kept open. @default 1 */
  readonly warm?: number;
  /** "keep": Host, SNI and certificate have the group's name. @default - the origin's own */
  readonly host?: "keep";
  /**
   * Name in the certificate of another region's proxies, where these are what listens there: `proxy.us.consul`. They are
   * asked by the group's name, and shown the certificate of `peers`.
   * @default - it is an origin like others
   */
  readonly peer?: string;
}

/** Several origins behind one name. Times are seconds, or texts such as "500ms"; docs/proxy.md tells of each. */
export interface ProxyGroup {
  /** In order of preference, or each with a weight. */
  readonly origins: readonly (string | ProxyOrigin)[];
  /** Time until a request has a connection. @default "1s" */
  readonly connectTimeout?: number | string;
  /** Time from a request's end to its answer's first byte. @default "1s" */
  readonly firstByteTimeout?: number | string;
  /** Failures in a row before an origin is left alone. @default 5 */
  readonly circuitFailures?: number;
  /** How long it is left alone. @default "5s" */
  readonly circuitPause?: number | string;
  /** Time in which an origin that is back gets all of its requests again. @default "10s" */
  readonly returnTime?: number | string;
  /** Attempts beyond the first move, for each request, 0 to 1. @default 0.2 */
  readonly retryBudget?: number;
  /**
   * A GET or HEAD whose answer has not begun when 95 of 100 have begun asks another origin too, within `retryBudget`; the
   * first answer is the client's. Needs two origins or more. @default false
   */
  readonly hedge?: boolean;
  /** Asks each origin whether it is well. @default - requests alone tell */
  readonly check?: {
    readonly path: string;
    readonly interval?: number | string;
    readonly timeout?: number | string;
  };
  /** Answers GET and HEAD where no origin does. @default - none */
  readonly substitute?: { readonly body: string; readonly contentType?: string; readonly status?: number };
  /**
   * Keeps answers to GET, and gives them again where no origin answers: for as long as they are fresh, and as they say
   * themselves by `stale-if-error` or, where they say nothing of it, for `ifError` more. @default - none are kept
   */
  readonly stale?: {
    /** @default 0 */
    readonly ifError?: number | string;
    /** Of all answers kept in each worker of a proxy. @default 16777216 */
    readonly bytes?: number;
  };
}

/** By the name that callers use; a list is a group with nothing but origins. */
export type ProxyGroups = Readonly<Record<string, ProxyGroup | readonly (string | ProxyOrigin)[]>>;

/** One thing wrong with a group. */
export interface GroupProblem {
  /** Names and places that lead to it, below the group. */
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly expectation: string;
}

/** What the proxy would not start with, in its own words; undefined when it takes the group. */
export function groupProblem(name: string, group: unknown): GroupProblem | undefined {
  try {
    readGroups({ [name]: group });
    return undefined;
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    return { path: error.path.slice(2), value: error.value, expectation: `expected ${error.expects}` };
  }
}
