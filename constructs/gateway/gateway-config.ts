import { configurationOf } from "../../gateway/options/configuration";
import { OptionError, pathText } from "../../proxy/options/option-error";
import { type ProxySettings, settingProblems } from "../proxy/proxy-settings";
import {
  type GatewayIssuer,
  type GatewayLimit,
  type GatewayRoute,
  type GatewayTracing,
  type GatewayUpstream,
} from "./gateway-route";

/** A route with the name of the service that has its requests, or `monolith`. */
export type RoutedRoute = GatewayRoute & { readonly service: string };

/** Other options of the gateway's engine that an operator sets, by their names in docs/gateway.md. */
export type GatewaySettings = Omit<ProxySettings, "stsize" | "spfactor">;

/** Which requests go where, the same wherever a gateway runs. */
export interface GatewayRouting {
  /** Where requests go, by the names that routes use. @default {} */
  readonly services?: Readonly<Record<string, string | GatewayUpstream>>;
  /** What has the requests that no route takes. @default - nothing: these are 404 */
  readonly monolith?: string | GatewayUpstream;
  /** By name. @default {} */
  readonly routes?: Readonly<Record<string, RoutedRoute>>;
  /** Whose tokens routes may ask for, by name. @default {} */
  readonly issuers?: Readonly<Record<string, GatewayIssuer>>;
  /** How many requests each may send, by the name that routes use. @default {} */
  readonly limits?: Readonly<Record<string, GatewayLimit>>;
  /**
   * Descriptor sets by the name that routes use for an API: paths of files as `protoc --include_imports
   * --descriptor_set_out=FILE` and `buf build -o FILE` write them. @default {}
   */
  readonly apis?: Readonly<Record<string, string>>;
  /** Where it tells of requests. @default - nowhere */
  readonly openTelemetry?: GatewayTracing | undefined;
  /** Proxies in front, whose `X-Forwarded` fields are believed. @default 0 */
  readonly trustedHops?: number;
  /**
   * Other options of its engine, by their names in docs/gateway.md.
   *
   * @default - the gateway's own; idle clients are kept for 620 s
   */
  readonly settings?: GatewaySettings;
}

export interface GatewayConfigOptions extends GatewayRouting {
  /** Gateways of the region, each of which keeps to its part of a limit. */
  readonly gateways: number;
  /** Port that takes requests. */
  readonly port: number;
  /** `ADDRESS:PORT` of `/healthz`, `/readyz`, `/metrics` and `/upstreams`. */
  readonly adminListen: string;
  /** How long it goes on taking requests, no longer ready, once it is told to stop, in seconds. @default 0 */
  readonly drainSeconds?: number;
  /** How long requests under way may take to end after that, in seconds. @default 30 */
  readonly finishSeconds?: number;
  /** Directory of the socket by which it is told to reload. @default - none */
  readonly stateDir?: string;
  /** PEM file of authorities trusted for services besides the public ones. @default - none */
  readonly caFile?: string;
}

/** One thing that the gateway would not start with. */
export interface GatewayProblem {
  /** For example `routes.search.timeout`. */
  readonly path: string;
  readonly value: unknown;
  readonly expectation: string;
}

/**
 * The gateway's configuration file (JSON; docs/gateway.md has every key).
 *
 * @param name of the gateway, for messages
 * @throws Error when the gateway would refuse to start with it
 */
export function gatewayConfig(name: string, options: GatewayConfigOptions): string {
  const problem = gatewayProblem(options);
  if (problem !== undefined) {
    const { path, expectation, value } = problem;
    throw new Error(`gateway ${name}: ${path}: ${expectation}, got: ${JSON.stringify(value) ?? "nothing"}`);
  }
  return `${JSON.stringify(contentOf(options), undefined, 2)}\n`;
}

/** What the gateway would not start with, in its own words; undefined when it would. */
export const gatewayProblem = (options: GatewayConfigOptions): GatewayProblem | undefined =>
  settingProblem(options.settings ?? {}) ?? contentProblem(contentOf(options));

/** What only a proxy reads. */
const NOT_OF_GATEWAYS = ["stsize", "spfactor"];

function settingProblem(settings: GatewaySettings): GatewayProblem | undefined {
  const stray = Object.keys(settings).find((name) => NOT_OF_GATEWAYS.includes(name));
  const [problem] =
    stray === undefined
      ? settingProblems(settings)
      : [{ path: [stray], expectation: "expected no such option, which only a proxy has" }];
  if (problem === undefined) return undefined;
  const value = settings[problem.path[0] as keyof GatewaySettings];
  return { path: pathText(["settings", ...problem.path]), value, expectation: problem.expectation };
}

/**
 * Longer than any load balancer in front keeps an idle connection: one that the gateway closes may be on its way to be
 * used, and a POST is not sent again. AWS's keep theirs for 60 s unless told otherwise
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html), Google's for
 * 600 s whatever they are told, and Google names this figure for what is behind them
 * (https://cloud.google.com/load-balancing/docs/https/request-distribution#timeout-keepalive-backends).
 */
const CLIENT_IDLE_SECONDS = 620;

function contentOf({ services = {}, monolith, routes = {}, ...options }: GatewayConfigOptions): object {
  const {
    issuers = {},
    limits = {},
    apis = {},
    settings = {},
    drainSeconds = 0,
    finishSeconds = 30,
  } = options;
  return {
    listen: "0.0.0.0",
    port: options.port,
    adminListen: options.adminListen,
    trustedHops: options.trustedHops ?? 0,
    gateways: options.gateways,
    ...(monolith === undefined ? {} : { monolith }),
    services,
    issuers,
    limits,
    apis: Object.fromEntries(Object.entries(apis).map(([name, descriptors]) => [name, { descriptors }])),
    ...(options.openTelemetry === undefined ? {} : { openTelemetry: options.openTelemetry }),
    routes,
    clientIdleTimeout: CLIENT_IDLE_SECONDS,
    ...settings,
    drainDelay: drainSeconds,
    shutdownTimeout: drainSeconds + finishSeconds,
    ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
    ...(options.caFile === undefined ? {} : { caFile: options.caFile }),
  };
}

function contentProblem(content: object): GatewayProblem | undefined {
  try {
    // Only what JSON knows reaches the program.
    configurationOf("gateway", JSON.parse(JSON.stringify(content)));
    return undefined;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const { found } = error;
    if (found === undefined) throw error;
    return { path: pathText(found.path), value: found.value, expectation: `expected ${found.expects}` };
  }
}
