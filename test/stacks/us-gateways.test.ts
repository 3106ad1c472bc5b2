import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { collectTopology } from "../../constructs/topology";
import { elementsOf } from "../../constructs/topology/elements-of";
import us from "../../regions/us";
import { UsStack } from "../../stacks/us";
import { serviceCalls } from "../../stacks/service-calls";
import type { GatewayInput } from "../../stacks/values/gateways";
import { type Ec2Region, validateRegions } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import { fetchedText, synthesisedApp } from "../constructs/aws/synthesised";
import { gatewayIn, validatedGateways } from "./gateway-values";
import { downtimeShares, servicesOf, validated } from "./service-values";

const service = servicesOf("us");
const regions = validateRegions([
  {
    file: "us.ts",
    value: { ...us, registry: { address: "registry.example.com/shop" } },
  },
]);

const SERVICES: readonly ServiceInput[] = [
  service("search", 8081, { routes: { search: { path: "/v1/search", limits: ["clients"] } } }),
  service("shop", 8085, { in: { us: { on: "proxy" } } }),
  service("quiet", 8086),
];
const GATEWAY = gatewayIn("us", {
  monolith: "shop",
  limits: { clients: { requests: 60, window: "1m", key: "address" } },
});

function stackOf(scope: App, gateway: GatewayInput = GATEWAY, services = SERVICES): UsStack {
  const gateways = validatedGateways([gateway], services, regions);
  return new UsStack(scope, regions[0] as Ec2Region, validated(services, regions), gateways);
}

describe("a gateway of a region on EC2", () => {
  const stack = synthesisedApp("us", (app) => stackOf(app));
  const template = stack.all("launch_template").find(({ name }) => name === "us-app")!;

  function configuration(): Record<string, unknown> {
    return JSON.parse(fetchedText(stack, template, "/etc/tricloud/gateways/api.json")) as Record<
      string,
      unknown
    >;
  }

  it("is on all machines of its group", () => {
    // THEN it believes the load balancer, which asks for its health over the network
    expect(configuration()).toMatchObject({
      port: 8090,
      adminListen: "0.0.0.0:9302",
      trustedHops: 1,
      gateways: (regions[0] as Ec2Region).servers.app.count,
      monolith: { origins: ["http://shop.service.consul:8085"] },
      services: { search: { origins: ["http://search.service.consul:8081"] } },
    });
  });

  it("has a large file of routes fetched, as machines fetch their other files", () => {
    const routes = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`route-${index}`, { path: `/v1/${index}/{id}` }]),
    );
    const large = synthesisedApp("us", (app) =>
      stackOf(app, GATEWAY, [...SERVICES, service("many", 8087, { routes })]),
    );
    const [machines] = large.all("launch_template").filter(({ name }) => name === "us-app");
    const config = JSON.parse(fetchedText(large, machines!, "/etc/tricloud/gateways/api.json")) as {
      routes: object;
    };
    expect(Object.keys(config.routes)).toHaveLength(101);
  });

  it("has its hosts' requests at the load balancer, judged by its own health", () => {
    const [targets] = targetGroups(undefined);
    expect(targets!["health_check"]).toMatchObject({ path: "/readyz", port: "9302" });
    const rules = stack
      .all("lb_listener_rule")
      .map(({ condition }) => JSON.stringify(condition))
      .filter((condition) => !condition.includes("http_header"));
    expect(rules.filter((rule) => rule.includes('"api.example.com"'))).toHaveLength(1);
    expect(rules.filter((rule) => rule.includes('"us.api.example.com"'))).toHaveLength(1);
    // AND no request for a health path of its own reaches its routes: the load balancer tells Route 53
    const record = stack.all("route53_record").find(({ name }) => name === "api.example.com")!;
    expect(record).toMatchObject({ alias: { evaluate_target_health: true } });
    expect(record).not.toHaveProperty("health_check_id");
  });

  const targetGroups = (version: string | undefined) =>
    stack
      .all("lb_target_group")
      .filter(({ port, protocol_version }) => port === 8090 && protocol_version === version);

  it("has calls of gRPC at the load balancer too, ahead of other requests, judged by the same health", () => {
    // GIVEN / WHEN
    const calls = targetGroups("GRPC");
    // THEN
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      protocol: "HTTP",
      health_check: { path: "/grpc.health.v1.Health/Check", port: "9302", protocol: "HTTP", matcher: "0" },
    });
    const rules = stack.all("lb_listener_rule");
    for (const host of ["api.example.com", "us.api.example.com"]) {
      const [call, ...more] = rules
        .filter(({ condition }) => JSON.stringify(condition).includes(`"${host}"`))
        .sort((one, other) => Number(one["priority"]) - Number(other["priority"]));
      expect(call).toMatchObject({
        condition: [
          { host_header: { values: [host] } },
          {
            http_header: {
              http_header_name: "content-type",
              values: ["application/grpc", "application/grpc+*", "application/grpc;*"],
            },
          },
        ],
        action: [{ type: "forward", target_group_arn: expect.stringContaining("calls-api") as string }],
      });
      expect(more).toHaveLength(1);
    }
    // AND its machines are on both lists, and on no third one of calls
    const group = stack.all("autoscaling_group").find(({ name }) => name === "us-app")!;
    const lists = JSON.stringify(group["target_group_arns"]);
    expect([lists.includes("targets-api"), lists.includes("calls-api")]).toEqual([true, true]);
    expect(stack.all("lb_target_group").filter((each) => "protocol_version" in each)).toHaveLength(1);
  });

  it("keeps idle connections for longer than the load balancer does", () => {
    // GIVEN what AWS's keep to where nothing is said
    const AWS_IDLE_SECONDS = 60;
    const [balancer] = stack.all("lb").filter((each) => each["load_balancer_type"] === "application");
    const { idle_timeout: idleSeconds = AWS_IDLE_SECONDS } = balancer!;
    expect(configuration()["clientIdleTimeout"]).toBeGreaterThan(idleSeconds as number);
  });

  it("is let in to by the load balancer, and to what its routes lead to, and nothing else is", () => {
    const groupIn = (reference: unknown) => /aws_security_group\.([a-z-]+)_/.exec(String(reference))?.[1];
    const comesIn = (port: number) =>
      stack
        .all("vpc_security_group_ingress_rule")
        .filter((rule) => rule["from_port"] === port)
        .map((rule) => [rule["security_group_id"], rule["referenced_security_group_id"]].map(groupIn));
    expect(comesIn(8090)).toEqual([["app", "entrance"]]);
    expect(comesIn(9302)).toEqual([["app", "entrance"]]);
    expect(comesIn(8081)).toEqual([["app", "app"]]);
    expect(comesIn(8085)).toEqual([["proxy", "app"]]);
    expect(comesIn(8086)).toEqual([]);
  });

  it("promises for each route what entrance, gateway and service do together", () => {
    const run = collectAvailability(stackOf(new App()));
    const figures = downtimeShares(run);
    expect(Object.keys(figures).filter((name) => name.startsWith("api"))).toEqual([
      "api",
      "api.search",
      "api.rest",
    ]);
    expect(figures["api.search"]).toBeGreaterThan(figures["api"]!);
    const [{ services }] = run.stacks as [(typeof run.stacks)[number]];
    const parts = services.find(({ service: name }) => name === "api.search")!.components.map(({ id }) => id);
    expect(parts).toEqual(expect.arrayContaining(["aws/us-east-1/load-balancer/us-app"]));
    expect(parts.some((id) => id.endsWith("/api"))).toBe(true);
  });

  it("is drawn on its machines", () => {
    const app = new App();
    stackOf(app);
    const gateways = validatedGateways([GATEWAY], SERVICES, regions);
    const { regions: drawn } = collectTopology(
      app,
      () => "us",
      serviceCalls(validated(SERVICES, regions), gateways),
    );
    expect(elementsOf(drawn[0]!, "workload").find(({ role }) => role === "gateway")).toMatchObject({
      name: "api",
      on: ["us-app"],
      port: 8090,
    });
    expect(
      elementsOf(drawn[0]!, "call")
        .filter(({ from }) => from === "api")
        .map(({ to }) => to)
        .sort(),
    ).toEqual(["search", "shop"]);
  });

  it("grows with load where no limit has to be kept together", () => {
    const grown = synthesisedApp("us", (app) =>
      stackOf(app, gatewayIn("us", { monolith: "shop", in: { us: { instances: 4, atMost: 9 } } }), [
        service("shop", 8085),
      ]),
    );
    const group = grown.all("autoscaling_group").find(({ name }) => name === "us-app")!;
    expect(group).toMatchObject({ min_size: 4, max_size: 10 });
  });
});
