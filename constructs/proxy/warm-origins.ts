import { AllowList } from "../../proxy/allow-list";

/**
 * Those of `warm` (`HOST:PORT=CONNECTIONS`) that `allow` does not let through. The proxy does not start with any.
 *
 * @returns their places in `warm`
 */
export function refusedWarmOrigins(warm: readonly string[], allow: readonly string[]): number[] {
  const allowed = new AllowList(allow, false);
  return warm.flatMap((origin, index) =>
    allowed.allows(origin.replace(/:.*$/, "").toLowerCase()) ? [] : [index],
  );
}
