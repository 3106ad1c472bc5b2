/** What tells messages and services: a descriptor set, or `.proto` files. Paths of files. */
export interface ApiOptions {
  readonly name: string;
  readonly descriptors: string | undefined;
  readonly protos: readonly string[];
  /** Directories in which imports are looked for, besides those of `protos`. */
  readonly includes: readonly string[];
}

/** How a route's requests are put as calls of gRPC. */
export interface GrpcOptions {
  /** The name of an API; undefined where gRPC and gRPC-Web alone are taken. */
  readonly api: string | undefined;
  /** Full names of the services whose methods may be called; none for all. */
  readonly services: readonly string[];
  /** `POST /package.Service/Method` is taken too. */
  readonly methodPaths: boolean;
  /** Fields and parameters that nobody knows are passed over; otherwise they are 400. */
  readonly ignoreUnknown: boolean;
  /** Fields that have the value that they have when they are not there are written. */
  readonly defaults: boolean;
  /** Values of enums are written as numbers. */
  readonly enumNumbers: boolean;
  /** Fields are written by the names that they have in `.proto` files. */
  readonly protoNames: boolean;
  /** Bytes of one message at most, either way. */
  readonly maxMessageBytes: number;
  /** How requests tell their message where that is not its own JSON; undefined where it is. */
  readonly request: RequestOptions | undefined;
  readonly errors: GrpcErrorOptions;
}

/** How the requests of a monolith tell what a message tells now. */
export interface RequestOptions {
  /** Bodies may be `application/x-www-form-urlencoded`. */
  readonly form: boolean;
  /** Names of the members that lead to the message within a body; none where it is the body itself. */
  readonly envelope: readonly string[];
  /** By full name of a message: fields of it, or of those within it, by the name that requests have for them. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Names that are passed over, outermost in a body and in the query. */
  readonly ignore: readonly string[];
}

/** How a call that failed is answered. */
export interface GrpcErrorOptions {
  /** HTTP status by name of a google.rpc.Code, where it is another than usual. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly contentType: string;
  /** What stands in the place of google.rpc.Status: JSON, or a text, with placeholders in it. */
  readonly body: unknown;
}
