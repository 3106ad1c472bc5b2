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
  readonly errors: GrpcErrorOptions;
}

/** How a call that failed is answered. */
export interface GrpcErrorOptions {
  /** HTTP status by name of a google.rpc.Code, where it is another than usual. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly contentType: string;
  /** What stands in the place of google.rpc.Status: JSON, or a text, with placeholders in it. */
  readonly body: unknown;
}
