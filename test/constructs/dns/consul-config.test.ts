import { consulConfig } from "../../../constructs/dns/consul-config";
import type { ConsulOptions, TlsVerification } from "../../../constructs/dns/consul-options";
import { consul, itWith, validateConsul } from "./real-binaries";

const agent: ConsulOptions = {
  datacenter: "jp",
  bindAddress: "10.10.0.21",
  retryJoin: ["10.10.0.11", "10.10.0.12", "10.10.0.13"],
};
const server: ConsulOptions = { ...agent, server: { expect: 3 } };
const key = Buffer.alloc(32, 7).toString("base64");

interface AgentConfig {
  readonly [option: string]: unknown;
  readonly dns_config: Record<string, unknown>;
  readonly services: { readonly id: string; readonly checks: Record<string, unknown>[] }[];
}
const parsed = (options: ConsulOptions): AgentConfig => JSON.parse(consulConfig(options)) as AgentConfig;

describe("consulConfig", () => {
  const validate = itWith(consul, "consul");

  validate("passes consul validate as a client agent", () => {
    // GIVEN the least that an agent needs
    // WHEN the real Consul reads it
    const verdict = validateConsul(consulConfig(agent));
    // THEN
    expect(verdict).toEqual({ status: 0, output: expect.stringContaining("Configuration is valid") });
  });

  validate("passes consul validate with every option of its release used", () => {
    // GIVEN a federated server with services
    const options: ConsulOptions = {
      ...server,
      nodeName: "server-1",
      dataDir: "/tmp/consul",
      advertiseWanAddress: "203.0.113.5",
      httpAddresses: ["127.0.0.1", "10.10.0.21"],
      dnsAddresses: ["127.0.0.1", "{{ GetPrivateIP }}"],
      retryJoin: ["provider=aws tag_key=role tag_value=consul-server"],
      retryJoinWan: ["10.20.0.11", "10.30.0.11"],
      primaryDatacenter: "us",
      gossipKey: key,
      ports: { dns: 8653, http: 8555, https: 8556, server: 8310, serfLan: 8311, serfWan: 8312 },
      dns: {
        domain: "consul",
        serviceTtlSecondsByName: { "db-*": 1 },
        includeWarning: true,
        cacheMaxAgeSeconds: 0,
      },
      acl: { agentToken: "a", defaultToken: "b", replicationToken: "c" },
      services: [
        {
          name: "proxy",
          id: "proxy-1",
          port: 80,
          address: "10.10.0.21",
          tags: ["v1"],
          meta: { zone: "a" },
          checks: [
            { http: "http://127.0.0.1:9300/readyz", successesBeforePassing: 2, failuresBeforeCritical: 3 },
            { tcp: "127.0.0.1:80", intervalSeconds: 5, timeoutSeconds: 2 },
            { command: ["/bin/true"], initialStatus: "passing", name: "always" },
          ],
        },
      ],
      logLevel: "warn",
      metricsRetentionSeconds: 0,
    };
    // WHEN
    const verdict = validateConsul(consulConfig(options));
    // THEN
    expect(verdict).toEqual({ status: 0, output: expect.stringContaining("Configuration is valid") });
  });

  validate("is read by Consul at all: an unknown option is found", () => {
    // GIVEN a text with one misspelt option
    const text = consulConfig(agent).replace("cache_max_age", "cache_maximum_age");
    // WHEN / THEN
    expect(validateConsul(text).status).not.toBe(0);
  });

  it("gives answers a time to live, a copy in the agent and room for many instances", () => {
    // GIVEN / WHEN
    const { dns_config } = parsed(agent);
    // THEN
    expect(dns_config).toEqual({
      service_ttl: { "*": "5s" },
      node_ttl: "30s",
      allow_stale: true,
      max_stale: "87600h",
      only_passing: true,
      enable_truncate: true,
      use_cache: true,
      cache_max_age: "2s",
      soa: { min_ttl: 1 },
    });
  });

  it("lets an agent leave when stopped, and a server stay a member", () => {
    expect(parsed(agent)["leave_on_terminate"]).toBe(true);
    expect(parsed(server)["leave_on_terminate"]).toBe(false);
  });

  it("writes TLS as each release wants it", () => {
    // GIVEN one set of files
    const tls = { caFile: "/a/ca.pem", certFile: "/a/cert.pem", keyFile: "/a/key.pem" };
    // WHEN
    const old = parsed({ ...server, tls });
    const today = parsed({ ...server, tls, release: "1.22" });
    // THEN
    expect(old).toMatchObject({ ca_file: "/a/ca.pem", verify_incoming: true, verify_server_hostname: true });
    expect(today["ca_file"]).toBeUndefined();
    expect(today["tls"]).toEqual({
      defaults: {
        ca_file: "/a/ca.pem",
        cert_file: "/a/cert.pem",
        key_file: "/a/key.pem",
        verify_incoming: true,
        verify_outgoing: true,
      },
      internal_rpc: { verify_server_hostname: true },
    });
  });

  it("comes to TLS in steps, each of which understands the one before and the one after", () => {
    // GIVEN the files of a server, and of another agent
    const caFile = "/a/ca.pem";
    const certified = { caFile, certFile: "/a/cert.pem", keyFile: "/a/key.pem" };
    const settings = (verification: TlsVerification) =>
      [
        parsed({ ...server, tls: { ...certified, verification } }),
        parsed({ ...agent, tls: { caFile, verification } }),
      ].map(({ verify_incoming, verify_outgoing, verify_server_hostname, auto_encrypt }) => ({
        asks: [verify_incoming, verify_outgoing, verify_server_hostname],
        auto_encrypt,
      }));
    // THEN servers hand out certificates from the beginning on, and agents ask for theirs with the second step
    expect(settings("none")).toEqual([
      { asks: [false, false, false], auto_encrypt: { allow_tls: true } },
      { asks: [false, false, false], auto_encrypt: undefined },
    ]);
    expect(settings("outgoing")).toEqual([
      { asks: [false, true, true], auto_encrypt: { allow_tls: true } },
      { asks: [false, true, true], auto_encrypt: { tls: true } },
    ]);
    expect(settings("all")).toEqual([
      { asks: [true, true, true], auto_encrypt: { allow_tls: true } },
      { asks: [false, true, true], auto_encrypt: { tls: true } },
    ]);
  });

  it("denies by default where ACLs are on, and goes on with known rights when the primary is away", () => {
    // GIVEN / WHEN
    const { acl } = parsed({ ...server, primaryDatacenter: "us", acl: { defaultToken: "t" } });
    // THEN
    expect(acl).toMatchObject({
      enabled: true,
      default_policy: "deny",
      down_policy: "extend-cache",
      enable_token_replication: true,
      tokens: { default: "t" },
    });
  });

  describe("refuses", () => {
    const refusals: [string, ConsulOptions, RegExp][] = [
      [
        "two servers",
        { ...server, server: { expect: 2 } },
        /^consul jp: expected 3 or 5 servers, got: 2; an even/,
      ],
      [
        "four servers",
        { ...server, server: { expect: 4 } },
        /expected 3 or 5 servers, got: 4; an even .* 3 would/,
      ],
      ["one server unasked", { ...server, server: { expect: 1 } }, /got: 1; one server is no quorum/],
      ["seven servers", { ...server, server: { expect: 7 } }, /got: 7; more servers slow/],
      ["a datacenter that is no label", { ...agent, datacenter: "JP 1" }, /datacenter must be .*got: "JP 1"/],
      ["no servers to join", { ...agent, retryJoin: [] }, /retryJoin is empty/],
      ["a name to bind to", { ...agent, bindAddress: "host-1" }, /bindAddress must be an IP.*"host-1"/],
      ["any address to bind to", { ...agent, bindAddress: "0.0.0.0" }, /bindAddress is 0\.0\.0\.0/],
      ["a client that federates", { ...agent, retryJoinWan: ["10.20.0.11"] }, /only servers federate/],
      ["a server that leaves", { ...server, leaveOnTerminate: true }, /each restart would shrink the quorum/],
      [
        "a short gossip key",
        { ...agent, gossipKey: "c2hvcnQ=" },
        /gossipKey must be base64 .* got: 8 characters/,
      ],
      [
        "a release that is too old",
        { ...agent, release: "1.6" },
        /release must be 1\.8 or later, got: "1\.6"/,
      ],
      [
        "a negative time to live",
        { ...agent, dns: { nodeTtlSeconds: -1 } },
        /dns\.nodeTtlSeconds .* got: -1/,
      ],
      [
        "a DNS token before its time",
        { ...agent, acl: { dnsToken: "x" } },
        /acl\.dnsToken needs release 1\.17/,
      ],
      [
        "a service name DNS cannot hold",
        { ...agent, services: [{ name: "my_proxy", port: 80 }] },
        /DNS label as its name.*got: "my_proxy"/,
      ],
      [
        "a check that checks nothing",
        { ...agent, services: [{ name: "web", port: 80, checks: [{ intervalSeconds: 1 }] }] },
        /check of consul service web must have one of http, tcp and command/,
      ],
      [
        "a port out of range",
        { ...agent, services: [{ name: "web", port: 70000 }] },
        /port of consul service web must be from 1 to 65535, got: 70000/,
      ],
    ];
    it.each(refusals)("%s", (_what, options, reason) => {
      // GIVEN options with which the agent would not do its job
      // WHEN / THEN
      expect(() => consulConfig(options)).toThrow(reason);
    });
  });
});
