/** One origin of a group. */
export interface GroupOrigin {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Its part of the requests beside those of the others; undefined in a group that goes by preference. */
  readonly weight: number | undefined;
  /** Requests under way at most; 0 for no limit. */
  readonly limit: number;
  /** Connections kept open. */
  readonly warm: number;
  /** It is known there by the group's name: in Host, SNI and its certificate. */
  readonly keepHost: boolean;
  /**
   * It is another region's proxies, whose certificate has this name: they are asked by the group's name, and shown this
   * proxy's own certificate.
   */
  readonly peer: string | undefined;
}

/** How the origins of a group are asked whether they are well. Seconds. */
export interface GroupCheck {
  readonly path: string;
  readonly interval: number;
  readonly timeout: number;
}

/** What is answered where no origin has an answer. */
export interface SubstituteOptions {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** How answers are kept for when no origin has one. */
export interface StaleOptions {
  /** Seconds beyond its freshness that an answer may be given where it says nothing of `stale-if-error` itself. */
  readonly ifError: number;
  /** Of all that is kept. */
  readonly bytes: number;
}

/** One name for several origins. Times are seconds. */
export interface GroupOptions {
  /** What stands before the proxy label: a name, and a port where clients give one. */
  readonly name: string;
  readonly origins: readonly GroupOrigin[];
  readonly connectTimeout: number;
  /** From the end of a request to the first byte of its answer; 0 for no bound but proxyReadTimeout. */
  readonly firstByteTimeout: number;
  /** Failures in a row before an origin is left alone. */
  readonly circuitFailures: number;
  readonly circuitPause: number;
  /** Time in which an origin that has come back gets all of its requests again. */
  readonly returnTime: number;
  /** Attempts beyond a request's first move, for each request. */
  readonly retryBudget: number;
  /** A GET or HEAD that waits for longer than most do asks another origin too, within that budget. */
  readonly hedge: boolean;
  readonly check: GroupCheck | undefined;
  readonly substitute: SubstituteOptions | undefined;
  readonly stale: StaleOptions | undefined;
}
