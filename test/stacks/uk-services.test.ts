import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import { type GkeRegion, type GkeRegionInput, validateRegions } from "../../stacks/values/regions";
import { type ServiceInput } from "../../stacks/values/services";
import uk from "../../regions/uk";
import { UkStack } from "../../stacks/uk";
import { UkWorkloadsStack } from "../../stacks/uk-workloads";
import { type Attributes, removeSynthesised, synthesiseApp } from "../constructs/google/synthesised-stack";
import { schemaErrors } from "../constructs/kubernetes/kubernetes-schema";
import { type Manifest, manifestsOf } from "../constructs/kubernetes/manifests";
import { restrictedViolations } from "../constructs/kubernetes/pod-security";
import { DIGEST, downtimeShares, ORIGIN, servicesOf, validated } from "./service-values";

const ROOT = join(__dirname, "../..");
const service = servicesOf("uk");

function synthesised(services: readonly ServiceInput[], changes: Partial<GkeRegionInput> = {}) {
  const regions = validateRegions([{ file: "uk.ts", value: { ...uk, ...changes } }]);
  const values = validated(services, regions);
  let built: UkWorkloadsStack | undefined;
  const stack = synthesiseApp("uk-workloads", (app: App) => {
    built = new UkWorkloadsStack(app, new UkStack(app, regions[0] as GkeRegion, values), values);
  });
  const made = Object.values(stack.resources("kubernetes_manifest")).map(
    ({ manifest }) => manifest as Manifest,
  );
  const objects = [...manifestsOf(stack), ...made];
  return {
    stack,
    unavailable: (name: string) => downtimeShares(collectAvailability(built!))[name]!,
    services: () => built!.services.map((each) => each.name),
    object: (kind: string, name: string) =>
      objects.find((each) => each.kind === kind && each.metadata["name"] === name),
  };
}

interface Policy {
  readonly podSelector: { readonly matchLabels: Attributes };
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly {
    readonly from: readonly Attributes[];
    readonly ports: readonly Attributes[];
  }[];
}

type PodSpec = { containers: { image: string; env: { name: string; value: string }[] }[] };

const podOf = (deployment: Manifest | undefined) =>
  (deployment!["spec"] as { template: { spec: PodSpec } }).template;

beforeAll(() => {
  if (existsSync(join(ROOT, "dist/tricloud-proxy.js"))) return;
  execFileSync(process.execPath, [join(ROOT, "script/bundle-programs.mjs")], { cwd: ROOT });
});
afterAll(removeSynthesised);

describe("services of a region on GKE", () => {
  it("are pods of the region's own images, and may call through its proxies what they say", () => {
    // GIVEN / WHEN
    const { stack, object } = synthesised(
      [
        service("web", 8080, { env: { LOG_LEVEL: "info" }, calls: ["search", `https://${ORIGIN}`] }),
        service("search", 8081, { in: { uk: { instances: 2, atMost: 12 } } }),
      ],
      { entrance: undefined },
    );
    // THEN
    const web = object("Deployment", "web");
    expect(schemaErrors(web!)).toEqual([]);
    expect(restrictedViolations(podOf(web) as unknown as Attributes)).toEqual([]);
    const [container] = podOf(web).spec.containers;
    expect(container!.image).toBe(`europe-west2-docker.pkg.dev/${uk.project}/uk-apps/web@${DIGEST}`);
    expect(container!.env).toEqual(
      expect.arrayContaining([
        { name: "LOG_LEVEL", value: "info" },
        { name: "PORT", value: "8080" },
        { name: "TRICLOUD_REGION", value: "uk" },
      ]),
    );
    // AND as many as there is to do
    expect(object("HorizontalPodAutoscaler", "search")!["spec"]).toMatchObject({
      minReplicas: 2,
      maxReplicas: 12,
    });
    // AND Consul's catalog gets them
    expect(object("Service", "search")!.metadata["annotations"]).toMatchObject({
      "consul.hashicorp.com/service-name": "search",
    });
    // AND the proxies let their calls out, and know what is called by the one URL that it has everywhere
    expect(JSON.stringify(stack.json)).toContain(ORIGIN);
    const proxy = manifestsOf(stack).find(
      ({ kind, metadata }) => kind === "ConfigMap" && /^proxy-/.test(String(metadata["name"])),
    )!;
    const { groups } = JSON.parse((proxy["data"] as Record<string, string>)["proxy.json"]!) as {
      groups: object;
    };
    expect(groups).toEqual({
      "search.ccnproxy-service": { origins: ["http://search.service.consul:8081"], firstByteTimeout: 10 },
    });
  });

  it("find their secrets where they do everywhere, and nobody reads them in what is synthesised", () => {
    // GIVEN / WHEN
    const { stack, object } = synthesised([service("shop", 8080, { secrets: ["session-key"] })]);
    // THEN
    expect(object("Secret", "shop-secrets")!["data"]).toEqual({
      "session-key": Buffer.from("${var.secret_shop__session_key}").toString("base64"),
    });
    const pod = JSON.stringify(podOf(object("Deployment", "shop")));
    expect(pod).toContain('"mountPath":"/run/secrets"');
    expect(pod).toContain('"items":[{"key":"session-key","path":"session-key"}]');
    expect((stack.json["variable"] as Record<string, unknown>)["secret_shop__session_key"]).toMatchObject({
      sensitive: true,
    });
  });

  it("find the region's database as everywhere, by a user that is made for them", () => {
    // GIVEN a service with the database and one without
    const services = [service("shop", 8080, { database: "main" }), service("news", 8081)];
    const changes = { database: { databases: ["shop"] } };
    // WHEN synthesised
    const { stack, object, unavailable } = synthesised(services, changes);
    const data = object("Secret", "shop-secrets")!["data"] as Record<string, string>;
    const part = (name: string) => Buffer.from(data[`database-${name}`]!, "base64").toString();
    // THEN it reads what the stack below says of it
    const of = (attribute: string) =>
      expect.stringContaining(
        `data.terraform_remote_state.cross-stack-reference-input-uk.outputs.cross-stack-output-google_sql_${attribute}`,
      ) as string;
    expect(part("password")).toEqual(of("user"));
    expect(part("host")).toEqual(of("database_instance"));
    expect(part("ca")).toMatch(/server_ca_cert/);
    expect(part("url")).toMatch(/"mysql:\/\/services:", replace\(urlencode\(.*\), "@", .*, ":3306\/shop"/);
    expect(part("ssl-mode")).toBe("VERIFY_CA");
    const pod = JSON.stringify(podOf(object("Deployment", "shop")));
    expect(pod).toContain('"items":[{"key":"database-url","path":"database-url"}]');
    // AND pods are replaced for another password
    expect(pod).toMatch(/"tricloud\/secrets-version":"\$\{terraform_data\./);
    // AND the other has none of it, and promises more
    expect(object("Secret", "news-secrets")).toBeUndefined();
    expect(unavailable("shop")).toBeGreaterThan(unavailable("news"));
    expect(stack.json["variable"]).not.toHaveProperty("database_password_main");
  });

  it("have a user of the database made only where one of them names it, whose password nobody reads", () => {
    // GIVEN
    const region = (database: string | undefined) => {
      const regions = validateRegions([{ file: "uk.ts", value: { ...uk, database: {} } }]);
      const values = validated([service("shop", 8080, { database })], regions);
      return synthesiseApp("uk", (app) => {
        const below = new UkStack(app, regions[0] as GkeRegion, values);
        new UkWorkloadsStack(app, below, values);
      });
    };
    const users = (stack: ReturnType<typeof region>) =>
      Object.values(stack.resources("google_sql_user")).map(({ name, password }) => ({ name, password }));
    // WHEN / THEN
    const named = region("main");
    expect(users(named)).toContainEqual({ name: "services", password: "${var.database_password_main}" });
    expect(users(region(undefined)).map(({ name }) => name)).not.toContain("services");
    // AND what the stack above reads is shown to nobody
    const outputs = Object.entries(named.json["output"] as Record<string, { sensitive?: boolean }>);
    const read = outputs.filter(([name]) => name.startsWith("cross-stack-output"));
    expect(read.map(([name]) => name).join()).toMatch(/sql_user.*password/);
    for (const [, output] of read) expect(output.sensitive).toBe(true);
  });

  it("fetch images of other registries from there, those of Docker Hub by the region's copy", () => {
    const imageOf = (image: string) =>
      podOf(
        synthesised([service("web", 8080, { image })], { entrance: undefined }).object("Deployment", "web"),
      ).spec.containers[0]!.image;
    expect(imageOf(`registry.example.com/shop/web@${DIGEST}`)).toBe(
      `registry.example.com/shop/web@${DIGEST}`,
    );
    expect(imageOf(`docker.io/library/web@${DIGEST}`)).toBe(
      `europe-west2-docker.pkg.dev/${uk.project}/uk-docker-hub/library/web@${DIGEST}`,
    );
  });

  it("can promise no more than what they cannot do without", () => {
    // GIVEN a service by itself, one that calls it, and one that can do without it
    const { unavailable } = synthesised([
      service("search", 8081),
      service("shop", 8080, { calls: ["search"] }),
      service("news", 8082, { calls: ["search"], degradesWithout: ["search"] }),
    ]);
    // WHEN / THEN
    expect(unavailable("shop")).toBeGreaterThan(unavailable("search"));
    expect(unavailable("shop")).toBeGreaterThan(unavailable("news"));
  });

  describe("are reached", () => {
    /** Who a service's own policy lets in: namespace and name of pods. */
    const callersOf = (
      name: string,
      services: readonly ServiceInput[],
      changes: Partial<GkeRegionInput> = {},
    ) => {
      const policy = synthesised(services, { entrance: undefined, ...changes }).object(
        "NetworkPolicy",
        name,
      )!;
      expect(schemaErrors(policy)).toEqual([]);
      const { podSelector, policyTypes, ingress = [] } = policy["spec"] as Policy;
      expect([podSelector.matchLabels, policyTypes]).toEqual([labels(name), ["Ingress"]]);
      expect(ingress.map(({ ports }) => ports)).toEqual(ingress.map(() => [{ protocol: "TCP", port: 8081 }]));
      return ingress.flatMap(({ from }) => from);
    };
    const labels = (name: string) => ({
      "app.kubernetes.io/name": name,
      "app.kubernetes.io/part-of": "tricloud",
    });
    const pods = (namespace: string, name: string) => ({
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
      podSelector: { matchLabels: labels(name) },
    });
    const search = service("search", 8081);
    const calling = (name: string, port: number) => service(name, port, { calls: ["search"] });
    const allowing = (allow: string) => ({ proxy: { allow: [allow] } });

    it("by nobody when nobody calls them, whatever the proxies let through", () => {
      expect(callersOf("search", [search, service("web", 8080)])).toEqual([]);
      expect(callersOf("search", [search], allowing("*.service.consul"))).toEqual([]);
    });

    it("by the pods of services that say that they call them, the proxies that do it for these, and no others", () => {
      const others = [service("web", 8080), calling("shop", 8082), calling("news", 8083)];
      expect(callersOf("search", [search, ...others])).toEqual([
        pods("app", "shop"),
        pods("app", "news"),
        pods("tricloud", "proxy"),
      ]);
    });

    it("by the proxies when a group of theirs has them among its origins", () => {
      const member = { url: "http://search.service.consul:8081", availability: 0.999, source: "assumed" };
      const origins = { "search.example.com": { origins: [member] } };
      expect(callersOf("search", [search], { origins })).toEqual([pods("tricloud", "proxy")]);
      expect(callersOf("find", [service("find", 8081)], { origins })).toEqual([]);
    });
  });

  it("may be what the region's entrance leads to", () => {
    // GIVEN an entrance whose pods are a service of ours
    const entrance = {
      ...uk.entrance!,
      backend: { service: "shop", port: 8080, healthPath: "/healthz", podLabels: { app: "other" } },
    };
    // WHEN
    const { services, object, unavailable } = synthesised([service("shop", 8080)], { entrance });
    // THEN its users reach it by the load balancer, whose probes its own policy lets in
    expect(services()).toEqual(["calls-to-other-clouds", "shop"]);
    expect(object("HTTPRoute", "shop")!["spec"]).toMatchObject({
      rules: [{ backendRefs: [{ name: "shop", port: 8080 }] }],
    });
    expect(object("NetworkPolicy", "shop-public")!["spec"]).toMatchObject({
      ingress: [{ from: [{ ipBlock: { cidr: "130.211.0.0/22" } }, { ipBlock: { cidr: "35.191.0.0/16" } }] }],
    });
    // AND nobody else
    expect((object("NetworkPolicy", "shop")!["spec"] as Policy).ingress ?? []).toEqual([]);
    // AND it promises less than by itself
    const alone = synthesised([service("shop", 8080)]);
    expect(unavailable("shop")).toBeGreaterThan(alone.unavailable("shop"));
  });

  it("may be several behind one entrance, by hosts and paths", () => {
    // GIVEN two of which one has a path of the region's own host, and the other a host
    const zone = uk.entrance!.zone;
    const host = uk.entrance!.hosts[0]!;
    const values = [
      service("api", 8081, { public: { hosts: [host], paths: ["/api", "/v2/api"] } }),
      service("search", 8082, { health: { path: "/well" }, public: { hosts: [`find.${zone}`] } }),
    ];
    // WHEN synthesised
    const { object, services, unavailable } = synthesised(values);
    // THEN each has a route to its own pods, which are checked where they say how they are
    expect(object("HTTPRoute", "api")!["spec"]).toMatchObject({
      hostnames: [host, `api.${zone}`],
      rules: ["/api", "/v2/api"].map((value) => ({
        matches: [{ path: { type: "PathPrefix", value } }],
        backendRefs: [{ name: "api", port: 8081 }],
      })),
    });
    expect(object("HTTPRoute", "search")!["spec"]).toMatchObject({
      hostnames: [`find.${zone}`, `search.${zone}`],
      rules: [{ backendRefs: [{ name: "search", port: 8082 }] }],
    });
    expect(object("HealthCheckPolicy", "search")!["spec"]).toMatchObject({
      default: { config: { httpHealthCheck: { port: 8082, requestPath: "/well" } } },
    });
    // AND passes the same policy, and lets the load balancer in
    expect(object("GCPBackendPolicy", "search")!["spec"]).toMatchObject({
      targetRef: { name: "search" },
      default: { securityPolicy: "uk-public" },
    });
    expect(object("NetworkPolicy", "search-public")!["spec"]).toMatchObject({
      ingress: [{ from: [{ ipBlock: { cidr: "130.211.0.0/22" } }, { ipBlock: { cidr: "35.191.0.0/16" } }] }],
    });
    // AND what nobody has goes where it went, every host over HTTPS
    expect(object("HTTPRoute", uk.entrance!.backend.service)!["spec"]).toMatchObject({
      hostnames: uk.entrance!.hosts,
    });
    expect(object("HTTPRoute", "to-https")!["spec"]).toMatchObject({
      hostnames: [...uk.entrance!.hosts, `api.${zone}`, `find.${zone}`, `search.${zone}`],
    });
    // AND each is a service for people outside
    expect(services()).toEqual(["calls-to-other-clouds", "api", "search", "web"]);
    const alone = synthesised([service("search", 8082)], { entrance: undefined });
    expect(unavailable("search")).toBeGreaterThan(alone.unavailable("search"));
  });
});
