import {
  DefaultTokenResolver,
  StringConcat,
  TerraformStack,
  TerraformVariable,
  Testing,
  Tokenization,
} from "cdktf";
import { ConsulCluster } from "../../../constructs/dns";
import { ContainerService, type ContainerServiceProps } from "../../../constructs/service";
import { serviceUser } from "../../../constructs/service/container-user";
import { RecordingHost } from "../dns/recording-host";

const IMAGE = `registry.example.com/web@sha256:${"1".repeat(64)}`;
const UNIT = "/etc/containers/systemd/tricloud-service-web.container";
const GUARD = "/usr/local/lib/tricloud/service-container";

/** Three Consul servers and `count` hosts for the service. */
function region(count: number, { acl = false } = {}) {
  const stack = new TerraformStack(Testing.app(), "jp");
  const servers = [1, 2, 3].map((number) => new RecordingHost(stack, `jp-${number}`));
  const hosts = Array.from({ length: count }, (_, index) => new RecordingHost(stack, `jp-${index + 4}`));
  const consul = new ConsulCluster(stack, "consul", { servers, agents: hosts, datacenter: "jp", acl });
  const service = (changes: Partial<ContainerServiceProps> = {}) =>
    new ContainerService(stack, changes.name ?? "web", {
      ...{ name: "web", hosts, consul, region: "jp", image: IMAGE, port: 8080, healthPath: "/healthz" },
      ...changes,
    });
  return { stack, servers, hosts, consul, service };
}

describe("ContainerService", () => {
  it("puts a confined container on each host, and nothing on others", () => {
    // GIVEN / WHEN
    const { hosts, servers, service } = region(2);
    service({ env: { LOG_LEVEL: "info", ODD: 'a "b" \\ 50% $HOME' }, memoryMegabytes: 256, cpus: 0.5 });

    // THEN its unit says what it may do
    for (const host of hosts) {
      const unit = host.file(UNIT).split("\n");
      expect(unit).toEqual(
        expect.arrayContaining([
          `Image=${IMAGE}`,
          ...["Pull=never", "Network=host", "ReadOnly=true", "DropCapability=all", "NoNewPrivileges=true"],
          ...[`User=${serviceUser("web")}`, "MemoryMax=256M", "CPUQuota=50%"],
          // AND what it is told
          'Environment="PORT=8080"',
          'Environment="TRICLOUD_REGION=jp"',
          'Environment="LOG_LEVEL=info"',
          'Environment="ODD=a \\"b\\" \\\\ 50%% $$HOME"',
        ]),
      );
    }
    expect(servers[0]!.profile.files.map(({ path }) => path)).not.toContain(UNIT);
    // AND no other service is the same user
    expect(serviceUser("search")).not.toBe(serviceUser("web"));
  });

  it("fetches the image before anything is stopped, and restarts for nothing but its own unit", () => {
    // GIVEN / WHEN
    const { hosts, service } = region(1);
    service();
    const web = hosts[0]!.profile.services.find(({ name }) => name === "tricloud-service-web.service");
    // THEN
    expect(web).toMatchObject({
      reads: [UNIT],
      verify: `sh "$STAGED${GUARD}" pull ${IMAGE}`,
      health: { command: `${GUARD} known web` },
    });
  });

  it("is known to Consul by its health path", () => {
    const { hosts, service } = region(1);
    service();
    const { service: definition } = JSON.parse(hosts[0]!.file("/etc/tricloud/consul/service-web.json")) as {
      service: Record<string, unknown>;
    };
    expect(definition).toMatchObject({
      name: "web",
      port: 8080,
      checks: [{ http: "http://127.0.0.1:8080/healthz", interval: "2s" }],
    });
  });

  it("replaces a quarter of its hosts at a time", () => {
    // GIVEN eight hosts WHEN they hold a service
    const { hosts, service } = region(8);
    service();
    // THEN each but the first two waits for the two before
    expect(hosts[4]!.after).toEqual(expect.arrayContaining(["jp-6", "jp-7"]));
    expect(hosts[1]!.after).not.toContain("jp-4");
  });

  it("has a token to leave Consul with where one is needed, and shows none", () => {
    // GIVEN access control
    const { hosts, service } = region(1, { acl: true });
    const before = hosts[0]!.profile.files.map(({ path }) => path);
    // WHEN a service comes to a host that is no server
    service();
    // THEN the host gets the agents' token
    const token = "/etc/tricloud/consul-agent-token";
    expect(before).not.toContain(token);
    expect(hosts[0]!.file(token)).toMatch(/^\$\{/);
    expect(hosts[0]!.file(GUARD)).toContain(`"$(cat ${token})"`);
  });

  it("gives the host what lets it into the registry, for root alone", () => {
    const { stack, hosts, service } = region(1);
    const credentials = new TerraformVariable(stack, "credentials", { sensitive: true }).stringValue;
    service({ registry: { credentials, caCertificate: "-----BEGIN CERTIFICATE-----\n" } });
    const file = hosts[0]!.profile.files.find(({ path }) => path.endsWith("registry-credentials.json"));
    expect(file).toMatchObject({ mode: "0600", content: { kind: "secret" } });
    expect(hosts[0]!.file(GUARD)).toContain(`--authfile "\${STAGED-}${file!.path}"`);
    expect(hosts[0]!.file("/etc/tricloud/services/authorities/registry.crt")).toContain("CERTIFICATE");
  });

  it("shows a container its secrets by files that its user alone may read, and restarts for another value", () => {
    // GIVEN / WHEN
    const { stack, hosts, service } = region(1);
    const value = new TerraformVariable(stack, "session-key", { sensitive: true }).stringValue;
    service({ secrets: { "session-key": value } });
    // THEN the host holds it for the container's user
    const path = "/etc/tricloud/services/secrets/web/session-key";
    const user = String(serviceUser("web"));
    expect(hosts[0]!.profile.files.find((file) => file.path === path)).toEqual({
      ...{ path, mode: "0400", owner: user, group: user },
      content: { kind: "secret", name: "web-session-key", value },
    });
    // AND the container sees it, and cannot change it
    const unit = hosts[0]!.file(UNIT);
    expect(unit).toContain(`Volume=${path}:/run/secrets/session-key:ro,`);
    expect(unit).not.toContain(value);
    // AND the unit reads it
    const web = hosts[0]!.profile.services.find(({ name }) => name === "tricloud-service-web.service");
    expect(web?.reads).toEqual([UNIT, path]);
  });

  it("shows a container its database, of which what is secret is handed over as a secret", () => {
    // GIVEN a database whose address and user everybody may know
    const { stack, hosts, service } = region(1);
    const password = new TerraformVariable(stack, "password", { sensitive: true }).stringValue;
    const database = { engine: "mysql", host: "10.10.0.9", port: 3306, databaseName: "shop" } as const;
    const migrate = { command: ["migrate"], when: "before-release" } as const;
    // WHEN
    service({ database: { ...database, user: "web", password }, tasks: { migrate } });
    // THEN
    const files = hosts[0]!.profile.files.filter(({ path }) => path.includes("/secrets/web/database-"));
    const user = String(serviceUser("web"));
    for (const file of files) expect(file).toMatchObject({ mode: "0400", owner: user, group: user });
    expect(files.flatMap(({ path, content }) => (content.kind === "secret" ? [path] : []))).toEqual(
      ["url", "password"].map((part) => `/etc/tricloud/services/secrets/web/database-${part}`),
    );
    expect(hosts[0]!.file("/etc/tricloud/services/secrets/web/database-host")).toBe("10.10.0.9");
    // AND the unit reads each, and shows it
    const web = hosts[0]!.profile.services.find(({ name }) => name === "tricloud-service-web.service");
    expect(web?.reads).toEqual([UNIT, ...files.map(({ path }) => path)]);
    const unit = hosts[0]!.file(UNIT);
    for (const { path } of files)
      expect(unit).toContain(`Volume=${path}:/run/secrets/${path.split("/").at(-1)}:ro,`);
    // AND so do its tasks
    const task = hosts[0]!.profile.files.find(({ path }) => path.endsWith("web.migrate"));
    expect(JSON.stringify(task)).toContain("/run/secrets/database-url:ro,");
  });

  it("refuses a secret that is called as a part of its database", () => {
    const { stack, service } = region(1);
    const password = new TerraformVariable(stack, "password", { sensitive: true }).stringValue;
    const database = { engine: "mysql", host: "10.10.0.9", port: 3306, databaseName: "shop" } as const;
    expect(() =>
      service({ database: { ...database, user: "web", password }, secrets: { "database-url": password } }),
    ).toThrow(/^service web: name of a secret must be none of its database's parts .*, got: "database-url"$/);
  });

  it("enters registries with credentials and by its machine's own identity alike", () => {
    // GIVEN one registry of each kind
    const ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    const { stack, hosts, service } = region(1);
    const credentials = new TerraformVariable(stack, "registry", { sensitive: true }).stringValue;
    // WHEN
    service({ registry: { credentials, ecr: [ecr] } });
    // THEN one file has both, and is secret
    const path = "/etc/tricloud/services/registry-credentials.json";
    const content = hosts[0]!.profile.files.find((file) => file.path === path)!.content;
    expect(
      content.kind === "secret" &&
        Tokenization.resolve(content.value, {
          scope: stack,
          resolver: new DefaultTokenResolver(new StringConcat()),
          preparing: false,
        }),
    ).toBe(`\${jsonencode(merge(jsondecode(var.registry), {"credHelpers" = {"${ecr}" = "ecr-login"}}))}`);
    // AND the program that asks is there
    expect(hosts[0]!.profile.packages).toContain("amazon-ecr-credential-helper");
    expect(hosts[0]!.file(GUARD)).toContain("--authfile");
  });

  it("keeps its container from addresses", () => {
    const { hosts, service } = region(1);
    service({ deniedAddresses: ["192.0.2.1"] });
    expect(hosts[0]!.file(UNIT)).toMatch(/^\[Service\][^[]*^IPAddressDeny=192\.0\.2\.1$/m);
  });

  it("shares a host with another service", () => {
    const { hosts, service } = region(1);
    service();
    service({ name: "search", port: 8081 });
    expect(hosts[0]!.profile.services.map(({ name }) => name)).toEqual([
      "consul.service",
      "tricloud-services.service",
      "tricloud-service-web.service",
      "tricloud-service-search.service",
    ]);
  });

  it.each<[string, Partial<ContainerServiceProps>, string]>([
    ["no host", { hosts: [] }, "service web: expected at least one host, got: none"],
    [
      "a tag",
      { image: "registry.example.com/web:1" },
      'service web: image must be one by digest, REGISTRY/REPOSITORY@sha256:..., got: "registry.example.com/web:1"',
    ],
    [
      "a secret as a literal",
      { secrets: { "session-key": "hunter2" } },
      "service web: secret session-key must be a Terraform expression of a sensitive value, got: a literal",
    ],
    [
      "a secret whose name leads elsewhere",
      { secrets: { "../x": "hunter2" } },
      'service web: name of a secret must be lower-case words with hyphens between them, got: "../x"',
    ],
  ])("refuses %s", (_, changes, message) => {
    expect(() => region(1).service(changes)).toThrow(message);
  });
});
