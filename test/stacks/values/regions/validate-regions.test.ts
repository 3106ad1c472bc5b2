import {
  type DedicatedRegionInput,
  InvalidRegionsError,
  validateRegions,
} from "../../../../stacks/values/regions";
import { randomBytes, randomUUID } from "node:crypto";
import ukRegion from "../../../../regions/uk";
import usRegion from "../../../../regions/us";
import { dedicatedRegionValue, hostKey } from "./region-values";

const problemsOf = (...values: unknown[]): string[] => {
  try {
    validateRegions(values.map((value, index) => ({ file: `/regions/${index}.json`, value })));
    return [];
  } catch (error) {
    if (!(error instanceof InvalidRegionsError)) throw error;
    return error.message.split("\n");
  }
};

const jp = (changes: Partial<DedicatedRegionInput> = {}) => dedicatedRegionValue(changes);

const NO_SERVICE = "expected a host name that is no service's: those are called by what names them in calls";
const DATABASE = {
  ...{ engine: "mysql", host: "10.10.0.9", databaseName: "shop", user: "shop" },
  ...{ availability: 0.999, source: "assumed" },
} as const;
const FIGURE = { availability: 0.999, source: "assumed" };

describe("validateRegions", () => {
  test("fills in defaults", () => {
    // GIVEN a region value that says only what has no default
    // WHEN it is validated
    const [region] = validateRegions([{ file: "jp.json", value: jp() }]);
    // THEN the rest is there
    expect(region).toMatchObject({
      backend: { type: "local" },
      ssh: { user: "root", port: 22, connectTimeoutSeconds: 60 },
      proxy: { port: 80, warm: [] },
    });
  });

  test.each<[string, unknown, string]>([
    ["a wrong field", { ...jp(), sevrers: 3 }, "region jp: sevrers: expected no such field, got: 3"],
    [
      "a database whose engine nobody knows",
      { ...jp(), database: { ...DATABASE, engine: "oracle" } },
      'region jp: database.engine: expected "mysql" or "postgresql", got: "oracle"',
    ],
    [
      "a database with its port in its host",
      { ...jp(), database: { ...DATABASE, host: "db.example.jp:3306" } },
      'region jp: database.host: expected an IPv4 address or a host name, without the port, got: "db.example.jp:3306"',
    ],
    [
      "a database user that statements would quote",
      { ...jp(), database: { ...DATABASE, user: "shop@%" } },
      'region jp: database.user: expected the name of a user such as shop: letters, digits, _ and -, a letter first, got: "shop@%"',
    ],
    [
      "a database of which nobody knows how often it is up",
      { ...jp(), database: { ...DATABASE, availability: undefined } },
      "region jp: database.availability: expected a number, got: nothing",
    ],
    [
      "services that would be the app servers in the database",
      { ...usRegion, database: { services: { user: "app" } } },
      'region us: database.services.user: expected another user than app, who is who the app servers are, by IAM, got: "app"',
    ],
    [
      "services with a database that is not made",
      { ...ukRegion, database: { services: { databaseName: "shop" } } },
      'region uk: database.services.databaseName: expected one of database.databases (app), got: "shop"',
    ],
    [
      "a missing host key",
      jp({
        servers: jp().servers.map((server, index) =>
          index === 1 ? { ...server, hostKey: undefined as never } : server,
        ),
      }),
      "region jp: servers[1].hostKey: expected the server's SSH host key, as ssh-keyscan prints it: ssh-ed25519 AAAA..., or a list of several, got: nothing",
    ],
    [
      "one host key on two servers, whatever its comment",
      jp({
        servers: jp().servers.map((server, index) =>
          index === 2 ? { ...server, hostKey: `${hostKey} root@jp-3` } : server,
        ),
      }),
      `region jp: servers[2].hostKey: expected another host key than servers[0] has: machines with one key cannot be told apart, got: "${hostKey} root@jp-3"`,
    ],
    [
      "a host key cut short",
      jp({
        servers: jp().servers.map((server, index) =>
          index === 1 ? { ...server, hostKey: hostKey.slice(0, -8) } : server,
        ),
      }),
      `region jp: servers[1].hostKey: expected the server's SSH host key, as ssh-keyscan prints it: ssh-ed25519 AAAA...; expected base64 of a key of type ssh-ed25519, got: "${hostKey.slice(0, -8)}"`,
    ],
    [
      "a host key of another type than it says",
      jp({
        servers: jp().servers.map((server, index) =>
          index === 1 ? { ...server, hostKey: hostKey.replace("ssh-ed25519", "ssh-rsa") } : server,
        ),
      }),
      `region jp: servers[1].hostKey: expected the server's SSH host key, as ssh-keyscan prints it: ssh-ed25519 AAAA...; expected base64 of a key of type ssh-rsa, got: "${hostKey.replace("ssh-ed25519", "ssh-rsa")}"`,
    ],
    [
      "an even number of Consul servers",
      jp({
        servers: jp().servers.map((server, index) => (index === 2 ? { ...server, roles: ["app"] } : server)),
      }),
      "region jp: servers: expected 3 or 5 Consul servers: an even number adds no fault tolerance, and fewer than 3 have none, got: 2 with role consul-server",
    ],
    [
      "an origin by its URL",
      jp({ origins: { "https://api.example.com": FIGURE } }),
      'region jp: origins.https://api.example.com: expected a host name such as api.example.com, with a port where callers give one, got: "https://api.example.com"',
    ],
    [
      "a service's name for an origin",
      jp({ origins: { "search.ccnproxy-service:80": FIGURE } }),
      `region jp: origins.search.ccnproxy-service:80: ${NO_SERVICE}, got: "search.ccnproxy-service:80"`,
    ],
    [
      "services among allowed origins",
      jp({ proxy: { allow: ["*.example.com", "*.ccnproxy-Service"] } }),
      `region jp: proxy.allow[1]: ${NO_SERVICE}, got: "*.ccnproxy-Service"`,
    ],
    [
      "a warm origin that is not allowed",
      jp({ proxy: { allow: ["*.example.com"], warm: ["api.example.com:443=2", "api.example.net:443=2"] } }),
      'region jp: proxy.warm[1]: expected an origin that allow lets through (*.example.com), got: "api.example.net:443=2"',
    ],
    [
      "origins where they were described once",
      { ...jp(), availability: { origins: { "api.example.com": FIGURE } } },
      'region jp: availability.origins: expected no such field here: origins are described in the region\'s own field origins, got: {"api.example.com":{"availability":0.999,"source":"assumed"}}',
    ],
    [
      "nothing that may be called",
      jp({ proxy: { allow: [] } }),
      "region jp: proxy.allow: expected at least one allowed origin, here or in origins, got: []",
    ],
    [
      "certificates to ask for where there are none",
      jp({ consul: { tls: false, acl: false, tlsVerification: "none" } }),
      'region jp: consul.tlsVerification: expected no such field where tls is false, for there are no certificates to ask for, got: "none"',
    ],
    [
      "an origin without a figure",
      jp({ origins: { "api.example.com": { warm: 2 } as never } }),
      'region jp: origins.api.example.com: expected { availability, source }, or { stack, service } of another region, got: {"warm":2}',
    ],
    [
      "an origin kept open too often",
      jp({ origins: { "api.example.com": { ...FIGURE, warm: 1001 } } }),
      "region jp: origins.api.example.com.warm: expected a number of connections from 1 to 1000, got: 1001",
    ],
    [
      "a field that no origin has",
      jp({ origins: { "api.example.com": { ...FIGURE, wram: 2 } as never } }),
      "region jp: origins.api.example.com.wram: expected one of availability, source, meanOutageHours, stack, service, warm, origins, got: 2",
    ],
    [
      "an origin of a group that is no URL",
      jp({
        origins: { "search.example.com": { origins: [{ ...FIGURE, url: "search.tokyo.example.com" }] } },
      }),
      'region jp: origins.search.example.com.origins[0].url: expected http://host[:port] or https://host[:port], got: "search.tokyo.example.com"',
    ],
    [
      "an origin of a group without a figure",
      jp({ origins: { "search.example.com": { origins: [{ url: "https://a.example.com" } as never] } } }),
      'region jp: origins.search.example.com.origins[0]: expected { availability, source }, or { stack, service } of another region, got: {"url":"https://a.example.com"}',
    ],
    [
      "a check of a group that nothing could ask",
      jp({
        origins: {
          "search.example.com": {
            origins: [{ ...FIGURE, url: "https://a.example.com" }],
            check: { path: "x" },
          },
        },
      }),
      'region jp: origins.search.example.com.check.path: expected a path, e.g. /healthz, got: "x"',
    ],
    [
      "a text where a list belongs",
      jp({ proxy: { allow: "api.example.com" as never } }),
      'region jp: proxy.allow: expected a list, got: "api.example.com"',
    ],
    [
      "a list where an object belongs",
      jp({ consul: { peers: ["us"] as never } }),
      'region jp: consul.peers: expected an object, got: ["us"]',
    ],
    [
      "a duplicate address",
      jp({ servers: jp().servers.map((server) => ({ ...server, address: "10.10.0.11" })) }),
      'region jp: servers[1].address: expected another address than servers[0] has, got: "10.10.0.11"',
    ],
    [
      "an address outside the network",
      jp({
        servers: jp().servers.map((server, index) =>
          index === 0 ? { ...server, address: "192.0.2.1" } : server,
        ),
      }),
      'region jp: servers[0].address: expected an address inside the region\'s cidr 10.10.0.0/16, got: "192.0.2.1"',
    ],
    [
      "a share of the proxies that leaves none",
      jp({ proxy: { ...jp().proxy, maxUnavailable: "100%" } }),
      'region jp: proxy.maxUnavailable: expected a whole number of servers from 1, or a share from "1%" to "99%", got: "100%"',
    ],
    [
      "no proxy left at work",
      jp({ proxy: { ...jp().proxy, maxUnavailable: 2 } }),
      "region jp: proxy.maxUnavailable: expected fewer than the 2 servers with role proxy, so that one is at work, got: 2",
    ],
    [
      "a network with host bits",
      jp({ cidr: "10.10.0.1/16" }),
      'region jp: cidr: expected an IPv4 network without host bits, such as 10.10.0.0/16, got: "10.10.0.1/16"',
    ],
    [
      "an unknown platform",
      { ...jp(), platform: "azure" },
      'region jp: platform: expected a platform: "dedicated", "ec2" or "gke", got: "azure"',
    ],
    [
      "an unknown backend",
      { ...jp(), backend: { type: "ftp" } },
      'region jp: backend.type: expected a backend of type "local", "s3" or "gcs", got: "ftp"',
    ],
    [
      "something that is no object",
      42,
      "region /regions/0.json: expected an object with the region's fields, got: 42",
    ],
  ])("refuses %s, naming region, path, expectation and value", (_what, value, message) => {
    // GIVEN the wrong value, WHEN it is validated, THEN the message says all four
    expect(problemsOf(value)).toContain(message);
  });

  test("takes Consul's TLS, access control and failover on every platform", () => {
    const consul = {
      tls: true,
      acl: true,
      failoverTo: ["us"],
      peers: { us: ["10.20.0.11"] },
      primaryDatacenter: "us",
    };
    const uk = { ...ukRegion, consul, consulWanNetworks: ["10.20.0.0/16"] };
    expect(problemsOf(uk, jp({ consul }))).toEqual([]);
  });

  test("refuses near regions that are none, are this one, or come twice", () => {
    const near = jp({ nearest: ["uk", "jp", "uk", "de"] });
    expect(problemsOf(near, ukRegion)).toEqual([
      'region jp: nearest[1]: expected another region (uk), got: "jp"',
      'region jp: nearest[2]: expected each region once, got: "uk"',
      'region jp: nearest[3]: expected another region (uk), got: "de"',
    ]);
    expect(problemsOf(jp({ nearest: ["uk"] }), ukRegion)).toEqual([]);
  });

  test.each([
    ["acl", "acl: expected true as in region jp, with which it federates, got: false"],
    ["tls", "tls: expected true as in region jp, with which it federates, got: false"],
  ])("refuses federated datacenters of which one goes without %s", (field, message) => {
    // GIVEN a region that federates with another, which goes without
    const federated = { peers: { uk: ["10.30.0.5"] }, primaryDatacenter: "jp" };
    const uk = { ...ukRegion, consul: { [field]: false, primaryDatacenter: "uk" } };
    // THEN the other is told, since its servers would be turned away
    expect(problemsOf(jp({ consul: federated }), uk)).toContain(`region uk: consul.${message}`);
  });

  test("has TLS and access control on every platform, and does without where it is told so", () => {
    const values = [jp(), usRegion, ukRegion];
    const settings = (changes: object) =>
      validateRegions(
        values.map((value) => ({
          file: value.name,
          value: { ...value, consul: { ...value.consul, ...changes } },
        })),
      ).map(({ consul: { tls, acl } }) => ({ tls, acl }));
    expect(settings({})).toEqual(values.map(() => ({ tls: true, acl: true })));
    expect(settings({ tls: false, acl: false })).toEqual(values.map(() => ({ tls: false, acl: false })));
  });

  test("refuses federated datacenters with tokens of which nobody knows whose hold", () => {
    // GIVEN access control over two datacenters
    const consul = { peers: { us: ["10.20.0.11"] } };
    // THEN one of them has to be named
    expect(problemsOf(jp({ consul }))).toEqual([
      "region jp: consul.primaryDatacenter: expected the datacenter whose tokens hold for all: one of jp, us, got: nothing",
    ]);
    expect(problemsOf(jp({ consul: { ...consul, primaryDatacenter: "de" } }))).toEqual([
      'region jp: consul.primaryDatacenter: expected the datacenter whose tokens hold for all: one of jp, us, got: "de"',
    ]);
  });

  test("takes a region that others join for the one whose tokens hold, and lets it name one of them", () => {
    // GIVEN the US that join JP, which names nobody
    const us = (primaryDatacenter: string) => ({
      ...usRegion,
      consul: { peers: { jp: ["10.10.0.11"] }, primaryDatacenter },
      consulWanNetworks: ["10.10.0.0/16"],
    });
    // THEN either can hold the tokens, as long as both say the same
    expect(problemsOf(jp(), us("jp"))).toEqual([]);
    expect(problemsOf(jp({ consul: { primaryDatacenter: "us" } }), us("us"))).toEqual([]);
    expect(problemsOf(jp(), us("us"))).toEqual([
      'region us: consul.primaryDatacenter: expected "jp" as in region jp, with which it federates, got: "us"',
    ]);
  });

  test("names every problem at once", () => {
    // GIVEN two things wrong in one region
    const problems = problemsOf({ ...jp({ cidr: "10.10/16" }), dns: { forwarders: [] } });
    // THEN both are told
    expect(problems.map((problem) => problem.split(": ")[1])).toEqual(["cidr", "dns.forwarders"]);
  });

  test("refuses networks that overlap between regions", () => {
    // GIVEN two regions, one network inside the other
    const other = jp({
      name: "jp2",
      cidr: "10.10.128.0/17",
      servers: jp().servers.map((server, index) => ({ ...server, address: `10.10.128.${index + 1}` })),
    });
    // THEN the later one is refused with the name of the earlier
    expect(problemsOf(jp(), other)).toEqual([
      'region jp2: cidr: expected a network that does not overlap 10.10.0.0/16 of region jp, got: "10.10.128.0/17"',
    ]);
  });

  test("refuses two regions of one name", () => {
    expect(problemsOf(jp(), jp({ cidr: "10.10.0.0/16" }))).toContain(
      'region jp: name: expected a name that no other region has, got: "jp"',
    );
  });

  test("never shows a long value whole", () => {
    // GIVEN a server with a private key pasted into the wrong place
    const [problem] = problemsOf(
      jp({ servers: [{ name: "a", address: "10.10.0.1", hostKey: hostKey + "x!".repeat(500), roles: [] }] }),
    );
    // THEN the message stays readable
    expect(problem?.length).toBeLessThan(400);
  });

  test("refuses a resolver that would ask itself, and names that leave no room for those of resources", () => {
    expect(problemsOf(jp({ dns: { forwarders: ["127.0.0.1"] } }))).toEqual([
      'region jp: dns.forwarders[0]: expected another server\'s address: here the resolver itself listens, and would ask itself for ever, got: "127.0.0.1"',
    ]);
    expect(problemsOf({ ...usRegion, name: "a".repeat(27) })).toEqual([
      `region ${"a".repeat(27)}: name: expected at most 26 characters, so that names of what is made with it fit, got: "${"a".repeat(27)}"`,
    ]);
    expect(problemsOf({ ...ukRegion, name: "a".repeat(25) })).toEqual([
      `region ${"a".repeat(25)}: name: expected at most 24 characters, so that names of what is made with it fit, got: "${"a".repeat(25)}"`,
    ]);
  });

  test("takes the proxy's own options, and says of a wrong one what it may be", () => {
    const proxy = { ...jp().proxy, settings: { readTimeout: "10s", workers: "auto" as const } };
    expect(problemsOf(jp({ proxy }))).toEqual([]);
    const wrong = { ...proxy, settings: { readTimeout: -1, dnsServer: ["x"] }, metrics: "all" };
    expect(problemsOf({ ...jp(), proxy: wrong })).toEqual([
      expect.stringMatching(/^region jp: proxy\.settings\.readTimeout: expected .*, got: -1$/),
      'region jp: proxy.settings.dnsServer[0]: expected address or address:port, got: "x"',
      'region jp: proxy.metrics: expected "host" or "network", got: "all"',
    ]);
  });

  test("refuses a peer's address in the network of another region", () => {
    // GIVEN an address in the United Kingdom given for the United States
    const consul = { peers: { us: ["10.20.0.11", "10.30.0.5"] }, primaryDatacenter: "us" };
    expect(problemsOf(jp({ consul }), ukRegion, usRegion)).toEqual([
      'region jp: consul.peers.us[1]: expected an address of region us, not one in the network of region uk, got: "10.30.0.5"',
    ]);
  });

  describe.each([
    ["a gossip key", randomBytes(32).toString("base64")],
    ["a management token", randomUUID()],
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n"],
    ["a password", "correct horse"],
  ])("never shows %s", (what, secret) => {
    const fields: Array<[string, unknown]> = [
      [
        "a field of its own",
        { ...jp(), consul: { gossipKey: secret, managementToken: secret, password: secret } },
      ],
      ["a list in one", { ...jp(), consul: { secrets: [secret], acl: { token: secret } } }],
      ...(what === "a password"
        ? []
        : ([
            ["another field", { ...jp(), cidr: secret, dns: { forwarders: [secret] }, platform: secret }],
            ["a host key's place", jp({ servers: jp().servers.map((one) => ({ ...one, hostKey: secret })) })],
            ["a key's path", jp({ ssh: { privateKeyPath: `${secret}\n` } })],
          ] as Array<[string, unknown]>)),
    ];
    test.each(fields)("that stands in %s", (_, value) => {
      const problems = problemsOf(value).join("\n");
      expect(problems).toContain("got: (what looks like a secret, and is not shown)");
      for (const part of secret.split("\n").filter(Boolean)) expect(problems).not.toContain(part);
    });
  });

  test("shows what is no secret, though it is long or its field is called a key", () => {
    const fingerprint = "798aec654e5c15428c8e42eeaa16fcbca621e701";
    const [problem] = problemsOf({
      ...jp(),
      consul: {
        aptSource: {
          name: "c",
          uri: "https://a.example/",
          suite: "x",
          components: [],
          keyFingerprint: fingerprint,
        },
      },
    });
    expect(problem).toContain(fingerprint);
    const [key] = problemsOf(
      jp({ servers: [{ name: "a", address: "10.10.0.1", hostKey: "ssh-ed25519 AAAAC3Nz", roles: [] }] }),
    );
    expect(key).toContain('"ssh-ed25519 AAAAC3Nz"');
  });
});
