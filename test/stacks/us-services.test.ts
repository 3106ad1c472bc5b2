import { X509Certificate } from "node:crypto";
import { App } from "cdktf";
import { parse } from "yaml";
import { collectAvailability } from "../../constructs/availability";
import { placedResults } from "../../constructs/availability/report/placed";
import {
  type DedicatedRegion,
  type Ec2Region,
  type Ec2RegionInput,
  validateRegions,
} from "../../stacks/values/regions";
import { type ServiceInput } from "../../stacks/values/services";
import { collectTopology } from "../../constructs/topology";
import us from "../../regions/us";
import { serviceCalls } from "../../stacks/service-calls";
import { JpStack } from "../../stacks/jp";
import { UsStack } from "../../stacks/us";
import { fetchedText, statements, synthesisedApp, userDataText } from "../constructs/aws/synthesised";
import { dedicatedRegionValue } from "./values/regions/region-values";
import { DIGEST, downtimeShares, ORIGIN, servicesOf, validated } from "./service-values";

const service = servicesOf("us");
const ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/** The region of the US without data stores, whose images come from the account's own registry. */
const value: Ec2RegionInput = {
  ...us,
  ...{ entrance: undefined, database: undefined, cache: undefined },
  registry: { address: `${ECR}/shop` },
};

function stackOf(scope: App, services: readonly ServiceInput[], changes: Partial<Ec2RegionInput>): UsStack {
  const regions = validateRegions([{ file: "us.ts", value: { ...value, ...changes } }]);
  return new UsStack(scope, regions[0] as Ec2Region, validated(services, regions));
}

function synthesise(services: readonly ServiceInput[], changes: Partial<Ec2RegionInput> = {}) {
  const stack = synthesisedApp("us", (app) => stackOf(app, services, changes));
  const template = (group: string) =>
    stack.all("launch_template").find(({ name }) => name === group) ?? { name: group };
  const userData = (group: string) => userDataText(stack, template(group));
  return {
    stack,
    userData,
    fetched: (group: string, path: string) => fetchedText(stack, template(group), path),
    group: (name: string) => stack.all("autoscaling_group").find((each) => each["name"] === name)!,
    file: (group: string, path: string) => {
      const { write_files: files } = parse(userData(group)) as {
        write_files: { path: string; content: string }[];
      };
      return files.find((each) => each.path.endsWith(path))?.content;
    },
    allowed: (group: string) => {
      const policies = stack.resource["aws_iam_role_policy"] ?? {};
      const [, policy] = Object.entries(policies).find(([id]) => id.startsWith(`${group}_permissions`))!;
      return statements(policy["policy"]);
    },
    comesIn: (port: number) =>
      stack
        .all("vpc_security_group_ingress_rule")
        .filter((rule) => rule["from_port"] === port)
        .map((rule) => [rule["security_group_id"], rule["referenced_security_group_id"]].map(groupIn)),
  };
}

/** `app` of `${aws_security_group.app_firewall_group_1234.id}`. */
const groupIn = (reference: unknown) => /aws_security_group\.([a-z-]+)_/.exec(String(reference))?.[1];

const unit = (name: string) => `/etc/containers/systemd/tricloud-service-${name}.container`;

const unavailable = (services: readonly ServiceInput[], changes: Partial<Ec2RegionInput> = {}) =>
  downtimeShares(collectAvailability(stackOf(new App(), services, changes)));

describe("services of a region on EC2", () => {
  it("are on all machines of their group, from the account's registry by the machines' own identity", () => {
    // GIVEN a service of ours and one that somebody else's registry has
    const { file, fetched, allowed, userData } = synthesise([
      service("shop", 8080, { calls: [`https://${ORIGIN}`] }),
      service("cart", 8081, { image: `registry.example.com/cart@${DIGEST}`, in: { us: { on: "proxy" } } }),
    ]);
    // WHEN synthesised THEN each group has its own
    expect(file("us-app", unit("shop"))).toContain(`Image=${ECR}/shop/shop@${DIGEST}\n`);
    expect(file("us-proxy", unit("cart"))).toContain(`Image=registry.example.com/cart@${DIGEST}\n`);
    expect(userData("us-app")).not.toContain(unit("cart"));
    expect(userData("us-consul-server")).not.toContain("podman");
    // AND its machines may fetch that image, and nothing else of the registry
    expect(allowed("app").filter(({ Sid }) => /Registries|Images/.test(Sid))).toEqual([
      expect.objectContaining({ Action: ["ecr:GetAuthorizationToken"], Resource: ["*"] }),
      expect.objectContaining({
        Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        Resource: ["arn:aws:ecr:us-east-1:123456789012:repository/shop/shop"],
      }),
    ]);
    expect(JSON.stringify(allowed("proxy"))).not.toContain("ecr:");
    const credentials = "/etc/tricloud/services/registry-credentials.json";
    expect(JSON.parse(file("us-app", credentials)!)).toEqual({ credHelpers: { [ECR]: "ecr-login" } });
    expect(userData("us-app")).toContain("amazon-ecr-credential-helper");
    // AND no container can say that it is its machine
    expect(file("us-app", unit("shop"))).toMatch(
      /^IPAddressDeny=169\.254\.169\.254\nIPAddressDeny=fd00:ec2::254$/m,
    );
    // AND proxies let its calls out
    expect(
      (JSON.parse(fetched("us-proxy", "/etc/tricloud/proxy.json")) as { allow: string[] }).allow,
    ).toContain(ORIGIN);
  });

  it("make their group as large as they want it, and larger while it is busy", () => {
    // GIVEN two services of one group of three
    const { stack, group } = synthesise([
      service("shop", 8080, { in: { us: { instances: 5 } } }),
      service("cart", 8081, { in: { us: { instances: 2, atMost: 12 } } }),
    ]);
    // THEN the larger wishes hold, with room for those that a roll-out launches first
    expect(group("us-app")).toMatchObject({ min_size: 5, max_size: 13 });
    expect(stack.one("autoscaling_policy")).toMatchObject({
      policy_type: "TargetTrackingScaling",
      autoscaling_group_name: expect.stringContaining("aws_autoscaling_group.app_group_") as string,
      target_tracking_configuration: {
        predefined_metric_specification: { predefined_metric_type: "ASGAverageCPUUtilization" },
      },
    });
    // AND no deploy takes back what load has made of it
    expect(group("us-app")["desired_capacity"]).toBeUndefined();
    // AND the others are as they were
    expect(group("us-proxy")).toMatchObject({ min_size: 3, max_size: 4, desired_capacity: 3 });
  });

  it("let in those that call them and the proxies that do it for them, and nobody else", () => {
    const { comesIn } = synthesise([
      service("shop", 8080, { calls: ["search", "stock"] }),
      service("cart", 8083, { calls: ["search"] }),
      service("search", 8081, { in: { us: { on: "proxy" } } }),
      service("stock", 8082),
    ]);
    expect(comesIn(8080)).toEqual([]);
    expect(comesIn(8081)).toEqual([
      ["proxy", "app"],
      ["proxy", "proxy"],
    ]);
    expect(comesIn(8082)).toEqual([
      ["app", "app"],
      ["app", "proxy"],
    ]);
  });

  it("get their secrets with their machines' role, and nobody reads them in what is synthesised", () => {
    const { stack, userData, file } = synthesise([service("shop", 8080, { secrets: ["session-key"] })]);
    expect(stack.variable).toMatchObject({ secret_shop__session_key: { sensitive: true } });
    expect(stack.all("secretsmanager_secret_version").map((each) => each["secret_string"])).toContain(
      "${var.secret_shop__session_key}",
    );
    expect(userData("us-app")).toContain("/etc/tricloud/services/secrets/shop/session-key");
    expect(userData("us-app")).not.toContain("var.secret_shop__session_key");
    expect(file("us-app", unit("shop"))).toContain(":/run/secrets/session-key:ro,");
  });

  describe("that name the region's database", () => {
    const changes = { database: { storageGib: 50 } };
    const secret = (part: string) => `/etc/tricloud/services/secrets/shop/database-${part}`;

    it("find its address, a user of their own and what its certificate is checked against", () => {
      // GIVEN / WHEN
      const { stack, userData, file, fetched } = synthesise(
        [service("shop", 8080, { database: "main" })],
        changes,
      );
      // THEN what is secret, or known to AWS alone, is fetched with the machines' role
      const kept = stack.all("secretsmanager_secret_version").map((each) => String(each["secret_string"]));
      expect(kept).toContain("${var.database_password_main}");
      expect(kept).toContainEqual(
        expect.stringMatching(/^\$\{aws_db_instance\.database_instance_\w+\.address\}$/),
      );
      expect(kept).toContainEqual(
        expect.stringMatching(
          /"mysql:\/\/services:", replace\(urlencode\(var\.database_password_main\), "\+", "%20"\), "@", aws_db_instance\.database_instance_\w+\.address, ":3306\/app"/,
        ),
      );
      expect(userData("us-app")).not.toContain("var.database_password_main");
      expect(file("us-app", secret("user"))).toBe("services");
      expect(file("us-app", secret("ssl-mode"))).toBe("VERIFY_IDENTITY");
      expect(file("us-app", unit("shop"))).toContain(":/run/secrets/database-url:ro,");
      // AND it is the authority of its own region that signs there
      const authorities = fetched("us-app", secret("ca"))
        .split(/(?<=-----END CERTIFICATE-----\n)/)
        .map((certificate) => new X509Certificate(certificate));
      expect(authorities.length).toBeGreaterThan(1);
      for (const { subject, ca } of authorities) {
        expect(subject).toMatch(/^CN=Amazon RDS us-east-1 Root CA/m);
        expect(ca).toBe(true);
      }
      expect(stack.variable).toMatchObject({ database_password_main: { sensitive: true } });
    });

    it("are let in wherever they run, and nobody else newly", () => {
      const clients = (services: readonly ServiceInput[]) => synthesise(services, changes).comesIn(3306);
      expect(clients([service("shop", 8080, { in: { us: { on: "proxy" } } })])).toEqual([
        ["database", "app"],
      ]);
      expect(clients([service("shop", 8080, { database: "main" })])).toEqual([["database", "app"]]);
      expect(clients([service("shop", 8080, { database: "main", in: { us: { on: "proxy" } } })])).toEqual([
        ["database", "app"],
        ["database", "proxy"],
      ]);
    });

    it("may have a database that is made along with it, or another one, and another user", () => {
      const urls = (database: Ec2RegionInput["database"]) =>
        synthesise([service("shop", 8080, { database: "main" })], { database })
          .stack.all("secretsmanager_secret_version")
          .map((each) => String(each["secret_string"]))
          .filter((text) => text.includes("mysql:"));
      expect(urls({ databaseName: "shop" })).toEqual([expect.stringMatching(/":3306\/shop"/)]);
      expect(urls({ databaseName: "shop", services: { user: "web", databaseName: "stock" } })).toEqual([
        expect.stringMatching(/"mysql:\/\/web:".*":3306\/stock"/),
      ]);
    });

    it("can promise no more than it does", () => {
      const figures = unavailable([service("shop", 8080, { database: "main" }), service("news", 8081)], {
        database: { multiAz: false },
      });
      expect(figures["shop"]).toBeGreaterThan(figures["news"]! + 0.004);
    });
  });

  it("have tasks before their release seen to by new machines, and take turns at others", () => {
    const tasks = {
      migrate: { command: ["migrate"], when: "before-release" as const },
      report: { command: ["report"], every: "03:00 America/New_York" },
    };
    const { userData, file } = synthesise([service("shop", 8080, { tasks })]);
    expect(file("us-app", unit("shop"))).toContain("Requires=tricloud-task-shop.migrate.service\n");
    expect(userData("us-app")).toContain("tricloud-task-shop.report.timer");
    // AND a task is no more its machine than the service is
    expect(file("us-app", "/etc/systemd/system/tricloud-task-shop.migrate.service")).toContain(
      "IPAddressDeny=169.254.169.254\n",
    );
    expect(userData("us-proxy")).not.toContain("tricloud-task-");
  });

  it("may be what the region's entrance leads to", () => {
    // GIVEN an entrance to a service that is on the proxies' machines
    const changes = { entrance: { ...us.entrance!, service: "shop" } };
    const services = [service("shop", 8080, { in: { us: { on: "proxy" } } })];
    // WHEN
    const { group, comesIn } = synthesise(services, changes);
    // THEN the load balancer reaches those, and they are judged by it
    expect(group("us-proxy")["target_group_arns"]).toHaveLength(2);
    expect(group("us-proxy")).toMatchObject({ health_check_type: "ELB" });
    expect(group("us-app")["target_group_arns"]).toBeUndefined();
    expect(comesIn(8080)).toEqual([["proxy", "entrance"]]);
    // AND users of it reach no other application
    const figures = unavailable(services, changes);
    expect(Object.keys(figures)).toEqual(["calls-to-other-clouds", "shop"]);
    // AND it promises less than by itself
    expect(figures["shop"]).toBeGreaterThan(unavailable(services)["shop"]!);
  });

  it("can promise no more than what they cannot do without", () => {
    const figures = unavailable([
      service("search", 8081),
      service("shop", 8080, { calls: ["search"] }),
      service("news", 8082, { calls: ["search"], degradesWithout: ["search"] }),
    ]);
    expect(figures["shop"]).toBeGreaterThan(figures["search"]!);
    expect(figures["shop"]).toBeGreaterThan(figures["news"]!);
  });

  it("are in the region's picture, once each, with whom they call", () => {
    const services = [service("shop", 8080, { calls: ["search"] }), service("search", 8081)];
    const app = new App();
    stackOf(app, services, { entrance: { ...us.entrance!, service: "shop" } });
    const regions = validateRegions([{ file: "us.ts", value }]);
    const topology = JSON.stringify(
      collectTopology(app, () => "us", serviceCalls(validated(services, regions))),
    );
    expect(topology).toContain('{"kind":"call","from":"shop","to":"search"}');
    expect(topology.match(/"role":"application","name":"shop"/g)).toHaveLength(2);
    expect(topology).not.toMatch(/"role":"application","on"/);
  });

  it("of another region can be placed there, with the region's own resolver, proxies and services", () => {
    // GIVEN a service of jp, whose stock us has too, and whose prices it has not
    const jp = dedicatedRegionValue({ registry: { address: "registry.internal:5000" } });
    const regions = validateRegions([
      { file: "jp.ts", value: jp },
      { file: "us.ts", value },
    ]);
    const inJp = servicesOf("jp");
    const services = validated(
      [
        inJp("shop", 8080, { calls: ["stock", "prices"] }),
        inJp("stock", 8081, { in: { jp: {}, us: {} } }),
        inJp("prices", 8082),
      ],
      regions,
    );
    const app = new App();
    new JpStack(app, regions[0] as DedicatedRegion, services);
    new UsStack(app, regions[1] as Ec2Region, services);
    // WHEN
    const shop = placedResults(collectAvailability(app)).find((one) => one.service === "shop")!;
    // THEN
    expect(shop.placements.map((one) => one.regions.join("+")).sort()).toEqual(["jp", "jp+us", "us"]);
    expect(shop.brought).toEqual([{ region: "us", what: "service prices", from: "jp" }]);
  });

  describe("behind one entrance", () => {
    const entrance = { ...us.entrance!, domain: "www.example.com", zone: "example.com", service: "shop" };
    const several = [
      service("shop", 8080),
      service("api", 8081, {
        health: { path: "/api/healthz" },
        public: { hosts: ["www.example.com", "api.example.com"], paths: ["/api", "/api/v2/old"] },
      }),
      service("search", 8082, {
        public: { hosts: ["find.example.com"] },
        in: { us: { on: "proxy" } },
      }),
    ];
    const { stack, comesIn } = synthesise(several, { entrance });
    const rules = stack
      .all("lb_listener_rule")
      .map((rule) => {
        const [host, path] = rule["condition"] as {
          host_header?: { values: string[] };
          path_pattern?: { values: string[] };
        }[];
        const [action] = rule["action"] as { target_group_arn?: string; type: string }[];
        const to = /targets-([a-z]+)_/.exec(action!.target_group_arn ?? "")?.[1] ?? action!.type;
        const asked = [host!.host_header!.values.join(), path?.path_pattern?.values.join(" ")];
        return { priority: rule["priority"] as number, asked, to };
      })
      .sort((one, other) => one.priority - other.priority);

    it("are led to by host and path, the longest path first, and hosts that have more are closed", () => {
      const leading = (host: string) =>
        rules.filter(({ asked }) => asked[0] === host).map(({ asked, to }) => [asked[1], to]);
      const paths = [
        ["/api/v2/old /api/v2/old/*", "api"],
        ["/api /api/*", "api"],
      ];
      // THEN what is not the others' goes to the entrance's own service
      expect(leading("www.example.com")).toEqual(paths);
      expect(leading("us.www.example.com")).toEqual(paths);
      // AND on a host that has none nowhere
      expect(leading("api.example.com")).toEqual([...paths, [undefined, "fixed-response"]]);
      expect(leading("us.find.example.com")).toEqual([[undefined, "search"]]);
      expect(new Set(rules.map(({ priority }) => priority)).size).toBe(rules.length);
      expect(rules[0]!.priority).toBeGreaterThanOrEqual(1);
      expect(rules.at(-1)!.priority).toBeLessThanOrEqual(50_000);
    });

    it("have places of their own among the rules, whatever comes besides", () => {
      const more = service("stock", 8083, { public: { hosts: ["stock.example.com"] } });
      const { stack: larger } = synthesise([more, ...several], { entrance });
      const places = (of: typeof stack) =>
        Object.entries(of.resource["aws_lb_listener_rule"]!).map(([id, rule]) => [id, rule["priority"]]);
      expect(places(larger)).toEqual(expect.arrayContaining(places(stack)));
    });

    it("are checked each by itself, on the machines of their own groups", () => {
      const checks = stack
        .all("lb_target_group")
        .filter(({ protocol }) => protocol === "HTTP")
        .map((each) => [each["port"], (each["health_check"] as { path: string }).path]);
      expect(checks).toEqual(
        expect.arrayContaining([
          [8080, us.entrance!.healthPath ?? "/healthz"],
          [8081, "/api/healthz"],
          [8082, "/healthz"],
        ]),
      );
      expect(comesIn(8082)).toEqual([["proxy", "entrance"]]);
      const groups = stack.all("autoscaling_group");
      const lists = (name: string) =>
        JSON.stringify(groups.find((each) => each["name"] === name)!["target_group_arns"]);
      expect(lists("us-proxy")).toContain("targets-search");
      expect(lists("us-app")).toMatch(/targets_.*targets-api/);
      expect(stack.all("cloudwatch_metric_alarm").map((each) => each["alarm_name"])).toContain(
        "us: us-app-search-unhealthy-machines",
      );
    });

    it("have certificates and names of their own, led here while they are well", () => {
      expect(
        stack
          .all("acm_certificate")
          .map((each) => each["domain_name"])
          .sort(),
      ).toEqual(["api.example.com", "find.example.com", "www.example.com"]);
      expect(stack.all("lb_listener_certificate")).toHaveLength(2);
      const checks = stack
        .all("route53_health_check")
        .map((each) => `${String(each["fqdn"])}${String(each["resource_path"])}`);
      expect(checks.sort()).toEqual([
        "us.api.example.com/api/healthz",
        "us.find.example.com/healthz",
        "us.www.example.com/healthz",
      ]);
    });

    it("are promised with the entrance in front", () => {
      const behind = unavailable(several, { entrance });
      const alone = unavailable(
        several.map((each) => ({ ...each, public: undefined })),
        { entrance },
      );
      expect(behind["search"]).toBeGreaterThan(alone["search"]!);
    });
  });
});
