import {
  BadValue,
  fieldsOf,
  fraction,
  known,
  members,
  type Path,
  type Reader,
  seconds,
  whole,
} from "../../proxy/grammar";
import { PATH_EXPECTS, type PathPattern, readPathPattern, variablesOf } from "../routes/path-pattern";
import { type Identity, type RouteOptions, type ShadowOptions } from "./gateway-options";
import { type GrpcOptions } from "./grpc-options";
import { readGrpcOptions } from "./grpc-values";
import { type CorsOptions } from "./cors-options";
import { corsOf } from "./cors-values";
import { type TokenOptions } from "./issuer-options";
import { readLimitNames } from "./limit-values";
import { readTokenOptions } from "./issuer-values";
import { readMethods } from "./method-values";
import { readNamed } from "./named-values";
import { shadowOf } from "./shadow-values";
import { onOrOff, readList, readText, TOKEN } from "./text-values";

const HOST = /^(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;
/** All that a route may say. */
export const ROUTE_KEYS = [
  "hosts",
  "path",
  "methods",
  "headers",
  "service",
  "rewrite",
  "timeout",
  "maxBodyBytes",
  "maxConcurrent",
  "holdBody",
  "requestHeaders",
  "answerHeaders",
  "share",
  "sticky",
  "shadow",
  "jwt",
  "cors",
  "limits",
  "grpc",
] as const;

/** Bytes of a body that may be held: what is held takes memory, once for each request under way. */
const MOST_HELD = 67_108_864;

/** Reads the value of `routes`: an object of routes by name. @throws BadValue */
export const readRoutes = (value: unknown): readonly RouteOptions[] => readNamed(value, "routes", readRoute);

function readRoute(name: string, value: unknown, path: Path): RouteOptions {
  const fields = known(value, path, ROUTE_KEYS, "an object");
  const from = members(fields, path);
  const pattern = readPath(fields["path"], [...path, "path"]);
  const sticky = from<Identity | undefined>("sticky", readIdentity, undefined);
  const share = from("share", fraction, 1);
  if (share > 0 && share < 1 && sticky === undefined)
    throw new BadValue(
      [...path, "sticky"],
      sticky,
      'by what users are told apart, such as { "cookie": "session" }',
    );
  const methods = from("methods", readMethods, []);
  const maxBodyBytes = from("maxBodyBytes", whole(0, Number.MAX_SAFE_INTEGER), 0);
  const holdBody = from("holdBody", onOrOff, false);
  const grpc = from<GrpcOptions | undefined>("grpc", readGrpcOptions, undefined);
  const shadow = from<ShadowOptions | undefined>("shadow", shadowOf(methods), undefined);
  if (grpc !== undefined && shadow !== undefined)
    throw new BadValue(
      [...path, "shadow"],
      fields["shadow"],
      "left out where there is grpc: calls have no shadow",
    );
  if (holdBody && (maxBodyBytes === 0 || maxBodyBytes > MOST_HELD))
    throw new BadValue(
      [...path, "maxBodyBytes"],
      maxBodyBytes,
      `from 1 to ${MOST_HELD} where bodies are held`,
    );
  return {
    name,
    hosts: from("hosts", readHosts, []),
    path: pattern,
    methods,
    headers: from("headers", readHeaders, {}),
    service: readText(fields["service"], [...path, "service"], "the name of a service"),
    rewrite: from<PathPattern | undefined>("rewrite", rewriteOf(pattern), undefined),
    timeout: from("timeout", seconds, 0),
    maxBodyBytes,
    holdBody,
    requestHeaders: from<readonly string[] | undefined>("requestHeaders", readFieldNames, undefined),
    answerHeaders: from<readonly string[] | undefined>("answerHeaders", readFieldNames, undefined),
    maxConcurrent: from("maxConcurrent", whole(0, 1_000_000), 0),
    share,
    sticky,
    shadow,
    cors: from<CorsOptions | undefined>("cors", corsOf(methods), undefined),
    limits: from<readonly string[]>("limits", readLimitNames, []),
    jwt: from<TokenOptions | undefined>("jwt", readTokenOptions, undefined),
    grpc,
  };
}

const readPath: Reader<PathPattern> = (value, path) => {
  const pattern = typeof value === "string" ? readPathPattern(value) : undefined;
  if (pattern === undefined) throw new BadValue(path, value, PATH_EXPECTS);
  return pattern;
};

const rewriteOf =
  (pattern: PathPattern): Reader<PathPattern> =>
  (value, path) => {
    const rewrite = readPath(value, path);
    const names = variablesOf(pattern);
    const fits =
      variablesOf(rewrite).every((name) => names.includes(name)) && (pattern.open || !rewrite.open);
    if (!fits)
      throw new BadValue(path, value, "a path whose variables, and ** at its end, are the route's too");
    return rewrite;
  };

const readHosts: Reader<readonly string[]> = (value, path) =>
  readList(value, path, HOST, "a name or *.name").map((host) => host.toLowerCase());

const readFieldNames: Reader<readonly string[]> = (value, path) =>
  Array.isArray(value) && value.length === 0 ? [] : readList(value, path, TOKEN, "a field name");

const readHeaders: Reader<RouteOptions["headers"]> = (value, path) => {
  const headers: Record<string, string | boolean> = {};
  for (const [name, wanted] of Object.entries(fieldsOf(value, path, "an object of values by field name"))) {
    if (!TOKEN.test(name)) throw new BadValue([...path, name], name, "a field name");
    if (typeof wanted !== "boolean" && typeof wanted !== "string")
      throw new BadValue([...path, name], wanted, "a value, true for any or false for none");
    headers[name.toLowerCase()] = wanted;
  }
  return headers;
};

const readIdentity: Reader<Identity> = (value, path) => {
  if (value === "address") return { address: true };
  const { header, cookie } = known(value, path, ["header", "cookie"], '"address", or an object');
  const [name, other] = header === undefined ? [cookie, undefined] : [header, cookie];
  if (typeof name !== "string" || !TOKEN.test(name) || other !== undefined)
    throw new BadValue(path, value, '"address", { "header": name } or { "cookie": name }');
  return header === undefined ? { cookie: name } : { header: name.toLowerCase() };
};
