import { Gateway } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway";
import { HTTPRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute";
import { GCPBackendPolicy } from "@kubernetes-models/gke/networking.gke.io/v1/GCPBackendPolicy";
import { HealthCheckPolicy } from "@kubernetes-models/gke/networking.gke.io/v1/HealthCheckPolicy";
import { PublicGateway } from "../../../constructs/kubernetes";
import { removeSynthesised, synthesise } from "../google/synthesised-stack";
import { modelErrors } from "./kubernetes-schema";
import { type Manifest, manifestOf } from "./manifests";

afterAll(removeSynthesised);

const MODELS = { Gateway, HTTPRoute, GCPBackendPolicy, HealthCheckPolicy };

let built: PublicGateway | undefined;
const stack = synthesise(
  (scope) =>
    (built = new PublicGateway(scope, "gateway", {
      namespace: "app",
      hosts: ["www.uk.example.com"],
      addressName: "uk-public",
      certificateMapName: "uk-public",
      securityPolicyName: "uk-public",
      backend: { service: "app", port: 80, podPort: 8080, healthPath: "/healthz", podLabels: { app: "app" } },
    })),
);

const manifests = Object.values(stack.resources("kubernetes_manifest")).map(
  ({ manifest }) => manifest as Manifest,
);
const manifest = (kind: string, name: string) =>
  manifests.find((each) => each.kind === kind && each.metadata["name"] === name)?.["spec"];

const backend = {
  ...{ service: "app", port: 80, podPort: 8080, healthPath: "/healthz" },
  podLabels: { app: "app" },
};

describe("PublicGateway", () => {
  it("is an entrance to the Service behind it, which is an application", () => {
    expect(built?.topology).toEqual([
      { kind: "entrance", name: "public", type: "public application load balancer", to: "app", port: 443 },
      { kind: "workload", role: "application", name: "app", on: [], port: 8080 },
    ]);
  });

  it("has a deploy wait until its load balancer is there, knows its routes and has a pod to ask", () => {
    expect(built?.awaited).toEqual([
      expect.objectContaining({ what: "gateway app/public", types: ["Accepted", "Programmed"] }),
      expect.objectContaining({ what: "route app/app", types: ["Accepted", "ResolvedRefs"] }),
      expect.objectContaining({ what: "route app/to-https", types: ["Accepted", "ResolvedRefs"] }),
      {
        what: "a pod behind app/app",
        pods: "/api/v1/namespaces/app/pods?labelSelector=app%3Dapp",
      },
    ]);
  });

  it("is made of objects that the Gateway API and GKE know", () => {
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([
      "GCPBackendPolicy",
      "Gateway",
      "HTTPRoute",
      "HTTPRoute",
      "HealthCheckPolicy",
    ]);
    for (const each of manifests) {
      expect(modelErrors(each, MODELS[each.kind as keyof typeof MODELS] as never)).toEqual([]);
    }
  });

  it("takes HTTPS at the named address with the named certificates, and sends HTTP there", () => {
    expect(manifests.find(({ kind }) => kind === "Gateway")).toMatchObject({
      metadata: { annotations: { "networking.gke.io/certmap": "uk-public" } },
      spec: {
        gatewayClassName: "gke-l7-global-external-managed",
        addresses: [{ type: "NamedAddress", value: "uk-public" }],
      },
    });
    expect(manifest("HTTPRoute", "to-https")).toMatchObject({
      parentRefs: [{ sectionName: "http" }],
      rules: [{ filters: [{ requestRedirect: { scheme: "https", statusCode: 301 } }] }],
    });
  });

  it("leads the hosts to the Service's pods, checked where they say how they are", () => {
    expect(manifest("HTTPRoute", "app")).toMatchObject({
      parentRefs: [{ name: "public", sectionName: "https" }],
      hostnames: ["www.uk.example.com"],
      rules: [{ backendRefs: [{ name: "app", port: 80 }] }],
    });
    expect(manifest("HealthCheckPolicy", "app")).toMatchObject({
      targetRef: { kind: "Service", name: "app" },
      default: { config: { type: "HTTP", httpHealthCheck: { port: 8080, requestPath: "/healthz" } } },
    });
  });

  it("has requests pass the policy first, and lets in nobody but Google's front ends", () => {
    expect(manifest("GCPBackendPolicy", "app")).toMatchObject({
      targetRef: { kind: "Service", name: "app" },
      default: { securityPolicy: "uk-public" },
    });
    expect(manifestOf(stack, "NetworkPolicy", "app-public")["spec"]).toMatchObject({
      podSelector: { matchLabels: { app: "app" } },
      ingress: [
        {
          from: [{ ipBlock: { cidr: "130.211.0.0/22" } }, { ipBlock: { cidr: "35.191.0.0/16" } }],
          ports: [{ protocol: "TCP", port: 8080 }],
        },
      ],
    });
  });

  it.each([
    [
      "more hosts than a route may have",
      { hosts: Array.from({ length: 17 }, (_, index) => `h${index}.uk.example.com`) },
      "public gateway: app: expected at most 16 hosts, got: 17",
    ],
    [
      "a Service twice",
      { routes: [{ backend, hosts: ["api.uk.example.com"] }] },
      'public gateway: expected each Service once, got: "app"',
    ],
    [
      "calls of gRPC to a Service that has some paths alone",
      {
        routes: [
          {
            backend: { ...backend, service: "api", callsPort: 50051 },
            hosts: ["api.uk.example.com"],
            paths: ["/api"],
          },
        ],
      },
      'public gateway: api takes calls of gRPC, and must have all paths of its hosts, got: ["/api"]',
    ],
  ])("refuses %s", (_, changes, message) => {
    const props = {
      ...{ namespace: "app", hosts: ["www.uk.example.com"], addressName: "uk", certificateMapName: "uk" },
      ...{ securityPolicyName: "uk", backend },
      ...changes,
    };
    expect(() => synthesise((scope) => new PublicGateway(scope, "gateway", props))).toThrow(message);
  });

  it("leads calls of gRPC to the Service's port for them, by what they say that they are", () => {
    // GIVEN a Service that takes calls, and one that takes none
    const calling = synthesise(
      (scope) =>
        new PublicGateway(scope, "gateway", {
          ...{ namespace: "app", hosts: ["www.uk.example.com"], addressName: "uk", certificateMapName: "uk" },
          ...{ securityPolicyName: "uk", backend },
          routes: [
            {
              backend: { ...backend, service: "api", callsPort: 50051 },
              hosts: ["api.uk.example.com"],
            },
          ],
        }),
    );
    // WHEN synthesised
    const objects = Object.values(calling.resources("kubernetes_manifest")).map(
      (each) => each["manifest"] as Manifest,
    );
    const [api, app] = ["api", "app"].map((name) =>
      objects.find(({ kind, metadata }) => kind === "HTTPRoute" && metadata["name"] === name)!,
    );
    // THEN
    expect(modelErrors(api!, HTTPRoute as never)).toEqual([]);
    expect((api!["spec"] as { rules: object[] }).rules).toEqual([
      {
        matches: [
          { headers: [{ type: "Exact", name: "content-type", value: "application/grpc" }] },
          { headers: [{ type: "Exact", name: "content-type", value: "application/grpc+proto" }] },
          { headers: [{ type: "Exact", name: "content-type", value: "application/grpc+json" }] },
        ],
        backendRefs: [{ name: "api", port: 50051 }],
      },
      { backendRefs: [{ name: "api", port: 80 }] },
    ]);
    expect((app!["spec"] as { rules: object[] }).rules).toEqual([
      { backendRefs: [{ name: "app", port: 80 }] },
    ]);
    // AND the port of the pods is the same for both, and so is who they are
    expect(manifestOf(calling, "NetworkPolicy", "api-public")["spec"]).toMatchObject({
      ingress: [{ ports: [{ protocol: "TCP", port: 8080 }] }],
    });
    expect(objects.filter(({ kind }) => kind === "HealthCheckPolicy")).toHaveLength(2);
  });

  it("sends HTTP of any number of hosts to HTTPS", () => {
    // GIVEN more hosts than one route may have
    const hosts = (prefix: string) =>
      Array.from({ length: 10 }, (_, index) => `${prefix}${index}.example.com`);
    const large = synthesise(
      (scope) =>
        new PublicGateway(scope, "gateway", {
          ...{ namespace: "app", hosts: hosts("a"), addressName: "uk", certificateMapName: "uk" },
          ...{ securityPolicyName: "uk", backend },
          routes: [{ backend: { ...backend, service: "other" }, hosts: hosts("b") }],
        }),
    );
    const redirects = Object.values(large.resources("kubernetes_manifest"))
      .map(({ manifest }) => manifest as Manifest)
      .filter(({ metadata }) => String(metadata["name"]).startsWith("to-https"));
    expect(redirects.map(({ spec }) => (spec as { hostnames: string[] }).hostnames.length).sort()).toEqual([
      16, 4,
    ]);
    for (const each of redirects) expect(modelErrors(each, HTTPRoute as never)).toEqual([]);
  });
});
