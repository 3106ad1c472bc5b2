import { serviceGroup, serviceOf } from "../../proxy/route";
import type { ProxyGroups } from "./proxy-groups";

/** A service that callers ask the proxies for. */
export interface CalledService {
  readonly name: string;
  /** TCP port of its instances. */
  readonly port: number;
}

/**
 * Groups by which the proxies answer for services, `NAME.ccnproxy-service`: calls go to the healthy instances that
 * service discovery names.
 *
 * @param domain service discovery's, for example `consul`
 */
export const serviceGroups = (services: readonly CalledService[], domain: string): ProxyGroups =>
  Object.fromEntries(
    services.map(({ name, port }) => [
      serviceGroup(name),
      { origins: [`http://${name}.service.${domain}:${port}`] },
    ]),
  );

/** Whether proxies know a service by this name, and no origin of a region's value. */
export const isServiceName = (name: string): boolean => serviceOf(name.toLowerCase()) !== undefined;
