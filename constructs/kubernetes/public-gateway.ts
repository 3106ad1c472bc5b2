import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { Construct } from "constructs";
import type { Switching } from "../availability";
import type { Awaited } from "./deploy-gate";
import type { HasTopology, TopologyElement } from "../topology";
import { IngressPolicy } from "./ingress-policy";
import { OWN_LABELS } from "./own-labels";

export interface PublicGatewayProps {
  /** Namespace of the gateway, its route and the Service behind it. */
  readonly namespace: string;
  /** Host names of which requests go to `backend`, where no route takes them. */
  readonly hosts: readonly string[];
  /** Name of a global address. */
  readonly addressName: string;
  /** Name of a map in Certificate Manager that holds a certificate for every host. */
  readonly certificateMapName: string;
  /** Name of a policy of Cloud Armor that requests must pass. */
  readonly securityPolicyName: string;
  /** Name of a policy that says which TLS is spoken. @default - whatever Google allows */
  readonly sslPolicyName?: string;
  /** How long an answer may take, and a WebSocket stay open. @default 3600 */
  readonly timeoutSeconds?: number;
  /** Service that answers. */
  readonly backend: GatewayBackend;
  /** What goes to other Services, by host and path: of several that fit, to the one with the longest path. @default - nothing */
  readonly routes?: readonly PublicGatewayRoute[];
}

/** Requests that go to a Service. */
export interface PublicGatewayRoute {
  /** Service that answers, led to by nothing else. */
  readonly backend: GatewayBackend;
  /** Host names that clients ask for. */
  readonly hosts: readonly string[];
  /** What paths begin with, whole segments: `/api` is `/api` and what lies below. @default ["/"] */
  readonly paths?: readonly string[];
}

/** The Service that answers. */
export interface GatewayBackend {
  /** Name of a Service in the gateway's namespace. */
  readonly service: string;
  /** Port of the Service. */
  readonly port: number;
  /** Path that answers 200 while a pod is well. */
  readonly healthPath: string;
  /** Port of the pods that answers there. @default - the one that takes requests */
  readonly healthPort?: number;
  /** Port of the pods behind the Service. @default - the Service's port */
  readonly podPort?: number;
  /**
   * Port of the Service that leads to `podPort` by HTTP/2 (`appProtocol` is `kubernetes.io/h2c`): calls of gRPC go there,
   * and all of its hosts is the Service's own. @default - none
   */
  readonly callsPort?: number;
  /** Labels of the pods behind the Service, which the load balancer must be let in to. */
  readonly podLabels: Readonly<Record<string, string>>;
}

/**
 * Google's global external application load balancer for Services of a namespace, as a Gateway: HTTPS with the
 * certificates given, HTTP answered by a redirect, requests sent to the pods themselves.
 */
export class PublicGateway extends Construct implements HasTopology {
  readonly topology: readonly TopologyElement[];
  /** How long requests go on being sent to a pod that failed. */
  readonly switching: Switching = {
    seconds: CHECKS.intervalSeconds * CHECKS.failures + CHECKS.timeoutSeconds,
    // A pod on a node that is down fails its checks.
    coverage: 1,
    source: `checked every ${CHECKS.intervalSeconds} s for up to ${CHECKS.timeoutSeconds} s, ${CHECKS.failures} must fail`,
  };
  /** What a deploy waits for: the load balancer, and a pod of each Service behind it. */
  readonly awaited: readonly Awaited[];
  /** What Google's controllers take up. */
  readonly manifests: readonly Manifest[];

  /**
   * @throws Error for more hosts or paths of one Service than a route may have, for a Service that is led to twice, and
   *   for calls of gRPC to one that has not all of its hosts
   */
  constructor(scope: Construct, id: string, props: PublicGatewayProps) {
    super(scope, id);
    const { namespace, backend, hosts, routes: others = [] } = props;
    const routes: readonly NamedRoute[] = [
      { suffix: "", backend, hosts },
      ...others.map((route) => ({ ...route, suffix: `-${route.backend.service}` })),
    ];
    refuseWrongRoutes(routes);
    this.topology = routes.flatMap(
      ({ backend: { service, port, podPort = port }, suffix }): TopologyElement[] => [
        { kind: "entrance", name: GATEWAY, type: "public application load balancer", to: service, port: 443 },
        // Who makes further Services says himself what they are.
        ...(suffix === ""
          ? [{ kind: "workload", role: "application", name: service, on: [], port: podPort } as const]
          : []),
      ],
    );
    this.manifests = [
      this.add("gateway", gateway(props)),
      ...(props.sslPolicyName === undefined
        ? []
        : [this.add("gateway-policy", gatewayPolicy(namespace, props.sslPolicyName))]),
      ...routes.map((each) => this.add(`route${each.suffix}`, route(namespace, each))),
      ...redirects(namespace, routes).map((each, index) =>
        this.add(index === 0 ? "redirect" : `redirect-${index + 1}`, each),
      ),
      ...routes.flatMap((each) => [
        this.add(`health-check${each.suffix}`, healthCheck(namespace, each.backend)),
        this.add(`backend-policy${each.suffix}`, backendPolicy(props, each.backend)),
      ]),
    ];
    this.awaited = [
      gatewayAwaited(namespace),
      ...[...routes.map((each) => each.backend.service), ...redirectNames(routes)].map((name) =>
        routeAwaited(namespace, name),
      ),
      ...routes.map((each) => podAwaited(namespace, each.backend)),
    ];
    for (const { backend: own, suffix } of routes) {
      new IngressPolicy(this, `ingress${suffix}`, {
        name: `${own.service}-public`,
        namespace,
        podLabels: own.podLabels,
        allow: [{ from: [{ networks: LOAD_BALANCER_NETWORKS }], tcp: portsOf(own) }],
      });
    }
  }

  private add(id: string, manifest: Record<string, unknown>): Manifest {
    return new Manifest(this, id, { manifest });
  }
}

/** Of the pods: where requests come to, and where health is asked for. */
function portsOf({ port, podPort = port, healthPort = podPort }: GatewayBackend): number[] {
  return [...new Set([podPort, healthPort])];
}

/** How a pod is found out to be down. */
const CHECKS = { intervalSeconds: 5, timeoutSeconds: 2, failures: 2 };

/** From where Google's front ends and health checks come: https://cloud.google.com/load-balancing/docs/firewall-rules */
const LOAD_BALANCER_NETWORKS = ["130.211.0.0/22", "35.191.0.0/16"];

const GATEWAY_API = "gateway.networking.k8s.io/v1";
const GKE_POLICIES = "networking.gke.io/v1";
const GATEWAY = "public";
const REDIRECT = "to-https";

const gateway = ({ namespace, addressName, certificateMapName }: PublicGatewayProps) => ({
  apiVersion: GATEWAY_API,
  kind: "Gateway",
  metadata: {
    name: GATEWAY,
    namespace,
    labels: OWN_LABELS,
    annotations: { "networking.gke.io/certmap": certificateMapName },
  },
  spec: {
    gatewayClassName: "gke-l7-global-external-managed",
    addresses: [{ type: "NamedAddress", value: addressName }],
    listeners: [listener("https", "HTTPS", 443), listener("http", "HTTP", 80)],
  },
});

const listener = (name: string, protocol: string, port: number) => ({
  name,
  protocol,
  port,
  allowedRoutes: { namespaces: { from: "Same" } },
});

/** A route, and what the ids of what is made for it end with. */
type NamedRoute = PublicGatewayRoute & { readonly suffix: string };

/** What the Gateway API allows of one HTTPRoute, of host names and of rules alike. */
const MOST_OF_A_ROUTE = 16;

function refuseWrongRoutes(routes: readonly NamedRoute[]): void {
  for (const [index, { backend, hosts, paths = [] }] of routes.entries()) {
    const { service } = backend;
    for (const [what, values] of Object.entries({ hosts, paths })) {
      if (values.length > MOST_OF_A_ROUTE)
        throw new Error(
          `public gateway: ${service}: expected at most ${MOST_OF_A_ROUTE} ${what}, got: ${values.length}`,
        );
    }
    if (backend.callsPort !== undefined && paths.some((path) => path !== "/"))
      throw new Error(
        `public gateway: ${service} takes calls of gRPC, and must have all paths of its hosts, got: ${JSON.stringify(paths)}`,
      );
    if (routes.findIndex((each) => each.backend.service === service) < index)
      throw new Error(`public gateway: expected each Service once, got: ${JSON.stringify(service)}`);
  }
}

const route = (namespace: string, { backend, hosts, paths = ["/"] }: PublicGatewayRoute) => ({
  apiVersion: GATEWAY_API,
  kind: "HTTPRoute",
  metadata: { name: backend.service, namespace, labels: OWN_LABELS },
  spec: {
    parentRefs: [{ name: GATEWAY, sectionName: "https" }],
    hostnames: [...hosts],
    rules: [
      ...(backend.callsPort === undefined
        ? []
        : [
            {
              matches: GRPC.map((value) => ({ headers: [{ type: "Exact", name: "content-type", value }] })),
              backendRefs: [{ name: backend.service, port: backend.callsPort }],
            },
          ]),
      ...paths.map((value) => ({
        ...(value === "/" ? {} : { matches: [{ path: { type: "PathPrefix", value } }] }),
        backendRefs: [{ name: backend.service, port: backend.port }],
      })),
    ],
  },
});

/** What calls of gRPC say that they are. Nothing but whole values is matched alike by all load balancers. */
const GRPC = ["application/grpc", "application/grpc+proto", "application/grpc+json"];

/** Host names of all routes, as many as one may have at a time. */
function redirectedHosts(routes: readonly NamedRoute[]): readonly (readonly string[])[] {
  const hosts = [...new Set(routes.flatMap((each) => each.hosts))];
  return Array.from({ length: Math.ceil(hosts.length / MOST_OF_A_ROUTE) }, (_, index) =>
    hosts.slice(index * MOST_OF_A_ROUTE, (index + 1) * MOST_OF_A_ROUTE),
  );
}

const redirectNames = (routes: readonly NamedRoute[]): readonly string[] =>
  redirectedHosts(routes).map((_, index) => (index === 0 ? REDIRECT : `${REDIRECT}-${index + 1}`));

const redirects = (namespace: string, routes: readonly NamedRoute[]) =>
  redirectedHosts(routes).map((hosts, index) => ({
    apiVersion: GATEWAY_API,
    kind: "HTTPRoute",
    metadata: { name: redirectNames(routes)[index]!, namespace, labels: OWN_LABELS },
    spec: {
      parentRefs: [{ name: GATEWAY, sectionName: "http" }],
      hostnames: [...hosts],
      rules: [
        { filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }] },
      ],
    },
  }));

const gatewayAwaited = (namespace: string): Awaited => ({
  what: `gateway ${namespace}/${GATEWAY}`,
  conditions: `${objectsOf(namespace)}/gateways/${GATEWAY}`,
  types: ["Accepted", "Programmed"],
});

const routeAwaited = (namespace: string, name: string): Awaited => ({
  what: `route ${namespace}/${name}`,
  parents: `${objectsOf(namespace)}/httproutes/${name}`,
  types: ["Accepted", "ResolvedRefs"],
});

function podAwaited(namespace: string, { service, podLabels }: GatewayBackend): Awaited {
  const labels = Object.entries(podLabels).map(([name, value]) => `${name}=${value}`);
  return {
    what: `a pod behind ${namespace}/${service}`,
    pods: `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(labels.join(","))}`,
  };
}

const objectsOf = (namespace: string): string => `/apis/${GATEWAY_API}/namespaces/${namespace}`;

const gatewayPolicy = (namespace: string, sslPolicy: string) => ({
  apiVersion: GKE_POLICIES,
  kind: "GCPGatewayPolicy",
  metadata: { name: GATEWAY, namespace, labels: OWN_LABELS },
  spec: {
    targetRef: { group: "gateway.networking.k8s.io", kind: "Gateway", name: GATEWAY },
    default: { sslPolicy },
  },
});

const targetOf = (service: string) => ({ group: "", kind: "Service", name: service });

const healthCheck = (
  namespace: string,
  { service, healthPath, port, podPort = port, healthPort = podPort }: GatewayBackend,
) => ({
  apiVersion: GKE_POLICIES,
  kind: "HealthCheckPolicy",
  metadata: { name: service, namespace, labels: OWN_LABELS },
  spec: {
    targetRef: targetOf(service),
    default: {
      checkIntervalSec: CHECKS.intervalSeconds,
      timeoutSec: CHECKS.timeoutSeconds,
      healthyThreshold: 1,
      unhealthyThreshold: CHECKS.failures,
      config: { type: "HTTP", httpHealthCheck: { port: healthPort, requestPath: healthPath } },
    },
  },
});

const backendPolicy = (
  { namespace, securityPolicyName, timeoutSeconds = 3600 }: PublicGatewayProps,
  backend: GatewayBackend,
) => ({
  apiVersion: GKE_POLICIES,
  kind: "GCPBackendPolicy",
  metadata: { name: backend.service, namespace, labels: OWN_LABELS },
  spec: {
    targetRef: targetOf(backend.service),
    default: {
      securityPolicy: securityPolicyName,
      timeoutSec: timeoutSeconds,
      connectionDraining: { drainingTimeoutSec: 60 },
      logging: { enabled: true, sampleRate: 100000 },
    },
  },
});
