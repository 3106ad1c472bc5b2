import { spawnSync } from "node:child_process";
import { parse } from "yaml";
import { type Ec2Region, type Ec2RegionInput, validateRegions } from "../../stacks/values/regions";
import us from "../../regions/us";
import { UsStack } from "../../stacks/us";
import {
  type Attributes,
  fetchedText,
  statements,
  type Synthesised,
  synthesisedApp,
  userDataText,
} from "../constructs/aws/synthesised";
import { itWithCloudInit, schemaComplaint } from "../constructs/host/cloud-init-schema";

function synthesise(changes: Partial<Ec2RegionInput> = {}): { stack: Synthesised; us: UsStack } {
  const [region] = validateRegions([{ file: "us.ts", value: { ...us, ...changes } }]);
  let built: UsStack | undefined;
  const stack = synthesisedApp("us", (app) => (built = new UsStack(app, region as Ec2Region)));
  return { stack, us: built! };
}

const named = (stack: Synthesised, type: string, name: string): Attributes => {
  const found = stack.all(type).find((each) => each["name"] === name);
  if (found === undefined) throw new Error(`no ${type} named ${name}`);
  return found;
};

const strings = (value: unknown): string[] =>
  typeof value === "string"
    ? [value]
    : typeof value === "object" && value !== null
      ? Object.values(value).flatMap(strings)
      : [];

describe("UsStack", () => {
  let stack: Synthesised;
  let built: UsStack;

  // GIVEN the region value of the US, WHEN it is synthesised
  beforeAll(() => ({ stack, us: built } = synthesise()));

  it("spreads over three zones", () => {
    // THEN
    expect(new Set(stack.all("subnet").map((subnet) => subnet["availability_zone"]))).toEqual(
      new Set(us.availabilityZones),
    );
    for (const group of stack.all("autoscaling_group")) expect(group["vpc_zone_identifier"]).toHaveLength(3);
  });

  it("has a group for each role", () => {
    expect(stack.all("autoscaling_group").map((group) => [group["name"], group["desired_capacity"]])).toEqual(
      expect.arrayContaining([
        ["us-consul-server", 3],
        ["us-proxy", 3],
        ["us-app", 3],
      ]),
    );
  });

  it("lets the internet reach the public load balancer alone, for HTTPS and for being sent on to it", () => {
    const open = stack
      .all("vpc_security_group_ingress_rule")
      .filter((rule) => !strings(rule["cidr_ipv4"]).every((network) => network === us.cidr));
    expect(open.map((rule) => [rule["cidr_ipv4"], rule["from_port"], rule["to_port"]])).toEqual([
      ["0.0.0.0/0", 443, 443],
      ["0.0.0.0/0", 80, 80],
    ]);
    for (const rule of open) expect(String(rule["security_group_id"])).toContain(".entrance_firewall_");
    expect(
      stack.all("vpc_security_group_ingress_rule").filter((rule) => rule["cidr_ipv6"] !== undefined),
    ).toEqual([]);
    for (const group of stack.all("security_group")) expect(group["ingress"]).toBeUndefined();
  });

  it("has nothing that the internet reaches when the region has no entrance", () => {
    // GIVEN a region value without one WHEN synthesised
    const { stack: closed } = synthesise({ entrance: undefined });
    // THEN
    const networks = closed
      .all("vpc_security_group_ingress_rule")
      .flatMap((rule) => strings(rule["cidr_ipv4"]));
    expect(new Set(networks)).toEqual(new Set([us.cidr]));
    expect(closed.all("lb").map((balancer) => balancer["internal"])).toEqual([true]);
  });

  it("sends requests to the app servers, which keep running when only their application fails", () => {
    expect(named(stack, "autoscaling_group", "us-app")).toMatchObject({ health_check_type: "EC2" });
    expect(named(stack, "autoscaling_group", "us-app")["target_group_arns"]).toHaveLength(1);
    expect(named(stack, "autoscaling_group", "us-proxy")).toMatchObject({ health_check_type: "ELB" });
  });

  it("keeps the data stores in the data subnets of three zones, open to the app servers alone", () => {
    for (const type of ["db_subnet_group", "elasticache_subnet_group"]) {
      expect(String(stack.one(type)["subnet_ids"])).toMatch(/data-a.*data-b.*data-c/);
    }
    for (const port of [3306, 6379]) {
      const rules = stack.all("vpc_security_group_ingress_rule").filter((rule) => rule["from_port"] === port);
      expect(rules.map((rule) => String(rule["referenced_security_group_id"]))).toEqual([
        expect.stringContaining("aws_security_group.app_firewall_"),
      ]);
    }
  });

  it("encrypts data and secrets with its own key", () => {
    const key = expect.stringMatching(/^\$\{aws_kms_key\.key_/) as unknown;
    expect(stack.one("db_instance")).toMatchObject({ master_user_secret_kms_key_id: key });
    expect(stack.one("elasticache_replication_group")).toMatchObject({ kms_key_id: key });
    for (const secret of stack.all("secretsmanager_secret"))
      expect(secret).toMatchObject({ kms_key_id: key });
    expect(stack.one("kms_key")).toMatchObject({ enable_key_rotation: true });
  });

  it("lets machines look up names of AWS and of the region that lead to private addresses", () => {
    const unbound = fetchedText(
      stack,
      named(stack, "launch_template", "us-app"),
      "/etc/unbound/tricloud.conf",
    );
    for (const zone of ["us.internal", "amazonaws.com", "ec2.internal"]) {
      expect(unbound).toMatch(new RegExp(`private-domain: "?${zone.replace(".", "\\.")}`));
    }
    expect(stack.one("route53_zone")).toMatchObject({ name: "us.internal", vpc: [{}] });
  });

  it("lets machines look up names of other internal zones that the region names", () => {
    // GIVEN a region beside another private zone WHEN synthesised
    const { stack: beside } = synthesise({ internalZones: ["corp.example.com"] });
    // THEN
    const app = named(beside, "launch_template", "us-app");
    const unbound = fetchedText(beside, app, "/etc/unbound/tricloud.conf");
    expect(unbound).toMatch(/private-domain: "?corp\.example\.com/);
  });

  it("refuses to destroy what holds data or names, and at the first try does once the region lets it", () => {
    const guarded = ["db_instance", "elasticache_replication_group", "lb"];
    for (const [region, isProtected] of [
      [stack, true],
      [synthesise({ deletionProtection: false }).stack, false],
    ] as const) {
      for (const type of guarded) {
        for (const resource of region.all(type)) {
          expect(resource["lifecycle"]).toEqual({ prevent_destroy: isProtected });
        }
      }
      expect(region.one("db_instance")).toMatchObject({ deletion_protection: isProtected });
      for (const balancer of region.all("lb")) {
        expect(balancer).toMatchObject({ enable_deletion_protection: isProtected });
      }
    }
  });

  it.each([
    "cloudwatch_log_group",
    "s3_bucket",
    "secretsmanager_secret",
    "wafv2_web_acl",
    "eip",
    "autoscaling_group",
    "vpc",
    "sns_topic",
  ])("has every aws_%s in an output, for who looks it up in a console", (type) => {
    // GIVEN the stack's outputs, and all resources of the type
    const outputs = JSON.stringify(Object.values(stack.output).map(({ value }) => value));
    const resources = Object.entries(stack.resource[`aws_${type}`] ?? {});
    // THEN each is named by what Terraform knows of it, or by a name that stands from the beginning
    const isNamed = ([id, { name }]: (typeof resources)[number]) =>
      [`\${aws_${type}.${id}.`, JSON.stringify(name ?? id)].some((text) => outputs.includes(text));
    expect(resources.length).toBeGreaterThan(0);
    expect(resources.filter((each) => !isNamed(each)).map(([id]) => id)).toEqual([]);
  });

  it("tells other stacks, and people, where its parts are", () => {
    expect(Object.keys(stack.output)).toEqual(
      expect.arrayContaining([
        "vpc_id",
        "proxy_address",
        "database_address",
        "database_secret",
        "cache_address",
        "entrance_address",
        "alarm_topic",
      ]),
    );
    expect(stack.output["proxy_address"]).toMatchObject({ value: "proxy.us.internal" });
    expect(stack.output["secret_names"]).toMatchObject({
      value: { "consul-gossip": expect.stringMatching(/^\$\{aws_secretsmanager_secret\..*\.name\}$/) },
    });
    expect(stack.output["image_id"]?.["value"]).toMatch(/^\$\{data\.aws_ami\..*\.id\}$/);
    // Clients that check the server's name over TLS need the one in its certificate.
    expect(stack.output["database_address"]?.["value"]).toMatch(/^\$\{aws_db_instance\..*\.address\}$/);
    expect(stack.output["cache_address"]?.["value"]).toMatch(
      /^\$\{aws_elasticache_.*\.primary_endpoint_address\}$/,
    );
  });

  it("pages people about every part that can fail", () => {
    // GIVEN a region whose applications serve WHEN synthesised
    const { stack } = synthesise({ entrance: { ...us.entrance!, serving: true } });
    // THEN
    const namespaces = new Set(stack.all("cloudwatch_metric_alarm").map((alarm) => alarm["namespace"]));
    expect([...namespaces].sort()).toEqual([
      "AWS/ApplicationELB",
      "AWS/AutoScaling",
      "AWS/ElastiCache",
      "AWS/NATGateway",
      "AWS/NetworkELB",
      "AWS/RDS",
      "AWS/Route53",
      "Tricloud",
    ]);
    for (const alarm of stack.all("cloudwatch_metric_alarm")) {
      expect(alarm["alarm_actions"]).toEqual([expect.stringContaining("aws_sns_topic.pager_")]);
    }
    const names = stack.all("cloudwatch_metric_alarm").map((alarm) => alarm["alarm_name"]);
    expect(new Set(names).size).toBe(names.length);
  });

  it("pages people when Consul has no leader or no server to spare, where there can be one", () => {
    const alarms = (from: Synthesised) =>
      from
        .all("cloudwatch_metric_alarm")
        .filter((alarm) => String(alarm["metric_name"]).startsWith("Consul"));
    const common = {
      dimensions: { Group: "us-consul-server" },
      statistic: "Maximum",
      comparison_operator: "LessThanThreshold",
      threshold: 1,
      treat_missing_data: "breaching",
    };
    expect(alarms(stack)).toMatchObject([
      { ...common, metric_name: "ConsulHasLeader" },
      { ...common, metric_name: "ConsulCanLoseOne" },
    ]);
    const servers = userDataText(stack, named(stack, "launch_template", "us-consul-server"));
    expect(servers).toContain("/etc/tricloud/machine-checks/ConsulCanLoseOne");
    expect(userDataText(stack, named(stack, "launch_template", "us-app"))).not.toContain(
      "machine-checks/Consul",
    );
    // GIVEN a region of one server WHEN synthesised THEN it never had one to spare
    const { stack: single } = synthesise({
      consul: { ...us.consul, singleServer: true },
      servers: { ...us.servers, "consul-server": { count: 1 } },
    });
    expect(alarms(single)).toMatchObject([{ metric_name: "ConsulHasLeader" }]);
  });

  it("has Consul's servers, and no others, keep snapshots in a bucket by their role, and delete none", () => {
    // GIVEN a region with a bucket for them
    const bucket = { bucket: "kept", region: "us-west-2" };
    const { stack: keeping } = synthesise({ consul: { ...us.consul, snapshots: { bucket } } });

    // WHEN synthesised
    const allowed = (from: Synthesised) =>
      from.all("iam_role_policy").flatMap(({ role, policy }) =>
        statements(policy)
          .filter(({ Sid }) => Sid.endsWith("Snapshots"))
          .map(({ Action, Resource }) => [String(role), Action, Resource]),
      );

    // THEN
    const servers = expect.stringContaining("aws_iam_role.consul-server_");
    expect(allowed(keeping)).toEqual([
      [servers, ["s3:PutObject", "s3:GetObject"], ["arn:aws:s3:::kept/consul/us/*"]],
      [servers, ["s3:ListBucket"], ["arn:aws:s3:::kept"]],
    ]);
    expect(allowed(stack)).toEqual([]);
    // AND no key of anybody's is asked for
    expect(Object.keys(keeping.variable)).toEqual(Object.keys(stack.variable));
  });

  it("keeps what machines say for as long as the region wants, or not at all", () => {
    const machines = ({ all }: Synthesised) =>
      all("cloudwatch_log_group").filter(({ name }) => name === "/tricloud/us/machines");
    expect(machines(stack)).toMatchObject([{ retention_in_days: 30 }]);
    expect(machines(synthesise({ machineLogDays: 7 }).stack)).toMatchObject([{ retention_in_days: 7 }]);
    const { stack: silent } = synthesise({ machineLogDays: "none" });
    expect(machines(silent)).toEqual([]);
    expect(JSON.stringify(silent.resource)).not.toContain("machine-watch");
    expect(silent.all("cloudwatch_metric_alarm").map(({ namespace }) => namespace)).not.toContain("Tricloud");
  });

  it("pages nobody about an application that is not there yet", () => {
    // GIVEN the region as it is, with an entrance and nothing behind it WHEN synthesised THEN
    const namespaces = stack.all("cloudwatch_metric_alarm").map((alarm) => alarm["namespace"]);
    expect(namespaces).not.toContain("AWS/ApplicationELB");
    expect(namespaces).not.toContain("AWS/Route53");
  });

  it("lets Consul's agents reach each other and the servers", () => {
    const ports = stack
      .all("vpc_security_group_ingress_rule")
      .filter((rule) => String(rule["referenced_security_group_id"]).includes("consul-firewall"))
      .map((rule) => `${String(rule["ip_protocol"])} ${String(rule["from_port"])}`);
    expect(ports.sort()).toEqual(["tcp 8300", "tcp 8301", "tcp 8600", "udp 8301", "udp 8600"]);
  });

  it("lets Consul's servers tell one another of other datacenters", () => {
    const own = /aws_security_group\.consul-server_firewall/;
    const rules = stack
      .all("vpc_security_group_ingress_rule")
      .filter(
        (rule) =>
          own.test(String(rule["security_group_id"])) &&
          own.test(String(rule["referenced_security_group_id"])),
      )
      .map((rule) => `${String(rule["ip_protocol"])} ${String(rule["from_port"])}`);
    expect(rules.sort()).toEqual(["tcp 8302", "udp 8302"]);
  });

  it("replaces Consul's servers one after another, each only when the one before it is a voter", () => {
    expect(named(stack, "autoscaling_group", "us-consul-server")).toMatchObject({
      instance_maintenance_policy: { min_healthy_percentage: 100, max_healthy_percentage: 134 },
      max_size: 4,
      default_instance_warmup: 60,
    });
  });

  it("tags machines and disks as all else is tagged", () => {
    // GIVEN a region with a tag of its own WHEN synthesised
    const { stack: tagged } = synthesise({ tags: { team: "platform" } });
    // THEN
    for (const template of tagged.all("launch_template")) {
      const specifications = template["tag_specifications"] as { resource_type: string; tags: unknown }[];
      expect(specifications.map(({ resource_type }) => resource_type)).toEqual(["instance", "volume"]);
      for (const { tags } of specifications) {
        expect(tags).toMatchObject({ team: "platform", "tricloud-region": "us" });
      }
      expect(template["tags"]).not.toHaveProperty("tricloud-region");
    }
  });

  it("asks for authenticated metadata requests and encrypted disks everywhere", () => {
    for (const template of stack.all("launch_template")) {
      expect(template["metadata_options"]).toMatchObject({
        http_tokens: "required",
        http_put_response_hop_limit: 1,
      });
      expect(template["block_device_mappings"]).toMatchObject([
        { ebs: { encrypted: "true", volume_type: "gp3" } },
      ]);
    }
    expect(stack.all("launch_template")).toHaveLength(3);
  });

  it("lets only the proxies' role read the proxy", () => {
    const readers = stack
      .all("iam_role_policy")
      .filter((policy) =>
        statements(policy["policy"]).some(
          ({ Action, Resource }) =>
            Action.includes("s3:GetObjectVersion") &&
            Resource.some((arn) => arn.endsWith("/tricloud-proxy.js")),
        ),
      );
    expect(readers.map((policy) => String(policy["role"]))).toEqual([
      expect.stringContaining("aws_iam_role.proxy_"),
    ]);
  });

  it("holds no secret, only expressions that stand for one", () => {
    const values = stack
      .all("secretsmanager_secret_version")
      .flatMap((version) => strings(version["secret_string"]));
    const used = new Set(values.flatMap((value) => value.match(/var\.\w+/g) ?? []));
    expect([...used].sort()).toEqual([
      "var.consul_agent_token",
      "var.consul_ca_certificate",
      "var.consul_dns_token",
      "var.consul_gossip_key",
      "var.consul_management_token",
      "var.consul_server_certificate",
      "var.consul_server_key",
    ]);
    for (const value of values) expect(value).toMatch(/^\$\{.*var\.consul_\w+/);
    for (const text of Object.values(stack.locals)) expect(text).not.toMatch(/var\.consul_/);
  });

  it("gives each group unbound and a Consul agent, and the proxies the proxy", () => {
    for (const template of stack.all("launch_template")) {
      const script = userDataText(stack, template);
      expect(script).toMatch(/^ *service unbound\.service /m);
      expect(script).toMatch(/^ *service consul\.service /m);
      expect(/^ *service tricloud-proxy\.service /m.test(script)).toBe(template["name"] === "us-proxy");
    }
  });

  it("lets Consul's agents find the servers by the tag that the servers carry", () => {
    const [, key, value] =
      /provider=aws region=us-east-1 .*?tag_key=(\S+) tag_value=([^\s"\\]+)/.exec(
        userDataText(stack, named(stack, "launch_template", "us-app")),
      ) ?? [];
    expect(named(stack, "launch_template", "us-consul-server")["tag_specifications"]).toContainEqual(
      expect.objectContaining({
        resource_type: "instance",
        tags: expect.objectContaining({ [String(key)]: value }),
      }),
    );
  });

  it("starts the servers before those that join them", () => {
    for (const name of ["us-proxy", "us-app"]) {
      expect(named(stack, "autoscaling_group", name)["depends_on"]).toContainEqual(
        expect.stringMatching(/^aws_autoscaling_group\.consul-server_/),
      );
    }
  });

  itWithCloudInit("has user data that cloud-init takes", () => {
    for (const template of stack.all("launch_template")) {
      expect(schemaComplaint(userDataText(stack, template))).toBeUndefined();
    }
  });

  it("has boot scripts that bash can read", () => {
    for (const template of stack.all("launch_template")) {
      const { write_files: files } = parse(userDataText(stack, template)) as {
        write_files: { path: string; content: string }[];
      };
      const script = files.find(({ path }) => path === "/usr/local/lib/tricloud/boot")?.content;
      expect(spawnSync("bash", ["-n"], { input: script, encoding: "utf8" })).toMatchObject({
        status: 0,
        stderr: "",
      });
    }
  });

  it("states what its calls to other clouds need", () => {
    const service = built.services.find(({ name }) => name === "calls-to-other-clouds");
    expect(service?.requires.length).toBeGreaterThanOrEqual(3);
  });
});

const IMAGE_EXPECTED =
  "expected Debian's name of an image such as debian-13-amd64-20251117-2299, or an image id such as " +
  "ami-0123456789abcdef0; to find one: aws ec2 describe-images --owners 136693071363 " +
  "--filters 'Name=name,Values=debian-13-*64-*' --query 'sort_by(Images, &CreationDate)[-2:].[Name, ImageId]' --output text";

describe("a wrong EC2 region value", () => {
  const refusal = (changes: Record<string, unknown>): string => {
    try {
      validateRegions([{ file: "us.ts", value: { ...us, ...changes } }]);
    } catch (error) {
      return (error as Error).message;
    }
    return "accepted";
  };

  it.each([
    [
      { machineLogDays: 8 },
      'region us: machineLogDays: expected "none" or one of CloudWatch\'s terms: 1, 3, 5, 7, 14, 30, 60, 90, 120, ' +
        "150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 days, got: 8",
    ],
    [
      { awsRegion: "virginia" },
      'region us: awsRegion: expected an AWS region such as us-east-1, got: "virginia"',
    ],
    [
      { availabilityZones: ["us-east-1a", "eu-west-1b"] },
      'region us: availabilityZones[1]: expected a zone of us-east-1, got: "eu-west-1b"',
    ],
    [
      { availabilityZones: ["us-east-1a", "us-east-1a"] },
      'region us: availabilityZones[1]: expected a zone that is not in the list already, got: "us-east-1a"',
    ],
    [
      { availabilityZones: ["us-east-1a"] },
      'region us: availabilityZones: expected at least two availability zones, got: ["us-east-1a"]',
    ],
    [
      { cidr: "10.20.0.0/26" },
      'region us: cidr: expected a network of /16 to /24, which a VPC can hold and twelve subnets fit in, got: "10.20.0.0/26"',
    ],
    [{ nat: "none" }, 'region us: nat: expected "single" or "per-zone", got: "none"'],
    [
      { servers: { "consul-server": { count: 4 } } },
      "region us: servers.consul-server.count: expected 3 or 5 Consul servers: an even number adds no fault tolerance, and fewer than 3 have none, got: 4",
    ],
    [
      { servers: { app: { instanceType: "big" } } },
      'region us: servers.app.instanceType: expected an EC2 instance type such as t3.small, got: "big"',
    ],
    [{ image: "debian" }, `region us: image: ${IMAGE_EXPECTED}, got: "debian"`],
    [{ image: undefined }, `region us: image: ${IMAGE_EXPECTED}, got: nothing`],
    [
      { image: "debian-13-arm64-20251117-2299" },
      'region us: image: expected an image for x86_64, got: "debian-13-arm64-20251117-2299"',
    ],
    [
      { tags: { "aws:team": "platform" } },
      'region us: tags.aws:team: expected a key of at most 128 letters, digits and _ .:/=+-@, without aws: or tricloud- in front, got: "platform"',
    ],
    [
      { consul: { peers: { jp: ["10.10.0.11"] } } },
      "region us: consulWanNetworks: expected the networks of the datacenters in consul.peers, which could not get in otherwise, got: nothing",
    ],
    [{ zones: 3 }, "region us: zones: expected no such field, got: 3"],
  ])("%j is refused by name, path, value and expectation", (changes, message) => {
    expect(refusal(changes).split("\n")).toContain(message);
  });
});
