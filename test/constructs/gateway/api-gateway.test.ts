import { App, TerraformStack } from "cdktf";
import { ConsulCluster } from "../../../constructs/dns";
import { ApiGateway, type ApiGatewayProps, type RoutedRoute } from "../../../constructs/gateway";
import { type ROUTE_KEYS } from "../../../gateway/options/route-values";
import { RecordingHost } from "../dns/recording-host";

/** Holds the types together: a key that the gateway reads and the library does not name has no place in this list. */
const UNNAMED: readonly Exclude<(typeof ROUTE_KEYS)[number], keyof RoutedRoute>[] = [];

const CONFIG = "/etc/tricloud/gateways/api.json";
const UNIT = "tricloud-gateway-api.service";

function gatewayHost(changes: Partial<ApiGatewayProps> = {}): RecordingHost {
  const stack = new TerraformStack(new App(), "jp");
  const host = new RecordingHost(stack, "jp-1");
  const consul = new ConsulCluster(stack, "consul", {
    servers: [host],
    agents: [host],
    datacenter: "jp",
    singleServer: true,
    dns: { serviceTtlSeconds: 20 },
  });
  new ApiGateway(stack, "gateway", {
    name: "api",
    hosts: [host],
    consul,
    services: { search: "http://search.service.consul:8081" },
    routes: { search: { path: "/v1/search", service: "search" } },
    bundlePath: __filename,
    ...changes,
  });
  return host;
}

describe("ApiGateway", () => {
  it("names every key of a route that the gateway reads", () => {
    // GIVEN keys that the program reads and the type lacks: the compiler refuses this file where there are some
    const all: [Exclude<(typeof ROUTE_KEYS)[number], keyof RoutedRoute>] extends [never] ? true : false =
      true;
    expect([all, UNNAMED]).toEqual([true, []]);
  });

  it("serves on its way out for as long as anybody may be told its name", () => {
    const host = gatewayHost();
    const { drainDelay, shutdownTimeout } = JSON.parse(host.file(CONFIG)) as Record<string, number>;
    expect({ drainDelay, shutdownTimeout }).toEqual({
      drainDelay: 2 + 1 + 20,
      shutdownTimeout: 2 + 1 + 20 + 30,
    });
  });

  it("tells a collector of requests by its own name, unless another is given", () => {
    const told = (openTelemetry: ApiGatewayProps["openTelemetry"]) =>
      (JSON.parse(gatewayHost({ openTelemetry }).file(CONFIG)) as Record<string, unknown>)["openTelemetry"];
    const endpoint = "http://collector.service.consul:4318";
    expect(told({ endpoint })).toEqual({ endpoint, serviceName: "api" });
    expect(told({ endpoint, serviceName: "shop" })).toEqual({ endpoint, serviceName: "shop" });
    expect(told(undefined)).toBeUndefined();
  });

  it("reloads for its configuration alone, and is checked with authorities before these are there", () => {
    const { profile } = gatewayHost({ caCertificate: "-----BEGIN CERTIFICATE-----" });
    const service = profile.services.find(({ name }) => name === UNIT)!;
    expect(service.reloadsFor).toEqual([CONFIG]);
    expect(service.reads).toContain("/etc/tricloud/gateways/api-ca.pem");
    expect(service.verify).toMatch(
      / --check --config "\$STAGED\S+api\.json" --ca-file "\$STAGED\S+api-ca\.pem"$/,
    );
  });

  it("has what tells its APIs beside its configuration, wherever that lies", () => {
    // GIVEN the file of a descriptor set
    const routes = { shop: { path: "/v1/**", service: "search", grpc: "shop" } };
    const host = gatewayHost({ apis: { shop: __filename }, routes });
    const { profile } = host;
    // THEN it is delivered, and another one comes by a reload
    const path = "/etc/tricloud/gateways/api/shop.binpb";
    expect(profile.files.find((file) => file.path === path)?.content).toMatchObject({
      kind: "asset",
      source: __filename,
    });
    expect(profile.services.find(({ name }) => name === UNIT)).toMatchObject({
      reads: expect.arrayContaining([path]) as string[],
      reloadsFor: [CONFIG, path],
    });
    // AND named as seen from the configuration, which is checked before it is in its place
    expect(JSON.parse(host.file(CONFIG))).toMatchObject({
      apis: { shop: { descriptors: "api/shop.binpb" } },
      routes,
    });
  });

  it("shows metrics to the network where it is told so", () => {
    const shown = JSON.parse(gatewayHost({ metrics: "network" }).file(CONFIG)) as object;
    expect(shown).toMatchObject({ adminListen: "0.0.0.0:9302" });
  });

  it.each<[Partial<ApiGatewayProps>, string]>([
    [{ hosts: [] }, "gateway api: expected at least one host, got: none"],
    [
      { routes: { search: { path: "/v1/search", service: "find" } } },
      'gateway api: routes.search.service: expected one of search, got: "find"',
    ],
    [
      { settings: { workers: 0 } },
      "gateway api: settings.workers: expected auto, spare or a number from 1 to 1024, got: 0",
    ],
    [
      { apis: { shop: "/nowhere/shop.binpb" } },
      "gateway api: apis.shop: expected a file at /nowhere/shop.binpb, got: none",
    ],
    [
      { routes: { search: { path: "/v1/search", service: "search", grpc: "shop" } } },
      'gateway api: routes.search.grpc.api: expected an API: there are no apis, got: "shop"',
    ],
    [{ trustedHops: 99 }, "gateway api: trustedHops: expected a whole number from 0 to 16, got: 99"],
  ])("refuses %j where it is made", (changes, message) => {
    expect(() => gatewayHost(changes)).toThrow(message);
  });
});
