import { BadValue, fieldsOf, known, members, type Path, type Reader, whole } from "../../proxy/grammar";
import {
  type ApiOptions,
  type GrpcErrorOptions,
  type GrpcOptions,
  type RequestOptions,
} from "./grpc-options";
import { NAME, readNamed } from "./named-values";
import { readRequest } from "./request-values";
import { CODES } from "./status-codes";
import { onOrOff, readList, readText } from "./text-values";

const FULL_NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
const PATH = /./;
const MEDIA_TYPE =
  /^[A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+(?:; *[A-Za-z0-9!#$&^_.+-]+=[A-Za-z0-9!#$&^_.+-]+)*$/;
/** What gRPC's own implementations take unless they are told otherwise. */
const MESSAGE_BYTES = 4_194_304;
/** Bytes of a message that may be held: it takes memory, some times over, for each request under way. */
const MOST_MESSAGE_BYTES = 67_108_864;
const ROUTE_KEYS = [
  "api",
  "services",
  "methodPaths",
  "ignoreUnknown",
  "defaults",
  "enumNumbers",
  "protoNames",
  "maxMessageBytes",
  "request",
  "errors",
];

/** Reads the value of `apis`: an object of APIs by name. @throws BadValue */
export const readApis = (value: unknown): readonly ApiOptions[] => readNamed(value, "apis", readApi);

function readApi(name: string, value: unknown, path: Path): ApiOptions {
  const expects = "an object with descriptors or protos";
  const fields = known(value, path, ["descriptors", "protos", "includes"], expects);
  const from = members(fields, path);
  if ((fields["descriptors"] === undefined) === (fields["protos"] === undefined))
    throw new BadValue(path, value, expects);
  if (fields["descriptors"] !== undefined && fields["includes"] !== undefined)
    throw new BadValue([...path, "includes"], fields["includes"], "left out where there are descriptors");
  return {
    name,
    descriptors: from<string | undefined>("descriptors", readPath, undefined),
    protos: from("protos", readPaths, []),
    includes: from("includes", readPaths, []),
  };
}

/** Reads a route's `grpc`: true, the name of an API, or an object. */
export const readGrpcOptions: Reader<GrpcOptions> = (value, path) => {
  if (value !== true && typeof value !== "string")
    return grpcOptions(known(value, path, ROUTE_KEYS, "true, the name of an API, or an object"), path);
  return grpcOptions(value === true ? {} : { api: value }, path);
};

function grpcOptions(fields: Readonly<Record<string, unknown>>, path: Path): GrpcOptions {
  const from = members(fields, path);
  const request = from<RequestOptions | undefined>("request", readRequest, undefined);
  if (request !== undefined && fields["api"] === undefined)
    throw new BadValue([...path, "request"], fields["request"], "left out where there is no api");
  return {
    api: from<string | undefined>("api", readApiName, undefined),
    services: from("services", readServiceNames, []),
    methodPaths: from("methodPaths", onOrOff, true),
    ignoreUnknown: from("ignoreUnknown", onOrOff, false),
    defaults: from("defaults", onOrOff, false),
    enumNumbers: from("enumNumbers", onOrOff, false),
    protoNames: from("protoNames", onOrOff, false),
    maxMessageBytes: from("maxMessageBytes", whole(1, MOST_MESSAGE_BYTES), MESSAGE_BYTES),
    request,
    errors: from("errors", readErrors, { statuses: {}, contentType: "application/json", body: undefined }),
  };
}

const readApiName: Reader<string> = (value, path) => {
  if (typeof value !== "string" || !NAME.test(value)) throw new BadValue(path, value, "the name of an API");
  return value;
};

const readServiceNames: Reader<readonly string[]> = (value, path) =>
  readList(value, path, FULL_NAME, "a service's full name such as shop.v1.Items");

const readPath: Reader<string> = (value, path) => readText(value, path, "the path of a file");

const readPaths: Reader<readonly string[]> = (value, path) => readList(value, path, PATH, "a path");

const readErrors: Reader<GrpcErrorOptions> = (value, path) => {
  const fields = known(value, path, ["statuses", "contentType", "body"], "an object");
  const from = members(fields, path);
  const { body } = fields;
  if (body !== undefined && typeof body !== "string")
    fieldsOf(body, [...path, "body"], "a text, or an object");
  return {
    statuses: from("statuses", readStatuses, {}),
    contentType: from(
      "contentType",
      readMediaType,
      typeof body === "string" ? "text/plain; charset=utf-8" : "application/json",
    ),
    body,
  };
};

const readStatuses: Reader<Readonly<Record<string, number>>> = (value, path) => {
  const statuses = fieldsOf(value, path, "an object of HTTP status by name of a code");
  const names = CODES.map(([name]) => name as string).filter((name) => name !== "OK");
  return Object.fromEntries(
    Object.entries(statuses).map(([name, status]) => {
      if (!names.includes(name)) throw new BadValue(path, name, `one of ${names.join(", ")}`);
      return [name, whole(200, 599)(status, [...path, name])];
    }),
  );
};

const readMediaType: Reader<string> = (value, path) => {
  if (typeof value !== "string" || !MEDIA_TYPE.test(value))
    throw new BadValue(path, value, "a media type such as application/json");
  return value;
};
