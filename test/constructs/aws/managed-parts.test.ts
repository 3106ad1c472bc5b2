import type { Construct } from "constructs";
import { TerraformVariable } from "cdktf";
import {
  AssetBucket,
  Cache,
  DnsZone,
  Firewall,
  FlowLog,
  MysqlDatabase,
  type MysqlDatabaseProps,
  Network,
  Pager,
  PublicLoadBalancer,
  type PublicLoadBalancerProps,
  SecretStore,
  ServerGroup,
  TlsCertificate,
} from "../../../constructs/aws";
import type { LoadBalancerRoute } from "../../../constructs/aws/listener-rules";
import { type Attributes, statements, type Synthesised, synthesised } from "./synthesised";

const KEY = "arn:aws:kms:us-east-1:123456789012:key/1";

const networkIn = (stack: Construct): Network =>
  new Network(stack, "network", {
    name: "us",
    cidr: "10.20.0.0/16",
    awsRegion: "us-east-1",
    availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
  });

const withNetwork = (build: (stack: Construct, network: Network) => void): Synthesised =>
  synthesised((stack) => build(stack, networkIn(stack)));

const withoutDataSubnets = (stack: Construct) =>
  Network.fromAttributes(stack, "network", {
    vpcId: "vpc-1",
    cidr: "10.9.0.0/16",
    awsRegion: "us-east-1",
    zones: [
      { name: "us-east-1a", privateSubnetId: "subnet-1" },
      { name: "us-east-1b", privateSubnetId: "subnet-2" },
    ],
  });

describe("MysqlDatabase", () => {
  const database = (changes: Partial<MysqlDatabaseProps> = {}) =>
    withNetwork((stack, network) => {
      new MysqlDatabase(stack, "database", { name: "us-db", network, keyArn: KEY, ...changes });
    });

  it("has a standby in another zone, and says what that is worth", () => {
    let available: number | undefined;
    let single: number | undefined;
    // GIVEN a database with and one without
    const stack = withNetwork((scope, network) => {
      const availabilityOf = (name: string, multiAz: boolean) => {
        const { availability } = new MysqlDatabase(scope, name, { name, network, keyArn: KEY, multiAz });
        return availability.type === "component" ? availability.availability : undefined;
      };
      // WHEN their availability is asked for
      available = availabilityOf("two", true);
      single = availabilityOf("one", false);
    });
    // THEN it is what AWS promises for each
    const standby = stack.all("db_instance").map(({ identifier, multi_az }) => [identifier, multi_az]);
    expect(Object.fromEntries(standby)).toEqual({ two: true, one: false });
    expect([available, single]).toEqual([0.9995, 0.995]);
  });

  it("is private, encrypted, reached over TLS only, and its password is not Terraform's business", () => {
    // GIVEN a database WHEN synthesised
    const stack = database();

    // THEN
    const instance = stack.one("db_instance");
    expect(instance).toMatchObject({
      publicly_accessible: false,
      storage_encrypted: true,
      performance_insights_enabled: true,
      manage_master_user_password: true,
      master_user_secret_kms_key_id: KEY,
    });
    expect(instance["password"]).toBeUndefined();
    expect(stack.one("db_parameter_group")["parameter"]).toContainEqual({
      name: "require_secure_transport",
      value: "1",
    });
  });

  it.each(["db.t4g.micro", "db.t3.small"])(
    "is made as %s, too, which RDS gives no insights",
    (instanceClass) => {
      expect(database({ instanceClass }).one("db_instance")).toMatchObject({
        performance_insights_enabled: false,
      });
    },
  );

  it("cannot be lost by accident", () => {
    // GIVEN a database WHEN synthesised THEN
    expect(database().one("db_instance")).toMatchObject({
      deletion_protection: true,
      lifecycle: { prevent_destroy: true },
      backup_retention_period: 14,
    });
  });

  it("leaves a last snapshot when it goes, under a name that no other destroy has used, that can be read afterwards", () => {
    // GIVEN a database that may be destroyed WHEN synthesised
    const stack = database({ deletionProtection: false });
    const instance = stack.one("db_instance");
    // THEN its snapshot is named for this very one of all that the stack has made
    expect(instance).toMatchObject({
      deletion_protection: false,
      lifecycle: { prevent_destroy: false },
      skip_final_snapshot: false,
      delete_automated_backups: false,
    });
    const [incarnation] = Object.keys(stack.resource["terraform_data"] ?? {});
    expect(instance["final_snapshot_identifier"]).toBe(`us-db-last-\${terraform_data.${incarnation}.id}`);
    // and is not encrypted with a key that goes along
    expect(instance).not.toHaveProperty("kms_key_id");
    expect(database({ storageKeyArn: KEY }).one("db_instance")).toMatchObject({ kms_key_id: KEY });
  });

  it("can be changed as RDS lets one change it, and has a first database", () => {
    // GIVEN a database about to be raised to another release WHEN synthesised THEN
    const changes = {
      databaseName: "shop",
      allowMajorUpgrade: true,
      applyImmediately: true,
      blueGreenUpdate: true,
    };
    expect(database(changes).one("db_instance")).toMatchObject({
      db_name: "shop",
      allow_major_version_upgrade: true,
      apply_immediately: true,
      blue_green_update: { enabled: true },
    });
  });

  it("keeps its logs for a time, in groups that are there before it", () => {
    // GIVEN a database WHEN synthesised
    const stack = database();
    // THEN
    const groups = Object.entries(stack.resource["aws_cloudwatch_log_group"] ?? {});
    expect(groups.map(([, { name, retention_in_days }]) => [name, retention_in_days])).toEqual([
      ["/aws/rds/instance/us-db/error", 90],
      ["/aws/rds/instance/us-db/slowquery", 90],
    ]);
    expect(stack.one("db_instance")["depends_on"]).toEqual(
      groups.map(([id]) => `aws_cloudwatch_log_group.${id}`),
    );
  });

  it("lets a group in as a user of its own, by IAM, and not to the administrator's password", () => {
    // GIVEN a group that a database lets in WHEN synthesised
    const stack = withNetwork((scope, network) => {
      const to = appGroup(scope, network);
      const it = new MysqlDatabase(scope, "database", { name: "us-db", network, keyArn: KEY });
      it.allowFrom(to, "shop");
    });
    // THEN
    const allowed = statements(stack.one("iam_role_policy")["policy"]);
    expect(allowed).toContainEqual(
      expect.objectContaining({
        Action: ["rds-db:connect"],
        Resource: [
          expect.stringMatching(
            /^arn:aws:rds-db:us-east-1:\*:dbuser:\$\{aws_db_instance\.[^}]*\.resource_id\}\/shop$/,
          ),
        ],
      }),
    );
    expect(JSON.stringify(allowed)).not.toContain("master_user_secret");
    expect(
      stack.all("vpc_security_group_ingress_rule").map((rule) => [rule["from_port"], rule["to_port"]]),
    ).toEqual([[3306, 3306]]);
  });

  it("has RDS itself say when its storage runs out, however large it has grown", () => {
    // GIVEN a database that reports to a pager WHEN synthesised
    const stack = withNetwork((scope, network) => {
      const it = new MysqlDatabase(scope, "database", { name: "us-db", network, keyArn: KEY });
      it.reportTo(new Pager(scope, "pager", { name: "us" }));
    });
    // THEN
    expect(stack.one("db_event_subscription")).toMatchObject({
      source_type: "db-instance",
      event_categories: expect.arrayContaining(["low storage", "failure"]) as unknown,
      depends_on: [expect.stringContaining("aws_sns_topic_policy.")],
    });
    expect(JSON.parse(String(stack.one("sns_topic_policy")["policy"]))).toMatchObject({
      Statement: [{ Principal: { Service: ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"] } }],
    });
  });

  it.each([
    [{ engineVersion: "8" }, 'got: "8"'],
    [{ databaseName: "my shop" }, 'got: "my shop"'],
    [{ storageGib: 100, mostStorageGib: 100 }, "got: 100"],
  ])("refuses %j", (changes, shown) => {
    expect(() => database(changes)).toThrow(shown);
  });

  it("refuses a network without data subnets, naming the zone", () => {
    expect(() =>
      synthesised((stack) => {
        new MysqlDatabase(stack, "database", {
          name: "us-db",
          network: withoutDataSubnets(stack),
          keyArn: KEY,
        });
      }),
    ).toThrow("database us-db: expected a network with a data subnet in zone us-east-1a, got: none");
  });
});

describe("Cache", () => {
  it("is encrypted in transit and at rest, and fails over between zones", () => {
    // GIVEN a cache WHEN synthesised
    const stack = withNetwork((scope, network) => {
      new Cache(scope, "cache", { name: "us-cache", network, keyArn: KEY });
    });
    // THEN
    expect(stack.one("elasticache_replication_group")).toMatchObject({
      num_cache_clusters: 2,
      multi_az_enabled: true,
      automatic_failover_enabled: true,
      at_rest_encryption_enabled: "true",
      transit_encryption_enabled: true,
      kms_key_id: KEY,
    });
  });

  it("does not pretend to fail over with one node", () => {
    // GIVEN a cache of one node WHEN synthesised
    let promised: number | undefined;
    const stack = withNetwork((scope, network) => {
      const { availability } = new Cache(scope, "cache", {
        name: "us-cache",
        network,
        keyArn: KEY,
        nodes: 1,
      });
      promised = availability.type === "component" ? availability.availability : undefined;
    });
    // THEN
    expect(stack.one("elasticache_replication_group")).toMatchObject({
      multi_az_enabled: false,
      automatic_failover_enabled: false,
    });
    expect(promised).toBe(0.995);
  });

  it("knows its users by IAM alone, and lets a group's role sign in as one", () => {
    // GIVEN a cache that lets a group in, and what is behind a firewall WHEN synthesised
    let user: string | undefined;
    const stack = withNetwork((scope, network) => {
      const cache = new Cache(scope, "cache", { name: "us-cache", network, keyArn: KEY });
      user = cache.allowFrom(appGroup(scope, network), "app");
      const others = new Firewall(scope, "others", { network, name: "others", description: "Others" });
      expect(() => cache.allowFrom(others)).toThrow("cache us-cache: expected a user");
      cache.allowFrom(others, "others");
    });
    // THEN
    expect(user).toBe("us-cache-app");
    const users = stack.resource["aws_elasticache_user"] ?? {};
    expect(Object.values(users)).toEqual(
      ["us-cache-app", "us-cache-others"].map((id) =>
        expect.objectContaining({ user_id: id, user_name: id, authentication_mode: { type: "iam" } }),
      ),
    );
    expect(stack.one("elasticache_user_group")).toMatchObject({
      engine: "valkey",
      user_ids: Object.keys(users).map((id) => `\${aws_elasticache_user.${id}.user_id}`),
    });
    expect(stack.one("elasticache_replication_group")["user_group_ids"]).toEqual([
      expect.stringMatching(/^\$\{aws_elasticache_user_group\..*\.user_group_id\}$/),
    ]);
    const own = "arn:aws:elasticache:us-east-1:*";
    expect(statements(stack.one("iam_role_policy")["policy"])).toContainEqual(
      expect.objectContaining({
        Action: ["elasticache:Connect"],
        Resource: [`${own}:replicationgroup:us-cache`, `${own}:user:us-cache-app`],
      }),
    );
  });

  it("asks nobody who they are when it is told to, and opens its port all the same", () => {
    // GIVEN a cache without authentication WHEN synthesised
    const stack = withNetwork((scope, network) => {
      const common = { name: "us-cache", network, keyArn: KEY, authentication: "none" } as const;
      const cache = new Cache(scope, "cache", common);
      expect(cache.allowFrom(appGroup(scope, network))).toBeUndefined();
    });
    // THEN
    expect(stack.all("elasticache_user_group")).toEqual([]);
    expect(stack.one("elasticache_replication_group")).not.toHaveProperty("user_group_ids");
    expect(stack.all("vpc_security_group_ingress_rule")).toMatchObject([{ from_port: 6379 }]);
  });

  it.each(["App", "a--b", "app-", "a".repeat(40)])("refuses a user named %s", (user) => {
    withNetwork((scope, network) => {
      const cache = new Cache(scope, "cache", { name: "us-cache", network, keyArn: KEY });
      expect(() => cache.allowFrom(appGroup(scope, network), user)).toThrow(`got: "${user}"`);
    });
  });

  it("takes the clients' word as an expression only", () => {
    withNetwork((scope, network) => {
      // GIVEN a literal and an expression WHEN given THEN
      const common = { network, keyArn: KEY };
      expect(
        () => new Cache(scope, "literal", { ...common, name: "a", authToken: "hunter2-hunter2" }),
      ).toThrow(/^cache a: authToken must be a Terraform expression, got: a literal$/);
      const token = new TerraformVariable(scope, "token", { type: "string", sensitive: true });
      new Cache(scope, "expression", { ...common, name: "b", authToken: token.stringValue });
      expect(
        () =>
          new Cache(scope, "both", {
            ...{ ...common, name: "c" },
            ...{ authToken: token.stringValue, authentication: "iam" },
          }),
      ).toThrow("cache c: authToken leaves no choice of authentication, got: iam");
    });
  });
});

const appGroup = (scope: Construct, network: Network): ServerGroup =>
  new ServerGroup(scope, "app", {
    name: "us-app",
    network,
    assets: new AssetBucket(scope, "assets", { namePrefix: "tricloud-us-" }),
    secrets: new SecretStore(scope, "secrets", { namePrefix: "tricloud/us" }),
    imageId: "ami-0123456789abcdef0",
  });

describe("PublicLoadBalancer", () => {
  const balanced = (serving?: boolean, changes: Partial<PublicLoadBalancerProps> = {}) =>
    withNetwork((scope, network) => {
      const to = appGroup(scope, network);
      const zone = DnsZone.lookup(scope, "zone", "example.com");
      const { certificateArn } = new TlsCertificate(scope, "certificate", {
        domain: "www.example.com",
        otherDomains: ["us.www.example.com"],
        zone,
      });
      const balancer = new PublicLoadBalancer(scope, "balancer", {
        name: "us-app",
        network,
        certificateArn,
        to,
        targetPort: 8080,
        healthPath: "/healthz",
        serving,
        ...changes,
      });
      new Pager(scope, "pager", { name: "us" }).watch(zone, balancer);
      zone.addRegionalName({
        name: "www.example.com",
        ownName: "us.www.example.com",
        serving,
        target: balancer,
        awsRegion: "us-east-1",
        healthPath: "/healthz",
      });
    });

  it("speaks TLS 1.2 and 1.3 with a certificate that has been issued, and sends plain HTTP there", () => {
    // GIVEN a load balancer WHEN synthesised
    const listeners = balanced().all("lb_listener");
    // THEN
    expect(listeners.find((listener) => listener["port"] === 443)).toMatchObject({
      protocol: "HTTPS",
      ssl_policy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
      certificate_arn: expect.stringContaining("aws_acm_certificate_validation.") as unknown,
    });
    expect(listeners.find((listener) => listener["port"] === 80)).toMatchObject({
      default_action: [{ type: "redirect", redirect: { protocol: "HTTPS", status_code: "HTTP_301" } }],
    });
  });

  it("reaches the machines' port and nothing else", () => {
    // GIVEN a load balancer WHEN synthesised
    const stack = balanced();
    // THEN
    const out = stack
      .all("vpc_security_group_egress_rule")
      .filter((rule) => String(rule["security_group_id"]).includes("balancer_"));
    expect(out).toMatchObject([{ from_port: 8080, to_port: 8080, ip_protocol: "tcp" }]);
    const into = stack
      .all("vpc_security_group_ingress_rule")
      .filter((rule) => String(rule["security_group_id"]).includes("app_"));
    expect(into).toMatchObject([
      { from_port: 8080, referenced_security_group_id: expect.stringContaining("balancer_") },
    ]);
  });

  it("refuses addresses that ask too often, and exploits, and reports other attacks until told to refuse them", () => {
    // GIVEN one that takes 100 requests a minute from an address WHEN synthesised
    const stack = balanced(true, { requestsPerMinute: 100 });
    // THEN WAF stands in front of it
    expect(stack.one("wafv2_web_acl_association")).toMatchObject({
      resource_arn: expect.stringMatching(/^\$\{aws_lb\./) as unknown,
      web_acl_arn: expect.stringMatching(/^\$\{aws_wafv2_web_acl\./) as unknown,
    });
    const rulesOf = (from: Synthesised) =>
      JSON.parse(String(from.one("wafv2_web_acl")["rule_json"])) as Attributes[];
    expect(rulesOf(stack)[0]).toMatchObject({
      Action: { Block: { CustomResponse: { ResponseCode: 429 } } },
      Statement: {
        RateBasedStatement: { Limit: 100, EvaluationWindowSec: 60, AggregateKeyType: "IP" },
      },
    });
    const refusing = (from: Synthesised) =>
      rulesOf(from)
        .filter((rule) => "None" in ((rule["OverrideAction"] ?? {}) as object))
        .map((rule) => rule["Name"]);
    expect(refusing(stack)).toEqual(["AWSManagedRulesKnownBadInputsRuleSet"]);
    expect(refusing(balanced(true, { attacks: "refuse" }))).toHaveLength(rulesOf(stack).length - 1);
    // and keeps what it refused or would have refused, without what clients sign in with
    expect(stack.one("wafv2_web_acl_logging_configuration")).toMatchObject({
      logging_filter: { default_behavior: "DROP", filter: [{ behavior: "KEEP" }] },
      redacted_fields: [{ single_header: { name: "authorization" } }, { single_header: { name: "cookie" } }],
    });
    expect(stack.all("cloudwatch_log_group")).toMatchObject([
      { name: "aws-waf-logs-us-app", retention_in_days: 30 },
    ]);
    expect(() => balanced(true, { requestsPerMinute: 9 })).toThrow("requestsPerMinute must be at least 10");
  });

  it.each([true, false])("keeps who asked for what for a time (protected: %s)", (deletionProtection) => {
    // GIVEN a load balancer WHEN synthesised
    const stack = balanced(true, { accessLogDays: 30, deletionProtection });
    // THEN its bucket may be written to before it begins, by load balancers alone, and goes with the region if it may
    const [id] = Object.keys(stack.resource["aws_s3_bucket"] ?? {}).filter((each) => each.includes("logs"));
    const bucket = stack.resource["aws_s3_bucket"]?.[id!];
    expect(bucket).toMatchObject({
      force_destroy: !deletionProtection,
      lifecycle: { prevent_destroy: deletionProtection },
    });
    const policies = stack.resource["aws_s3_bucket_policy"] ?? {};
    const [policy] = Object.keys(policies).filter((each) => each.includes("logs"));
    expect(stack.one("lb")).toMatchObject({
      access_logs: { enabled: true, bucket: `\${aws_s3_bucket.${id}.id}` },
      depends_on: expect.arrayContaining([`aws_s3_bucket_policy.${policy}`]) as unknown,
    });
    const { Statement } = JSON.parse(String(policies[policy!]?.["policy"])) as { Statement: Attributes[] };
    expect(Statement.filter(({ Effect }) => Effect === "Allow")).toEqual([
      expect.objectContaining({
        Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
        Action: "s3:PutObject",
      }),
    ]);
    const expiry = stack.all("s3_bucket_lifecycle_configuration").map(({ rule }) => rule as Attributes[]);
    expect(expiry).toContainEqual([expect.objectContaining({ id: "old-logs", expiration: [{ days: 30 }] })]);
  });

  it("is answered for by name as long as its health check succeeds", () => {
    // GIVEN a regional name WHEN synthesised
    const stack = balanced();
    // THEN
    expect(stack.one("route53_health_check")).toMatchObject({
      type: "HTTPS",
      port: 443,
      resource_path: "/healthz",
      // Sent as Host, and in the certificate, which the load balancer's own name is not.
      fqdn: "us.www.example.com",
    });
    const own = stack.all("route53_record").find(({ name }) => name === "us.www.example.com");
    expect(own).toMatchObject({ type: "A", alias: { name: expect.stringContaining("aws_lb.") as unknown } });
    expect(stack.one("acm_certificate")).toMatchObject({ subject_alternative_names: ["us.www.example.com"] });
    const record = stack.all("route53_record").find(({ name }) => name === "www.example.com");
    expect(record).toMatchObject({
      type: "A",
      set_identifier: "us-east-1",
      latency_routing_policy: { region: "us-east-1" },
      health_check_id: expect.stringContaining("aws_route53_health_check.") as unknown,
      alias: { evaluate_target_health: true },
    });
  });

  it("judges machines, and tells people, only once an application serves", () => {
    // GIVEN a load balancer before anything serves WHEN synthesised
    const before = balanced(false);
    // THEN
    expect(before.all("cloudwatch_metric_alarm")).toEqual([]);
    expect(before.all("route53_health_check")).toEqual([]);
    expect(before.one("autoscaling_group")).toMatchObject({ health_check_type: "EC2" });
    // WHEN something does THEN
    const after = balanced(true);
    expect(after.all("cloudwatch_metric_alarm").length).toBeGreaterThan(1);
    expect(after.one("autoscaling_group")).toMatchObject({ health_check_type: "ELB" });
  });

  const routed = (route: Partial<LoadBalancerRoute>) =>
    withNetwork((scope, network) => {
      const to = appGroup(scope, network);
      const api = { service: "api", hosts: ["api.example.com"], port: 8090, healthPath: "/readyz", to };
      const balancer = new PublicLoadBalancer(scope, "balancer", {
        ...{ name: "us-app", network, certificateArn: "arn:aws:acm:us-east-1:1:certificate/1", to },
        ...{ targetPort: 8080, healthPath: "/healthz" },
        routes: [
          { ...api, ...route },
          { ...api, service: "web", port: 8091, hosts: ["www.example.com"], paths: ["/a/b"] },
        ],
      });
      new Pager(scope, "pager", { name: "us" }).watch(balancer);
    });

  it("leads calls of gRPC by HTTP/2 to machines that take them, ahead of all paths, and tells who fails their check", () => {
    // GIVEN a load balancer with two routes WHEN one of them takes calls
    const [without, stack] = [routed({}), routed({ healthPort: 9302, grpc: true })];
    // THEN there is one list more, by its own protocol and check
    expect(without.all("lb_target_group")).toHaveLength(3);
    expect(without.all("lb_target_group").filter((each) => "protocol_version" in each)).toEqual([]);
    expect(stack.all("lb_target_group")).toHaveLength(4);
    expect(stack.all("lb_target_group").filter((each) => "protocol_version" in each)).toMatchObject([
      {
        ...{ protocol: "HTTP", protocol_version: "GRPC", port: 8090 },
        health_check: { path: "/grpc.health.v1.Health/Check", port: "9302", matcher: "0" },
        tags: { Name: "us-app-api-calls" },
      },
    ]);
    // AND what AWS compares in a rule is within its bounds: three values a condition, five in all
    const [first, ...more] = stack
      .all("lb_listener_rule")
      .sort((one, other) => Number(one["priority"]) - Number(other["priority"]));
    const [, { http_header: header }] = first!["condition"] as [
      unknown,
      { http_header: { values: string[] } },
    ];
    expect(header.values).toHaveLength(3);
    expect(more).toHaveLength(2);
    expect(JSON.stringify(more)).not.toContain("http_header");
    // AND rules without it are as they were
    expect(
      without
        .all("lb_listener_rule")
        .map(({ priority }) => priority)
        .sort(),
    ).toEqual(more.map(({ priority }) => priority).sort());
    const alarms = stack.all("cloudwatch_metric_alarm").map((alarm) => alarm["alarm_name"]);
    expect(alarms).toContain("us: us-app-api-calls-unhealthy-machines");
    // AND machines wait for its rules
    expect(JSON.stringify(stack.one("autoscaling_group")["depends_on"])).toMatch(/balancer_calls-apiexample/);
  });

  it("takes calls of gRPC for a service alone that has all of its hosts", () => {
    expect(() => routed({ paths: ["/", "/v1"], grpc: true })).toThrow(
      'load balancer us-app: api takes calls of gRPC, and must have all paths of its hosts, got: ["/","/v1"]',
    );
  });

  it("proves by a record in the zone that the certificate's name is ours", () => {
    // GIVEN a certificate WHEN synthesised
    const stack = balanced();
    const proofs = stack
      .all("route53_record")
      .filter((record) => String(record["name"]).includes("resource_record_name"));
    // THEN each of its two names has one, and the certificate counts once both are there
    const options =
      /^\$\{tolist\(aws_acm_certificate\.[^)]*\.domain_validation_options\)\.(\d)\.resource_record_name\}$/;
    expect(proofs.map(({ name }) => options.exec(String(name))?.[1]).sort()).toEqual(["0", "1"]);
    expect(stack.one("acm_certificate_validation")["validation_record_fqdns"]).toHaveLength(2);
  });
});

describe("DnsZone", () => {
  it("refuses a name that is not in the zone", () => {
    withNetwork((scope, network) => {
      const zone = DnsZone.private(scope, "zone", "us.internal", network);
      expect(() => zone.addCname("db.jp.internal", "x")).toThrow(
        'name in zone us.internal must end with it, got: "db.jp.internal"',
      );
    });
  });
});

describe("FlowLog", () => {
  it("writes to its own log group and may write nowhere else", () => {
    // GIVEN a flow log WHEN synthesised
    const stack = withNetwork((scope, network) => void new FlowLog(scope, "flows", { network, name: "us" }));
    // THEN
    const allowed = statements(stack.one("iam_role_policy")["policy"]);
    expect(allowed.flatMap(({ Resource }) => Resource)).toEqual([
      expect.stringMatching(/^\$\{aws_cloudwatch_log_group\.[^}]*\.arn\}$/),
      expect.stringMatching(/^\$\{aws_cloudwatch_log_group\.[^}]*\.arn\}:log-stream:\*$/),
    ]);
    expect(stack.one("cloudwatch_log_group")).toMatchObject({ retention_in_days: 30 });
  });
});

describe("Pager", () => {
  it("tells people when something is wrong for long enough, and when it is over", () => {
    // GIVEN an alarm of ten minutes on a metric that comes every five
    const stack = synthesised((scope) => {
      const pager = new Pager(scope, "pager", { name: "us", emails: ["on-call@example.com"] });
      pager.watch({
        alarms: [
          {
            name: "too-warm",
            what: "It is too warm",
            namespace: "Room",
            metric: "Temperature",
            dimensions: { Room: "1" },
            statistic: "Maximum",
            when: { above: 30 },
            minutes: 10,
            periodMinutes: 5,
          },
        ],
      });
    });
    // WHEN synthesised THEN
    const topic = expect.stringContaining("aws_sns_topic.pager_") as unknown;
    expect(stack.one("cloudwatch_metric_alarm")).toMatchObject({
      alarm_name: "us: too-warm",
      comparison_operator: "GreaterThanThreshold",
      threshold: 30,
      period: 300,
      evaluation_periods: 2,
      treat_missing_data: "notBreaching",
      alarm_actions: [topic],
      ok_actions: [topic],
    });
    expect(stack.one("sns_topic_subscription")).toMatchObject({
      protocol: "email",
      endpoint: "on-call@example.com",
    });
  });
});
