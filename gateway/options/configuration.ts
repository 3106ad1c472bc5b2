import {
  BadValue,
  badValue,
  checkFiles,
  type Definition,
  DEFINITIONS,
  type GroupOptions,
  integer,
  type OptionError,
  type OptionName,
  type Options,
  readConfigFile,
  readConfigValues,
  structure,
} from "../../proxy/grammar";
import { shadowServices } from "./shadow-services";
import { rivalsAmong } from "../routes/rival-routes";
import {
  forShadows,
  type GatewayOptions,
  hasShadow,
  MONOLITH,
  type RouteOptions,
  type ServiceOptions,
} from "./gateway-options";
import { type ApiOptions } from "./grpc-options";
import { readApis } from "./grpc-values";
import { GuardedFields } from "../fields/guarded-fields";
import { type IssuerOptions } from "./issuer-options";
import { readIssuers } from "./issuer-values";
import { type LimitOptions } from "./limit-options";
import { readLimits } from "./limit-values";
import { readRoutes } from "./route-values";
import { readMonolith, readServices } from "./service-values";
import { readTracing } from "./tracing-values";

/** What the engine can be told that has no meaning where routes say where requests go. */
const NOT_OURS = [
  ...(["upstream", "stsize", "spfactor", "allow", "allowAny", "warm", "groups", "drainedDir"] as const),
  ...(["peerListen", "peerNames", "peerCertFile", "peerKeyFile", "peerCaFile"] as const),
] as const;
type EngineOption = Exclude<OptionName, (typeof NOT_OURS)[number]>;

type OwnOption =
  | "monolith"
  | "services"
  | "routes"
  | "issuers"
  | "limits"
  | "apis"
  | "openTelemetry"
  | "gateways"
  | "trustedHops";

const OWN: Readonly<Record<OwnOption, Definition>> = {
  services: structure([], "services by name", "where requests go, by name", readServices),
  monolith: structure(
    [],
    "a URL, or an object",
    "the service that has whatever no route takes",
    readMonolith,
  ),
  routes: structure([], "routes by name", "which requests go to which service", readRoutes),
  issuers: structure([], "issuers by name", "whose tokens routes may ask for, by name", readIssuers),
  limits: structure([], "limits by name", "how many requests each may send, by name", readLimits),
  apis: structure([], "APIs by name", "what tells messages and services of gRPC, by name", readApis),
  openTelemetry: structure([], "an object", "where spans of requests are told (OTLP over HTTP)", readTracing),
  gateways: integer(
    1,
    1,
    1_000,
    "gateways of the region, to which requests come evenly: each keeps to its part of a limit",
  ),
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

/**
 * Reads a gateway's file.
 *
 * @param caFile in place of the one that the file names
 * @throws OptionError that names file, path, value and what was expected
 */
export function readConfiguration(file: string, caFile?: string): GatewayOptions {
  const read = optionsOf(file, readConfigFile(file, GATEWAY_DEFINITIONS));
  const options = caFile === undefined ? read : { ...read, caFile };
  checkFiles(options, `${file}: `);
  return options;
}

/**
 * The same of what such a file shall hold, but for the files that it names, which are somewhere else.
 *
 * @param file for messages
 * @throws OptionError
 */
export const configurationOf = (file: string, content: unknown): GatewayOptions =>
  optionsOf(file, readConfigValues(file, content, GATEWAY_DEFINITIONS));

function optionsOf(file: string, values: ReturnType<typeof readConfigFile>): GatewayOptions {
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
  const issuers = own<readonly IssuerOptions[]>("issuers");
  checkRoutes(file, routes, services);
  checkTokens(file, routes, issuers);
  const limits = own<readonly LimitOptions[]>("limits");
  checkLimits(file, routes, limits);
  const apis = own<readonly ApiOptions[]>("apis");
  checkApis(file, routes, apis);
  const groups = services
    .map(({ group }) => group)
    .filter((group): group is GroupOptions => group !== undefined);
  const shadowed = new Set(routes.filter(hasShadow).flatMap(shadowServices));
  // What answers in a service's place is nothing to compare with.
  const shadows = groups
    .filter(({ name }) => shadowed.has(name))
    .map((group) => ({ ...group, name: forShadows(group.name), substitute: undefined }));
  return {
    ...engine,
    groups: [...groups, ...shadows],
    services,
    routes,
    issuers,
    limits,
    apis,
    descriptorSets: {},
    openTelemetry: own("openTelemetry"),
    gateways: own("gateways"),
    trustedHops: own("trustedHops"),
  };
}

/** Issuers are there; and nothing is made to depend on what clients say in fields that are filled here. */
function checkTokens(file: string, routes: readonly RouteOptions[], issuers: readonly IssuerOptions[]): void {
  const names = issuers.map(({ name }) => name);
  const guarded = new GuardedFields(issuers.flatMap(({ forward }) => forward.map(({ field }) => field)));
  const unguarded = (path: string, field: string): void => {
    if (guarded.has(field))
      throw bad(file, path, field, "a field that clients can fill: a claim goes on in it");
  };
  for (const { name, jwt, headers, sticky } of routes) {
    const path = `routes.${name}`;
    if (jwt !== undefined && !names.includes(jwt.issuer))
      throw bad(file, `${path}.jwt`, jwt.issuer, oneOf(names, "an issuer: there are no issuers"));
    for (const field of Object.keys(headers)) unguarded(`${path}.headers`, field);
    if (sticky !== undefined && "header" in sticky) unguarded(`${path}.sticky.header`, sticky.header);
  }
}

/** APIs are there. */
function checkApis(file: string, routes: readonly RouteOptions[], apis: readonly ApiOptions[]): void {
  const names = apis.map(({ name }) => name);
  for (const { name, grpc, service } of routes) {
    const path = `routes.${name}.grpc`;
    if (grpc === undefined) continue;
    if (grpc.api !== undefined && !names.includes(grpc.api))
      throw bad(file, `${path}.api`, grpc.api, oneOf(names, "an API: there are no apis"));
    if (service === MONOLITH)
      throw bad(file, path, service, "left out where the monolith has all of it: it is asked as clients ask");
  }
}

/** Limits are there; and whom a token names nobody knows where none is asked for. */
function checkLimits(file: string, routes: readonly RouteOptions[], limits: readonly LimitOptions[]): void {
  const names = limits.map((limit) => limit.name);
  for (const route of routes) {
    const path = `routes.${route.name}.limits`;
    for (const [index, name] of route.limits.entries()) {
      const limit = limits.find((each) => each.name === name);
      if (limit === undefined)
        throw bad(file, `${path}[${index}]`, name, oneOf(names, "a limit: there are no limits"));
      if ("claim" in limit.key && route.jwt === undefined)
        throw bad(file, `${path}[${index}]`, name, "a limit by address or header where there is no jwt");
      if (route.limits.indexOf(name) < index)
        throw bad(file, `${path}[${index}]`, name, "another than those before it");
    }
  }
}

/** @param none what is expected where there is nothing to choose from */
const oneOf = (names: readonly string[], none: string): string =>
  names.length === 0 ? none : `one of ${names.join(", ")}`;

function bad(file: string, path: string, value: unknown, expects: string): OptionError {
  return badValue(file, new BadValue([path], value, expects));
}

function checkRoutes(
  file: string,
  routes: readonly RouteOptions[],
  services: readonly ServiceOptions[],
): void {
  const names = services.map(({ name }) => name);
  if (services.length === 0)
    throw bad(file, "services", {}, "at least one service, unless there is a monolith");
  if (routes.length === 0 && !names.includes(MONOLITH))
    throw bad(file, "routes", {}, "at least one route, unless there is a monolith");
  for (const route of routes) {
    const { name, service, share } = route;
    if (!names.includes(service))
      throw bad(file, `routes.${name}.service`, service, `one of ${names.join(", ")}`);
    for (const part of route.join ?? []) {
      if (!names.includes(part.service))
        throw bad(
          file,
          `routes.${name}.join.${part.name}.service`,
          part.service,
          `one of ${names.join(", ")}`,
        );
    }
    if (share < 1 && !names.includes(MONOLITH))
      throw bad(file, `routes.${name}.share`, share, "1 where there is no monolith for the others");
    if (share < 1 && service === MONOLITH)
      throw bad(file, `routes.${name}.share`, share, "1 where the monolith has all of it");
    if (hasShadow(route)) {
      const { shadow } = route;
      if (!names.includes(shadow.service))
        throw bad(file, `routes.${name}.shadow.service`, shadow.service, `one of ${names.join(", ")}`);
      if (shadow.service === service && (service === MONOLITH || !names.includes(MONOLITH)))
        throw bad(
          file,
          `routes.${name}.shadow.service`,
          shadow.service,
          "another service than the route's, where there is no other side",
        );
    }
  }
  for (const { route, rival } of rivalsAmong(routes)) {
    throw bad(
      file,
      `routes.${route.name}`,
      route.name,
      `another route than ${rival.name}, which takes the same requests`,
    );
  }
}
