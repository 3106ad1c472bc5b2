import { type GatewayOptions, MONOLITH } from "../options/gateway-options";

/** How many of the routes the monolith still has; of a route whose share is moving, the part that has not moved. */
export function leftInMonolith({ routes }: Pick<GatewayOptions, "routes">): number {
  return routes.reduce((left, { service, share }) => left + (service === MONOLITH ? 1 : 1 - share), 0);
}

/** The same in words, with what the monolith has besides. */
export function tellLeft(options: GatewayOptions): string {
  const { routes, services } = options;
  if (!services.some(({ name }) => name === MONOLITH)) return "there is no monolith";
  const left = Number(leftInMonolith(options).toFixed(3));
  return `left in the monolith: ${left} of ${routes.length} routes, and whatever no route takes`;
}
