import { unboundConf } from "../../../constructs/dns/unbound-conf";
import type { UnboundOptions } from "../../../constructs/dns/unbound-options";
import { checkUnbound, itWith, unboundCheckconf } from "./real-binaries";

/** A root key of the test's own, so that no case depends on files of the machine. */
const withoutAnchor: UnboundOptions = { validate: false };

const regional: UnboundOptions = {
  ...withoutAnchor,
  forwardZones: [
    { name: "consul", forwarders: ["127.0.0.1@8600", "10.0.0.11@8600"] },
    { name: "10.in-addr.arpa", forwarders: ["127.0.0.1@8600"] },
    { name: "corp.test", forwarders: ["10.0.0.2"] },
  ],
  upstreams: ["192.0.2.1", "192.0.2.2@5353"],
  proxySuffixes: [
    { suffix: "ccnproxy", target: "proxy.service.consul" },
    { suffix: "ccnproxy-https", target: "proxy.service.consul" },
    { suffix: "ccnproxy-https.us", target: "proxy.service.us.consul" },
  ],
  staticRecords: [
    { name: "db.example.test", type: "A", value: "10.0.0.9" },
    { name: "db.example.test", type: "TXT", value: "main store" },
    { name: "alias.example.test", type: "CNAME", value: "db.example.test.", ttlSeconds: 5 },
  ],
};

const lines = (conf: string): string[] => conf.split("\n").map((line) => line.trim());

describe("unboundConf", () => {
  const check = itWith(unboundCheckconf, "unbound-checkconf");

  check("passes unbound-checkconf with nothing but defaults", () => {
    // GIVEN no options but the anchor file that this machine may not have
    // WHEN the real checker reads the text
    const verdict = checkUnbound(unboundConf(withoutAnchor));
    // THEN it has nothing to say
    expect(verdict).toEqual({ status: 0, output: expect.stringContaining("no errors") });
  });

  check("passes unbound-checkconf with every option used", () => {
    // GIVEN a resolver as a pod would run it
    const conf = unboundConf({
      ...regional,
      interfaces: ["127.0.0.1", "0.0.0.0@5300", "::1"],
      port: 5353,
      accessControl: [
        { netblock: "10.0.0.0/8", action: "allow" },
        { netblock: "10.9.0.0/16", action: "refuse" },
        { netblock: "2001:db8::/32", action: "deny" },
      ],
      staleAnswers: { maximumAgeSeconds: 600, replyTtlSeconds: 1, patienceMilliseconds: 0 },
      deadServerRetrySeconds: 5,
      privateNetworks: ["10.0.0.0/8"],
      threads: 6,
      cacheMegabytes: 5,
      controlSocket: "/run/unbound/other.sock",
      user: "unbound",
    });
    // WHEN the real checker reads it
    const verdict = checkUnbound(conf);
    // THEN it has nothing to say
    expect(verdict).toEqual({ status: 0, output: expect.stringContaining("no errors") });
    expect(verdict.output).not.toMatch(/warning/i);
  });

  check("is read by the checker at all: a broken line is found", () => {
    // GIVEN a text with one misspelt option
    const conf = unboundConf(regional).replace("serve-expired:", "serve-expried:");
    // WHEN / THEN the checker refuses it
    expect(checkUnbound(conf).status).not.toBe(0);
  });

  it("forwards the Consul zone to loopback agents and accepts private, unsigned answers", () => {
    // GIVEN a zone served by an agent on this machine
    // WHEN
    const conf = lines(unboundConf({ forwardZones: [{ name: "Consul.", forwarders: ["127.0.0.1@8600"] }] }));
    // THEN
    expect(conf).toEqual(
      expect.arrayContaining([
        "do-not-query-localhost: no",
        'private-domain: "consul."',
        'domain-insecure: "consul."',
        "private-address: 10.0.0.0/8",
        "forward-addr: 127.0.0.1@8600",
      ]),
    );
  });

  it("leads every name under a proxy suffix to the service by one CNAME", () => {
    // GIVEN / WHEN
    const conf = lines(unboundConf(regional));
    // THEN
    expect(conf).toContain('local-zone: "ccnproxy-https." redirect');
    expect(conf).toContain('local-data: "ccnproxy-https. 60 IN CNAME proxy.service.consul."');
    expect(conf).toContain('local-data: "ccnproxy-https.us. 60 IN CNAME proxy.service.us.consul."');
  });

  it("opens the zones that unbound would answer by itself", () => {
    // GIVEN forwarded zones that are, or lie below, built-in ones
    // WHEN
    const conf = lines(unboundConf(regional));
    // THEN
    expect(conf).toContain('local-zone: "10.in-addr.arpa." nodefault');
    expect(conf).toContain('local-zone: "corp.test." transparent');
  });

  it("sets all four stale-answer options, or turns the feature off", () => {
    // GIVEN / WHEN
    const on = unboundConf(withoutAnchor);
    const off = unboundConf({ ...withoutAnchor, staleAnswers: false });
    // THEN
    for (const option of ["serve-expired: yes", "serve-expired-ttl: 3600", "serve-expired-reply-ttl: 5"]) {
      expect(on).toContain(option);
    }
    expect(on).toContain("serve-expired-client-timeout: 200");
    expect(lines(off)).toContain("serve-expired: no");
    expect(off).not.toContain("serve-expired-");
  });

  it("frees the machine itself from the limit per client where the release has one", () => {
    // GIVEN a release without and one with wait limits
    // WHEN / THEN
    expect(unboundConf({ release: "1.19.3" })).not.toContain("wait-limit");
    expect(lines(unboundConf({ release: "1.22" }))).toContain("wait-limit: 0");
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [8, 8],
  ])("with %i threads has %i slabs, a power of two", (threads, slabs) => {
    expect(lines(unboundConf({ threads }))).toContain(`rrset-cache-slabs: ${slabs}`);
  });

  describe("refuses", () => {
    const consulZone = { name: "consul", forwarders: ["127.0.0.1@8600"] };
    const refusals: [string, UnboundOptions, RegExp][] = [
      [
        "a loopback forwarder with do-not-query-localhost",
        { forwardZones: [consulZone], doNotQueryLocalhost: true },
        /zone consul is forwarded to 127\.0\.0\.1, a loopback address, but doNotQueryLocalhost is true/,
      ],
      [
        "an internal zone without private-domain",
        { forwardZones: [{ ...consulZone, privateDomain: false }] },
        /internal zone consul has privateDomain false: .*empty/,
      ],
      [
        "an internal zone without domain-insecure",
        { forwardZones: [{ ...consulZone, domainInsecure: false }] },
        /internal zone consul has domainInsecure false .*SERVFAIL/,
      ],
      [
        "two CNAMEs for one suffix",
        {
          forwardZones: [consulZone],
          proxySuffixes: [
            { suffix: "ccnproxy", target: "a.service.consul" },
            { suffix: "CCNPROXY.", target: "b.service.consul" },
          ],
        },
        /proxy suffix ccnproxy has two targets, a\.service\.consul and b\.service\.consul/,
      ],
      [
        "a target that resolves through itself",
        { proxySuffixes: [{ suffix: "ccnproxy", target: "api.ccnproxy" }] },
        /api\.ccnproxy, which lies under the proxy suffix ccnproxy and so resolves through itself/,
      ],
      [
        "a target that resolves through another suffix",
        {
          forwardZones: [consulZone],
          proxySuffixes: [
            { suffix: "ccnproxy", target: "x.ccnproxy-https" },
            { suffix: "ccnproxy-https", target: "proxy.service.consul" },
          ],
        },
        /x\.ccnproxy-https, which lies under the proxy suffix ccnproxy-https/,
      ],
      [
        "a target in a zone nobody knows",
        { proxySuffixes: [{ suffix: "ccnproxy", target: "proxy.service.consul" }] },
        /proxy\.service\.consul, but no zone of this resolver holds that name/,
      ],
      [
        "zones that need one another",
        {
          forwardZones: [
            { name: "a.test", forwarders: ["ns.b.test"] },
            { name: "b.test", forwarders: ["ns.a.test"] },
          ],
        },
        /zones need one another to find their own servers: a\.test -> b\.test -> a\.test/,
      ],
      [
        "a zone forwarded to the resolver itself",
        { forwardZones: [{ name: "consul", forwarders: ["127.0.0.1"] }] },
        /zone consul is forwarded to 127\.0\.0\.1@53, where this unbound itself listens/,
      ],
      [
        "a zone forwarded to the resolver's every address",
        {
          interfaces: ["0.0.0.0@5300"],
          accessControl: [{ netblock: "10.0.0.0/8", action: "allow" }],
          forwardZones: [{ name: "consul", forwarders: ["127.0.0.1@5300"] }],
        },
        /where this unbound itself listens/,
      ],
      [
        "a zone forwarded twice",
        { forwardZones: [consulZone, { ...consulZone, name: "consul." }] },
        /zone consul is forwarded twice/,
      ],
      ["a zone without forwarders", { forwardZones: [{ name: "consul", forwarders: [] }] }, /no forwarders/],
      [
        "a public address that lets nobody in",
        { interfaces: ["10.0.0.5"] },
        /listens on 10\.0\.0\.5, which is not loopback, but accessControl lets nobody in/,
      ],
      [
        "a netblock without a length",
        { accessControl: [{ netblock: "10.0.0.0", action: "allow" }] },
        /netblock must be .*got: "10\.0\.0\.0"/,
      ],
      ["a release that is too old", { release: "1.9" }, /1\.17 or later, got: "1\.9"/],
      ["a release that is none", { release: "new" }, /release such as "1\.22", got: "new"/],
      ["a port out of range", { port: 0 }, /port must be a whole number from 1 to 65535, got: 0/],
      [
        "patience beyond a client's own",
        { staleAnswers: { patienceMilliseconds: 1800 } },
        /patienceMilliseconds must be a whole number from 0 to 900, got: 1800/,
      ],
      [
        "a forwarder that is no address",
        { upstreams: ["10.0.0"] },
        /upstream must be an address or a name.*got: "10\.0\.0"/,
      ],
      [
        "a CNAME beside another record",
        {
          staticRecords: [
            { name: "a.test", type: "A", value: "10.0.0.1" },
            { name: "a.test", type: "CNAME", value: "b.test." },
          ],
        },
        /static record a\.test has a CNAME and another record/,
      ],
      [
        "a record that would end its line",
        { staticRecords: [{ name: "a.test", type: "TXT", value: 'x"\nserver:' }] },
        /without quotes and line ends/,
      ],
      [
        "a record under a proxy suffix",
        {
          ...regional,
          staticRecords: [{ name: "a.ccnproxy", type: "A", value: "10.0.0.1" }],
        },
        /a\.ccnproxy lies under the proxy suffix ccnproxy/,
      ],
    ];
    it.each(refusals)("%s", (_what, options, reason) => {
      // GIVEN options that unbound would take and fail with
      // WHEN / THEN
      expect(() => unboundConf(options)).toThrow(reason);
    });
  });
});
