import { AllowList } from "../../proxy/allow-list";
import { isPattern, readWarm } from "../../proxy/grammar";

/** Whether the proxy knows a text as an origin that may be called, or as a pattern of such. */
export const isOriginPattern = (text: string): boolean => isPattern(text);

/** Whether the proxy knows a text as an origin to keep connections to. */
export const isWarmOrigin = (text: string): boolean => readWarm(text) !== undefined;

/**
 * Those of `warm` (`HOST:PORT=CONNECTIONS`) that `allow` does not let through; what is no origin at all is for the
 * proxy's grammar to say. The proxy does not start with any.
 *
 * @returns their places in `warm`
 */
export function refusedWarmOrigins(warm: readonly string[], allow: readonly string[]): number[] {
  const allowed = new AllowList(allow, false);
  return warm.flatMap((origin, index) => {
    const read = readWarm(origin);
    return read === undefined || allowed.allows(read.host) ? [] : [index];
  });
}
