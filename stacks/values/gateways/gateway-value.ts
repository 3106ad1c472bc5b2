import { existsSync } from "node:fs";
import { z } from "zod";
import type {
  GatewayIssuer,
  GatewayLimit,
  GatewayRoute,
  GatewaySettings,
  GatewayTracing,
  GatewayUpstream,
  RoutedRoute,
} from "../../../constructs/gateway";
import { DEFAULT_GATEWAY_ADMIN_PORT, DEFAULT_GATEWAY_PORT } from "../../../constructs/gateway/gateway-ports";
import {
  issuersProblem,
  limitsProblem,
  monolithProblem,
  tracingProblem,
} from "../../../constructs/gateway/gateway-grammar";
import { settingProblems } from "../../../constructs/proxy/proxy-settings";
import { healthPath, publicHosts } from "../public-hosts";
import { HOST_ROLES, type HostRole } from "../regions/dedicated-region";
import { dnsLabel } from "../regions/region";
import { problemsOf, type ValueProblem } from "../regions/region-errors";
import { foundBy, isObject, routesOfService } from "../route-value";

/** An API gateway as it is written down: who comes to it, what it asks of them, and where it runs. Services say their routes. */
export interface GatewayInput {
  /** DNS label under which it is found: `NAME.service.consul`. */
  readonly name: string;
  /** Host names by which the internet reaches it, in each region that it runs in: `api.example.com`. */
  readonly hosts: readonly string[];
  /**
   * Path that one of its routes, or the monolith, answers with 200 to 399 to whoever asks: by it the stack `names` leads
   * people to the nearest region that is well.
   * @default - none: no host lies in a zone of names/
   */
  readonly healthPath?: string;
  /** TCP port that it takes requests on, behind the region's entrance. @default 8090 */
  readonly port?: number;
  /** TCP port of its health and metrics. @default 9302 */
  readonly adminPort?: number;
  /**
   * What has whatever no route takes: a service by its name, a URL, or an object with one of both and how it is asked.
   * @default - nothing: such requests are 404
   */
  readonly monolith?: string | GatewayMonolith;
  /** Routes to the monolith, by name, where limits or tokens are asked for in front of it. @default {} */
  readonly routes?: Readonly<Record<string, GatewayRoute>>;
  /** What each route has that does not say otherwise: `cors`, `jwt`, `limits`, `timeout` ... @default {} */
  readonly everyRoute?: Partial<GatewayRoute>;
  /** Whose tokens routes may ask for, by name. @default {} */
  readonly issuers?: Readonly<Record<string, GatewayIssuer>>;
  /** How many requests each may send in a region, by the name that routes use. @default {} */
  readonly limits?: Readonly<Record<string, GatewayLimit>>;
  /**
   * What tells messages and services of gRPC, by the name that routes use: files of descriptor sets, as `buf build -o FILE`
   * and `protoc --include_imports --descriptor_set_out=FILE` write them. @default {}
   */
  readonly apis?: Readonly<Record<string, string>>;
  /** Where it tells of requests, by OpenTelemetry's protocol. @default - nowhere */
  readonly openTelemetry?: GatewayTracing;
  /** Other options of its engine, by their names in docs/gateway.md. @default {} */
  readonly settings?: GatewaySettings;
  /** Where it runs, by region. */
  readonly in: Readonly<Record<string, GatewayPlacementInput>>;
}

/** What has whatever no route takes. */
export interface GatewayMonolith extends GatewayUpstream {
  /** Name of a service. Either this, `url` or `origins`. */
  readonly service?: string;
}

/** How a gateway runs in one region. */
export interface GatewayPlacementInput {
  /** Gateways, one a host. @default - one on each host with the role, 3 pods in a cluster */
  readonly instances?: number;
  /**
   * Gateways at most, when there is much to do: on EC2 and in a cluster, and where no limit has to be kept by all of them
   * together. @default - `instances`
   */
  readonly atMost?: number;
  /** Role of its hosts; in a cluster no machine has one. @default "app" */
  readonly on?: HostRole;
}

/** A gateway by itself, with defaults filled in. */
export interface GatewayAlone {
  readonly name: string;
  readonly hosts: readonly string[];
  /** undefined: nobody outside asks for its health. */
  readonly healthPath?: string | undefined;
  readonly port: number;
  readonly adminPort: number;
  /** undefined: none. */
  readonly monolith?: GatewayMonolith | undefined;
  readonly routes: Readonly<Record<string, GatewayRoute>>;
  readonly everyRoute: Partial<GatewayRoute>;
  readonly issuers: Readonly<Record<string, GatewayIssuer>>;
  readonly limits: Readonly<Record<string, GatewayLimit>>;
  readonly apis: Readonly<Record<string, string>>;
  /** undefined: nowhere. */
  readonly openTelemetry?: GatewayTracing | undefined;
  readonly settings: GatewaySettings;
  readonly in: Readonly<Record<string, GatewayPlacement>>;
}

export interface GatewayPlacement {
  /** undefined: one on each host with the role; in a cluster 3. */
  readonly instances?: number | undefined;
  /** undefined: as many as there always are. */
  readonly atMost?: number | undefined;
  /** undefined: app. */
  readonly on?: HostRole | undefined;
}

/** A gateway, validated, with all its routes: each with the service that has it, or `monolith`. */
export interface GatewayValue extends Omit<GatewayAlone, "routes" | "everyRoute"> {
  /** Those of its hosts that the stack of names leads to all regions that it runs in. */
  readonly named: readonly string[];
  readonly routes: Readonly<Record<string, RoutedRoute>>;
}

const port = z.int().min(1024, { error: "expected a port from 1024 to 65535" }).max(65535, {
  error: "expected a port from 1024 to 65535",
});

const monolith = z
  .union([
    z.string().transform((text) => (text.includes("://") ? { url: text } : { service: text })),
    z.custom<GatewayMonolith>(isObject, { error: "expected a service's name, a URL or an object" }),
  ])
  .superRefine((value: GatewayMonolith, context) => {
    const { service, ...upstream } = value;
    if (service === undefined) return foundBy(monolithProblem)(upstream, context);
    if (
      !dnsLabel.safeParse(service).success ||
      upstream.url !== undefined ||
      upstream.origins !== undefined
    ) {
      context.addIssue({
        code: "custom",
        params: { value: JSON.stringify(service) },
        message: "expected a service's name, a URL such as http://shop.example.com, or origins",
      });
      return;
    }
    // How it is asked is the same as of any other upstream.
    foundBy(monolithProblem)({ ...upstream, origins: ["http://monolith.invalid"] }, context);
  });

const placement = z.strictObject({
  instances: z.int().min(1, { error: "expected one instance at least" }).optional(),
  atMost: z.int().min(1, { error: "expected one instance at least" }).optional(),
  on: z.enum(HOST_ROLES, { error: `expected one of ${HOST_ROLES.join(", ")}` }).optional(),
});

const objectOf = <T>(what: string) => z.custom<T>(isObject, { error: `expected an object of ${what}` });

const schema = z
  .strictObject({
    name: dnsLabel,
    hosts: publicHosts,
    healthPath: healthPath.optional(),
    port: port.default(DEFAULT_GATEWAY_PORT),
    adminPort: port.default(DEFAULT_GATEWAY_ADMIN_PORT),
    monolith: monolith.optional(),
    routes: routesOfService.default({}),
    everyRoute: objectOf<Partial<GatewayRoute>>("a route's fields").default({}),
    issuers: objectOf<GatewayAlone["issuers"]>("issuers by name")
      .superRefine(foundBy(issuersProblem))
      .default({}),
    limits: objectOf<GatewayAlone["limits"]>("limits by name")
      .superRefine(foundBy(limitsProblem))
      .default({}),
    apis: z
      .record(
        dnsLabel,
        z.string().refine((path) => existsSync(path), {
          error: "expected the file of a descriptor set, as buf build -o FILE writes it",
        }),
      )
      .default({}),
    openTelemetry: objectOf<GatewayTracing>("a collector's endpoint and how it is told")
      .superRefine((tracing, context) => {
        if (!isObject(tracing) || !("headers" in tracing)) return;
        context.addIssue({
          code: "custom",
          path: ["headers"],
          message: "expected no such field, for what is secret stands in no file of the app",
        });
      })
      .superRefine(foundBy(tracingProblem))
      .optional(),
    settings: objectOf<GatewaySettings>("options by name")
      .superRefine((settings, context) => {
        if (!isObject(settings)) return;
        for (const { path, expectation } of settingProblems(settings))
          context.addIssue({ code: "custom", path: [...path], message: expectation });
      })
      .default({}),
    in: z.record(dnsLabel, placement).refine((regions) => Object.keys(regions).length > 0, {
      error: "expected one region at least",
    }),
  })
  .superRefine(({ everyRoute, port: own, adminPort }, context) => {
    for (const field of ["path", "hosts", "service", "join"] as const) {
      if (!(field in everyRoute)) continue;
      context.addIssue({
        code: "custom",
        path: ["everyRoute", field],
        message: "expected no such field, for by it routes are told from each other",
      });
    }
    if (own === adminPort)
      context.addIssue({ code: "custom", path: ["adminPort"], message: "expected another port than port" });
  });

/** Checks a value by itself: what comes of it, or all that is wrong with it. */
export function readGateway(value: unknown): GatewayAlone | readonly ValueProblem[] {
  const result = schema.safeParse(value);
  return result.success ? result.data : problemsOf(value, result.error);
}
