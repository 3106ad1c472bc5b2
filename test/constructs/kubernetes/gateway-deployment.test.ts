import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConsulChart, GatewayDeployment, type GatewayDeploymentProps } from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { type BundleFile, bundleGateway } from "./bundle-file";
import { CONSUL_CHART } from "./consul-chart-props";
import { schemaErrors } from "./kubernetes-schema";
import { manifestOf, manifestsOf, podAndFiles } from "./manifests";
import { canRunPods, eventually, type PodProcess, startPod } from "./pod-process";
import { restrictedViolations } from "./pod-security";
import { WORKERS } from "./workers";

const folder = mkdtempSync(join(tmpdir(), "tricloud-gateway-pods-"));
let bundle: BundleFile;
beforeAll(() => (bundle = bundleGateway()));
afterAll(() => {
  bundle.remove();
  removeSynthesised();
  rmSync(folder, { recursive: true });
});

function deployed(changes: Partial<GatewayDeploymentProps> = {}, dns: { serviceTtlSeconds?: number } = {}) {
  let gateway: GatewayDeployment;
  const stack = synthesise((scope) => {
    gateway = new GatewayDeployment(scope, "gateway", {
      name: "api",
      namespace: "app",
      image: "docker.io/library/node:24.21.0-trixie-slim",
      workers: WORKERS,
      consul: new ConsulChart(scope, "consul", { ...CONSUL_CHART, dns }),
      services: { search: "http://search.service.consul:8081" },
      routes: { search: { path: "/v1/search", service: "search" } },
      bundlePath: bundle.path,
      ...changes,
    });
  });
  return { stack, gateway: gateway! };
}

type Stack = ReturnType<typeof deployed>["stack"];

const podOf = (stack: Stack) =>
  (manifestOf(stack, "Deployment", "api")["spec"] as { template: { spec: Attributes } }).template.spec;

const containerOf = (pod: Attributes) => (pod["containers"] as [Attributes])[0];
const CONFIG_FLAG = ["--config", "/etc/tricloud/gateway.json"];

const configMap = (stack: Stack) => manifestOf(stack, "ConfigMap", /^api-[0-9a-f]{10}$/);
const configOf = (stack: Stack) =>
  JSON.parse((configMap(stack)["data"] as Attributes)["gateway.json"] as string) as Attributes;

describe("GatewayDeployment", () => {
  it("is made of objects that Kubernetes' schema knows, and of pods that the restricted profile lets in", () => {
    const { stack } = deployed({ caCertificate: "-----BEGIN CERTIFICATE-----\n", maxPods: 9 });
    for (const manifest of manifestsOf(stack)) expect(schemaErrors(manifest)).toEqual([]);
    expect(restrictedViolations(podOf(stack))).toEqual([]);
    expect(manifestOf(stack, "HorizontalPodAutoscaler", "api")["spec"]).toMatchObject({
      minReplicas: 3,
      maxReplicas: 9,
    });
    expect(manifestOf(stack, "PodDisruptionBudget", "api")["spec"]).toMatchObject({ maxUnavailable: 1 });
  });

  it("has as many gateways keep to a limit as there always are, and believes whom it is told to", () => {
    const { stack } = deployed({
      minPods: 4,
      trustedHops: 2,
      limits: { clients: { requests: 60, window: "1m", key: "address" } },
    });
    expect(configOf(stack)).toMatchObject({ gateways: 4, trustedHops: 2, port: 8090 });
    expect(manifestOf(stack, "Deployment", "api")["spec"]).toMatchObject({ replicas: 4 });
  });

  it("keeps idle connections for longer than Google's load balancer does, unless it is told otherwise", () => {
    expect(configOf(deployed().stack)["clientIdleTimeout"]).toBeGreaterThan(600);
    const { stack } = deployed({ settings: { clientIdleTimeout: "11m" } });
    expect(configOf(stack)).toMatchObject({ clientIdleTimeout: "11m" });
  });

  it("has load balancers send calls of gRPC by HTTP/2 to the port that takes all, by one of the Service's own", () => {
    const ports = (changes: Partial<GatewayDeploymentProps>) => {
      const { stack, gateway } = deployed(changes);
      const service = manifestOf(stack, "Service", "api");
      expect(schemaErrors(service)).toEqual([]);
      const { ports: all } = service["spec"] as { ports: Attributes[] };
      expect(all[1]!["port"]).toBe(gateway.backend.callsPort);
      return all;
    };
    const requests = { name: "http", port: 8090, targetPort: "http", protocol: "TCP" };
    const calls = {
      ...requests,
      ...{ name: "grpc", port: 50_051, appProtocol: "kubernetes.io/h2c" },
    };
    expect(ports({})).toEqual([requests, calls]);
    // AND where that one is taken by the next
    expect(ports({ port: 50_051 })).toEqual([
      { ...requests, port: 50_051 },
      { ...calls, port: 50_052 },
    ]);
  });

  it("serves on its way out for longer than its name lives, and is given the time", () => {
    const { stack } = deployed({}, { serviceTtlSeconds: 60 });
    expect(configOf(stack)).toMatchObject({ drainDelay: 70, shutdownTimeout: 105 });
    expect(podOf(stack)["terminationGracePeriodSeconds"]).toBe(115);
  });

  it("is let in to by those alone who are named, and shows its health to the collectors", () => {
    const ingress = (changes: Partial<GatewayDeploymentProps>) =>
      (manifestOf(deployed(changes).stack, "NetworkPolicy", "api")["spec"] as Attributes)["ingress"];
    const collectors = {
      from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "gmp-system" } } }],
      ports: [{ protocol: "TCP", port: 9302 }],
    };
    expect(ingress({})).toEqual([collectors]);
    expect(ingress({ clients: [{ pods: "all" }] })).toEqual([
      { from: [{ namespaceSelector: {} }], ports: [{ protocol: "TCP", port: 8090 }] },
      collectors,
    ]);
  });

  it("has its pods take other routes, and another descriptor set of an API, as they run", () => {
    // GIVEN a descriptor set, whose bytes are no text
    const file = join(folder, "shop.binpb");
    const names = (changes: Partial<GatewayDeploymentProps>, bytes = Buffer.from([0xff, 0, 0xfe])) => {
      writeFileSync(file, bytes);
      const { stack, gateway } = deployed({ apis: { shop: file }, ...changes });
      const maps = manifestsOf(stack).filter(({ kind }) => kind === "ConfigMap");
      return {
        stack,
        gateway,
        maps: maps.map(({ metadata }) => String(metadata["name"])).sort(),
        pod: podOf(stack),
      };
    };
    const first = names({});
    // THEN it reaches the pods byte for byte, beside the file that names it
    const [map] = Object.values(first.stack.resources("kubernetes_config_map_v1")).filter(
      (each) => each["binary_data"] !== undefined,
    );
    expect(map!["binary_data"]).toEqual({
      "shop.binpb": expect.stringMatching(/^\$\{filebase64\("assets\/.*"\)\}$/) as string,
    });
    expect(configOf(first.stack)).toMatchObject({ apis: { shop: { descriptors: "shop.binpb" } } });
    // WHEN the set or a route is another
    const changed = [
      names({}, Buffer.from([0xff, 1])),
      names({ routes: { search: { path: "/v2/search", service: "search" } } }),
    ];
    // THEN the pods are what they were, and are told to read what their folder holds
    for (const { maps, pod, gateway } of changed) {
      expect([maps, pod]).toEqual([first.maps, first.pod]);
      expect(gateway.awaited).not.toEqual(first.gateway.awaited);
      expect(gateway.awaited).toMatchObject({
        reload: {
          folder: "/etc/tricloud",
          command: [...(containerOf(pod)["command"] as string[]).slice(0, 2), "reload", ...CONFIG_FLAG],
        },
      });
    }
    // AND where only a start takes notice of a change they are others
    expect(names({ settings: { workers: 2 } }).pod).not.toEqual(first.pod);
  });

  it("stands behind a load balancer that asks for its health where it tells it", () => {
    expect(deployed().gateway.backend).toMatchObject({
      service: "api",
      port: 8090,
      healthPath: "/readyz",
      healthPort: 9302,
    });
  });

  it.each<[Partial<GatewayDeploymentProps>, string]>([
    [{ minPods: 1 }, "gateway api: minPods must be at least 2, got: 1"],
    [{ maxPods: 2 }, "gateway api: maxPods must be at least minPods 3, got: 2"],
    [{ routes: { search: { path: "v1", service: "search" } } }, "gateway api: routes.search.path: "],
    [
      { apis: { shop: "nowhere.binpb" } },
      "gateway api: apis.shop: expected a file at nowhere.binpb, got: none",
    ],
    [{ caCertificate: "x" }, "gateway api: caCertificate"],
  ])("refuses %j", (changes, message) => {
    expect(() => deployed(changes)).toThrow(message);
  });
});

const GET = `
require("http").get(process.argv[1], (response) => {
  let body = "";
  response.on("data", (chunk) => (body += chunk)).on("end", () => console.log(response.statusCode, body.trim()));
}).on("error", (error) => { console.log(error.message); process.exit(1); });`;

const ORIGIN = `require("http").createServer((request, response) => response.end("search has " + request.url))
  .listen(8081, "10.30.40.1");`;

(canRunPods("node") ? describe : describe.skip)("the gateway's container", () => {
  const running: PodProcess[] = [];
  afterEach(async () => {
    for (const pod of running.splice(0)) await pod.remove();
  });

  it("becomes ready without any right, sends a request to its service, and ends by itself", async () => {
    // GIVEN the container's command with its ConfigMaps' files, and the service of its route
    const { stack } = deployed({
      services: { search: "http://search.example.com:8081" },
      drainSeconds: 1,
    });
    const pod = startPod({
      ...podAndFiles(stack, "Deployment", "api"),
      addresses: ["10.30.40.1"],
      hosts: ["10.30.40.1 search.example.com"],
    });
    running.push(pod);
    const get = (url: string) => pod.inNetwork(["node", "-e", GET, url]).trim();
    await eventually(() => get("http://127.0.0.1:9302/readyz").startsWith("200"), pod.output);
    pod.beside(["node", "-e", ORIGIN]);
    await eventually(() => get("http://10.30.40.1:8081/").startsWith("200"), pod.output);
    // WHEN asked by the route, and by none
    // THEN
    expect(get("http://127.0.0.1:8090/v1/search?q=1")).toBe("200 search has /v1/search?q=1");
    expect(get("http://127.0.0.1:8090/v2")).toMatch(/^404/);
    // AND it ends on its own account
    expect(await pod.terminate()).toBe(0);
  }, 60_000);
});
