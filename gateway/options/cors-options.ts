/** Which pages of other origins may read a route's answers. */
export interface CorsOptions {
  /** Origins as browsers write them, with `*.` before a name for all below it; none for all there are. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Names of fields that pages may set; `*` for all. */
  readonly headers: readonly string[];
  /** Names of fields that pages may read. */
  readonly exposed: readonly string[];
  /** They may ask with cookies. */
  readonly credentials: boolean;
  /** Seconds for which browsers remember this. */
  readonly maxAge: number;
}
