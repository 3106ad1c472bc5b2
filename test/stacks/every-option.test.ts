import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import type { z } from "zod";
import { validateRegions } from "../../stacks/values/regions";
import { dedicatedRegion } from "../../stacks/values/regions/dedicated-region";
import { ec2Region } from "../../stacks/values/regions/ec2-region";
import { gkeRegion } from "../../stacks/values/regions/gke-region";
import { addStacks } from "../../stacks";
import { dedicatedRegionValue, westRegionValue } from "./values/regions/region-values";
import type { Region } from "../../stacks/values/regions";
import { type GatewayValue, validateGateways } from "../../stacks/values/gateways";
import type { ServiceInput } from "../../stacks/values/services";
import { isPeered, reaches } from "../../stacks/values/services/service-peers";
import { fieldsOf, pairwise, valueWith } from "./option-pairs";
import { leavesOf, recordingReads } from "./recorded-reads";
import { gatewayIn } from "./gateway-values";
import { DIGEST, validated } from "./service-values";

jest.setTimeout(600_000);

/** One in so many values has a gateway too: each makes its stack dearer. */
const EACH_WITH_GATEWAY = 3;

type Samples = Readonly<Record<string, readonly unknown[]>>;

/** What the fields that are alike everywhere may hold, besides what their types tell. */
const SHARED: Samples = {
  backend: [
    { type: "local" },
    { type: "s3", bucket: "state", region: "us-east-1" },
    { type: "gcs", bucket: "state" },
  ],
  "proxy.allow": [["api.example.com", "*.example.net"]],
  "proxy.settings": [{ readTimeout: "10s", workers: "auto", circuitFailures: 5, dnsServer: ["10.10.0.2"] }],
  "proxy.warm": [["api.example.com:443=2"]],
  "proxy.caCertificate": ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
  "dns.records": [{ "api.example.com": "192.0.2.1" }],
  origins: [
    {
      "api.example.com": { availability: 0.999, source: "assumed" },
      "search.example.com": {
        origins: [
          { url: "https://search.tokyo.example.com", availability: 0.999, source: "assumed" },
          { url: "https://search.oregon.example.com", availability: 0.999, source: "assumed" },
        ],
        check: { path: "/healthz" },
        substitute: { body: "[]" },
        stale: { ifError: "1h", bytes: 1_048_576 },
      },
    },
  ],
  "availability.targets": [{ "calls-to-other-clouds": { atLeast: 0.5 } }],
};

/** Where Tricloud installs Consul on machines itself. */
const ON_HOSTS: Samples = {
  ...SHARED,
  "consul.aptSource": [
    { name: "consul", uri: "http://10.0.0.1/debian", suite: "./", components: [], trusted: true },
  ],
  "consul.version": ["1.22.3", "1.22.3-1"],
  "consul.snapshots.bucket.bucket": ["example-snapshots"],
  "consul.snapshots.bucket.region": ["us-east-1"],
  "consul.snapshots.bucket.endpoint": ["https://s3.example.com"],
  "consul.snapshots.bucket.prefix": ["consul/one"],
};

const SERVERS = dedicatedRegionValue().servers.map((server, index) =>
  index === 2 ? { ...server, roles: [...server.roles, "front" as const] } : server,
);

/** By platform: the schema, what its other fields may hold, and what follows from the fields that were chosen. */
const PLATFORMS: Readonly<
  Record<string, { schema: z.ZodType; name: string; samples: Samples; follow: (value: Value) => void }>
> = {
  dedicated: {
    schema: dedicatedRegion,
    name: "jp",
    samples: {
      ...ON_HOSTS,
      ...federation("us"),
      name: ["jp"],
      cidr: ["10.10.0.0/16"],
      provider: ["sakura"],
      "peered.hosts": [["198.51.100.7"]],
      "registry.address": ["registry.example.com:5000/shop"],
      "database.name": ["orders"],
      "database.host": ["10.10.0.9"],
      "database.databaseName": ["shop"],
      "database.user": ["shop"],
      "database.caCertificate": ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
      "database.availability": [0.999],
      "database.source": ["assumed"],
      "database.meanOutageHours": [2],
      "registry.caCertificate": ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
      "ssh.user": ["debian"],
      "ssh.privateKeyPath": ["/home/debian/.ssh/id_ed25519"],
      "ssh.bastion": [
        { address: "bastion.example.jp", user: "debian", port: 2222, hostKey: SERVERS[0]!.hostKey },
      ],
      servers: [
        SERVERS,
        [...SERVERS.slice(0, 2), { ...SERVERS[2], rack: "rack-1", sshAddress: "192.0.2.3" }],
      ],
      "proxy.maxUnavailable": [1, "50%"],
      "front.errorPage": ["<h1>Back soon</h1>"],
      "front.certificate.acme.directory": ["https://ca.example.com/directory"],
      "front.certificate.acme.caCertificate": [
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
      ],
      "front.certificate.acme.email": ["ops@example.com"],
      "front.certificate.acme.dns": ["route53", { rfc2136: { server: "10.10.0.2", keyName: "fronts" } }],
      "dns.forwarders": [["10.10.0.2"]],
    },
    follow: (value) => {
      if (!isSingle(value)) return;
      value["servers"] = [{ ...SERVERS[0], roles: ["consul-server", "proxy", "app", "front"] }];
    },
  },
  ec2: {
    schema: ec2Region,
    name: "us",
    samples: {
      ...ON_HOSTS,
      ...federation("jp"),
      name: ["us"],
      cidr: ["10.20.0.0/16"],
      awsRegion: ["us-east-1"],
      availabilityZones: [
        ["us-east-1a", "us-east-1b", "us-east-1c"],
        ["us-east-1a", "us-east-1b"],
      ],
      machineLogDays: [7, "none"],
      image: ["ami-0123456789abcdef0", "debian-13-amd64-20251117-2299", "debian-13-arm64-20251117-2299"],
      tags: [{ team: "platform" }],
      ...Object.fromEntries(
        ["consul-server", "proxy", "app"].map((role) => [`servers.${role}.instanceType`, ["t3.large"]]),
      ),
      consulWanNetworks: [["10.10.0.0/16"]],
      "registry.address": ["123456789012.dkr.ecr.us-east-1.amazonaws.com/shop"],
      "registry.caCertificate": ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"],
      "entrance.service": ["shop"],
      "entrance.domain": ["service.example.com"],
      "entrance.zone": ["example.com"],
      "entrance.healthPath": ["/ready"],
      "database.instanceClass": ["db.r6g.large"],
      "database.engineVersion": ["8.0"],
      "cache.nodeType": ["cache.r7g.large"],
      privateZone: ["us.example.internal"],
      internalZones: [["corp.example.com"]],
      "database.databaseName": ["shop"],
      "database.name": ["orders"],
      "database.services.user": ["shop"],
      "database.services.databaseName": ["stock"],
      "database.storageKeyArn": ["arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d"],
      pagerEmails: [["on-call@example.com"]],
      "dns.forwarders": [["169.254.169.253"]],
    },
    follow: (value) => {
      const servers = (value["servers"] ??= {}) as Value;
      servers["consul-server"] = {
        ...(servers["consul-server"] as object),
        count: isSingle(value) ? 1 : 3,
      };
      const { peers, ...consul } = (value["consul"] ?? {}) as Value;
      if (peers === undefined) return;
      // One of a federation says whose tokens hold there, and whom it lets in.
      value["consul"] = { primaryDatacenter: "jp", ...consul, peers };
      value["consulWanNetworks"] ??= ["10.10.0.0/16"];
    },
  },
  gke: {
    schema: gkeRegion,
    name: "uk",
    samples: {
      ...SHARED,
      ...federation("jp"),
      name: ["uk"],
      cidr: ["10.30.0.0/16"],
      project: ["example-uk"],
      gcpRegion: ["europe-west2"],
      zones: [
        ["europe-west2-a", "europe-west2-b", "europe-west2-c"],
        ["europe-west2-a", "europe-west2-b"],
      ],
      "ranges.nodes": ["10.30.0.0/20"],
      "ranges.services": ["10.30.16.0/20"],
      "ranges.controlPlane": ["10.30.32.0/28"],
      "ranges.data": ["10.30.48.0/20"],
      "ranges.pods": ["10.30.128.0/17"],
      "nodes.pool": ["workers"],
      "nodes.machineType": ["e2-standard-4"],
      otherPools: [{ next: { machineType: "n2-standard-2" } }],
      labels: [{ team: "shop" }],
      "dockerHub.username": ["example"],
      "dockerHub.tokenSecret": ["projects/example-uk/secrets/docker-hub/versions/1"],
      "maintenance.days": [["TU", "WE", "TH"]],
      "maintenance.startUtc": ["02:00"],
      authorizedNetworks: [{ office: "192.0.2.0/24" }],
      consulServers: [5],
      consulWanNetworks: [["10.10.0.0/16"]],
      consulJoinAddress: ["10.30.0.53"],
      "entrance.zone": ["uk.example.com"],
      "entrance.hosts": [["www.uk.example.com"]],
      "entrance.backend.service": ["app"],
      "entrance.backend.healthPath": ["/healthz"],
      "entrance.backend.podLabels": [{ app: "app" }],
      "database.tier": ["db-custom-4-15360"],
      "database.engineVersion": ["8.0"],
      "database.databases": [["shop", "stock"]],
      "database.name": ["orders"],
      "database.services.user": ["shop"],
      "database.services.databaseName": ["stock"],
      "dns.forwarders": [["169.254.169.254"]],
      "versions.consulChart": ["1.9.4"],
      "images.node": ["docker.io/library/node:22.0.0"],
      "images.unbound": ["docker.io/klutchell/unbound:v1.22.0"],
      "images.consul": ["docker.io/hashicorp/consul:1.22.2"],
    },
    follow: (value) => {
      if (isSingle(value)) value["consulServers"] = 1;
    },
  },
};

type Value = Record<string, unknown>;

/** Read by those alone who check the whole: which platform it is, where addresses should lie, and where others call. */
const ONLY_CHECKED = ["platform", "cidr", "peered.hosts[]"];

/** A service that is reached in every way that the platform has: some fields are about that alone. */
function serving(region: Region): ReturnType<typeof validated> {
  const hasRegistry = "registry" in region && region.registry !== undefined;
  const service: ServiceInput = {
    ...{ name: "store", image: `${hasRegistry ? "" : "registry.example.com/"}store@${DIGEST}`, port: 8080 },
    health: { path: "/ready" },
    public: region.platform === "dedicated" ? { hosts: ["www.example.com"] } : undefined,
    database: region.database?.name,
    in: { [region.name]: {} },
  };
  // Named as one whose Consul the region joins.
  const others = validateRegions([
    { file: "east.ts", value: westRegionValue({ name: region.name === "jp" ? "us" : "jp", peered: {} }) },
  ]);
  const [other] = others.filter(isPeered);
  const isCalled = isPeered(region) && reaches(other!, region);
  const caller = { ...service, name: "caller", image: `registry.example.com/caller@${DIGEST}`, port: 8081 };
  const called = {
    ...caller,
    public: undefined,
    database: undefined,
    calls: ["store"],
    in: { [other!.name]: {} },
  };
  return validated(
    [service, ...(isCalled ? [called] : [])],
    [{ ...region, entrance: undefined } as Region, ...others],
  );
}

/** A gateway in front of it, on what the region has; none where the region's value has it refused. */
function inFrontOf(region: Region, services: ReturnType<typeof serving>): readonly GatewayValue[] {
  const zone = region.platform === "gke" ? "uk.example.com" : "example.com";
  const gateway = gatewayIn(region.name, {
    hosts: [`api.${zone}`],
    monolith: "store",
    openTelemetry: { endpoint: "http://collector.example.com:4318", serviceName: "api" },
  });
  try {
    return validateGateways([{ file: "api.ts", value: gateway }], [region], services);
  } catch (error) {
    // It stands behind the region's entrance.
    expect((error as Error).message).toMatch(/to have an entrance/);
    return [];
  }
}

const isSingle = ({ consul }: Value): boolean => (consul as Value | undefined)?.["singleServer"] === true;

function federation(peer: string): Samples {
  return {
    "consul.primaryDatacenter": [peer],
    "consul.failoverTo": [[peer]],
    "consul.peers": [{ [peer]: ["192.0.2.10"] }],
    // It is checked alone, beside no other region.
    nearest: [[]],
  };
}

describe.each(Object.keys(PLATFORMS))("a region on %s", (platform) => {
  const { schema, name, samples, follow } = PLATFORMS[platform]!;
  let outdir: string;

  beforeAll(() => (outdir = mkdtempSync(join(tmpdir(), "tricloud-options-"))));
  afterAll(() => rmSync(outdir, { recursive: true }));

  const problem = (value: Value): string | undefined => {
    try {
      validateRegions([{ file: name, value }]);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };

  it("synthesises with every two options together, unless its value is refused by name, and reads each field", async () => {
    // GIVEN region values in which every two values of two fields meet
    const fields = fieldsOf(schema, samples);
    const complete = (assignment: ReadonlyMap<string, number>): Value => {
      const value = valueWith(fields, assignment);
      follow(value);
      return value;
    };
    const assignments = pairwise(fields, (value) => {
      follow(value);
      return problem(value) !== undefined;
    });
    expect(assignments.length).toBeGreaterThan(1);
    const failures: string[] = [];
    let withGateway = 0;
    const [said, read] = [new Set<string>(), new Set<string>()];
    for (const [index, assignment] of assignments.entries()) {
      const value = complete(assignment);
      // WHEN each is synthesised
      const app = new App({ outdir: join(outdir, String(index)) });
      try {
        const [region] = validateRegions([{ file: name, value }]);
        for (const leaf of leavesOf(region)) said.add(leaf);
        const services = serving(region!);
        const gateways = index % EACH_WITH_GATEWAY === 0 ? inFrontOf(region!, services) : [];
        withGateway += gateways.length;
        await addStacks(app, recordingReads(region!, read), services, gateways);
        app.synth();
      } catch (error) {
        failures.push(`${(error as Error).message}: ${JSON.stringify(value)}`);
      }
    }
    // THEN nothing throws
    expect(failures).toEqual([]);
    // AND those with a gateway are more than a few
    expect(withGateway).toBeGreaterThan(assignments.length / EACH_WITH_GATEWAY / 2);
    // AND all that they say is read by somebody: what is handed on whole is held to its reader's props by `readBy`
    expect([...said].filter((leaf) => !read.has(leaf) && !ONLY_CHECKED.includes(leaf))).toEqual([]);
  });
});
