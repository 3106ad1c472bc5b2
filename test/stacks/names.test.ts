import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { type AvailabilityRun, collectAvailability, held } from "../../constructs/availability";
import { Planner } from "../../planning/planner";
import { requiredStacks } from "../../planning/stack/remote-state";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import { addRegions } from "../../stacks";
import { commonNames } from "../../stacks/common-names";
import { type GatewayInput, validateGateways } from "../../stacks/values/gateways";
import { namedHosts, type NamesInput, validateNames } from "../../stacks/values/names";
import {
  type DedicatedRegionInput,
  type Ec2RegionInput,
  type GkeRegionInput,
  type Region,
  validateRegions,
} from "../../stacks/values/regions";
import { type ServiceInput, validateServices } from "../../stacks/values/services";
import uk from "../../regions/uk";
import us from "../../regions/us";
import { servicesOf } from "./service-values";
import { dedicatedRegionValue } from "./values/regions/region-values";

const HOST = "www.example.com";
const NAMES: NamesInput = {
  zones: ["example.com"],
  nearest: { jp: "ap-northeast-1", uk: "eu-west-2" },
  pagerEmails: ["on-call@example.com"],
};
const FRONTS = { "jp-1": "203.0.113.11", "jp-2": "198.51.100.12" };

const registry = { address: "registry.example.com/shop" };
const inUs: Ec2RegionInput = {
  ...us,
  ...{ database: undefined, cache: undefined, registry },
  entrance: { ...us.entrance!, domain: HOST, service: "web" },
};
const inUk: GkeRegionInput = {
  ...uk,
  ...{ database: undefined, cache: undefined },
  entrance: {
    ...uk.entrance!,
    backend: { ...uk.entrance!.backend, service: "web", port: 8080, podPort: undefined },
  },
};

/** Two fronts of the region have public addresses. */
function inJp(changes: Partial<DedicatedRegionInput["servers"][number]> = {}): DedicatedRegionInput {
  const plain = dedicatedRegionValue({ registry });
  return {
    ...plain,
    // Port 80 is the fronts'.
    proxy: { ...plain.proxy, port: 3000 },
    servers: plain.servers.map((server) => {
      const publicAddress = (FRONTS as Record<string, string>)[server.name];
      if (publicAddress === undefined) return server;
      return { ...server, roles: [...server.roles, "front"], publicAddress, ...changes };
    }),
  };
}

const web = servicesOf("jp")("web", 8080, { public: { hosts: [HOST] }, in: { jp: {}, us: {}, uk: {} } });

const api: GatewayInput = {
  ...{ name: "api", hosts: ["api.example.com"], healthPath: "/v1/ping", monolith: "web" },
  in: { jp: {}, us: {}, uk: {} },
};

type Resources = Record<string, Record<string, Record<string, unknown>>>;
interface Made {
  /** By stack. */
  readonly resources: Readonly<Record<string, Resources>>;
  readonly outputs: Readonly<Record<string, readonly string[]>>;
  readonly availability: AvailabilityRun;
}

/** The app of these values, and where it lies. */
async function built(
  services: readonly ServiceInput[],
  values: readonly (DedicatedRegionInput | Ec2RegionInput | GkeRegionInput)[],
  names: NamesInput,
  outdir: string,
  gateways: readonly GatewayInput[] = [],
): Promise<App> {
  const regions: readonly Region[] = validateRegions(
    values.map((value) => ({ file: `${value.name}.ts`, value })),
  );
  const said = validateNames({ value: names }, regions);
  const app = new App({ outdir });
  const valid = validateServices(
    services.map((value) => ({ file: `${value.name}.ts`, value })),
    regions,
    said,
  );
  const routing = validateGateways(
    gateways.map((value) => ({ file: `${value.name}.ts`, value })),
    regions,
    valid,
    said,
  );
  await addRegions(app, regions, valid, routing, said);
  return app;
}

async function synthesised(
  ...values: [Parameters<typeof built>[0], Parameters<typeof built>[1], NamesInput]
) {
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-names-"));
  (await built(...values, outdir)).synth();
  return outdir;
}

async function made(
  services: readonly ServiceInput[] = [web],
  values: Parameters<typeof built>[1] = [inJp(), inUs, inUk],
  names: NamesInput = NAMES,
  gateways: readonly GatewayInput[] = [],
): Promise<Made> {
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-names-"));
  try {
    const app = await built(services, values, names, outdir, gateways);
    const availability = collectAvailability(app);
    app.synth();
    const stacks = readStacks(outdir);
    return {
      availability,
      resources: Object.fromEntries(
        stacks.map(({ name, configuration }) => [name, (configuration as { resource: Resources }).resource]),
      ),
      outputs: Object.fromEntries(
        stacks.map(({ name, configuration }) => [
          name,
          Object.keys((configuration as { output?: object }).output ?? {}),
        ]),
      ),
    };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

describe("the public names that regions have in common", () => {
  let all: Made;
  beforeAll(async () => {
    all = await made();
  });
  const records = (type = "A") =>
    Object.values(all.resources["names"]!["aws_route53_record"]!).filter((record) => record["type"] === type);
  const checks = () => all.resources["names"]!["aws_route53_health_check"]!;

  it("lead to the nearest region that is well, by latency", () => {
    // WHEN a service with a public host runs in three regions THEN each enters once
    const entries = records().filter(({ name }) => name === HOST);
    expect(
      entries.map((entry) => (entry["latency_routing_policy"] as { region: string }).region).sort(),
    ).toEqual(["ap-northeast-1", "eu-west-2", "us-east-1"]);
    // AND leaves the answer when nothing behind it is well
    for (const { alias } of entries) expect(alias).toMatchObject({ evaluate_target_health: true });
    // AND what reads them reads it from the regions' own states
    const american = entries.find(({ set_identifier }) => set_identifier === "us-east-1")!;
    expect(american).toMatchObject({
      alias: {
        name: expect.stringContaining("outputs.entrance_address"),
        zone_id: expect.stringContaining("outputs.entrance_zone_id"),
      },
      health_check_id: expect.stringContaining("aws_route53_health_check."),
    });
    expect(all.outputs["us"]).toEqual(expect.arrayContaining(["entrance_address", "entrance_zone_id"]));
    expect(all.outputs["uk"]).toContain("entrance_address");
  });

  it("have each address with a check of its own, all that are well in one answer", () => {
    // THEN each front is asked by its address, under the name, for the service's health
    const fronts = records().filter(({ name }) => name === `jp.${HOST}`);
    expect(fronts).toMatchObject(
      Object.entries(FRONTS).map(([name, address]) => ({
        set_identifier: name,
        multivalue_answer_routing_policy: true,
        records: [address],
        ttl: 60,
      })),
    );
    const ids = fronts.map(({ health_check_id }) => health_check_id);
    expect(new Set(ids).size).toBe(2);
    const byAddress = Object.values(checks()).filter(({ ip_address }) =>
      Object.values(FRONTS).includes(String(ip_address)),
    );
    expect(byAddress).toMatchObject(
      Array(2).fill({ fqdn: HOST, type: "HTTPS", port: 443, resource_path: "/healthz", enable_sni: true }),
    );
    // AND the others by their own name, and their one address
    const others = Object.values(checks()).filter((check) => !byAddress.includes(check));
    expect(others.map(({ fqdn }) => fqdn).sort()).toEqual([`us.${HOST}`, HOST].sort());
    // AND somebody is told of each
    expect(Object.keys(all.resources["names"]!["aws_cloudwatch_metric_alarm"]!)).toHaveLength(4);
  });

  it("are in the certificates of all regions, and in no other stack's records", () => {
    // THEN the region on EC2 has its own name alone, and a certificate for both
    const american = all.resources["us"]!;
    const names = Object.values(american["aws_route53_record"]!).map(({ name }) => name);
    expect(names).toContain(`us.${HOST}`);
    expect(names).not.toContain(HOST);
    expect(american["aws_route53_health_check"]).toBeUndefined();
    expect(Object.values(american["aws_acm_certificate"]!)).toMatchObject([
      { domain_name: HOST, subject_alternative_names: [`us.${HOST}`] },
    ]);
    // AND the one on GKE a certificate of its own for the name, for which the zone vouches
    const british = all.resources["uk"]!;
    expect(Object.values(british["google_certificate_manager_dns_authorization"]!)).toContainEqual(
      expect.objectContaining({ domain: HOST, type: "PER_PROJECT_RECORD" }),
    );
    expect(Object.values(british["google_certificate_manager_certificate_map_entry"]!)).toContainEqual(
      expect.objectContaining({ hostname: HOST }),
    );
    expect(records("CNAME")).toMatchObject([
      {
        name: expect.stringContaining("outputs.certificate_record_of_www_example_com"),
        records: [expect.stringContaining("outputs.certificate_record_value_of_www_example_com")],
      },
    ]);
    expect(all.outputs["uk"]).toEqual(
      expect.arrayContaining([
        "certificate_record_of_www_example_com",
        "certificate_record_value_of_www_example_com",
      ]),
    );
    // AND takes requests for it
    expect(JSON.stringify(all.resources["uk-workloads"]!["kubernetes_manifest"])).toContain(`"${HOST}"`);
    // AND dedicated servers need no cloud
    expect(Object.keys(all.resources["jp"]!).filter((type) => type.startsWith("aws_"))).toEqual([]);
  });

  it("lead in each region to the service that has the host", async () => {
    // GIVEN a second service, with a host of its own, behind the same entrances
    const host = "api.example.com";
    const places = { jp: {}, us: {}, uk: {} };
    const api = servicesOf("jp")("api", 8090, { public: { hosts: [host] }, in: places });
    const { resources } = await made([web, api]);
    // THEN its health is asked for where it alone answers
    const health = Object.values(resources["names"]!["aws_route53_health_check"]!);
    expect(health.map(({ fqdn }) => fqdn).sort()).toEqual(
      [host, host, host, `us.${host}`, HOST, HOST, HOST, `us.${HOST}`].sort(),
    );
    const { us: american, uk: british, "uk-workloads": pods } = resources;
    expect(Object.values(american!["aws_route53_record"]!).map(({ name }) => name)).toContain(`us.${host}`);
    expect(Object.values(american!["aws_acm_certificate"]!)).toContainEqual(
      expect.objectContaining({ domain_name: host, subject_alternative_names: [`us.${host}`] }),
    );
    expect(Object.values(british!["google_certificate_manager_certificate_map_entry"]!)).toContainEqual(
      expect.objectContaining({ hostname: host }),
    );
    const routes = Object.values(pods!["kubernetes_manifest"]!)
      .map(({ manifest }) => manifest as { kind: string; metadata: { name: string }; spec: object })
      .filter(({ kind, metadata }) => kind === "HTTPRoute" && metadata.name === "api");
    expect(routes).toMatchObject([{ spec: { hostnames: [host, "api.uk.example.com"] } }]);
  });

  it("lead to gateways as they do to services", async () => {
    // GIVEN a gateway in three regions WHEN synthesised
    const { resources, availability } = await made([web], undefined, NAMES, [api]);
    // THEN each enters by latency, and is asked for what the gateway's routes answer there
    const { names, us: american, uk: british } = resources;
    const entries = Object.values(names!["aws_route53_record"]!).filter(
      ({ name }) => name === "api.example.com",
    );
    expect(
      entries
        .flatMap(
          ({ latency_routing_policy: policy }) => (policy as { region: string } | undefined)?.region ?? [],
        )
        .sort(),
    ).toEqual(["ap-northeast-1", "eu-west-2", "us-east-1"]);
    const checks = Object.values(names!["aws_route53_health_check"]!).filter(
      ({ resource_path }) => resource_path === api.healthPath,
    );
    expect(checks.map(({ fqdn }) => fqdn).sort()).toEqual([
      ...["api.example.com", "api.example.com", "api.example.com"],
      "us.api.example.com",
    ]);
    // AND the regions lead it no more themselves, but by names of their own, with certificates for it
    const own = Object.values(american!["aws_route53_record"]!).map(({ name }) => name);
    expect([own.includes("us.api.example.com"), own.includes("api.example.com")]).toEqual([true, false]);
    expect(Object.values(british!["google_certificate_manager_certificate_map_entry"]!)).toContainEqual(
      expect.objectContaining({ hostname: "api.example.com" }),
    );
    // AND it is promised to a user of the world
    const promised = availability.stacks.find(({ stack }) => stack === "names")!.services;
    expect(promised.map(({ service }) => service)).toContain("api.example.com");
  });

  it.each<[string, Partial<GatewayInput>, string]>([
    [
      "no path to ask for",
      { healthPath: undefined },
      "gateway api: healthPath: expected a path that is answered with 200 to 399, by which api.example.com is led to the nearest region that is well, got: nothing",
    ],
    [
      "one that no route takes",
      { monolith: undefined },
      'gateway api: healthPath: expected a path that a route takes on api.example.com, got: "/v1/ping"',
    ],
    [
      "one that asks for a token",
      {
        issuers: {
          users: {
            ...{ issuer: "https://login.example.com", audience: "api", algorithms: ["RS256"] },
            jwks: "https://login.example.com/keys",
          },
        },
        routes: { all: { path: "/v1/**", jwt: "users" } },
      },
      "gateway api: healthPath: expected a path of a route that asks for no token, for route all does on api.example.com",
    ],
  ])("lead to no gateway with %s", async (_, changes, message) => {
    const routed = { ...web, routes: { items: { path: "/v1/items" } } };
    await expect(made([routed], undefined, NAMES, [{ ...api, ...changes }])).rejects.toThrow(message);
  });

  it("are in the picture of each region that answers for them", () => {
    const regions = validateRegions([inJp(), inUs].map((value) => ({ file: value.name, value })));
    const names = validateNames({ value: { ...NAMES, nearest: { jp: "ap-northeast-1" } } }, regions);
    const both = validateServices(
      [{ file: "web", value: { ...web, in: { jp: {}, us: {} } } }],
      regions,
      names,
    );
    const hosts = namedHosts(names, both, regions);
    expect(commonNames(hosts, "us")).toEqual([
      {
        ...{ kind: "name", name: HOST, answeredBy: "Route 53" },
        leadsTo: "web in the nearest of jp, us that is well",
      },
    ]);
    expect(commonNames(hosts, "uk")).toEqual([]);
  });

  it("promise more to a user of the world than any region does", () => {
    const promised = (stack: string, service: string) => {
      const { results, target } = all.availability.stacks
        .find((each) => each.stack === stack)!
        .services.find((each) => each.service === service)!;
      return held(results, target ?? {}).availability.lower;
    };
    const world = promised("names", HOST);
    for (const stack of ["jp", "us", "uk-workloads"]) expect(world).toBeGreaterThan(promised(stack, "web"));
    // AND what leaving a failed region costs is counted
    const { failovers } = all.availability.stacks.find(({ stack }) => stack === "names")!.services[0]!;
    expect(failovers.map(({ name }) => name)).toContain(`regions of ${HOST}`);
  });

  it("are held to what they must promise", async () => {
    const targets = { [HOST]: { atLeast: 0.999 } };
    const { availability } = await made([web], undefined, { ...NAMES, availability: { targets } });
    const [promised] = availability.stacks.find(({ stack }) => stack === "names")!.services;
    expect(promised!.target).toMatchObject({
      atLeast: 0.999,
      verdict: expect.stringMatching(/^met/) as string,
    });
  });

  it("are planned without a cloud, after what they read", async () => {
    // GIVEN what is synthesised of all regions
    const outdir = await synthesised([web], [inJp(), inUs, inUk], NAMES);
    try {
      const stacks = readStacks(outdir);
      const stack = stacks.find(({ name }) => name === "names")!;
      expect(
        requiredStacks(stack, stacks)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(["uk", "us"]);
      const planner = await Planner.start({ stacks, resolveFrom: [join(__dirname, "../..")] });
      try {
        // WHEN the names are planned THEN by what the regions would put out
        const { succeeded, text, plan } = await planner.plan(stack);
        expect({ succeeded, said: succeeded ? "" : text }).toEqual({ succeeded: true, said: "" });
        const created = plan!.resource_changes!.map(({ type }) => type);
        expect(created.filter((type) => type === "aws_route53_record")).toHaveLength(7);
        expect(created.filter((type) => type === "aws_route53_health_check")).toHaveLength(4);
      } finally {
        planner.close();
      }
    } finally {
      rmSync(outdir, { recursive: true });
    }
  }, 180_000);

  it.each<[string, () => Promise<Made>, string]>([
    [
      "a front with a private address alone",
      () => made([web], [inJp({ publicAddress: undefined }), inUs, inUk]),
      'names: server jp-1 of region jp: publicAddress: expected the address at which the internet reaches this front, for its own is private, got: "10.10.0.11"',
    ],
    [
      "an address of a front that nobody outside reaches",
      () => made([web], [inJp({ publicAddress: "192.168.1.1" }), inUs, inUk]),
      "publicAddress: expected an IPv4 address that the internet can reach",
    ],
    [
      "a region of which nothing says how near it is",
      () => made([web], undefined, { ...NAMES, nearest: { jp: "ap-northeast-1" } }),
      "names: nearest.uk: expected the AWS region that is nearest to uk",
    ],
    [
      "two regions that are near the same one",
      () => made([web], undefined, { ...NAMES, nearest: { jp: "us-east-1", uk: "eu-west-2" } }),
      'names: nearest.us: expected another AWS region than jp has, for Route 53 leads to one by each, got: "us-east-1"',
    ],
    [
      "a region that is not there",
      () => made([web], undefined, { ...NAMES, nearest: { ...NAMES.nearest, de: "eu-central-1" } }),
      'names: nearest: expected regions that there are (jp, us, uk), got: "de"',
    ],
    [
      "zones that no service has a name in",
      () => made([web], undefined, { ...NAMES, zones: ["example.net"] }),
      "expected a name that the entrance of uk has",
    ],
    [
      "a name outside the zone of the entrance on EC2",
      () =>
        made([{ ...web, public: { hosts: [HOST, "www.example.org"] } }], undefined, {
          ...NAMES,
          zones: ["example.com", "example.org"],
        }),
      "expected a name in the zone of the entrance of us (example.com)",
    ],
    [
      "a service that does not answer for its health under its name",
      () =>
        made([{ ...web, public: { hosts: [HOST], paths: ["/shop"] }, in: { jp: {} } }], [inJp()], {
          zones: ["example.com"],
          nearest: { jp: "ap-northeast-1" },
        }),
      "names: www.example.com of service web: expected a health.path below the service's own public.paths",
    ],
    [
      "a target for what nobody asks for",
      () =>
        made([web], undefined, {
          ...NAMES,
          availability: { targets: { "shop.example.com": { atLeast: 0.999 } } },
        }),
      'names: availability.targets: expected hosts and paths that are led (www.example.com), got: "shop.example.com"',
    ],
    [
      "a target that cannot be kept",
      () =>
        made([web], undefined, { ...NAMES, availability: { targets: { [HOST]: { atLeast: 0.9999999 } } } }),
      "[names/target-www.example.com] names/www.example.com: target 99.99999 % is missed",
    ],
    ["no zone", () => made([web], undefined, { zones: [] }), "names: zones: expected one zone at least"],
  ])("are refused for %s", async (_, make, message) => {
    await expect(make()).rejects.toThrow(message);
  });
});
