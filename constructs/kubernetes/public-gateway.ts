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
  /** Host names for which requests are taken. */
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
}

/** The Service that answers. */
export interface GatewayBackend {
  /** Name of a Service in the gateway's namespace. */
  readonly service: string;
  /** Port of the Service. */
  readonly port: number;
  /** Path that answers 200 while a pod is well. */
  readonly healthPath: string;
  /** Port of the pods behind the Service. @default - the Service's port */
  readonly podPort?: number;
  /** Labels of the pods behind the Service, which the load balancer must be let in to. */
  readonly podLabels: Readonly<Record<string, string>>;
}

/**
 * Google's global external application load balancer for one Service, as a Gateway: HTTPS with the certificate
 * given, HTTP answered by a redirect, requests sent to the pods themselves.
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
  /** What a deploy waits for: the load balancer, and a pod behind it. */
  readonly awaited: readonly Awaited[];
  /** What Google's controllers take up. */
  readonly manifests: readonly Manifest[];

  constructor(scope: Construct, id: string, props: PublicGatewayProps) {
    super(scope, id);
    const { namespace, backend } = props;
    const { podPort = backend.port } = backend;
    this.topology = [
      {
        kind: "entrance",
        name: GATEWAY,
        type: "public application load balancer",
        to: backend.service,
        port: 443,
      },
      { kind: "workload", role: "application", name: backend.service, on: [], port: podPort },
    ];
    this.manifests = [
      this.add("gateway", gateway(props)),
      ...(props.sslPolicyName === undefined
        ? []
        : [this.add("gateway-policy", gatewayPolicy(namespace, props.sslPolicyName))]),
      this.add("route", route(props)),
      this.add("redirect", redirect(props)),
      this.add("health-check", healthCheck(namespace, backend, podPort)),
      this.add("backend-policy", backendPolicy(props)),
    ];
    this.awaited = awaited(namespace, backend);
    new IngressPolicy(this, "ingress", {
      name: `${backend.service}-public`,
      namespace,
      podLabels: backend.podLabels,
      allow: [{ from: [{ networks: LOAD_BALANCER_NETWORKS }], tcp: [podPort] }],
    });
  }

  private add(id: string, manifest: Record<string, unknown>): Manifest {
    return new Manifest(this, id, { manifest });
  }
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

const route = ({ namespace, hosts, backend }: PublicGatewayProps) => ({
  apiVersion: GATEWAY_API,
  kind: "HTTPRoute",
  metadata: { name: backend.service, namespace, labels: OWN_LABELS },
  spec: {
    parentRefs: [{ name: GATEWAY, sectionName: "https" }],
    hostnames: [...hosts],
    rules: [{ backendRefs: [{ name: backend.service, port: backend.port }] }],
  },
});

const redirect = ({ namespace, hosts }: PublicGatewayProps) => ({
  apiVersion: GATEWAY_API,
  kind: "HTTPRoute",
  metadata: { name: REDIRECT, namespace, labels: OWN_LABELS },
  spec: {
    parentRefs: [{ name: GATEWAY, sectionName: "http" }],
    hostnames: [...hosts],
    rules: [
      { filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }] },
    ],
  },
});

function awaited(namespace: string, { service, podLabels }: GatewayBackend): Awaited[] {
  const objects = `/apis/${GATEWAY_API}/namespaces/${namespace}`;
  const labels = Object.entries(podLabels).map(([name, value]) => `${name}=${value}`);
  return [
    {
      what: `gateway ${namespace}/${GATEWAY}`,
      conditions: `${objects}/gateways/${GATEWAY}`,
      types: ["Accepted", "Programmed"],
    },
    ...[service, REDIRECT].map((name) => ({
      what: `route ${namespace}/${name}`,
      parents: `${objects}/httproutes/${name}`,
      types: ["Accepted", "ResolvedRefs"],
    })),
    {
      what: `a pod behind ${namespace}/${service}`,
      pods: `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(labels.join(","))}`,
    },
  ];
}

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

const healthCheck = (namespace: string, { service, healthPath }: GatewayBackend, port: number) => ({
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
      config: { type: "HTTP", httpHealthCheck: { port, requestPath: healthPath } },
    },
  },
});

const backendPolicy = ({
  namespace,
  securityPolicyName,
  backend,
  timeoutSeconds = 3600,
}: PublicGatewayProps) => ({
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
