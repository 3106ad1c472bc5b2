import { App, TerraformStack } from "cdktf";
import { ConsulCluster, LocalResolver, type LocalResolverProps } from "../../../constructs/dns";
import { checkUnbound, itWith, unboundCheckconf } from "./real-binaries";
import { RecordingHost } from "./recording-host";

const CONF = "/etc/unbound/tricloud.conf";

function jp(props: Partial<LocalResolverProps> = {}): RecordingHost[] {
  const stack = new TerraformStack(new App(), "jp");
  const hosts = [1, 2, 3].map((n) => new RecordingHost(stack, `jp-${n}`));
  const consul = new ConsulCluster(stack, "consul", {
    servers: hosts,
    agents: hosts,
    datacenter: "jp",
    peers: { us: ["10.20.0.11"] },
  });
  new LocalResolver(stack, "resolver", {
    hosts,
    consul,
    proxy: { serviceName: "proxy" },
    forwarders: ["192.0.2.53"],
    ...props,
  });
  return hosts;
}

const confLines = (host: RecordingHost): string[] =>
  host
    .file(CONF)
    .split("\n")
    .map((line) => line.trim());

describe("LocalResolver", () => {
  it("asks the host's own agent first among several and leads every suffix to the proxies", () => {
    // GIVEN / WHEN
    const [first] = jp({ records: { "api.example.com": "10.1.2.3" } });
    const conf = confLines(first!);
    // THEN
    expect(conf.filter((line) => line.startsWith("forward-addr:"))).toEqual([
      "forward-addr: 127.0.0.1@8600",
      "forward-addr: 10.10.0.12@8600",
      "forward-addr: 10.10.0.13@8600",
      "forward-addr: 192.0.2.53",
    ]);
    expect(conf).toContain('local-data: "ccnproxy-https. 60 IN CNAME proxy.service.consul."');
    expect(conf).toContain('local-data: "ccnproxy-service. 60 IN CNAME proxy.service.consul."');
    expect(conf).toContain('local-data: "ccnproxy-ssl.us. 60 IN CNAME proxy.service.us.consul."');
    expect(conf).toContain('local-data: "api.example.com. 60 IN A 10.1.2.3"');
  });

  it("leads the suffixes to other regions' proxies when service discovery can", () => {
    // GIVEN
    const stack = new TerraformStack(new App(), "jp");
    const hosts = [1, 2, 3].map((n) => new RecordingHost(stack, `jp-${n}`));
    const peers = { us: ["10.20.0.11"] };
    const consul = new ConsulCluster(stack, "consul", {
      servers: hosts,
      agents: [],
      datacenter: "jp",
      peers,
      failoverTo: ["us"],
    });
    // WHEN
    new LocalResolver(stack, "resolver", { hosts, consul, proxy: { serviceName: "proxy" } });
    // THEN
    expect(confLines(hosts[0]!)).toContain('local-data: "ccnproxy. 60 IN CNAME proxy.query.consul."');
  });

  itWith(unboundCheckconf, "unbound-checkconf")("writes what the real checker takes", () => {
    // GIVEN a region for the release this machine may have, without files it may not have
    const hosts = jp({ unboundRelease: "1.17", validate: false });
    // WHEN / THEN
    for (const host of hosts) {
      expect(checkUnbound(host.file(CONF))).toEqual({
        status: 0,
        output: expect.stringContaining("no errors"),
      });
    }
  });

  it.each<[string, Partial<LocalResolverProps>, boolean]>([
    ["from the root down", { forwarders: undefined }, true],
    ["behind forwarders", { forwarders: ["10.10.0.2"] }, false],
    [
      "behind forwarders that are said to hand signatures on",
      { forwarders: ["10.10.0.2"], validate: true },
      true,
    ],
  ])("resolving %s, checks signatures only where there are some", (_where, props, checked) => {
    // GIVEN / WHEN
    const [host] = jp(props);
    // THEN
    const module = checked ? '"validator iterator"' : '"iterator"';
    expect(confLines(host!)).toContain(`module-config: ${module}`);
    expect(host!.profile.packages.includes("dns-root-data")).toBe(checked);
  });

  it("refuses to check signatures behind a VPC's resolver", () => {
    expect(() => jp({ forwarders: ["169.254.169.253"], validate: true })).toThrow(
      "unbound cannot check DNSSEC signatures behind 169.254.169.253, a VPC's resolver",
    );
  });

  it("gives each host the next one's resolver as its second, which lets it in and nobody else", () => {
    // GIVEN / WHEN
    const hosts = jp();
    // THEN
    const seconds = hosts.map(
      (host) => /nameserver 127\.0\.0\.1\nnameserver (\S+)\n/.exec(host.file("/etc/resolv.conf"))?.[1],
    );
    expect(seconds).toEqual(["10.10.0.12", "10.10.0.13", "10.10.0.11"]);
    expect(confLines(hosts[1]!)).toContain("interface: 10.10.0.12");
    expect(confLines(hosts[1]!).filter((line) => line.startsWith("access-control:"))).toEqual([
      "access-control: 127.0.0.0/8 allow",
      "access-control: ::1/128 allow",
      "access-control: 10.10.0.11/32 allow",
    ]);
    expect(hosts[0]!.file("/etc/resolv.conf")).toContain("options timeout:1 attempts:2");
  });

  it("gives a machine that knows no other host a second process of its own", () => {
    // GIVEN a group, whose machines' addresses are not known
    const stack = new TerraformStack(new App(), "us");
    const group = new RecordingHost(stack, "apps", { bindAddress: "{{ GetPrivateIP }}", count: 3 });
    // WHEN
    const resolver = new LocalResolver(stack, "resolver", { hosts: [group], forwarders: ["10.20.0.2"] });
    // THEN
    expect(group.file("/etc/resolv.conf")).toContain("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
    expect(group.profile.services.map((service) => service.name)).toEqual([
      "unbound.service",
      "unbound-watch.service",
      "unbound-spare.service",
      "unbound-spare-watch.service",
    ]);
    const spare = group.file("/etc/unbound/tricloud-spare.conf");
    expect(spare).toContain("interface: 127.0.0.2\n");
    expect(spare).toContain('control-interface: "/run/unbound-spare/control.sock"');
    expect(group.file("/etc/systemd/system/unbound-spare.service")).toContain("[Install]");
    expect(group.file("/etc/systemd/system/unbound.service.d/tricloud.conf")).not.toContain("[Install]");
    expect(resolver.answersOn(group)).toMatchObject({ type: "parallel", blocks: [{}, {}] });
  });

  it("takes fallback resolvers by name of their address and then opens no port of its own", () => {
    // GIVEN / WHEN
    const [first] = jp({ fallbackResolvers: ["10.10.9.9"] });
    // THEN
    expect(first!.file("/etc/resolv.conf")).toContain("nameserver 127.0.0.1\nnameserver 10.10.9.9\n");
    expect(confLines(first!).filter((line) => line.startsWith("interface:"))).toEqual([
      "interface: 127.0.0.1",
    ]);
  });

  it("keeps DHCP clients, NetworkManager and systemd-resolved from going another way", () => {
    const [first] = jp();
    expect(first!.file("/etc/systemd/resolved.conf.d/zzz-tricloud.conf")).toContain(
      "DNS=\nDNS=127.0.0.1 10.10.0.12\nFallbackDNS=\nDomains=\nDomains=~.",
    );
    expect(first!.file("/etc/NetworkManager/conf.d/tricloud.conf")).toContain("dns=none");
    expect(first!.file("/etc/dhcp/dhclient-enter-hooks.d/tricloud")).toContain("make_resolv_conf() { :; }");
    expect(first!.file("/etc/dhcpcd.enter-hook")).toContain('skip_hooks="$skip_hooks resolv.conf"');
  });

  it("watches the forwarders, and needs no watch where there are none", () => {
    // GIVEN / WHEN
    const [watched] = jp({ forwarders: ["10.10.0.2", "10.10.0.3@5353"] });
    const [unwatched] = jp({ forwarders: undefined });
    // THEN
    const guard = watched!.file("/usr/local/lib/tricloud/unbound-guard");
    expect(guard).toContain("  watch_one 10.10.0.2 53 &\n  watch_one 10.10.0.3 5353 &\n");
    expect(watched!.file("/etc/systemd/system/unbound-watch.service")).toContain("unbound-guard watch\n");
    expect(unwatched!.profile.services.map(({ name }) => name)).not.toContain("unbound-watch.service");
  });

  it("raises the host's limit on receive buffers to what unbound asks for, before it starts", () => {
    const [first] = jp();
    const asked = confLines(first!)
      .find((line) => line.startsWith("so-rcvbuf:"))!
      .split(" ")[1];
    expect(first!.file("/usr/local/lib/tricloud/unbound-guard")).toContain(`echo ${asked} >$limit`);
    expect(first!.file("/etc/systemd/system/unbound.service.d/tricloud.conf")).toMatch(
      /unbound-guard widen[^]*\nExecStart=\/usr/,
    );
  });

  it("checks the new file before anything is replaced, and reloads rather than restarts", () => {
    const [first] = jp();
    expect(first!.profile.services.find((service) => service.name === "unbound.service")).toMatchObject({
      verify: `unbound-checkconf "$STAGED${CONF}"`,
      reload: "/usr/local/lib/tricloud/unbound-guard apply",
      health: { command: "/usr/local/lib/tricloud/unbound-guard ready" },
    });
  });

  describe("refuses", () => {
    it.each<[string, Partial<LocalResolverProps>, RegExp]>([
      [
        "a proxy without service discovery",
        { consul: undefined },
        /proxy proxy is found through service discovery/,
      ],
      [
        "names that hosts look for by multicast",
        { records: { "db.local": "10.0.0.1" } },
        /db\.local lies under \.local/,
      ],
      ["no hosts", { hosts: [] }, /expected at least one host/],
      [
        "four nameservers",
        { fallbackResolvers: ["10.0.0.1", "10.0.0.2", "10.0.0.3"] },
        /one to three .* got: 4/,
      ],
      ["a fallback by name", { fallbackResolvers: ["dns-1"] }, /must be an address, got: "dns-1"/],
    ])("%s", (_what, props, reason) => {
      expect(() => jp(props)).toThrow(reason);
    });
  });
});
