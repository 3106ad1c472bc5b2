import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import uk from "../../regions/uk";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { shownGateway } from "../../stacks/values/gateways/gateway-entrances";
import type { GatewayInput } from "../../stacks/values/gateways";
import { type GkeRegion, validateRegions } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import { type Attributes, removeSynthesised, synthesiseApp } from "../constructs/google/synthesised-stack";
import { type Manifest, manifestsOf } from "../constructs/kubernetes/manifests";
import { gatewayIn, validatedGateways } from "./gateway-values";
import { downtimeShares, servicesOf, validated } from "./service-values";

const ROOT = join(__dirname, "../..");
const HOST = "api.uk.example.com";
const service = servicesOf("uk");
const regions = validateRegions([{ file: "uk.ts", value: uk }]);
const SERVICES: readonly ServiceInput[] = [
  service("search", 8081, { routes: { search: { path: "/v1/search" } } }),
  service("shop", 8085),
  service("quiet", 8086),
];
const GATEWAY = gatewayIn("uk", { hosts: [HOST], monolith: "shop", in: { uk: { instances: 3, atMost: 6 } } });

function synthesised(gateway: GatewayInput = GATEWAY) {
  const gateways = validatedGateways([gateway], SERVICES, regions);
  const services = validated(SERVICES, regions);
  let built: UkWorkloadsStack | undefined;
  let cluster: UkStack | undefined;
  const stack = synthesiseApp("uk-workloads", (app: App) => {
    cluster = new UkStack(app, regions[0] as GkeRegion, [...services, ...gateways.map(shownGateway)]);
    built = new UkWorkloadsStack(app, cluster, services, gateways);
  });
  const objects = [
    ...manifestsOf(stack),
    ...Object.values(stack.resources("kubernetes_manifest")).map(({ manifest }) => manifest as Manifest),
  ];
  return {
    run: () => collectAvailability(built!),
    object: (kind: string, name: string | RegExp) =>
      objects.find(
        (each) =>
          each.kind === kind &&
          (typeof name === "string"
            ? each.metadata["name"] === name
            : name.test(String(each.metadata["name"]))),
      ),
  };
}

beforeAll(() => {
  if (existsSync(join(ROOT, "dist/tricloud-gateway.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-programs.mjs")], { cwd: ROOT });
});
afterAll(removeSynthesised);

describe("a gateway of a region on GKE", () => {
  it("is pods behind the region's load balancer, whose two hops it believes", () => {
    // GIVEN / WHEN
    const { object } = synthesised();
    // THEN
    const map = object("ConfigMap", /^api-[0-9a-f]{10}$/)!;
    expect(JSON.parse((map["data"] as Record<string, string>)["gateway.json"]!)).toMatchObject({
      trustedHops: 2,
      gateways: 3,
      monolith: { origins: ["http://shop.service.consul:8085"] },
      services: { search: { origins: ["http://search.service.consul:8081"] } },
      routes: { search: { path: "/v1/search", service: "search" } },
    });
    // AND its image comes from the region's own copies of Docker Hub's
    expect(JSON.stringify(object("Deployment", "api"))).toContain(
      '"image":"europe-west2-docker.pkg.dev/example-uk/uk-docker-hub/library/node:',
    );
    expect(object("HorizontalPodAutoscaler", "api")!["spec"]).toMatchObject({
      minReplicas: 3,
      maxReplicas: 6,
    });
    expect(object("PodMonitoring", "api")!["spec"]).toMatchObject({
      selector: { matchLabels: { "app.kubernetes.io/name": "api" } },
    });
    // AND the load balancer leads its hosts there, and asks for its health where it tells it
    expect(object("HTTPRoute", "api")!["spec"]).toMatchObject({
      hostnames: expect.arrayContaining([HOST]) as string[],
      rules: [
        {
          matches: ["application/grpc", "application/grpc+proto", "application/grpc+json"].map((value) => ({
            headers: [{ type: "Exact", name: "content-type", value }],
          })),
          backendRefs: [{ name: "api", port: 50051 }],
        },
        { backendRefs: [{ name: "api", port: 8090 }] },
      ],
    });
    // AND calls of gRPC go by HTTP/2 to the port that takes all
    expect(object("Service", "api")!["spec"]).toMatchObject({
      ports: [
        { name: "http", port: 8090, targetPort: "http" },
        { name: "grpc", port: 50051, targetPort: "http", appProtocol: "kubernetes.io/h2c" },
      ],
    });
    expect(object("Service", "search")!["spec"]).toMatchObject({ ports: [{ port: 8081 }] });
    expect(object("HealthCheckPolicy", "api")!["spec"]).toMatchObject({
      default: { config: { httpHealthCheck: { port: 9302, requestPath: "/readyz" } } },
    });
    expect(JSON.stringify(object("NetworkPolicy", "api-public")!["spec"])).toContain('"port":9302');
  });

  it("is let in to by the services that its routes lead to, and by no other", () => {
    const { object } = synthesised();
    const lets = (name: string) => JSON.stringify(object("NetworkPolicy", name)!["spec"] as Attributes);
    const gateway = '"app.kubernetes.io/name":"api"';
    expect(lets("search")).toContain(gateway);
    expect(lets("shop")).toContain(gateway);
    expect(lets("quiet")).not.toContain(gateway);
  });

  it("promises for each route what entrance, gateway and service do together", () => {
    const figures = downtimeShares(synthesised().run());
    expect(Object.keys(figures).filter((name) => name.startsWith("api"))).toEqual([
      "api",
      "api.search",
      "api.rest",
    ]);
    expect(figures["api.search"]).toBeGreaterThanOrEqual(figures["api"]!);
  });
});
