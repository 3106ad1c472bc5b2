import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Lazy, TerraformStack } from "cdktf";
import { ConsulCluster, type ConsulClusterProps, DNS_TOKEN_RULES } from "../../../constructs/dns";
import { RecordingHost } from "./recording-host";

const AGENT = "/etc/tricloud/consul/agent.json";
const ACL = "/etc/tricloud/consul/acl.json";

interface Synthesised {
  readonly hosts: RecordingHost[];
  readonly cluster: ConsulCluster;
  readonly variables: Record<string, { sensitive?: boolean }>;
}

/** A region of three servers and one agent, synthesised. */
function synthesised(props: Partial<ConsulClusterProps>): Synthesised {
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-dns-"));
  try {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, "jp");
    const hosts = [1, 2, 3, 4].map((n) => new RecordingHost(stack, `jp-${n}`));
    const cluster = new ConsulCluster(stack, "consul", {
      servers: hosts.slice(0, 3),
      agents: hosts,
      datacenter: "jp",
      ...props,
    });
    cluster.addService({ name: "proxy", port: 80, hosts: [hosts[3]!] });
    app.synth();
    const text = readFileSync(join(outdir, "stacks/jp/cdk.tf.json"), "utf8");
    return {
      hosts,
      cluster,
      variables: (JSON.parse(text) as { variable: Synthesised["variables"] }).variable,
    };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

const config = (host: RecordingHost): Record<string, unknown> =>
  JSON.parse(host.file(AGENT)) as Record<string, unknown>;
const kind = (host: RecordingHost, path: string): string | undefined =>
  host.profile.files.find((file) => file.path === path)?.content.kind;

describe("ConsulCluster with TLS", () => {
  it("gives servers a certificate, and other agents theirs from the servers", () => {
    // GIVEN / WHEN
    const { hosts, variables } = synthesised({ tls: true });
    // THEN
    expect(config(hosts[0]!)).toMatchObject({
      ca_file: "/etc/tricloud/consul-ca.pem",
      cert_file: "/etc/tricloud/consul-server.pem",
      key_file: "/etc/tricloud/consul-server-key.pem",
      verify_incoming: true,
      verify_server_hostname: true,
      auto_encrypt: { allow_tls: true },
    });
    expect(config(hosts[3]!)).toMatchObject({ verify_outgoing: true, auto_encrypt: { tls: true } });
    expect(config(hosts[3]!)["cert_file"]).toBeUndefined();
    expect(kind(hosts[0]!, "/etc/tricloud/consul-server-key.pem")).toBe("secret");
    expect(kind(hosts[3]!, "/etc/tricloud/consul-server-key.pem")).toBeUndefined();
    for (const name of ["consul_ca_certificate", "consul_server_certificate", "consul_server_key"]) {
      expect(variables[name]).toMatchObject({ sensitive: true });
    }
  });
});

describe("ConsulCluster with access control", () => {
  it("keeps tokens in files that only Consul reads, the powerful one on servers alone", () => {
    // GIVEN / WHEN
    const { hosts, variables } = synthesised({ acl: true });
    // THEN
    for (const host of hosts) expect(kind(host, ACL)).toBe("secret");
    expect(kind(hosts[0]!, "/etc/tricloud/consul-management-token")).toBe("secret");
    expect(kind(hosts[3]!, "/etc/tricloud/consul-management-token")).toBeUndefined();
    expect(kind(hosts[3]!, "/etc/tricloud/consul/service-proxy.json")).toBe("secret");
    for (const file of hosts.flatMap((host) => host.profile.files)) {
      if (file.content.kind === "secret") expect(file).toMatchObject({ mode: "0640", group: "consul" });
    }
    for (const name of ["consul_management_token", "consul_agent_token", "consul_dns_token"]) {
      expect(variables[name]).toMatchObject({ sensitive: true });
    }
    const agent = hosts[0]!.profile.services.find((service) => service.name === "consul.service");
    expect(agent!.reads).toContain(ACL);
  });

  it("has the servers make the tokens, the one for DNS with rights to read and no more", () => {
    // GIVEN / WHEN
    const { hosts } = synthesised({ acl: true });
    // THEN
    const names = hosts.map((host) => host.profile.services.map((service) => service.name));
    expect(names[0]!.slice(0, 2)).toEqual(["tricloud-consul-tokens.service", "consul.service"]);
    expect(names[3]).not.toContain("tricloud-consul-tokens.service");
    expect(hosts[0]!.file("/etc/tricloud/consul-dns.rules")).toBe(DNS_TOKEN_RULES);
    expect(DNS_TOKEN_RULES).not.toContain("write");
  });

  it("gives hosts that take locks a token for locks alone, which any datacenter makes itself", () => {
    // GIVEN a datacenter whose tokens another one makes
    const { hosts, cluster } = synthesised({
      ...{ acl: true, primaryDatacenter: "us", peers: { us: ["10.20.0.11"] } },
    });
    const path = "/etc/tricloud/consul-lock-token";
    expect(hosts.map((host) => kind(host, path))).toEqual(Array(4).fill(undefined));
    // WHEN two parts of a host take locks
    const access = [cluster.allowLocks([hosts[3]!]), cluster.allowLocks([hosts[3]!])];
    // THEN
    expect(access).toEqual([{ tokenFile: path }, { tokenFile: path }]);
    expect(hosts.map((host) => kind(host, path))).toEqual(Array(4).fill("secret"));
    const makes = hosts.map((host) =>
      host.profile.services.some(({ name }) => name === "tricloud-consul-locks.service"),
    );
    expect(makes).toEqual([true, true, true, false]);
    expect(kind(hosts[3]!, "/etc/tricloud/consul-management-token")).toBeUndefined();
    // AND where nothing is denied, none is needed
    expect(synthesised({}).cluster.allowLocks([])).toEqual({});
  });

  it("leaves making tokens to the primary datacenter", () => {
    // GIVEN / WHEN
    const { hosts } = synthesised({ acl: true, primaryDatacenter: "us", peers: { us: ["10.20.0.11"] } });
    // THEN
    expect(config(hosts[0]!)["primary_datacenter"]).toBe("us");
    expect(hosts[0]!.profile.services.map((service) => service.name)).not.toContain(
      "tricloud-consul-tokens.service",
    );
  });

  it("refuses a token that anybody could read, without showing it", () => {
    // GIVEN one literal among expressions
    const hidden = (value: string) => Lazy.stringValue({ produce: () => value });
    const acl = { managementToken: hidden("m"), agentToken: hidden("a"), dnsToken: "3fa3-secret" };
    // WHEN / THEN
    expect(() => synthesised({ acl })).toThrow(
      "consul jp: dnsToken must be a Terraform expression, got: a literal",
    );
  });
});
