import { MONOLITH, type ShadowedRoute } from "./gateway-options";

/** Who is the shadow of a request that `primary` has. */
export function shadowService({ service, shadow }: ShadowedRoute, primary: string): string {
  if (shadow.service !== primary) return shadow.service;
  return service === primary ? MONOLITH : service;
}

/** All whom a route's shadows may ask. */
export function shadowServices(route: ShadowedRoute): string[] {
  const primaries = [...(route.share > 0 ? [route.service] : []), ...(route.share < 1 ? [MONOLITH] : [])];
  return primaries.map((primary) => shadowService(route, primary));
}
