import type { ProxyGroup } from "../proxy/proxy-groups";

/** Which requests are taken, and what becomes of them. Times are seconds, or texts such as "500ms"; docs/gateway.md tells of each. */
export interface GatewayRoute {
  /** `/v1/items` is that path alone, `/v1/items/{id}` any one segment in that place, `/v1/**` is `/v1` and all below. */
  readonly path: string;
  /** Names, and `*.example.com` for all below. @default - any */
  readonly hosts?: readonly string[];
  /** Who takes GET takes HEAD. @default - any */
  readonly methods?: readonly string[];
  /** By field name: a value that it has to have, `true` for any, `false` for a field that must not be there. @default - none */
  readonly headers?: Readonly<Record<string, string | boolean>>;
  /** The path that the service is asked for, with variables of `path`, and `**` at its end for what follows. @default - `path` */
  readonly rewrite?: string;
  /** Time from a request's end until its answer begins, retries included; beyond it 504. @default - none */
  readonly timeout?: number | string;
  /** Bytes of a request's body; beyond it 413. @default - any number */
  readonly maxBodyBytes?: number;
  /** Requests under way, of each worker; beyond it 503. @default - any number */
  readonly maxConcurrent?: number;
  /** The service is asked once all of a request is here; needs `maxBodyBytes`. @default false */
  readonly holdBody?: boolean;
  /**
   * What bodies of requests have to be like, by JSON Schema 2020-12; others are 400. Needs `maxBodyBytes`, and holds bodies.
   * @default - nobody looks at them
   */
  readonly bodySchema?: Readonly<Record<string, unknown>>;
  /** Names of fields of a request that go on to the service. @default - all */
  readonly requestHeaders?: readonly string[];
  /** Names of fields of an answer that go to the client. @default - all */
  readonly answerHeaders?: readonly string[];
  /** Part of the users who are served by the route's service, from 0 to 1; the others by the monolith. @default 1 */
  readonly share?: number;
  /** By what users are told apart. @default - nothing */
  readonly sticky?: "address" | { readonly cookie: string } | { readonly header: string };
  /** Who is asked besides, so that the answers can be compared. @default - nobody */
  readonly shadow?: GatewayShadow;
  /** Which pages of other origins may read its answers. @default - what its service says */
  readonly cors?: GatewayCors;
  /** Names of limits that its requests draw on. @default - none */
  readonly limits?: readonly string[];
  /**
   * Requests in JSON and Protocol Buffers are put to its service as calls of gRPC: the name of one of `apis`, or an
   * object; `true` takes gRPC and gRPC-Web alone.
   * @default - requests go on as they are
   */
  readonly grpc?: true | string | GatewayGrpc;
  /**
   * Services whose answers become members of one JSON object, by the member's name; a part that names no service is had of
   * the route's.
   * @default - the route's service answers alone
   */
  readonly join?: Readonly<Record<string, GatewayPart>>;
  /** Whose token a request has to bring, and what that has to say: an issuer's name, or an object. @default - none */
  readonly jwt?: string | GatewayJwt;
}

/** How requests are put as calls of gRPC; docs/gateway.md tells of each. */
export interface GatewayGrpc {
  /** Name of one of `apis`. @default - none: gRPC and gRPC-Web alone are taken */
  readonly api?: string;
  /** Full names of the services whose methods may be called. @default - all */
  readonly services?: readonly string[];
  /** `POST /package.Service/Method` is taken too. @default true */
  readonly methodPaths?: boolean;
  /** Fields and parameters that nobody knows are passed over. @default false */
  readonly ignoreUnknown?: boolean;
  /** Fields that have the value that they have when they are not there are written. @default false */
  readonly defaults?: boolean;
  /** Values of enums are written as numbers. @default false */
  readonly enumNumbers?: boolean;
  /** Fields are written by the names that they have in `.proto` files. @default false */
  readonly protoNames?: boolean;
  /** Bytes of one message, either way. @default 4194304 */
  readonly maxMessageBytes?: number;
  /** How requests tell their message as the monolith took them. @default - in the message's own JSON */
  readonly request?: {
    /** Bodies may be `application/x-www-form-urlencoded`. @default false */
    readonly form?: boolean;
    /** Name of the member that the message is in, within a body; names with dots between them for deeper ones. */
    readonly envelope?: string;
    /** By full name of a message: fields of it by the name that requests have for them. */
    readonly fields?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    /** Names that are passed over, outermost in a body and in the query. */
    readonly ignore?: readonly string[];
  };
  /** How a call that failed is answered. @default - as google.rpc.Status in JSON */
  readonly errors?: {
    /** HTTP status by name of a google.rpc.Code. */
    readonly statuses?: Readonly<Record<string, number>>;
    readonly contentType?: string;
    /** JSON or a text, with placeholders in it. */
    readonly body?: unknown;
  };
}

/** One member of a joined answer. */
export interface GatewayPart {
  /** Name of a service, or `monolith`. @default - the route's */
  readonly service?: string;
  /** The path that it is asked for, with variables of the route's path, and `**` at its end. @default - the client's */
  readonly path?: string;
  /** The answer can do without it: then it is `null`. @default false */
  readonly soft?: boolean;
  /** Time until its answer has to be whole. @default - the route's `timeout` */
  readonly timeout?: number | string;
  /** Bytes of its answer. @default 1048576 */
  readonly maxBytes?: number;
}

/** Who is asked besides, and how the answers are compared. */
export interface GatewayShadow {
  /** Name of a service, or `monolith`; where it has the request itself, the route's other side is asked. */
  readonly service: string;
  /** Part of the requests, from 0 to 1. @default 1 */
  readonly share?: number;
  /** What has a shadow: it is done there a second time. @default ["GET", "HEAD"] */
  readonly methods?: readonly string[];
  /** JSON pointers to what may differ; a segment `*` is any member or element. @default [] */
  readonly ignore?: readonly string[];
  /** Shadows under way at most, of each worker. @default 20 */
  readonly maxConcurrent?: number;
  /** Bytes of a body that are kept and compared. @default 65536 */
  readonly maxBytes?: number;
  /** Time until the shadow's answer has to be whole. @default "10s" */
  readonly timeout?: number | string;
}

/** Which pages of other origins may read a route's answers. */
export interface GatewayCors {
  /** Origins as browsers write them, `*.` for all below a name, or `["*"]` for all. */
  readonly origins: readonly string[];
  /** Methods that pages may use. @default - those of the route, or GET, HEAD and POST */
  readonly methods?: readonly string[];
  /** Fields that pages may set, or `["*"]`. @default - those that browsers send without asking */
  readonly headers?: readonly string[];
  /** Fields that pages may read, or `["*"]`. @default - those that browsers show without asking */
  readonly exposed?: readonly string[];
  /** Pages may ask with cookies. @default false */
  readonly credentials?: boolean;
  /** Time for which browsers remember it, at most a day. @default "10m" */
  readonly maxAge?: number | string;
}

/** Whose token a request has to bring, and what that has to say. */
export interface GatewayJwt {
  /** Name of an issuer. */
  readonly issuer: string;
  /** All of these have to be granted. @default [] */
  readonly scopes?: readonly string[];
  /** Claims, each of which has to have one of its values, or to hold it. @default {} */
  readonly claims?: Readonly<
    Record<string, string | number | boolean | readonly (string | number | boolean)[]>
  >;
}

/** Whose tokens routes may ask for. */
export interface GatewayIssuer {
  /** What `iss` is. */
  readonly issuer: string;
  /** What is in `aud`, or a list of those of which one has to be. */
  readonly audience: string | readonly string[];
  /** Of public keys: `RS256`, `ES256`, `EdDSA` ... */
  readonly algorithms: readonly string[];
  /** Where it tells its keys, by HTTPS. @default - they are in `keys` */
  readonly jwks?: string;
  /** Its public keys themselves, JWKs. @default - they are asked for at `jwks` */
  readonly keys?: readonly object[];
  /** How far apart clocks may be, at most 5 minutes. @default "30s" */
  readonly clockTolerance?: number | string;
  /** Time between two looks at `jwks`. @default "10m" */
  readonly refresh?: number | string;
  /** Time for which keys are believed that could not be looked at again. @default "24h" */
  readonly keepKeys?: number | string;
  /** Claims by the field in which they go on to services. @default {} */
  readonly forward?: Readonly<Record<string, string>>;
}

/** How many requests each may send. */
export interface GatewayLimit {
  /** Requests of each window. */
  readonly requests: number;
  /** Whole seconds, at most a day, or a text such as "1m". */
  readonly window: number | string;
  /** Who has a quota. */
  readonly key: "address" | { readonly header: string } | { readonly claim: string };
  /** Keys that are remembered at the same time. @default 100000 */
  readonly maxKeys?: number;
}

/** Where a gateway tells of requests, by OpenTelemetry's protocol (OTLP over HTTP). */
export interface GatewayTracing {
  /** `http://host[:port][/path]` or `https://` of a collector, to which `/v1/traces` is added. */
  readonly endpoint: string;
  /** What the gateway is called there. @default - its name */
  readonly serviceName?: string;
  /** Part of the requests that are told of, 0 to 1, where who asks has not decided. @default 1 */
  readonly sampleRatio?: number;
  /** Spans that wait at the same time, of each worker: what comes then is dropped, and counted. @default 2048 */
  readonly maxQueueSize?: number;
  /** Spans of one export. @default 512 */
  readonly maxExportBatchSize?: number;
  /** Time from one export to the next. @default "5s" */
  readonly scheduleDelay?: number | string;
  /** Time in which one has to be taken. @default "10s" */
  readonly exportTimeout?: number | string;
}

/** Where requests go: one URL, or several origins any of which can answer. */
export interface GatewayUpstream {
  /** `http://host[:port]` or `https://host[:port]`. @default - `origins` say it */
  readonly url?: string;
  /** Several, in order of preference or with weights. @default - `url` says it */
  readonly origins?: ProxyGroup["origins"];
  /** "keep": it reads the client's Host. @default - that of its URL */
  readonly host?: "keep";
  /** Time until a request has a connection. @default "1s" */
  readonly connectTimeout?: number | string;
  /** Time from a request's end to its answer's first byte. @default "1s" */
  readonly firstByteTimeout?: number | string;
  /** Failures in a row before an origin is left alone. @default 5 */
  readonly circuitFailures?: number;
  /** How long it is left alone. @default "5s" */
  readonly circuitPause?: number | string;
  /** Time in which an origin that is back gets all of its requests again. @default "10s" */
  readonly returnTime?: number | string;
  /** Attempts beyond the first move, for each request, 0 to 1. @default 0.2 */
  readonly retryBudget?: number;
  /** Asks each origin whether it is well. @default - requests alone tell */
  readonly check?: ProxyGroup["check"];
  /** Answers GET and HEAD where no origin does. @default - none */
  readonly substitute?: ProxyGroup["substitute"];
}
