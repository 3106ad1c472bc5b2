import { App } from "cdktf";
import { collectAvailability } from "../../constructs/availability";
import {
  type DedicatedRegion,
  type DedicatedRegionInput,
  validateRegions,
} from "../../stacks/values/regions";
import { type ServiceInput } from "../../stacks/values/services";
import { collectTopology } from "../../constructs/topology";
import type { Store } from "../../constructs/topology/elements";
import { storeText } from "../../constructs/topology/text-picture";
import { JpStack } from "../../stacks/jp";
import { synthesisedApp } from "../constructs/aws/synthesised";
import { dedicatedRegionValue, hostKeyOf } from "./values/regions/region-values";
import { DIGEST, downtimeShares, ORIGIN, servicesOf, validated } from "./service-values";

const service = servicesOf("jp");

const value = dedicatedRegionValue({ registry: { address: "registry.example.com/shop", credentials: true } });

function stackOf(
  scope: App,
  services: readonly ServiceInput[],
  region: DedicatedRegionInput = value,
): JpStack {
  const regions = validateRegions([{ file: "jp.ts", value: region }]);
  return new JpStack(scope, regions[0] as DedicatedRegion, validated(services, regions));
}

const unavailable = (services: readonly ServiceInput[], region?: DedicatedRegionInput) =>
  downtimeShares(collectAvailability(stackOf(new App(), services, region)));

describe("services of a region on dedicated servers", () => {
  it("are fetched from the region's registry, and may call through its proxies what they say", () => {
    // GIVEN / WHEN
    const services = [
      service("web", 8080, { calls: ["search", `https://${ORIGIN}`], degradesWithout: ["search"] }),
      service("search", 8081, { substitute: { body: "[]" }, stale: { ifError: "1h" } }),
    ];
    const synthesised = synthesisedApp("jp", (app) => stackOf(app, services));
    const document = (name: string) =>
      Object.entries(synthesised["locals"] as unknown as Record<string, string>).find(([key]) =>
        key.startsWith(`${name}_document`),
      )![1];
    const file = (name: string, path: string) =>
      Buffer.from(
        new RegExp(`^file \\S+ \\S+ \\S+ ${path} \\S+ inline (\\S+)$`, "m").exec(document(name))![1]!,
        "base64",
      ).toString();
    // THEN
    expect(file("jp-3", "/etc/containers/systemd/tricloud-service-web.container")).toContain(
      `Image=registry.example.com/shop/web@${DIGEST}`,
    );
    const proxy = JSON.parse(file("jp-1", "/etc/tricloud/proxy.json")) as { allow: string[]; groups: object };
    expect(proxy.allow).toEqual(["*.example.com", ORIGIN]);
    // AND those that are called, and no others, by the one URL that they have everywhere
    expect(proxy.groups).toEqual({
      "search.ccnproxy-service": {
        origins: ["http://search.service.consul:8081"],
        firstByteTimeout: 10,
        substitute: { body: "[]" },
        stale: { ifError: "1h" },
      },
    });
    // AND what lets them in is handed over without being shown
    expect(document("jp-3")).toContain("base64encode(var.registry_credentials)");
    expect(document("jp-1")).not.toContain("registry_credentials");
  });

  it("take their secrets from variables of their own, which are in no file that is written", () => {
    // GIVEN services whose names and secrets' names could run together
    const services = [service("web", 8080, { secrets: ["a-b"] }), service("web-a", 8081, { secrets: ["b"] })];
    // WHEN synthesised
    const { variable, locals } = synthesisedApp("jp", (app) => stackOf(app, services));
    // THEN each has its own, which is sensitive, and says who lacks it
    expect(variable).toMatchObject({
      secret_web__a_b: {
        sensitive: true,
        default: "",
        validation: [
          {
            condition: '${var.secret_web__a_b != ""}',
            error_message:
              "service web in region jp lacks its secret a-b: give it as TF_VAR_secret_web__a_b.",
          },
        ],
      },
      secret_web_a__b: { sensitive: true },
    });
    expect(JSON.stringify(locals)).toContain("base64encode(var.secret_web_a__b)");
  });

  describe("that name the region's database", () => {
    const database: NonNullable<DedicatedRegionInput["database"]> = {
      ...{ engine: "postgresql", host: "10.10.0.9", databaseName: "shop", user: "web" },
      ...{ availability: 0.99, source: "assumed" },
    };
    const region = { ...value, database };

    it("find it by a password that is asked for by name, and is in no file that is written", () => {
      // GIVEN a service with the database and one without
      const services = [service("web", 8080, { database: "main" }), service("search", 8081)];
      // WHEN synthesised
      const { variable, locals } = synthesisedApp("jp", (app) => stackOf(app, services, region));
      // THEN
      expect(variable).toMatchObject({ database_password_main: { sensitive: true, default: "" } });
      const document = JSON.stringify(locals);
      expect(document).toContain("base64encode(var.database_password_main)");
      expect(document).toContain(
        String.raw`[\"postgresql://web:\", replace(urlencode(var.database_password_main), \"+\", \"%20\"), \"@\", \"10.10.0.9\", \":5432/shop?sslmode=prefer\"]`,
      );
      expect(document).toContain("/secrets/web/database-host");
      expect(document).not.toContain("/secrets/search/");
    });

    it("are asked for no password while they name none", () => {
      const { variable } = synthesisedApp("jp", (app) => stackOf(app, [service("web", 8080)], region));
      expect(variable).not.toHaveProperty("database_password_main");
    });

    it("can promise no more than it does, and neither can their callers", () => {
      const services = [
        service("search", 8081, { database: "main" }),
        service("web", 8080, { calls: ["search"] }),
        service("news", 8082),
      ];
      const figures = unavailable(services, region);
      expect(figures["search"]).toBeGreaterThan(0.01);
      expect(figures["web"]).toBeGreaterThan(0.01);
      expect(figures["news"]).toBeLessThan(0.01);
    });

    it("have it in the region's picture, of whose machines nothing is known", () => {
      const app = new App();
      stackOf(app, [], region);
      const { regions } = collectTopology(app, (stack) => stack.node.id);
      const [store] = regions[0]!.elements.filter(({ kind }) => kind === "store");
      expect(store).toEqual({
        ...{ kind: "store", role: "database", name: "main", type: "PostgreSQL at 10.10.0.9" },
      });
      expect(storeText(store as Store)).toBe("database, PostgreSQL at 10.10.0.9");
    });
  });

  it("can promise no more than what they cannot do without", () => {
    // GIVEN a service by itself, one that calls it, and one that can do without it
    const figures = unavailable([
      service("search", 8081),
      service("web", 8080, { calls: ["search"] }),
      service("shop", 8082, { calls: ["search"], degradesWithout: ["search"] }),
    ]);
    // THEN the call costs, and a soft one costs nothing
    expect(figures["web"]).toBeGreaterThan(figures["search"]!);
    expect(figures["shop"]).toBeGreaterThanOrEqual(figures["search"]!);
    expect(figures["shop"]).toBeLessThan(figures["web"]!);
  });

  it("count the proxies and an origin outside whose availability the region tells", () => {
    const calls = (region?: DedicatedRegionInput) =>
      unavailable([service("web", 8080, { calls: [`https://${ORIGIN}`] })], region)["web"]!;
    const origins = { [ORIGIN]: { availability: 0.99, source: "assumed" } };
    const alone = unavailable([service("web", 8080)])["web"]!;
    expect(calls()).toBeGreaterThan(alone);
    expect(calls({ ...value, origins })).toBeGreaterThan(calls() + 0.009);
  });

  describe("that the internet reaches", () => {
    const { servers, ...rest } = value;
    const withFronts = (count: number, front: DedicatedRegionInput["front"] = {}): DedicatedRegionInput => ({
      ...rest,
      front,
      servers: [
        ...servers,
        ...Array.from({ length: count }, (_, index) => ({
          name: `front-${index + 1}`,
          address: `10.10.2.${index + 1}`,
          hostKey: hostKeyOf(20 + index),
          roles: ["front" as const],
        })),
      ],
    });
    const shown = service("web", 8080, { public: { hosts: ["www.example.com"] } });

    it("have fronts, whose certificate and key come from variables", () => {
      const { variable, locals, output } = synthesisedApp("jp", (app) =>
        stackOf(app, [shown], withFronts(2, { answerSeconds: 7, drainSeconds: 3 })),
      );
      expect(variable).toMatchObject({
        front_certificate: { sensitive: true },
        front_key: { sensitive: true },
      });
      const fronts = Object.entries(locals as unknown as Record<string, string>).filter(([name]) =>
        name.startsWith("front-"),
      );
      expect(JSON.stringify(fronts)).toContain("base64encode(var.front_key)");
      expect(JSON.stringify(output)).toContain("front_key must be a PEM text.");
      const texts = [...JSON.stringify(fronts).matchAll(/inline ([A-Za-z0-9+/=]+)/g)].map(([, encoded]) =>
        Buffer.from(encoded!, "base64").toString(),
      );
      expect(texts.join("\n")).toContain("timeout server 7s");
      expect(texts.join("\n")).toContain("front-guard leave 3");
    });

    it.each([
      ["route53" as const, ["front_acme_key_id", "front_acme_secret_key"]],
      [{ rfc2136: { server: "ns.example.com", keyName: "fronts" } }, ["front_acme_tsig_secret"]],
    ])("have fronts that order their certificates, by what variables let them do (%j)", (dns, names) => {
      // GIVEN / WHEN
      const certificate = { acme: { email: "ops@example.com", dns } };
      const { variable, locals } = synthesisedApp("jp", (app) =>
        stackOf(app, [shown], withFronts(2, { certificate })),
      );
      // THEN
      const fronts = Object.keys(variable as object).filter((name) => name.startsWith("front_"));
      expect(fronts).toEqual(names);
      for (const name of names) {
        expect((variable as Record<string, unknown>)[name]).toMatchObject({ sensitive: true });
        expect(JSON.stringify(locals)).toContain(`var.${name}`);
      }
    });

    it("are no more than Let's Encrypt gives certificates for, where they order from there", () => {
      const ordering = (acme: object) => () =>
        validateRegions([
          {
            file: "jp.ts",
            value: withFronts(5, {
              certificate: { acme: { email: "ops@example.com", dns: "route53", ...acme } },
            }),
          },
        ]);
      expect(ordering({})).toThrow(
        "region jp: front.certificate.acme: expected at most 4, for Let's Encrypt gives five certificates a week for the same names, got: 5 servers with role front",
      );
      expect(ordering({ directory: "https://ca.example.com/directory" })).not.toThrow();
      expect(ordering({ email: "nobody" })).toThrow(
        'region jp: front.certificate.acme.email: expected an e-mail address, got: "nobody"',
      );
      expect(ordering({ dns: "bind" })).toThrow(
        'region jp: front.certificate.acme.dns: expected "route53" or { rfc2136: { server, keyName } }, got: "bind"',
      );
    });

    it("have none where there is nothing to show", () => {
      const { variable } = synthesisedApp("jp", (app) => stackOf(app, [service("web", 8080)], withFronts(2)));
      expect(Object.keys(variable as object)).not.toContain("front_key");
    });

    it("can promise less than what stands behind them, and more by two than by one", () => {
      const figure = (services: readonly ServiceInput[], count: number) =>
        unavailable(services, withFronts(count))["web"]!;
      const alone = figure([service("web", 8080)], 2);
      expect(figure([shown], 2)).toBeGreaterThan(alone);
      expect(figure([shown], 1)).toBeGreaterThan(figure([shown], 2));
    });

    it("are refused ports that something else has", () => {
      const region = withFronts(1, { httpsPort: 80 });
      expect(() => stackOf(new App(), [shown], region)).toThrow(
        "region jp: front.httpPort: expected another port than httpsPort has, got: 80",
      );
      const both = [{ ...servers[0]!, roles: [...servers[0]!.roles, "front" as const] }, ...servers.slice(1)];
      expect(() => stackOf(new App(), [shown], { ...value, servers: both })).toThrow(
        "region jp: front.httpPort: expected another port than a proxy has on the same server, got: 80",
      );
      expect(() => stackOf(new App(), [shown], withFronts(1, { httpPort: 8500 }))).toThrow(
        "region jp: front.httpPort: expected another port than Consul has, got: 8500",
      );
    });
  });
});
