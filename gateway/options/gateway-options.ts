import { type GroupOptions, type Options } from "../../proxy/grammar";
import { type ApiOptions, type GrpcOptions } from "./grpc-options";
import { type CorsOptions } from "./cors-options";
import { type JoinPart } from "./join-options";
import { type IssuerOptions, type TokenOptions } from "./issuer-options";
import { type LimitOptions } from "./limit-options";
import { type TracingOptions } from "./tracing-options";
import { type PathPattern } from "../routes/path-pattern";
import { type Routable } from "../routes/route-table";

/** By what one user's requests are told from another's. */
export type Identity = { readonly header: string } | { readonly cookie: string } | { readonly address: true };

/** Where requests go. */
export interface ServiceOptions {
  readonly name: string;
  /** It reads the client's Host instead of its own name. */
  readonly keepHost: boolean;
  /** Its only origin, where nothing else is said of it. */
  readonly origin: { readonly host: string; readonly port: number; readonly tls: boolean } | undefined;
  /** Its origins, and how they are asked. */
  readonly group: GroupOptions | undefined;
}

/** Which requests of a route are put to another service too, and how the answers are compared. */
export interface ShadowOptions {
  /** Who is asked too; where it is the primary itself, the route's other side is. */
  readonly service: string;
  /** Part of the requests, from 0 to 1. */
  readonly share: number;
  readonly methods: readonly string[];
  /** JSON pointers, segment by segment, to what is not compared. */
  readonly ignore: readonly (readonly string[])[];
  /** Shadows under way at most, of each worker. */
  readonly maxConcurrent: number;
  /** Bytes of a body that are kept and compared at most. */
  readonly maxBytes: number;
  /** Seconds in which a shadow's answer has to be whole. */
  readonly timeout: number;
}

/** Which requests are taken, and what becomes of them. */
export interface RouteOptions extends Routable {
  readonly name: string;
  readonly service: string;
  /** Its path as it is written. */
  readonly pathText: string;
  readonly rewrite: PathPattern | undefined;
  /** Seconds from the end of a request until its answer begins; 0 for proxyReadTimeout alone. */
  readonly timeout: number;
  /** Bytes of a request's body at most; 0 for any number. */
  readonly maxBodyBytes: number;
  /** Requests under way at most, of each worker; 0 for any number. */
  readonly maxConcurrent: number;
  /** Part of the users whose requests go to `service`, from 0 to 1; the others' go to the monolith. */
  readonly share: number;
  readonly sticky: Identity | undefined;
  readonly shadow: ShadowOptions | undefined;
  /** Which pages may read its answers; undefined for what its service says. */
  readonly cors: CorsOptions | undefined;
  /** What a request has to prove. */
  readonly jwt: TokenOptions | undefined;
  /** Names of fields that go on to its service; undefined for all. */
  readonly requestHeaders: readonly string[] | undefined;
  /** Names of fields that its answers have; undefined for all. */
  readonly answerHeaders: readonly string[] | undefined;
  /** Its service is asked once all of a request is here. */
  readonly holdBody: boolean;
  /** JSON Schema that bodies of its requests have to fit; undefined where nobody looks at them. */
  readonly bodySchema: object | undefined;
  /** Names of limits that it draws on. */
  readonly limits: readonly string[];
  /** How its requests are put as calls of gRPC; undefined where they go on as they are. */
  readonly grpc: GrpcOptions | undefined;
  /** Whose answers become one; undefined where its service answers alone. */
  readonly join: readonly JoinPart[] | undefined;
}

/** A route some of whose requests are put to another service too. */
export type ShadowedRoute = RouteOptions & { readonly shadow: ShadowOptions };

export const hasShadow = (route: RouteOptions): route is ShadowedRoute => route.shadow !== undefined;

/** The name of the service that has whatever no route takes. */
export const MONOLITH = "monolith";

/** What the group of origins is called by which shadows reach a service, apart from clients' requests. */
export const forShadows = (service: string): string => `${service}.shadow`;

/** What a gateway serves by: what the engine is told, and its own. `groups` are made from `services`. */
export interface GatewayOptions extends Options {
  readonly services: readonly ServiceOptions[];
  readonly routes: readonly RouteOptions[];
  readonly issuers: readonly IssuerOptions[];
  readonly limits: readonly LimitOptions[];
  readonly apis: readonly ApiOptions[];
  /** What `apis` name, as it was when the file was read: a FileDescriptorSet of each in base64, by name. */
  readonly descriptorSets: Readonly<Record<string, string>>;
  /** Where requests are told of; none or one. */
  readonly openTelemetry: readonly TracingOptions[];
  /** Gateways of the region, among which limits are divided. */
  readonly gateways: number;
  /** Proxies in front that may be believed in what they say of the client. */
  readonly trustedHops: number;
}
