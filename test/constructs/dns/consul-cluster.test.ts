import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformStack } from "cdktf";
import { ConsulCluster, type ConsulClusterProps, type MaxUnavailable } from "../../../constructs/dns";
import { RecordingHost } from "./recording-host";
import { consul as consulProgram, itWith, validateConsul } from "./real-binaries";

const AGENT = "/etc/tricloud/consul/agent.json";

function jp(props: Partial<ConsulClusterProps> = {}) {
  const stack = new TerraformStack(new App(), "jp");
  const hosts = [1, 2, 3, 4].map((n) => new RecordingHost(stack, `jp-${n}`));
  const cluster = new ConsulCluster(stack, "consul", {
    servers: hosts.slice(0, 3),
    agents: hosts,
    datacenter: "jp",
    ...props,
  });
  return { stack, hosts, cluster };
}

const config = (host: RecordingHost): Record<string, unknown> => ({
  ...(JSON.parse(host.file(AGENT)) as Record<string, unknown>),
  ...(JSON.parse(host.file("/etc/tricloud/consul/membership.json")) as Record<string, unknown>),
});

describe("ConsulCluster", () => {
  it("makes three servers that wait for one another and an agent on every other host", () => {
    // GIVEN / WHEN
    const { hosts } = jp();
    // THEN
    expect(hosts.map((host) => config(host)["bootstrap_expect"])).toEqual([3, 3, 3, undefined]);
    expect(config(hosts[3]!)).toMatchObject({
      datacenter: "jp",
      server: false,
      node_name: "jp-4",
      bind_addr: "10.10.0.14",
      retry_join: ["10.10.0.11", "10.10.0.12", "10.10.0.13"],
      addresses: { http: "127.0.0.1", dns: "127.0.0.1 10.10.0.14" },
    });
  });

  itWith(consulProgram, "consul")("writes what the real Consul takes, on servers and agents", () => {
    // GIVEN
    const { hosts } = jp({ peers: { us: ["10.20.0.11"] } });
    // WHEN / THEN
    for (const host of hosts) {
      expect(validateConsul(host.file(AGENT))).toEqual({
        status: 0,
        output: expect.stringContaining("Configuration is valid"),
      });
    }
  });

  it("federates its servers with the other datacenters", () => {
    // GIVEN
    const { hosts, cluster } = jp({ peers: { us: ["10.20.0.11", "10.20.0.12"], jp: ["10.10.0.11"] } });
    // WHEN / THEN
    expect(config(hosts[0]!)["retry_join_wan"]).toEqual(["10.20.0.11", "10.20.0.12"]);
    expect(config(hosts[3]!)["retry_join_wan"]).toBeUndefined();
    expect(cluster.peerDatacenters).toEqual(["us"]);
  });

  it("registers a service with its checks on its hosts alone", () => {
    // GIVEN
    const { hosts, cluster } = jp();
    // WHEN
    cluster.addService({
      name: "proxy",
      port: 80,
      hosts: hosts.slice(2),
      checks: [{ http: "http://127.0.0.1:9300/readyz", intervalSeconds: 2, timeoutSeconds: 1 }],
    });
    // THEN
    const path = "/etc/tricloud/consul/service-proxy.json";
    expect(JSON.parse(hosts[3]!.file(path))).toMatchObject({
      service: {
        name: "proxy",
        port: 80,
        checks: [{ http: "http://127.0.0.1:9300/readyz", interval: "2s", timeout: "1s" }],
      },
    });
    expect(() => hosts[0]!.file(path)).toThrow("has no file");
    expect(hosts[3]!.profile.services[0]!.reads).toEqual(expect.arrayContaining([AGENT, path]));
  });

  it("changes servers one after another, other hosts after them, and hosts of one service in turn", () => {
    // GIVEN
    const { hosts, cluster } = jp();
    // WHEN hosts come in another order
    cluster.addService({ name: "proxy", port: 80, hosts: [hosts[3]!, hosts[1]!] });
    // THEN each waits for one that was there before it in the region's own order
    expect(hosts.map((host) => host.after)).toEqual([[], ["jp-1"], ["jp-2"], ["jp-3", "jp-2"]]);
  });

  describe("when a service has many hosts", () => {
    const batches = (count: number, maxUnavailable?: MaxUnavailable): string[][] => {
      // GIVEN a region of three servers and `count` hosts with a service
      const stack = new TerraformStack(new App(), "jp");
      const all = Array.from({ length: 3 + count }, (_, i) => new RecordingHost(stack, `jp-${i + 1}`));
      const [servers, hosts] = [all.slice(0, 3), all.slice(3)];
      const cluster = new ConsulCluster(stack, "consul", { servers, agents: all, datacenter: "jp" });
      // WHEN
      cluster.addService({ name: "web", port: 80, hosts, maxUnavailable });
      // THEN each host waits for the last server and for the whole batch before its own
      const waiting = new Map<string, string[]>();
      for (const { hostName, after } of hosts) {
        expect(after[0]).toBe("jp-3");
        const before = after.slice(1).join();
        waiting.set(before, [...(waiting.get(before) ?? []), hostName]);
      }
      const inOrder = [...waiting.values()];
      expect([...waiting.keys()]).toEqual(["", ...inOrder.slice(0, -1).map((batch) => batch.join())]);
      return inOrder;
    };
    const sizes = (...asked: Parameters<typeof batches>) => batches(...asked).map(({ length }) => length);

    it("lets a quarter of them change at a time, and below eight hosts one", () => {
      expect(sizes(1)).toEqual([1]);
      expect(sizes(2)).toEqual([1, 1]);
      expect(sizes(7)).toEqual(Array(7).fill(1));
      expect(sizes(8)).toEqual([2, 2, 2, 2]);
      expect(sizes(45)).toEqual([11, 11, 11, 11, 1]);
    });

    it("lets as many change at a time as it is told, by number or share", () => {
      expect(batches(5, 2)).toEqual([["jp-4", "jp-5"], ["jp-6", "jp-7"], ["jp-8"]]);
      expect(sizes(5, 4)).toEqual([4, 1]);
      expect(sizes(10, "50%")).toEqual([5, 5]);
      expect(sizes(3, "99%")).toEqual([2, 1]);
      expect(sizes(3, "1%")).toEqual([1, 1, 1]);
    });

    it.each<MaxUnavailable>([0, -1, 1.5, NaN, "0%", "100%", "12.5%", "-5%"])("refuses %p", (value) => {
      expect(() => batches(4, value)).toThrow(
        `maxUnavailable of consul service web must be a whole number of hosts from 1, or a share from "1%" to "99%", got: ${JSON.stringify(value)}`,
      );
    });

    it.each([
      [4, 4],
      [2, 2],
      [1, 2],
    ])("refuses to take all of %p hosts, or more than there are: %p", (count, value) => {
      expect(() => batches(count, value)).toThrow(
        `maxUnavailable of consul service web must leave one of its hosts (${count}) at work, got: ${value}`,
      );
    });
  });

  it("keeps the gossip key out of everything but a sensitive variable", () => {
    // GIVEN a cluster in an app that is synthesised
    const outdir = mkdtempSync(join(tmpdir(), "tricloud-dns-"));
    try {
      const app = new App({ outdir });
      const stack = new TerraformStack(app, "jp");
      const hosts = [1, 2, 3].map((n) => new RecordingHost(stack, `jp-${n}`));
      new ConsulCluster(stack, "consul", { servers: hosts, agents: [], datacenter: "jp" });
      // WHEN
      app.synth();
      const synthesised = JSON.parse(readFileSync(join(outdir, "stacks/jp/cdk.tf.json"), "utf8")) as {
        variable: Record<string, { sensitive: boolean; default?: string }>;
      };
      // THEN
      expect(synthesised.variable["consul_gossip_key"]).toMatchObject({ sensitive: true, default: "" });
      const gossip = hosts[0]!.profile.files.find((file) => file.path.endsWith("/gossip.json"));
      expect(gossip).toMatchObject({ mode: "0640", group: "consul", content: { kind: "secret" } });
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });

  it("guards servers before a restart, and checks every file before it replaces one", () => {
    // GIVEN / WHEN
    const { hosts } = jp();
    const [server, agent] = [hosts[0]!.profile.services[0]!, hosts[3]!.profile.services[0]!];
    // THEN
    expect(server).toMatchObject({
      name: "consul.service",
      verify: 'consul validate "$STAGED/etc/tricloud/consul"',
      reload: "/usr/local/lib/tricloud/consul-guard apply",
      gate: "/usr/local/lib/tricloud/consul-guard gate",
    });
    expect(agent.gate).toBeUndefined();
    expect(hosts[0]!.file("/usr/local/lib/tricloud/consul-guard")).toContain("autopilot/health");
    expect(hosts[3]!.file("/usr/local/lib/tricloud/consul-guard")).not.toContain("no server to spare");
  });

  it("takes a group of machines for servers, which find one another by what the cloud knows", () => {
    // GIVEN an auto-scaling group
    const stack = new TerraformStack(new App(), "us");
    const group = new RecordingHost(stack, "servers", {
      count: 3,
      bindAddress: "{{ GetPrivateIP }}",
      joinAddress: "provider=aws tag_key=role tag_value=consul-server",
    });
    // WHEN
    const cluster = new ConsulCluster(stack, "consul", { servers: [group], agents: [], datacenter: "us" });
    // THEN
    expect(config(group)).toMatchObject({
      bootstrap_expect: 3,
      bind_addr: "{{ GetPrivateIP }}",
      retry_join: ["provider=aws tag_key=role tag_value=consul-server"],
    });
    expect(config(group)["node_name"]).toBeUndefined();
    expect(cluster.dnsAddresses).toEqual([]);
  });

  it("has a quorum of two in three and a leader that needs it", () => {
    // GIVEN / WHEN
    const { cluster } = jp();
    // THEN
    expect(cluster.quorum).toMatchObject({ type: "atLeast", k: 2 });
    expect(cluster.leader).toMatchObject({ type: "series" });
    expect(cluster.dnsAddresses).toEqual(["10.10.0.11@8600", "10.10.0.12@8600", "10.10.0.13@8600"]);
  });

  it("keeps snapshots on the servers, and the failover query where it is asked for", () => {
    // GIVEN / WHEN
    const plain = jp().hosts;
    const failing = jp({ peers: { us: ["10.20.0.11"] }, failoverTo: ["us"], snapshots: { keep: 3 } });
    const names = (host: RecordingHost) => host.profile.services.map((service) => service.name);
    // THEN
    expect(names(plain[0]!)).toEqual(["consul.service", "tricloud-consul-snapshot.timer"]);
    expect(names(plain[3]!)).toEqual(["consul.service"]);
    expect(names(failing.hosts[0]!)).toContain("tricloud-consul-failover.service");
    expect(failing.hosts[0]!.file("/usr/local/lib/tricloud/consul-snapshot")).toContain("tail -n +4");
    expect(JSON.parse(failing.hosts[0]!.file("/etc/tricloud/consul-failover-query"))).toMatchObject({
      Template: { Type: "name_prefix_match" },
      Service: { Service: "${name.full}", Failover: { NearestN: 1, Datacenters: ["us"] } },
    });
    expect(failing.cluster.failsOver).toBe(true);
  });

  it("installs the version that it is given, and writes what that takes", () => {
    // GIVEN / WHEN
    const { hosts } = jp({ version: "1.22.3-1" });
    // THEN the agents of all are restarted when it changes
    for (const { profile } of hosts) {
      expect(profile.packages).toContain("consul=1.22.3-1");
      expect(profile.services[0]).toMatchObject({ name: "consul.service", runs: ["consul"] });
    }
    expect(() => jp({ version: "1.7.0" })).toThrow('release must be 1.8 or later, got: "1.7.0"');
  });

  it("puts snapshots into a bucket, and has Consul tell how they are", () => {
    // GIVEN / WHEN
    const bucket = { bucket: "snapshots", region: "jp-1", endpoint: "https://s3.example.jp" };
    const { hosts } = jp({ snapshots: { intervalMinutes: 30, bucket } });
    // THEN servers have the key, agents have not
    const [server, , , agent] = hosts.map((host) => host.profile.files.map(({ path }) => path));
    expect(server).toContain("/etc/tricloud/consul-snapshot-key");
    expect(agent).not.toContain("/etc/tricloud/consul-snapshot-key");
    const script = hosts[0]!.file("/usr/local/lib/tricloud/consul-snapshot");
    expect(script).toContain('"https://s3.example.jp/snapshots$path"');
    expect(script).toContain("aws:amz:jp-1:s3");
    // AND one that is overdue is critical
    const service = JSON.parse(
      hosts[0]!.file("/etc/tricloud/consul/service-consul-snapshots.json"),
    ) as object;
    expect(service).toMatchObject({ service: { name: "consul-snapshots", check: { ttl: "70m" } } });
  });

  it.each([
    [
      { bucket: "Snapshots", region: "jp-1" },
      'the bucket\'s bucket must be the name of a bucket, got: "Snapshots"',
    ],
    [{ bucket: "snapshots", region: "jp 1" }, "the bucket's region must be a region such as ap-northeast-1"],
    [
      { bucket: "snapshots", region: "jp-1", endpoint: "http://s3.example.jp" },
      "the bucket's endpoint must be an https URL without a path",
    ],
  ])("refuses a bucket that cannot be: %j", (bucket, message) => {
    expect(() => jp({ snapshots: { bucket } })).toThrow(message);
  });

  describe("refuses", () => {
    it("failover to a region it does not know, and snapshots nobody keeps", () => {
      expect(() => jp({ failoverTo: ["us"] })).toThrow(
        "consul jp: failoverTo names us, which is not federated",
      );
      expect(() => jp({ snapshots: { keep: 0 } })).toThrow("keep must be a whole number above 0, got: 0");
    });

    it("steps on the way to TLS without TLS", () => {
      expect(() => jp({ tlsVerification: "none" })).toThrow(
        'consul jp: tlsVerification is of no use without tls, expected tls too, got: "none"',
      );
    });

    const hostsOf = (count: number): RecordingHost[] => {
      const stack = new TerraformStack(new App(), "jp");
      return Array.from({ length: count }, (_, i) => new RecordingHost(stack, `h-${i}`));
    };
    it.each([0, 1, 2, 4, 6])("%i servers", (count) => {
      // GIVEN a number of servers that buys no safety
      const servers = hostsOf(count);
      const stack = new TerraformStack(new App(), "x");
      // WHEN / THEN the error names region, count and what was expected
      expect(() => new ConsulCluster(stack, "consul", { servers, agents: [], datacenter: "jp" })).toThrow(
        `consul jp: expected 3 or 5 servers, got: ${count}`,
      );
    });

    it("nothing when one server is asked for by name", () => {
      const servers = hostsOf(1);
      const stack = new TerraformStack(new App(), "x");
      new ConsulCluster(stack, "consul", { servers, agents: [], datacenter: "jp", singleServer: true });
      expect(config(servers[0]!)["bootstrap_expect"]).toBe(1);
    });

    it("a gossip key that anybody could read, without showing it", () => {
      expect(() => jp({ gossipKey: "c2VjcmV0" })).toThrow(
        "consul jp: gossipKey must be a Terraform expression, got: a literal",
      );
    });

    it("a service on a host without agent, and one registered twice", () => {
      // GIVEN
      const { stack, cluster, hosts } = jp();
      const stranger = new RecordingHost(stack, "other-9");
      // WHEN / THEN
      expect(() => cluster.addService({ name: "web", port: 80, hosts: [stranger] })).toThrow(
        "consul jp: service web is on host other-9, which has no agent, expected one of: jp-1, jp-2, jp-3, jp-4",
      );
      cluster.addService({ name: "proxy", port: 80, hosts });
      expect(() => cluster.addService({ name: "proxy", port: 80, hosts })).toThrow(
        "consul jp: service proxy is registered twice",
      );
      expect(() => cluster.addService({ name: "none", port: 80, hosts: [] })).toThrow("has no hosts");
    });
  });
});
