import { LbListenerRule } from "@cdktf/provider-aws/lib/lb-listener-rule";
import type { ITerraformDependable } from "cdktf";
import type { Construct } from "constructs";
import { sha256 } from "../host/apply-document";
import type { ServerGroup } from "./server-group";

/** Requests to a load balancer that go to one of several services behind it. */
export interface LoadBalancerRoute {
  /** Name of the service: a DNS label. */
  readonly service: string;
  /** Host names that clients ask for. */
  readonly hosts: readonly string[];
  /** What paths begin with, whole segments: `/api` is `/api` and what lies below. @default ["/"] */
  readonly paths?: readonly string[];
  /** Machines that the requests go to. */
  readonly to: ServerGroup;
  /** Port on which these take plain HTTP. */
  readonly port: number;
  /** Path that answers 200 while a machine can take requests; those that fail it are replaced. */
  readonly healthPath: string;
  /** Port that answers there. @default - `port` */
  readonly healthPort?: number;
  /**
   * `port` takes HTTP/2 by prior knowledge too, and all of its hosts is its own: calls of gRPC go on to it by that. Then
   * `healthPort` answers `grpc.health.v1.Health/Check` too, with status 0 while a machine can take calls. @default false
   */
  readonly grpc?: boolean;
}

export interface HostRulesProps {
  /** Name of the load balancer, for messages. */
  readonly loadBalancer: string;
  readonly listenerArn: string;
  readonly routes: readonly (Omit<LoadBalancerRoute, "to" | "grpc"> & {
    readonly targetGroupArn: string;
    /** Where its calls of gRPC go. @default - where all goes */
    readonly callsTargetGroupArn?: string;
  })[];
  /** Hosts of which what no route takes is answered 404. */
  readonly closedHosts: readonly string[];
}

/** Rules that lead to a route's lists of machines. */
export interface RouteRules {
  readonly requests: readonly ITerraformDependable[];
  readonly calls: readonly ITerraformDependable[];
}

/**
 * Rules of a listener that lead requests by host and path, and calls of gRPC by what they say that they are.
 *
 * @returns those of each route, by its service
 * @throws Error for a host or path that AWS would refuse, and for calls to a service that has not all of its hosts
 */
export function hostRules(
  scope: Construct,
  { loadBalancer, listenerArn, routes, closedHosts }: HostRulesProps,
): Readonly<Record<string, RouteRules>> {
  const taken = new Set<number>();
  const call = (host: string, targetGroupArn: string) =>
    new LbListenerRule(scope, `calls-${host}`, {
      listenerArn,
      // Before all that goes by paths: those of calls are names of methods.
      priority: priorityOf(`calls of ${host}`, DEEPEST, taken),
      condition: [
        { hostHeader: { values: [host] } },
        { httpHeader: { httpHeaderName: "content-type", values: GRPC } },
      ],
      action: [{ type: "forward", targetGroupArn }],
    });
  const rule = (host: string, path: string, depth: number, action: RuleAction) => {
    refuseTooLong(loadBalancer, "host", host);
    refuseTooLong(loadBalancer, "path", path);
    return new LbListenerRule(scope, `rule-${host}${path.replaceAll("/", "-")}`, {
      listenerArn,
      priority: priorityOf(`${host}${path}`, depth, taken),
      condition: [
        { hostHeader: { values: [host] } },
        ...(path === "/" ? [] : [{ pathPattern: { values: [path, `${path}/*`] } }]),
      ],
      action: [action],
    });
  };
  const made = routes.map(({ service, hosts, paths = ["/"], targetGroupArn, callsTargetGroupArn }) => {
    if (callsTargetGroupArn !== undefined && paths.join() !== "/")
      throw new Error(
        `load balancer ${loadBalancer}: ${service} takes calls of gRPC, and must have all paths of its hosts, got: ${JSON.stringify(paths)}`,
      );
    const requests = hosts.flatMap((host) =>
      paths.map((path) => {
        const depth = path === "/" ? 1 : path.split("/").length;
        if (depth > DEEPEST)
          throw new Error(
            `load balancer ${loadBalancer}: path must have at most ${DEEPEST - 1} segments, got: ${JSON.stringify(path)}`,
          );
        return rule(host, path, depth, { type: "forward", targetGroupArn });
      }),
    );
    const calls =
      callsTargetGroupArn === undefined ? [] : hosts.map((host) => call(host, callsTargetGroupArn));
    return [service, { requests, calls }] as const;
  });
  for (const host of closedHosts) rule(host, "/", 0, NOT_FOUND);
  return Object.fromEntries(made);
}

/** What calls of gRPC say that they are, in any case; gRPC-Web says otherwise. */
const GRPC = ["application/grpc", "application/grpc+*", "application/grpc;*"];

type RuleAction = Exclude<
  ConstructorParameters<typeof LbListenerRule>[2]["action"],
  { readonly resolve: unknown }
>[number];

const NOT_FOUND: RuleAction = {
  type: "fixed-response",
  fixedResponse: { contentType: "text/plain", messageBody: "Nothing is here.", statusCode: "404" },
};

/** Levels of rules: of each path those of longer ones come first. */
const DEEPEST = 9;
/** AWS knows priorities from 1 to 50,000, the lowest first. */
const PRIORITIES_EACH = 50_000 / (DEEPEST + 1);

/**
 * Where a rule stands among others follows from what it is for: were they counted, one more would move others, and no two
 * may ever stand in one place, not while they change either.
 */
function priorityOf(what: string, depth: number, taken: Set<number>): number {
  const first = 1 + (DEEPEST - depth) * PRIORITIES_EACH;
  let place = Number.parseInt(sha256(what).slice(0, 8), 16) % PRIORITIES_EACH;
  while (taken.has(first + place)) place = (place + 1) % PRIORITIES_EACH;
  taken.add(first + place);
  return first + place;
}

/** What AWS's documentation says of host and path conditions: at most 128 characters. */
function refuseTooLong(loadBalancer: string, what: string, value: string): void {
  const most = what === "path" ? MOST_CHARACTERS - "/*".length : MOST_CHARACTERS;
  if (value.length <= most) return;
  throw new Error(
    `load balancer ${loadBalancer}: ${what} must have at most ${most} characters, got: ${JSON.stringify(value)}`,
  );
}

const MOST_CHARACTERS = 128;
