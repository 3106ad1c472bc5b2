import { peerGroup, serviceForPeers, serviceGroup, serviceOf } from "../../proxy/route";
import type { ProxyGroup, ProxyGroups, ProxyOrigin } from "./proxy-groups";

/** A service that callers ask the proxies for. */
export interface CalledService {
  readonly name: string;
  /** TCP port of its instances. @default - there are none in the region */
  readonly port?: number;
  /** How long its answer may take to begin before a request that may be repeated is asked of another one, in seconds. */
  readonly answerSeconds: number;
  /**
   * What answers for it where no instance does, the nearest first: hosts, by HTTPS, and proxies of other regions.
   * @default - none
   */
  readonly elsewhere?: readonly (string | PeeredProxies)[];
  /** What is answered to GET and HEAD where nobody answers for it: always the same. @default - the failure */
  readonly substitute?: ProxyGroup["substitute"];
  /** The same by what it answered before. @default - nothing is kept */
  readonly stale?: ProxyGroup["stale"];
}

/** Proxies of another region, which have its own instances answer. */
export interface PeeredProxies {
  /** Name in their certificates. */
  readonly peer: string;
  /** `HOST:PORT` of each, or of a name that leads to all: one that is away costs no request, for the next is asked. */
  readonly addresses: readonly string[];
}

const originsElsewhere = (other: string | PeeredProxies): (string | ProxyOrigin)[] =>
  typeof other === "string"
    ? [`https://${other}`]
    : other.addresses.map((address) => ({ url: `https://${address}`, peer: other.peer }));

const ownInstances = (name: string, port: number, domain: string): string =>
  `http://${name}.service.${domain}:${port}`;

/**
 * Where requests to a service go: to the healthy instances that service discovery names, and elsewhere where there are
 * none.
 *
 * @param domain service discovery's, for example `consul`
 */
export const originsOfService = (
  { name, port, answerSeconds, elsewhere = [] }: CalledService,
  domain: string,
): { readonly origins: readonly (string | ProxyOrigin)[]; readonly firstByteTimeout: number } => ({
  origins: [
    ...(port === undefined ? [] : [ownInstances(name, port, domain)]),
    ...elsewhere.flatMap(originsElsewhere),
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

/**
 * Groups by which the proxies answer those of other regions for services: by the region's own instances, and nobody else's.
 *
 * @param domain service discovery's, for example `consul`
 */
export const peerGroups = (
  services: readonly (Pick<CalledService, "name" | "answerSeconds"> & { readonly port: number })[],
  domain: string,
): ProxyGroups =>
  Object.fromEntries(
    services.map(({ name, port, answerSeconds }) => [
      peerGroup(name),
      { origins: [ownInstances(name, port, domain)], firstByteTimeout: answerSeconds },
    ]),
  );

export { serviceGroup };

/** Whether proxies know a service by this name, and no origin of a region's value. */
export const isServiceName = (name: string): boolean =>
  [serviceOf, serviceForPeers].some((serviceIn) => serviceIn(name.toLowerCase()) !== undefined);
