import {
  checkFiles,
  type Definition,
  DEFINITIONS,
  type GroupOptions,
  integer,
  OptionError,
  type OptionName,
  type Options,
  readConfigFile,
  show,
  structure,
} from "../../proxy/engine";
import { shadowServices } from "./shadow-services";
import { shapeOf } from "../routes/path-pattern";
import {
  forShadows,
  type GatewayOptions,
  hasShadow,
  MONOLITH,
  type RouteOptions,
  type ServiceOptions,
} from "./gateway-options";
import { readRoutes } from "./route-values";
import { readMonolith, readServices } from "./service-values";

/** What the engine can be told that has no meaning where routes say where requests go. */
const NOT_OURS = ["upstream", "stsize", "spfactor", "allow", "allowAny", "warm", "groups"] as const;
type EngineOption = Exclude<OptionName, (typeof NOT_OURS)[number]>;

type OwnOption = "monolith" | "services" | "routes" | "trustedHops";

const OWN: Readonly<Record<OwnOption, Definition>> = {
  services: structure([], "services by name", "where requests go, by name", readServices),
  monolith: structure(
    [],
    "a URL, or an object",
    "the service that has whatever no route takes",
    readMonolith,
  ),
  routes: structure([], "routes by name", "which requests go to which service", readRoutes),
  trustedHops: integer(
    0,
    0,
    16,
    "proxies in front, whose X-Forwarded fields are believed; 0 where clients connect themselves",
  ),
};

const ENGINE = Object.fromEntries(
  Object.entries(DEFINITIONS).filter(([name]) => !(NOT_OURS as readonly string[]).includes(name)),
) as Readonly<Record<EngineOption, Definition>>;

/** All that a gateway's file may say, in the order that the manual shows it. */
export const GATEWAY_DEFINITIONS: Readonly<Record<OwnOption | EngineOption, Definition>> = {
  ...OWN,
  ...ENGINE,
};

/** Reads a gateway's file. @throws OptionError that names file, path, value and what was expected */
export function readConfiguration(file: string): GatewayOptions {
  const values = readConfigFile(file, GATEWAY_DEFINITIONS);
  const engine = Object.fromEntries(
    Object.entries(DEFINITIONS).map(([name, { initial }]) => [
      name,
      values.get(name as EngineOption) ?? initial,
    ]),
  ) as unknown as Options;
  const own = <T>(name: OwnOption): T => (values.get(name) ?? OWN[name].initial) as T;
  const services = [
    ...own<readonly ServiceOptions[]>("services"),
    ...own<readonly ServiceOptions[]>("monolith"),
  ];
  const routes = own<readonly RouteOptions[]>("routes");
  checkRoutes(file, routes, services);
  checkFiles(engine, `${file}: `);
  const groups = services
    .map(({ group }) => group)
    .filter((group): group is GroupOptions => group !== undefined);
  const shadowed = new Set(routes.filter(hasShadow).flatMap(shadowServices));
  // What answers in a service's place is nothing to compare with.
  const shadows = groups
    .filter(({ name }) => shadowed.has(name))
    .map((group) => ({ ...group, name: forShadows(group.name), substitute: undefined }));
  return { ...engine, groups: [...groups, ...shadows], services, routes, trustedHops: own("trustedHops") };
}

function checkRoutes(
  file: string,
  routes: readonly RouteOptions[],
  services: readonly ServiceOptions[],
): void {
  const names = services.map(({ name }) => name);
  const bad = (path: string, value: unknown, expects: string): OptionError =>
    new OptionError(`${file}: ${path}: ${show(value)} is not ${expects}`, false);
  if (services.length === 0) throw bad("services", {}, "at least one service, unless there is a monolith");
  if (routes.length === 0 && !names.includes(MONOLITH))
    throw bad("routes", {}, "at least one route, unless there is a monolith");
  const taken = new Map<string, RouteOptions[]>();
  for (const route of routes) {
    const { name, service, share } = route;
    if (!names.includes(service)) throw bad(`routes.${name}.service`, service, `one of ${names.join(", ")}`);
    if (share < 1 && !names.includes(MONOLITH))
      throw bad(`routes.${name}.share`, share, "1 where there is no monolith for the others");
    if (share < 1 && service === MONOLITH)
      throw bad(`routes.${name}.share`, share, "1 where the monolith has all of it");
    if (hasShadow(route)) {
      const { shadow } = route;
      if (!names.includes(shadow.service))
        throw bad(`routes.${name}.shadow.service`, shadow.service, `one of ${names.join(", ")}`);
      if (shadow.service === service && (service === MONOLITH || !names.includes(MONOLITH)))
        throw bad(
          `routes.${name}.shadow.service`,
          shadow.service,
          "another service than the route's, where there is no other side",
        );
    }
    for (const host of route.hosts.length > 0 ? route.hosts : ["*"]) {
      const key = `${host}${shapeOf(route.path)} ${JSON.stringify(Object.entries(route.headers).sort())}`;
      const others = taken.get(key) ?? [];
      const rival = others.find((other) => overlaps(route.methods, other.methods));
      if (rival !== undefined)
        throw bad(`routes.${name}`, name, `another route than ${rival.name}, which takes the same requests`);
      taken.set(key, [...others, route]);
    }
  }
}

function overlaps(some: readonly string[], others: readonly string[]): boolean {
  if (some.length === 0 || others.length === 0) return some.length === others.length;
  return some.some((method) => others.includes(method));
}
