import { serviceGroup, serviceOf } from "../../proxy/route";
import type { ProxyGroup, ProxyGroups } from "./proxy-groups";

/** A service that callers ask the proxies for. */
export interface CalledService {
  readonly name: string;
  /** TCP port of its instances. @default - there are none in the region */
  readonly port?: number;
  /** How long its answer may take to begin before a request that may be repeated is asked of another one, in seconds. */
  readonly answerSeconds: number;
  /** Hosts that answer for it by HTTPS where no instance does, the nearest first. @default - none */
  readonly elsewhere?: readonly string[];
  /** What is answered to GET and HEAD where nobody answers for it: always the same. @default - the failure */
  readonly substitute?: ProxyGroup["substitute"];
  /** The same by what it answered before. @default - nothing is kept */
  readonly stale?: ProxyGroup["stale"];
}

/**
 * Where requests to a service go: to the healthy instances that service discovery names, and elsewhere where there are
 * none.
 *
 * @param domain service discovery's, for example `consul`
 */
export const originsOfService = (
  { name, port, answerSeconds, elsewhere = [] }: CalledService,
  domain: string,
): { readonly origins: readonly string[]; readonly firstByteTimeout: number } => ({
  origins: [
    ...(port === undefined ? [] : [`http://${name}.service.${domain}:${port}`]),
    ...elsewhere.map((host) => `https://${host}`),
  ],
  firstByteTimeout: answerSeconds,
});

/**
 * Groups by which the proxies answer for services, `NAME.ccnproxy-service`.
 *
 * @param domain service discovery's, for example `consul`
 */
export const serviceGroups = (services: readonly CalledService[], domain: string): ProxyGroups =>
  Object.fromEntries(
    services.map((service) => {
      const { name, substitute, stale } = service;
      const standIns = { ...(substitute && { substitute }), ...(stale && { stale }) };
      return [serviceGroup(name), { ...originsOfService(service, domain), ...standIns }];
    }),
  );

export { serviceGroup };

/** Whether proxies know a service by this name, and no origin of a region's value. */
export const isServiceName = (name: string): boolean => serviceOf(name.toLowerCase()) !== undefined;
