import { shapeOf } from "./path-pattern";
import { type Routable } from "./route-table";

/** Routes that take the same requests as one before them, each with that one. */
export function rivalsAmong<R extends Routable>(
  routes: readonly R[],
): { readonly route: R; readonly rival: R }[] {
  const taken = new Map<string, R[]>();
  return routes.flatMap((route) => {
    const headers = JSON.stringify(Object.entries(route.headers).sort());
    const hosts = route.hosts.length > 0 ? route.hosts : ["*"];
    const keys = hosts.map((host) => `${host}${shapeOf(route.path)} ${headers}`);
    const rival = keys
      .flatMap((key) => taken.get(key) ?? [])
      .find((other) => overlaps(route.methods, other.methods));
    for (const key of keys) taken.set(key, [...(taken.get(key) ?? []), route]);
    return rival === undefined ? [] : [{ route, rival }];
  });
}

/** Of a route for all methods and one that names some, the latter has them. */
function overlaps(some: readonly string[], others: readonly string[]): boolean {
  if (some.length === 0 || others.length === 0) return some.length === others.length;
  return some.some((method) => others.includes(method));
}
