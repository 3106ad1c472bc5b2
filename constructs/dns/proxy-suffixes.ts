import type { NameRule } from "../topology";
import type { IServiceDiscovery } from "./iconsul";
import type { ProxySuffix } from "./unbound-options";

/** The labels that send a request through the proxy: plain HTTP to the origin, three spellings of HTTPS, and a service's. */
export const PROXY_SUFFIXES: readonly string[] = [
  "ccnproxy",
  "ccnproxy-https",
  "ccnproxy-ssl",
  "ccnproxy-secure",
  "ccnproxy-service",
];

/** What the suffixes need to know of service discovery. */
export type SuffixDiscovery = Pick<IServiceDiscovery, "domain" | "peerDatacenters" | "failsOver">;

/** Each suffix leads to this region's proxies, or another's where discovery fails over; with a region's name behind it, to that region's. */
export function proxySuffixTargets(
  suffixes: readonly string[],
  serviceName: string,
  { domain, peerDatacenters, failsOver }: SuffixDiscovery,
): ProxySuffix[] {
  const kind = failsOver === true ? "query" : "service";
  return suffixes.flatMap((suffix) => [
    { suffix, target: `${serviceName}.${kind}.${domain}` },
    ...peerDatacenters.map((region) => ({
      suffix: `${suffix}.${region}`,
      target: `${serviceName}.service.${region}.${domain}`,
    })),
  ]);
}

/** What a resolver answers, for the picture of a region. */
export function resolverNames(
  suffixes: readonly ProxySuffix[],
  records: Readonly<Record<string, string>>,
  forwarders: readonly string[],
  discovery: Pick<IServiceDiscovery, "domain"> | undefined,
): NameRule[] {
  const rule = (name: string, leadsTo: string): NameRule => ({
    kind: "name",
    name,
    leadsTo,
    answeredBy: "unbound",
  });
  return [
    ...suffixes.map(({ suffix, target }) => rule(`*.${suffix}`, target)),
    ...Object.entries(records).map(([name, address]) => rule(name, address)),
    ...(discovery === undefined
      ? []
      : [{ ...rule(`*.service.${discovery.domain}`, "healthy instances"), answeredBy: "Consul" }]),
    rule("everything else", forwarders.join(", ")),
  ];
}
