import {
  type Block,
  CATALOGUE,
  cloudRegion,
  type Component,
  component,
  dedicatedServer,
  FailureDomain,
  type Series,
  sla,
  slaComponent,
} from "../../../constructs/availability";

const asOf = new Date("2024-02-01T00:00:00Z");
const leaves = (block: Block): Component[] =>
  block.type === "component" ? [block] : block.type === "remote" ? [] : block.blocks.flatMap(leaves);

describe("sla", () => {
  test.each([
    ["aws.ec2", { zones: 3 }, 0.9999],
    ["aws.ec2", { zones: 1 }, 0.995],
    ["aws.rds", { multiAz: true }, 0.9995],
    ["aws.rds", { multiAz: false }, 0.995],
    ["aws.aurora", { zones: 1 }, 0.999],
    ["aws.elasticache", { multiAz: true, automaticFailover: false }, 0.995],
    ["google.compute", { zones: 3, networkTier: "premium" }, 0.9999],
    ["google.compute", { zones: 3, networkTier: "standard" }, 0.999],
    ["google.compute", { zones: 1, networkTier: "premium", memoryOptimised: true }, 0.9995],
    ["google.compute", { zones: 1, networkTier: "standard" }, undefined],
    ["google.gke", { location: "zonal" }, 0.995],
    ["google.gke", { location: "zonal", autopilot: true }, 0.9995],
    ["google.gke-autopilot-pods", { zones: 1 }, undefined],
    ["google.cloud-sql", { edition: "enterprise-plus", highAvailability: true }, 0.9999],
    ["google.cloud-sql", { edition: "enterprise-plus", highAvailability: true, sharedCore: true }, undefined],
    ["aws.eks", {}, 0.9995],
    ["aws.eks", { provisionedControlPlane: true }, 0.9999],
    ["aws.ebs", {}, 0.999],
    ["aws.ecs", { zones: 1 }, 0.995],
    ["aws.fargate", { zones: 2 }, 0.9999],
    ["aws.s3", { storageClass: "intelligent-tiering" }, 0.99],
    ["aws.s3", { storageClass: "glacier-instant-retrieval" }, 0.99],
    ["aws.elasticache", { multiAz: true, automaticFailover: true, earlierGeneration: true }, 0.999],
    ["google.compute", { zones: 3, networkTier: "premium", region: "northamerica-south1" }, 0.9995],
    ["google.compute", { zones: 3, networkTier: "premium", region: "europe-west2" }, 0.9999],
    ["google.load-balancing", { networkTier: "premium", region: "europe-north2" }, 0.9995],
    ["google.gke-autopilot-pods", { zones: 3, regions: 2 }, 0.9999],
    ["google.memorystore", { tier: "cluster-single-zone" }, 0.999],
    ["google.memorystore", { tier: "cluster-multi-zone-ha", sharedCore: true }, undefined],
    ["aws.elasticache", { multiAz: true, automaticFailover: true }, 0.9999],
    ["aws.s3", { storageClass: "standard" }, 0.999],
    ["aws.s3", { storageClass: "other" }, undefined],
    ["aws.cloudfront", {}, 0.999],
    ["google.load-balancing", { networkTier: "standard" }, 0.999],
    ["google.cloud-sql", { edition: "enterprise", highAvailability: true }, 0.9995],
    ["google.memorystore", { tier: "cluster-multi-zone-ha" }, 0.9999],
    ["google.memorystore", { tier: "standard" }, 0.999],
    ["google.memorystore", { tier: "basic" }, undefined],
    ["google.bigquery", {}, 0.9999],
    ["sakura.cloud-server", {}, 0.9995],
    ["sakura.dedicated-network", {}, 0.9995],
    ["sakura.dedicated-server", {}, undefined],
  ] as const)("%s with %j promises %p", (service, topology, expected) => {
    expect(sla(service, topology as never, { asOf }).availability).toBe(expected);
  });

  test("says what an unmet condition forgoes", () => {
    // WHEN one zone is used where the better figure needs two
    const found = sla("aws.elb", { zones: 1 }, { asOf: new Date("2022-08-01") });
    // THEN the warning names both figures, the condition and the topology
    expect(found.warnings).toEqual([
      "aws.elb: 99.99 % needs at least 2 zones enabled; 99.9 % applies (zones = 1)",
    ]);
  });

  test("says that there is no SLA", () => {
    const found = sla("google.gke-autopilot-pods", { zones: 1 }, { asOf });
    expect(found.warnings).toEqual([
      "google.gke-autopilot-pods: 99.99 % needs pods in several regions; no SLA applies (zones = 1)",
    ]);
  });

  test("warns of a figure over one year old, of an unknown date and of a secondary source", () => {
    const warningsOn = (day: string) => sla("aws.rds", { multiAz: true }, { asOf: new Date(day) }).warnings;
    expect(warningsOn("2025-01-22")).toEqual([]);
    expect(warningsOn("2025-01-23")).toEqual(["aws.rds: the figure of 2024-01-22 is over one year old"]);
    expect(sla("google.cloud-dns", {}, { asOf }).warnings).toEqual([
      "google.cloud-dns: the figure's effective date is not known",
    ]);
    expect(sla("aws.route53", {}, { asOf }).warnings).toContain(
      "aws.route53: 100 % was read in a secondary source",
    );
    // A year alone ends on 31 December
    expect(sla("aws.ec2", { zones: 2 }, { asOf: new Date("2023-12-31") }).warnings).toEqual([]);
    expect(sla("aws.ec2", { zones: 2 }, { asOf: new Date("2024-01-01") }).warnings).toHaveLength(1);
    // and a month alone on its last day
    expect(sla("aws.elb", { zones: 2 }, { asOf: new Date("2023-07-31") }).warnings).toEqual([]);
    expect(sla("aws.elb", { zones: 2 }, { asOf: new Date("2023-08-01") }).warnings).toHaveLength(1);
  });

  test("of an old figure that was compared with its source within a year says nothing, and then so", () => {
    const warningsOn = (day: string) => sla("aws.ebs", {}, { asOf: new Date(day) }).warnings;
    expect(warningsOn("2027-11-27")).toEqual([]);
    expect(warningsOn("2027-11-28")).toEqual([
      "aws.ebs: the figure was last compared with its source on 2026-11-27, over one year ago",
    ]);
    expect(sla("aws.ebs", {}).source).toContain("(one volume; compared on 2026-11-27; an outage is assumed");
    expect(sla("aws.rds", { multiAz: true }).source).toContain("not compared");
  });

  test("refuses an unknown service and an impossible number of zones", () => {
    expect(() => sla("aws.sqs" as never, {} as never)).toThrow(
      'no SLA entry "aws.sqs": expected one of aws.ec2',
    );
    expect(() => sla("toString" as never, {} as never)).toThrow('no SLA entry "toString"');
    expect(() => sla("aws.ec2", { zones: 1.5 })).toThrow(
      "aws.ec2: zones must be a whole number of at least 0, got 1.5",
    );
  });

  test("every entry is complete: an https source, a date or none, falling figures", () => {
    for (const [service, entry] of Object.entries(CATALOGUE)) {
      expect([service, entry.source]).toEqual([service, expect.stringMatching(/^https:\/\//)]);
      const figures = entry.tiers.map((tier: { availability: number }) => tier.availability);
      expect([service, ...figures]).toEqual([service, ...[...figures].sort((a, b) => b - a)]);
      expect([service, entry.assumedOutageHours]).toEqual([service, expect.any(Number)]);
      if (entry.compared !== undefined) expect(entry.compared).toMatch(/^\d{4}-\d\d-\d\d$/);
      if (entry.effectiveDate !== undefined) expect(entry.effectiveDate).toMatch(/^\d{4}(-\d\d){0,2}$/);
    }
  });
});

describe("slaComponent", () => {
  test("carries figure, kind, source, date and plane", () => {
    const api = slaComponent("gke/tricloud", "google.gke", { location: "regional" }, { asOf });
    expect(api.unavailability).toBe(0.0005);
    expect(api.about).toMatchObject({ kind: "contractual", plane: "control" });
    expect(api.about.source).toBe(
      "https://cloud.google.com/kubernetes-engine/sla (a regional or Autopilot cluster; compared on 2026-11-27; " +
        "an outage is assumed to last 1 h)",
    );
  });

  test("where nothing is promised, counts as never up unless an assumption is stated", () => {
    const pods = (options = {}) =>
      slaComponent("pods", "google.gke-autopilot-pods", { zones: 1 }, { asOf, ...options });
    expect(pods().availability).toBe(0);
    expect(pods().about.warnings?.join()).toContain(
      'nothing is promised for "pods", so it counts as never up',
    );
    const assumed = pods({ assumed: { availability: 0.99, source: "our own measurements of 2023" } });
    expect(assumed.availability).toBe(0.99);
    expect(assumed.about).toMatchObject({ kind: "assumed", source: "our own measurements of 2023" });
    expect(assumed.about.warnings).toHaveLength(1);
  });
});

describe("failure domains", () => {
  test("are one component for all that lies in them", () => {
    // GIVEN two machines in one zone and one in another
    const zone = FailureDomain.of("x")
      .within("r", { availability: 0.9999 })
      .within("a", { availability: 0.999 });
    const ids = (name: string) =>
      leaves(zone.holding(component(name, { availability: 0.99 }))).map(({ id }) => id);
    // THEN both name the same region and zone
    expect(ids("m1")).toEqual(["x/r", "x/r/a", "m1"]);
    expect(ids("m2")).toEqual(["x/r", "x/r/a", "m2"]);
  });

  test("a cloud region follows its zones", () => {
    const three = cloudRegion({ provider: "aws", region: "us-east-1", zones: ["a", "b", "c"], asOf });
    expect(three.region.components.map((c) => c.unavailability)).toEqual([0.0001]);
    expect(three.zones.map((zone) => zone.id)).toEqual([
      "aws/us-east-1/a",
      "aws/us-east-1/b",
      "aws/us-east-1/c",
    ]);
    const last = three.zones[0]?.components.at(-1);
    expect(last?.about).toMatchObject({
      kind: "assumed",
      commonCause: { group: "zones of aws/us-east-1", beta: 0.1 },
    });
    // One zone: nothing is promised for the region, and no other zone can fail with it
    const one = cloudRegion({ provider: "google", region: "europe-west2", zones: ["a"], asOf });
    expect(one.region.components).toEqual([]);
    expect(one.zones[0]?.components.map((c) => c.about.commonCause)).toEqual([undefined]);
    expect(() => cloudRegion({ provider: "aws", region: "x", zones: [] })).toThrow(
      "expected at least one zone",
    );
  });

  test("a dedicated server is its site's network, its rack and the machine", () => {
    const server = (name: string) => dedicatedServer({ name, site: "tk1", rack: "r7", asOf }) as Series;
    expect(leaves(server("jp-1")).map(({ id }) => id)).toEqual([
      "dedicated/tk1/network",
      "dedicated/tk1/rack-r7",
      "dedicated/tk1/jp-1",
    ]);
    const [network, , machine] = leaves(server("jp-2"));
    expect(network?.availability).toBe(0.9995);
    expect(machine?.unavailability).toBe(4 / (3 * 8760 + 4));
    expect(machine?.about.source).toContain("MTBF 26280 h (assumed), MTTR 4 h");
  });
});
