import { validateRegions } from "../../../../stacks/values/regions";
import type { GatewayInput } from "../../../../stacks/values/gateways";
import type { ServiceInput } from "../../../../stacks/values/services";
import { gatewayIn, validatedGateways } from "../../gateway-values";
import { servicesOf } from "../../service-values";
import uk from "../../../../regions/uk";
import us from "../../../../regions/us";
import { dedicatedRegionValue, hostKeyOf } from "../regions/region-values";

const jp = dedicatedRegionValue({ registry: { address: "registry.example.com/shop" } });
const withFront = {
  ...jp,
  servers: [
    ...jp.servers,
    { name: "jp-9", address: "10.10.0.19", hostKey: hostKeyOf(9), roles: ["front" as const] },
  ],
};
const regions = validateRegions([
  { file: "jp.ts", value: withFront },
  { file: "us.ts", value: { ...us, registry: { address: "registry.example.com/shop" } } },
  { file: "uk.ts", value: uk },
]);

const service = servicesOf("jp");
const search = (changes: Partial<ServiceInput> = {}): ServiceInput =>
  service("search", 8081, { routes: { search: { path: "/v1/search" } }, ...changes });
const api = (changes: Partial<GatewayInput> = {}): GatewayInput => gatewayIn("jp", changes);
const MONOLITH = "http://shop.example.com";
/** With a monolith each, so that none needs a route. */
const two = (hosts: string): GatewayInput[] => [
  api({ monolith: MONOLITH }),
  api({ name: "other", hosts: [hosts], port: 8091, adminPort: 9303, monolith: MONOLITH }),
];

const refusalOf = (gateways: readonly GatewayInput[], services: readonly ServiceInput[]): string => {
  try {
    validatedGateways(gateways, services, regions);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

describe("values of gateways", () => {
  it("have their services' routes, each with its service, and what every route has", () => {
    // GIVEN a service with a route, a monolith, and what every route has
    const gateway = api({
      monolith: "shop",
      everyRoute: { timeout: "2s", limits: ["clients"] },
      limits: { clients: { requests: 60, window: "1m", key: "address" } },
      routes: { admin: { path: "/admin/**", timeout: "10s" } },
    });
    // WHEN
    const [value] = validatedGateways([gateway], [search(), service("shop", 8080)], regions);
    // THEN
    expect(value!.routes).toEqual({
      admin: { path: "/admin/**", timeout: "10s", limits: ["clients"], service: "monolith" },
      search: { path: "/v1/search", timeout: "2s", limits: ["clients"], service: "search" },
    });
    expect(value!.monolith).toEqual({ service: "shop" });
  });

  it("take a route to the one of several gateways that has its hosts", () => {
    const route = { path: "/v1/search", hosts: ["other.example.com"] };
    const [first, second] = validatedGateways(
      two("other.example.com"),
      [search({ routes: { search: route } })],
      regions,
    );
    expect([first!.routes, second!.routes]).toEqual([{}, { search: { ...route, service: "search" } }]);
  });

  test.each<[string, GatewayInput[], ServiceInput[], string]>([
    [
      "a host of two",
      two("api.example.com"),
      [search({ routes: { search: { path: "/v1/search", hosts: ["api.example.com"] } } })],
      'gateway other: hosts[0]: expected a host that nothing else claims: gateway api has it, got: "api.example.com"',
    ],
    [
      "a host that a service shows itself",
      [api()],
      [search(), service("web", 8080, { public: { hosts: ["api.example.com"], paths: ["/web"] } })],
      'gateway api: hosts[0]: expected a host that nothing else claims: service web has it (public.hosts), got: "api.example.com"',
    ],
    [
      "a route of two services",
      [api()],
      [
        search(),
        service("find", 8082, {
          routes: { find: { path: "/v1/search", methods: ["GET"] }, f: { path: "/v1/search" } },
        }),
      ],
      'service find: routes.f.path: expected other requests than route search of service search takes, got: "/v1/search"',
    ],
    [
      "a route's name of two services",
      [api()],
      [search(), service("find", 8082, { routes: { search: { path: "/v1/find" } } })],
      'service find: routes.search: expected another name than a route of service search has, got: "search"',
    ],
    [
      "a route where there is no gateway",
      [],
      [search()],
      "service search: routes.search.hosts: expected a gateway that has it, and there is none (gateways/), got: nothing",
    ],
    [
      "a route of another host",
      [api({ monolith: MONOLITH })],
      [search({ routes: { search: { path: "/", hosts: ["www.example.com"] } } })],
      'service search: routes.search.hosts: expected hosts that one gateway has (api: api.example.com), got: ["www.example.com"]',
    ],
    [
      "a route that could be of either",
      two("other.example.com"),
      [search()],
      "service search: routes.search.hosts: expected hosts of one gateway, since there are several (api: api.example.com; other: other.example.com), got: nothing",
    ],
    [
      "an API that no file tells",
      [api({ apis: { shop: "/nowhere/shop.binpb" } })],
      [search()],
      'gateway api: apis.shop: expected the file of a descriptor set, as buf build -o FILE writes it, got: "/nowhere/shop.binpb"',
    ],
    [
      "a part of an answer that nobody has",
      [api()],
      [search({ routes: { home: { path: "/", join: { ads: { service: "adverts" } } } } })],
      'service search: routes.home.join.ads.service: expected a service that there is (search), got: "adverts"',
    ],
    [
      "a part of an answer that the gateway would not take",
      [api()],
      [search({ routes: { home: { path: "/", join: { ads: { path: "/{id}" } } } } })],
      'service search: routes.home.join.ads.path: expected a path whose variables, and ** at its end, are the route\'s too, got: "/{id}"',
    ],
    [
      "a service that is elsewhere, and that no way leads to",
      [api()],
      [{ ...search(), in: { us: {} } }],
      'service search: routes.search: expected a service that runs wherever gateway api does, or has a way to it from there: search does not run in jp, and no entrance of us leads to it (public.hosts with all paths, or entrance.service on EC2 and entrance.backend.service on GKE), got: "search"',
    ],
    [
      "a monolith that is none of the services",
      [api({ monolith: "shop" })],
      [search()],
      'gateway api: monolith: expected a service that there is (search), got: "shop"',
    ],
    [
      "a share without a monolith",
      [api()],
      [search({ routes: { search: { path: "/v1/search", share: 0.1, sticky: "address" } } })],
      "service search: routes.search.share: expected 1 where there is no monolith for the others, got: 0.1",
    ],
    [
      "a limit that there is not",
      [api({ everyRoute: { limits: ["clients"] } })],
      [search()],
      'service search: routes.search.limits[0]: expected a limit: there are no limits, got: "clients"',
    ],
    [
      "what every route has, that one cannot",
      [api({ everyRoute: { rewrite: "/{id}" } })],
      [search()],
      'service search: routes.search.rewrite: expected a path whose variables, and ** at its end, are the route\'s too, got: "/{id}"',
    ],
    [
      "an issuer that cannot be believed",
      [api({ issuers: { users: { issuer: "x", audience: "y", algorithms: ["HS256"], keys: [{}] } } })],
      [],
      'gateway api: issuers.users.algorithms[0]: expected an algorithm of public keys: RS256, PS256, ES256 (or 384, 512) or EdDSA, got: "HS256"',
    ],
    [
      "a host that no certificate of EC2's entrance is for",
      [gatewayIn("us", { hosts: ["api.example.net"], monolith: MONOLITH })],
      [],
      'gateway api: hosts[0]: expected a name in the zone of the entrance of us (example.com), where its certificate is shown to be right, got: "api.example.net"',
    ],
    [
      "a host that the entrance has itself",
      [gatewayIn("us", { hosts: ["service.example.com"], monolith: MONOLITH })],
      [],
      'gateway api: hosts[0]: expected another host than the entrance of us has itself, got: "service.example.com"',
    ],
    [
      "a host that no certificate of GKE's entrance is for",
      [gatewayIn("uk", { monolith: MONOLITH })],
      [],
      'gateway api: hosts[0]: expected a name in the zone of the entrance of uk (uk.example.com, or one label below it, or in a zone of names/), where its certificate is shown to be right, got: "api.example.com"',
    ],
    [
      "limits that a growing number of pods would keep to",
      [
        gatewayIn("uk", {
          hosts: ["api.uk.example.com"],
          monolith: MONOLITH,
          limits: { clients: { requests: 60, window: "1m", key: "address" } },
          in: { uk: { atMost: 6 } },
        }),
      ],
      [],
      "gateway api: in.uk.atMost: expected its 3 instances, for each of them keeps to its part of limits, got: 6",
    ],
    [
      "one pod, and a role in a cluster",
      [
        gatewayIn("uk", {
          hosts: ["api.uk.example.com"],
          monolith: MONOLITH,
          in: { uk: { instances: 1, on: "app" } },
        }),
      ],
      [],
      'gateway api: in.uk.on: expected no such field, for no machine of uk has a role, got: "app"\n' +
        "gateway api: in.uk.instances: expected two at least, so that one can be replaced, got: 1",
    ],
    [
      "limits that a growing group of machines would keep to",
      [
        gatewayIn("us", {
          limits: { clients: { requests: 60, window: "1m", key: "address" } },
          monolith: MONOLITH,
        }),
      ],
      [{ ...search({ routes: {} }), in: { us: { atMost: 9 } } }],
      'gateway api: limits: expected none where machines of us with role app become more with load (3 to 9): each gateway keeps to its part, got: ["clients"]',
    ],
    [
      "more at most on servers",
      [api({ monolith: MONOLITH, in: { jp: { atMost: 3 } } })],
      [],
      "gateway api: in.jp.atMost: expected no such field, for the servers of jp are as many as they are, got: 3",
    ],
    [
      "a port that a service of its machines has",
      [gatewayIn("us", { port: 8081, monolith: MONOLITH })],
      [{ ...search({ routes: {} }), in: { us: {} } }],
      "gateway api: port: expected a port that is free on machines with role app of region us, where service search has it, got: 8081",
    ],
    [
      "a collector that speaks no HTTP, and a secret",
      [
        api({
          monolith: MONOLITH,
          openTelemetry: { endpoint: "grpc://c:4317", ...{ headers: { authorization: "s3cret" } } },
        }),
      ],
      [],
      'gateway api: openTelemetry.headers: expected no such field, for what is secret stands in no file of the app, got: {"authorization":"s3cret"}\n' +
        'gateway api: openTelemetry.endpoint: expected http://host[:port][/path] or https:// of a collector, got: "grpc://c:4317"',
    ],
    [
      "a region that there is not",
      [gatewayIn("de", { monolith: MONOLITH })],
      [],
      'gateway api: in: expected regions that there are (jp, us, uk), got: "de"',
    ],
    [
      "a port that a service has",
      [api({ port: 8081 })],
      [search()],
      "gateway api: port: expected a port that is free on jp-3 of region jp, where service search has it, got: 8081",
    ],
    [
      "a name that Consul knows otherwise",
      [api({ name: "front", monolith: MONOLITH })],
      [],
      'gateway front: name: expected another name than consul, proxy, front, monolith, got: "front"',
    ],
    [
      "a name of a service",
      [api({ name: "search" })],
      [search()],
      'gateway search: name: expected another name than service search has, got: "search"',
    ],
    [
      "more gateways than servers",
      [api({ monolith: MONOLITH, in: { jp: { instances: 9 } } })],
      [],
      "gateway api: in.jp.instances: expected no more than one on each of the 1 servers of jp with role app, got: 9",
    ],
    [
      "a monolith that is no upstream",
      [api({ monolith: { url: "ftp://shop" } })],
      [],
      'gateway api: monolith.url: expected http://host[:port] or https://host[:port], got: "ftp://shop"',
    ],
    [
      "a setting of the proxy's alone",
      [api({ monolith: MONOLITH, settings: { spfactor: 3 } as object })],
      [],
      "gateway api: settings.spfactor: expected no such option, which only a proxy has, got: 3",
    ],
    [
      "a gateway of nothing",
      [api()],
      [],
      "gateway api: monolith: expected one, or a service with a route, got: nothing",
    ],
  ])("refuse %s", (_, gateways, services, message) => {
    expect(refusalOf(gateways, services)).toBe(message);
  });

  it("are refused where their region has no front", () => {
    const bare = validateRegions([{ file: "jp.ts", value: jp }]);
    expect(() => validatedGateways([api()], [search()], bare)).toThrow(
      'gateway api: hosts: expected a server with role front in jp, for it runs there, got: ["api.example.com"]',
    );
  });

  it("let services say no route that the gateway would not read, and none that leads elsewhere", () => {
    const said = (routes: object) => () =>
      validatedGateways([api()], [search({ routes: routes as ServiceInput["routes"] })], regions);
    expect(said({ search: { path: "v1" } })).toThrow(
      'service search: routes.search.path: expected a path such as /v1/items, /v1/items/{id} or /v1/**, got: "v1"',
    );
    expect(said({ search: { path: "/", service: "web" } })).toThrow(
      'service search: routes.search.service: expected no such field, for who says the routes is who has their requests, got: "web"',
    );
    expect(said({ search: { path: "/", tiemout: 3 } })).toThrow(
      /^service search: routes\.search: expected one of hosts, path, .*, got: "tiemout"$/,
    );
  });
});
