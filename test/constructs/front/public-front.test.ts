import { TerraformStack, TerraformVariable, Testing } from "cdktf";
import { ConsulCluster } from "../../../constructs/dns";
import { PublicFront, type PublicFrontProps } from "../../../constructs/front";
import { ACME_PATHS, FRONT_PATHS } from "../../../constructs/front/front-paths";
import { frontConfig } from "../../../constructs/front/front-config";
import { RecordingHost } from "../dns/recording-host";

const WEB = { name: "web", port: 8080, healthPath: "/healthz", hosts: ["www.example.com"] };

/** Three Consul servers and `count` hosts for fronts. */
function region(count: number) {
  const stack = new TerraformStack(Testing.app(), "jp");
  const servers = [1, 2, 3].map((number) => new RecordingHost(stack, `jp-${number}`));
  const hosts = Array.from({ length: count }, (_, index) => new RecordingHost(stack, `jp-${index + 4}`));
  const consul = new ConsulCluster(stack, "consul", { servers, agents: hosts, datacenter: "jp" });
  const variable = (name: string) => new TerraformVariable(stack, name, { sensitive: true }).stringValue;
  const [certificate, key] = [variable("certificate"), variable("key")] as [string, string];
  const front = (changes: Partial<PublicFrontProps> = {}) =>
    new PublicFront(stack, "front", { hosts, consul, services: [WEB], certificate, key, ...changes });
  return { hosts, servers, certificate, key, front };
}

describe("PublicFront", () => {
  it("puts a front on each host, whose key nobody but HAProxy may read", () => {
    // GIVEN / WHEN
    const { hosts, servers, certificate, key, front } = region(2);
    front();
    // THEN
    for (const host of hosts) {
      const file = (path: string) => host.profile.files.find((one) => one.path === path);
      expect(file(FRONT_PATHS.key)).toEqual({
        path: FRONT_PATHS.key,
        content: { kind: "secret", name: "front-key", value: key },
        mode: "0400",
        owner: "haproxy",
        group: "haproxy",
      });
      expect(host.file(FRONT_PATHS.certificate)).toBe(certificate);
      const others = host.profile.files.filter(
        ({ path, content }) => path !== FRONT_PATHS.key && content.kind === "text",
      );
      for (const { path } of others) expect(host.file(path)).not.toContain(key);
      expect(host.file(FRONT_PATHS.unit)).toMatch(/^User=haproxy$/m);
    }
    expect(servers[0]!.profile.files.map(({ path }) => path)).not.toContain(FRONT_PATHS.config);
  });

  it("orders its certificate itself, by what nobody but root may read, and has none delivered", () => {
    // GIVEN
    const { hosts, servers, key, front } = region(2);
    // WHEN
    const rfc2136 = { server: "ns.example.com", keyName: "fronts", secret: key };
    front({
      certificate: undefined,
      key: undefined,
      acme: { email: "it's@example.com", dns: { rfc2136 } },
    });
    // THEN
    for (const host of hosts) {
      const { files, packages, services } = host.profile;
      const paths = files.map(({ path }) => path);
      expect(paths).not.toContain(FRONT_PATHS.key);
      expect(files.find(({ path }) => path === ACME_PATHS.credentials)).toMatchObject({
        content: { kind: "secret" },
        mode: "0400",
      });
      expect(packages).toContain("lego");
      // AND HAProxy finds a certificate when it starts
      const names = services.map(({ name }) => name);
      expect(names.indexOf("haproxy.service")).toBe(names.indexOf("tricloud-front-acme.service") + 1);
      expect(services.at(-1)!.health!.command).toBe(`${FRONT_PATHS.guard} up`);
      expect(host.file(ACME_PATHS.script)).toContain("--email 'it'\\''s@example.com'");
      expect(host.file(FRONT_PATHS.config)).toContain(ACME_PATHS.certificate);
    }
    expect(servers[0]!.profile.packages).not.toContain("lego");
  });

  it("is checked before files are put in place, and restarted for nothing but its unit", () => {
    const { hosts, front } = region(1);
    front({
      services: [
        WEB,
        { ...WEB, name: "shop", hosts: ["shop.example.com", "www.example.com"], paths: ["/shop"] },
      ],
    });
    const service = hosts[0]!.profile.services.find(({ name }) => name === "haproxy.service");
    expect(service).toMatchObject({
      verify: `sh "$STAGED${FRONT_PATHS.guard}" check shop.example.com www.example.com`,
      reload: "systemctl reload haproxy.service",
      runs: ["haproxy"],
    });
    const restarting = service!.reads.filter((path) => !service!.reloadsFor!.includes(path));
    expect(restarting).toEqual([FRONT_PATHS.unit]);
  });

  it("is known to Consul while it is ready, and changes host by host", () => {
    const { hosts, front } = region(3);
    front({ httpsPort: 8443 });
    const { service } = JSON.parse(hosts[0]!.file("/etc/tricloud/consul/service-front.json")) as {
      service: Record<string, unknown>;
    };
    expect(service).toMatchObject({
      name: "front",
      port: 8443,
      checks: [{ http: "http://127.0.0.1:9301/readyz" }, { http: "http://127.0.0.1:9301/certificate" }],
    });
    expect([hosts[1]!.after, hosts[2]!.after]).toEqual([
      expect.arrayContaining(["jp-4"]),
      expect.arrayContaining(["jp-5"]),
    ]);
  });

  it("draws its names and where they lead", () => {
    const { front } = region(2);
    expect(front().topology).toEqual([
      { kind: "workload", role: "front", on: ["jp-4", "jp-5"], port: 443 },
      {
        kind: "name",
        name: "https://www.example.com/",
        leadsTo: "the fronts on jp-4, jp-5, and from there to web",
        answeredBy: "public DNS",
      },
    ]);
  });

  it.each<[string, Partial<PublicFrontProps>, string]>([
    ["no host", { hosts: [] }, "front jp/front: expected at least one host, got: none"],
    ["no service", { services: [] }, "front jp/front: expected at least one service, got: none"],
    ["a literal key", { key: "PEM" }, "front jp/front: key must be a Terraform expression, got: a literal"],
    [
      "a literal secret of an order",
      {
        certificate: undefined,
        key: undefined,
        acme: { email: "ops@example.com", dns: { route53: { keyId: "AKIA", secretKey: "secret" } } },
      },
      "front jp/front: acme.dns.route53.keyId must be a Terraform expression, got: a literal",
    ],
    [
      "a certificate without its key",
      { key: undefined },
      "front jp/front: expected certificate and key, or acme, got: certificate",
    ],
    [
      "two services at one place",
      { services: [WEB, { ...WEB, name: "shop" }] },
      "front: https://www.example.com/ leads to one service, got: web and shop",
    ],
  ])("refuses %s", (_, changes, message) => {
    const { front } = region(1);
    expect(() => front(changes)).toThrow(message);
  });
});

describe("frontConfig", () => {
  const config = (changes: Partial<Parameters<typeof frontConfig>[0]> = {}) =>
    frontConfig({ services: [WEB], domain: "consul", runtimeDirectory: "/run/front", ...changes });

  it("asks for the longest path first, whatever order services come in", () => {
    const api = { ...WEB, name: "api", paths: ["/api", "/api/v2"] };
    expect(config({ services: [WEB, api] }).match(/str\(\w+\).*/g)).toEqual(
      config({ services: [api, WEB] }).match(/str\(\w+\).*/g),
    );
    expect(config({ services: [WEB, api] }).match(/(?<=str\()\w+/g)).toEqual([
      "api",
      "api",
      "api",
      "api",
      "web",
    ]);
  });

  it("writes each option where it counts", () => {
    const text = config({
      ...{ httpsPort: 8443, httpPort: 8080, metrics: "network", hstsSeconds: 0 },
      ...{ maxBodyMegabytes: 3, connectionsPerAddress: 7, requestsPerSecond: 5, answerSeconds: 9 },
      services: [{ ...WEB, atMost: 40 }],
    });
    for (const line of [
      "bind :8443 ssl",
      "bind :8080",
      "bind :9301",
      "req.body_size gt 3000000",
      "sc0_conn_cur gt 7",
      "sc0_http_req_rate gt 50",
      "timeout server 9s",
      "server-template web- 40 web.service.consul:8080",
      "location https://%[var(txn.host)]:8443%[pathq]",
    ]) {
      expect(text).toContain(line);
    }
    expect(text).not.toContain("Strict-Transport-Security");
    expect(config()).toContain('"max-age=86400"');
  });
});
