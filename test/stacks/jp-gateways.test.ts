import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { collectTopology, type Workload } from "../../constructs/topology";
import { elementsOf } from "../../constructs/topology/elements-of";
import usRegion from "../../regions/us";
import { readDescriptors, writtenSet } from "../../gateway/descriptors/descriptor-set";
import { addRegions } from "../../stacks";
import { routingIn } from "../../stacks/gateway-routes";
import { serviceCalls } from "../../stacks/service-calls";
import type { GatewayInput } from "../../stacks/values/gateways";
import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  validateRegions,
} from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import { JpStack } from "../../stacks/jp";
import { synthesisedApp } from "../constructs/aws/synthesised";
import { bundle } from "../proxy/proxy-process";
import { gatewayIn, validatedGateways } from "./gateway-values";
import { downtimeShares, servicesOf, validated } from "./service-values";
import { dedicatedRegionValue, hostKeyOf } from "./values/regions/region-values";

const { servers, ...rest } = dedicatedRegionValue({ registry: { address: "registry.example.com/shop" } });
const JP: DedicatedRegionInput = {
  ...rest,
  servers: [
    ...servers,
    { name: "jp-4", address: "10.10.0.14", hostKey: hostKeyOf(4), roles: ["app"] },
    { name: "jp-5", address: "10.10.0.15", hostKey: hostKeyOf(5), roles: ["front"] },
  ],
  origins: { "old.example.com": { availability: 0.99, source: "its owner" } },
};
const regions = validateRegions([
  { file: "jp.ts", value: JP },
  { file: "us.ts", value: { ...usRegion, registry: { address: "registry.example.com/shop" } } },
]);
const service = servicesOf("jp");

const SERVICES: readonly ServiceInput[] = [
  service("search", 8081, {
    calls: ["words", "pictures"],
    degradesWithout: ["pictures"],
    routes: { search: { path: "/v1/search", share: 0.5, sticky: { cookie: "session" } } },
  }),
  service("items", 8082, {
    answerSeconds: 3,
    routes: { item: { path: "/v1/items/{id}", rewrite: "/items/{id}", limits: ["clients"] } },
  }),
  service("words", 8083),
  service("pictures", 8084),
  service("shop", 8085),
];
const GATEWAY = gatewayIn("jp", {
  monolith: { service: "shop", host: "keep" },
  limits: { clients: { requests: 60, window: "1m", key: "address" } },
});

function stackOf(
  scope: App,
  gateway: GatewayInput = GATEWAY,
  services: readonly ServiceInput[] = SERVICES,
): JpStack {
  const gateways = validatedGateways([gateway], services, regions);
  return new JpStack(scope, regions[0] as DedicatedRegion, validated(services, regions), gateways);
}

/** The text of a file that a server gets. */
function fileOf(synthesised: ReturnType<typeof synthesisedApp>, server: string, path: string): string {
  const locals = synthesised["locals"] as unknown as Record<string, string>;
  const [, document = ""] =
    Object.entries(locals).find(([key]) => key.startsWith(`${server}_document`)) ?? [];
  const [, encoded] =
    new RegExp(`^file \\S+ \\S+ \\S+ ${path} \\S+ inline (\\S+)$`, "m").exec(document) ?? [];
  if (encoded === undefined) throw new Error(`${server} gets no ${path}`);
  return Buffer.from(encoded, "base64").toString();
}

const CONFIG = "/etc/tricloud/gateways/api.json";

describe("a gateway of a region on dedicated servers", () => {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-gateway-"));
  const program = bundle(directory, "gateway");
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** What the gateway itself says of a configuration. */
  function checked(text: string): { readonly code: number | null; readonly said: string } {
    const file = join(directory, "checked.json");
    writeFileSync(file, text);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, "--check", "--config", file], {
      encoding: "utf8",
    });
    return { code: status, said: stdout + stderr };
  }

  const synthesised = synthesisedApp("jp", (app) => stackOf(app));

  it("serves by the services' routes, as its program takes them", () => {
    // GIVEN / WHEN what each server with role app gets
    const text = fileOf(synthesised, "jp-4", CONFIG);
    // THEN
    expect(JSON.parse(text)).toMatchObject({
      port: 8090,
      adminListen: "127.0.0.1:9302",
      // The front's own hop, and both servers of the region.
      trustedHops: 1,
      gateways: 2,
      monolith: { origins: ["http://shop.service.consul:8085"], host: "keep", firstByteTimeout: 10 },
      services: {
        search: { origins: ["http://search.service.consul:8081"], firstByteTimeout: 10 },
        items: { origins: ["http://items.service.consul:8082"], firstByteTimeout: 3 },
      },
      limits: { clients: { requests: 60, window: "1m", key: "address" } },
      routes: {
        search: { path: "/v1/search", service: "search", share: 0.5, sticky: { cookie: "session" } },
        item: { path: "/v1/items/{id}", service: "items", rewrite: "/items/{id}", limits: ["clients"] },
      },
      stateDir: "/var/lib/tricloud-gateway-api",
    });
    // AND the program has nothing against it
    expect(checked(text)).toEqual({
      code: 0,
      said: "configuration is valid\nleft in the monolith: 0.5 of 2 routes, and whatever no route takes\n",
    });
    expect(fileOf(synthesised, "jp-3", CONFIG)).toBe(text);
    expect(() => fileOf(synthesised, "jp-1", CONFIG)).toThrow("jp-1 gets no");
  });

  it("stands behind the fronts, which have no health path of it to ask", () => {
    const front = fileOf(synthesised, "jp-5", "/etc/tricloud/front/haproxy.cfg");
    expect(front).toContain(
      "str(api) if !{ var(txn.service) -m found } { var(txn.host) -m str api.example.com }",
    );
    expect(front.slice(front.indexOf("backend service-api"))).toBe(
      "backend service-api\n" +
        "    default-server check inter 2s fastinter 500ms fall 2 rise 1\n" +
        "    server-template api- 16 api.service.consul:8090 resolvers discovery resolve-prefer ipv4 init-addr last,none\n" +
        "\nbackend calls-api\n" +
        "    timeout server 1h\n" +
        "    default-server proto h2 check check-proto h1 inter 2s fastinter 500ms fall 2 rise 1\n" +
        "    server-template api- 16 api.service.consul:8090 resolvers discovery resolve-prefer ipv4 init-addr last,none\n",
    );
  });

  it("reloads where its routes alone change, and is of a user of its own", () => {
    const unit = fileOf(synthesised, "jp-4", "/etc/systemd/system/tricloud-gateway-api.service");
    expect(unit).toMatch(/^DynamicUser=yes$/m);
    expect(unit).toMatch(
      /^ExecReload=.*tricloud-gateway\.js reload --config \/etc\/tricloud\/gateways\/api\.json$/m,
    );
    const locals = synthesised["locals"] as unknown as Record<string, string>;
    const [, document] = Object.entries(locals).find(([key]) => key.startsWith("jp-4_document"))!;
    expect(document).toMatch(/^service \S* ?tricloud-gateway-api\.service/m);
  });

  it("joins what several services answer, and promises what it needs of them", () => {
    // GIVEN a home page of two services that it needs and one that it can do without
    const home = {
      path: "/v1/home",
      join: { items: {}, words: { service: "words" }, tips: { service: "pictures", soft: true } },
    };
    const services = SERVICES.map((each) =>
      each.name === "items" ? { ...each, routes: { ...each.routes, home } } : each,
    );
    const joined = synthesisedApp("jp", (app) => stackOf(app, GATEWAY, services));
    // THEN the gateway has all three, and takes the route
    const text = fileOf(joined, "jp-4", CONFIG);
    expect(JSON.parse(text)).toMatchObject({
      services: { words: { origins: ["http://words.service.consul:8083"] }, pictures: {}, items: {} },
      routes: { home: { ...home, service: "items" } },
    });
    expect(checked(text)).toMatchObject({ code: 0 });
    // AND it is down as often as what it needs, and no more for what it can do without
    const shares = (part: object) => {
      const own = services.map((each) =>
        each.name === "items"
          ? { ...each, routes: { home: { ...home, join: { items: {}, other: part } } } }
          : each,
      );
      return downtimeShares(collectAvailability(stackOf(new App(), GATEWAY, own)))["api.home"]!;
    };
    const hard = shares({ service: "search" });
    expect(hard).toBeGreaterThan(shares({ service: "search", soft: true }));
    expect(hard).toBeGreaterThan(shares({}));
    expect(shares({ service: "search", soft: true })).toBe(shares({}));
  });

  it("puts JSON to services of gRPC by the file of a descriptor set", () => {
    // GIVEN such a file, and a service whose route names its API
    const protos = join(__dirname, "../gateway/protos");
    const file = join(directory, "shop.binpb");
    const set = readDescriptors({
      descriptors: undefined,
      protos: [join(protos, "shop.proto")],
      includes: [protos],
    });
    writeFileSync(file, Buffer.from(writtenSet(set), "base64"));
    const routed = (api: string): [GatewayInput, ServiceInput[]] => [
      { ...GATEWAY, apis: { shop: file } },
      SERVICES.map((each) =>
        each.name === "items"
          ? {
              ...each,
              routes: {
                shop: {
                  path: "/v1/**",
                  grpc: { api, services: ["shop.v1.Everythings"] },
                  limits: ["clients"],
                },
              },
            }
          : each,
      ),
    ];
    // WHEN synthesised
    const text = fileOf(
      synthesisedApp("jp", (app) => stackOf(app, ...routed("shop"))),
      "jp-4",
      CONFIG,
    );
    // THEN the program takes the two as they will lie on a host, and misses the one without the other
    mkdirSync(join(directory, "api"));
    cpSync(file, join(directory, "api/shop.binpb"));
    expect(checked(text)).toMatchObject({ code: 0 });
    rmSync(join(directory, "api"), { recursive: true });
    expect(checked(text)).toMatchObject({ code: 1, said: expect.stringContaining("apis.shop") as string });
    // AND an API that there is not is told to who names it
    expect(() => stackOf(new App(), ...routed("shops"))).toThrow(
      'service items: routes.shop.grpc.api: expected one of shop, got: "shops"',
    );
  });

  it("goes to another region's entrance for a service that runs there, or when none here answers", async () => {
    // GIVEN a service that both regions have, and one that is in the other alone, both behind its entrance
    const us = {
      ...usRegion,
      entrance: { ...usRegion.entrance!, service: "web", port: 8080, healthPath: "/healthz" },
    };
    const both = validateRegions([
      { file: "jp.ts", value: JP },
      { file: "us.ts", value: { ...us, registry: { address: "registry.example.com/shop" } } },
    ]);
    const web = service("web", 8080, { routes: { web: { path: "/web/**" } }, in: { jp: {}, us: {} } });
    const routed = (services: readonly ServiceInput[]) => {
      const [gateway] = validatedGateways([gatewayIn("jp")], services, both);
      return routingIn(gateway!, validated(services, both), { name: "jp" }, "consul").services!["web"];
    };
    const host = `https://us.${us.entrance.domain}`;
    // THEN
    expect(routed([web])).toEqual({
      origins: ["http://web.service.consul:8080", host],
      firstByteTimeout: 10,
    });
    const away = { ...web, in: { us: {} } };
    expect(routed([away])).toEqual({ origins: [host], firstByteTimeout: 10 });
    // AND what it promises is the other region's to say
    const app = new App();
    await addRegions(app, both, validated([away], both), validatedGateways([gatewayIn("jp")], [away], both));
    const route = collectAvailability(app)
      .stacks.flatMap(({ services }) => services)
      .find(({ service: name }) => name === "api.web");
    expect(route?.dependsOn).toEqual([{ stack: "us", service: "web" }]);
  });

  it("promises for each route what gateway and service do together", () => {
    // GIVEN / WHEN
    const run = collectAvailability(stackOf(new App()));
    const figures = downtimeShares(run);
    // THEN the gateway is a part of each route, and of a shared one the monolith is too
    expect(Object.keys(figures).filter((name) => name.startsWith("api"))).toEqual([
      "api",
      "api.search",
      "api.item",
      "api.rest",
    ]);
    expect(figures["api.item"]).toBeGreaterThan(figures["api"]!);
    expect(figures["api.search"]).toBeGreaterThan(figures["api.rest"]!);
    // AND what its service can do without, it can
    const [{ services }] = run.stacks as [(typeof run.stacks)[number]];
    const route = (name: string) => services.find(({ service: each }) => each === name)!;
    expect(route("api.search").outcomes!.degraded).toBeGreaterThan(0);
    expect(route("api.item").outcomes!.degraded).toBe(0);
    expect(route("api.item").components.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["jp/jp-3/api", "jp/jp-4/api", "jp/jp-3/items", "jp/jp-5/front", "aws/route53"]),
    );
    expect(route("api.item").components.map(({ id }) => id)).not.toContain("jp/jp-3/shop");
  });

  it("counts a monolith outside by what the region says of it", () => {
    const known = stackOf(new App(), { ...GATEWAY, monolith: "https://old.example.com" });
    expect(downtimeShares(collectAvailability(known))["api.rest"]).toBeGreaterThan(0.01);
  });

  it("is drawn between the fronts and the services", () => {
    const app = new App();
    stackOf(app);
    const services = validated(SERVICES, regions);
    const gateways = validatedGateways([GATEWAY], SERVICES, regions);
    const { regions: drawn } = collectTopology(app, () => "jp", serviceCalls(services, gateways));
    const [jp] = drawn;
    const gateway = elementsOf(jp!, "workload").find(({ role }) => role === "gateway");
    expect(gateway).toEqual<Workload>({
      kind: "workload",
      role: "gateway",
      name: "api",
      on: ["jp-3", "jp-4"],
      port: 8090,
    });
    const calls = elementsOf(jp!, "call").filter(({ from }) => from === "api");
    expect(calls.map(({ to }) => to).sort()).toEqual(["items", "search", "shop"]);
    expect(elementsOf(jp!, "name").find(({ name }) => name === "https://api.example.com/")?.leadsTo).toBe(
      "the fronts on jp-5, and from there to api",
    );
  });
});
