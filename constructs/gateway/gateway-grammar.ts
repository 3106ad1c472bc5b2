import { MONOLITH } from "../../gateway/options/gateway-options";
import { readIssuers } from "../../gateway/options/issuer-values";
import { readLimits } from "../../gateway/options/limit-values";
import { readRoutes } from "../../gateway/options/route-values";
import { readMonolith } from "../../gateway/options/service-values";
import { readTracing } from "../../gateway/options/tracing-values";
import { rivalsAmong } from "../../gateway/routes/rival-routes";
import { RouteTable } from "../../gateway/routes/route-table";
import { BadValue } from "../../proxy/options/option-error";
import type { RoutedRoute } from "./gateway-config";

/** What routes call the service that has whatever none of them takes. */
export { MONOLITH };

/** One thing wrong with a value, in the words of what reads it in the gateway. */
export interface ValueProblem {
  /** Names and places that lead to it, below the value. */
  readonly path: readonly (string | number)[];
  readonly value: unknown;
  readonly expectation: string;
}

/** @param route but for its service, which is somebody else's to say */
export const routeProblem = (name: string, route: unknown): ValueProblem | undefined =>
  problemOf(() =>
    readRoutes({
      [name]:
        typeof route === "object" && route !== null && !Array.isArray(route)
          ? { ...route, service: MONOLITH }
          : route,
    }),
  );

export const issuersProblem = (issuers: unknown): ValueProblem | undefined =>
  problemOf(() => readIssuers(issuers));

export const limitsProblem = (limits: unknown): ValueProblem | undefined =>
  problemOf(() => readLimits(limits));

export const tracingProblem = (openTelemetry: unknown): ValueProblem | undefined =>
  problemOf(() => readTracing(openTelemetry));

export const monolithProblem = (monolith: unknown): ValueProblem | undefined =>
  problemOf(() => readMonolith(monolith));

function problemOf(read: () => unknown): ValueProblem | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    const { path, value, expects } = error;
    return { path: path.slice(1), value, expectation: `expected ${expects}` };
  }
}

/** The route that takes a GET of anybody's; undefined where none does. @param routes by name, each of which can be read */
export function routeTaking(
  routes: Readonly<Record<string, RoutedRoute>>,
  { host, path }: { readonly host: string; readonly path: string },
): (RoutedRoute & { readonly name: string }) | undefined {
  const found = new RouteTable(readRoutes(routes)).find({
    ...{ method: "GET", host, path: path.replace(/\?.*$/, "") },
    fieldValue: () => undefined,
  });
  return found === undefined ? undefined : { ...routes[found.name]!, name: found.name };
}

/**
 * Names of routes that take the same requests as one before them, each with that one's.
 *
 * @param routes by name, each of which can be read
 */
export const rivalRoutes = (
  routes: Readonly<Record<string, RoutedRoute>>,
): { readonly name: string; readonly rival: string }[] =>
  rivalsAmong(readRoutes(routes)).map(({ route, rival }) => ({ name: route.name, rival: rival.name }));
