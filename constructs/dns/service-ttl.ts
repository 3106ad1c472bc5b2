import type { ConsulDnsOptions } from "./consul-options";

/** Consul's answers for services may be kept that long unless something else is said. */
export const DEFAULT_SERVICE_TTL_SECONDS = 5;

/** How long answers for a service may be kept: what is said of its name, else of the longest beginning with a `*`. */
export function serviceTtlSeconds(dns: ConsulDnsOptions = {}, service: string): number {
  const byName = dns.serviceTtlSecondsByName ?? {};
  const beginning = Object.keys(byName)
    .filter((name) => name.endsWith("*") && service.startsWith(name.slice(0, -1)))
    .sort((a, b) => b.length - a.length)[0];
  return (
    byName[service] ??
    (beginning === undefined ? undefined : byName[beginning]) ??
    dns.serviceTtlSeconds ??
    DEFAULT_SERVICE_TTL_SECONDS
  );
}
