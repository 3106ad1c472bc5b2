import {
  BadValue,
  type Fields,
  fieldsOf,
  fraction,
  known,
  members,
  type Path,
  type Reader,
  seconds,
  whole,
} from "../../proxy/grammar";
import { type PathPattern } from "../routes/path-pattern";
import { pathMadeOf, readPath } from "./path-values";
import { type Identity, type RouteOptions, type ShadowOptions } from "./gateway-options";
import { type GrpcOptions } from "./grpc-options";
import { readGrpcOptions } from "./grpc-values";
import { type CorsOptions } from "./cors-options";
import { corsOf } from "./cors-values";
import { type TokenOptions } from "./issuer-options";
import { readLimitNames } from "./limit-values";
import { readTokenOptions } from "./issuer-values";
import { JOIN_METHODS, JOIN_SECONDS, joinOf } from "./join-values";
import { type JoinPart } from "./join-options";
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
  "bodySchema",
  "requestHeaders",
  "answerHeaders",
  "share",
  "sticky",
  "shadow",
  "jwt",
  "cors",
  "limits",
  "grpc",
  "join",
] as const;

/** Bytes of a body that may be held: what is held takes memory, once for each request under way. */
const MOST_HELD = 67_108_864;

/** Reads the value of `routes`: an object of routes by name. @throws BadValue */
export const readRoutes = (value: unknown): readonly RouteOptions[] => readNamed(value, "routes", readRoute);

function readRoute(name: string, value: unknown, path: Path): RouteOptions {
  const fields = known(value, path, ROUTE_KEYS, "an object");
  const from = members(fields, path);
  const pattern = readPath(fields["path"], [...path, "path"]);
  const pathText = fields["path"] as string;
  const sticky = from<Identity | undefined>("sticky", readIdentity, undefined);
  const share = from("share", fraction, 1);
  if (share > 0 && share < 1 && sticky === undefined)
    throw new BadValue(
      [...path, "sticky"],
      sticky,
      'by what users are told apart, such as { "cookie": "session" }',
    );
  const service = readText(fields["service"], [...path, "service"], "the name of a service");
  const join = from<readonly JoinPart[] | undefined>("join", joinOf(pattern, service), undefined);
  const methods = from("methods", readMethods, join === undefined ? [] : JOIN_METHODS);
  if (join !== undefined) checkJoin(fields, methods, path);
  const maxBodyBytes = from("maxBodyBytes", whole(0, Number.MAX_SAFE_INTEGER), 0);
  const bodySchema = from<object | undefined>("bodySchema", readSchema, undefined);
  // It is looked at whole.
  const holdBody = from("holdBody", onOrOff, false) || bodySchema !== undefined;
  const grpc = from<GrpcOptions | undefined>("grpc", readGrpcOptions, undefined);
  const shadow = from<ShadowOptions | undefined>("shadow", shadowOf(methods), undefined);
  if (grpc !== undefined && shadow !== undefined)
    throw new BadValue(
      [...path, "shadow"],
      fields["shadow"],
      "left out where there is grpc: calls have no shadow",
    );
  if (grpc !== undefined && bodySchema !== undefined)
    throw new BadValue(
      [...path, "bodySchema"],
      bodySchema,
      "left out where there is grpc: the method's type is what bodies have to fit",
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
    pathText,
    methods,
    headers: from("headers", readHeaders, {}),
    service,
    rewrite: from<PathPattern | undefined>("rewrite", pathMadeOf(pattern), undefined),
    timeout: from(
      "timeout",
      join === undefined ? seconds : someSeconds,
      join === undefined ? 0 : JOIN_SECONDS,
    ),
    maxBodyBytes,
    holdBody,
    bodySchema,
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
    join,
  };
}

/** What has no meaning where several services are asked. @throws BadValue */
function checkJoin(fields: Fields, methods: readonly string[], path: Path): void {
  for (const key of ["rewrite", "shadow", "grpc", "holdBody", "bodySchema"]) {
    if (fields[key] !== undefined)
      throw new BadValue([...path, key], fields[key], "left out where there is join");
  }
  if (!methods.every((method) => JOIN_METHODS.includes(method)))
    throw new BadValue([...path, "methods"], methods, "GET alone where there is join");
}

/** That it is a schema is found out where it is used. */
const readSchema: Reader<object> = (value, path) => fieldsOf(value, path, "an object: a JSON Schema");

const someSeconds: Reader<number> = (value, path) => {
  const given = seconds(value, path);
  if (given === 0) throw new BadValue(path, value, "more than 0 where there is join");
  return given;
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
