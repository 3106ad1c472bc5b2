import { InvalidRegionsError, validateRegions } from "../../../stacks/values/regions";
import uk from "../../../regions/uk";

/** What is wrong with the UK's value once `changes` are made to it. */
function problems(changes: Record<string, unknown>): string {
  try {
    validateRegions([{ file: "uk.ts", value: { ...uk, ...changes } }]);
    return "";
  } catch (error) {
    if (error instanceof InvalidRegionsError) return error.message;
    throw error;
  }
}

describe("a GKE region's value", () => {
  it("is filled in with defaults that are safe", () => {
    // GIVEN a value with nothing but what has no default
    const least: Record<string, unknown> = { ...uk };
    for (const name of ["nodes", "proxyPods"]) delete least[name];

    // WHEN it is validated
    const [region] = validateRegions([{ file: "uk.ts", value: least }]);

    // THEN the cluster is protected, its control plane closed and every image pinned
    expect(region).toMatchObject({
      deletionProtection: true,
      authorizedNetworks: {},
      releaseChannel: "REGULAR",
      consulServers: 3,
      nodes: { minPerZone: 1, maxPerZone: 3 },
    });
  });

  it.each([
    [
      "a zone of another region",
      { zones: ["europe-west2-a", "europe-west1-b"] },
      /zones\[1\]: expected a zone of europe-west2, got: "europe-west1-b"/,
    ],
    [
      "a zone twice",
      { zones: ["europe-west2-a", "europe-west2-a"] },
      /zones\[1\]: expected a zone that is not in the list already/,
    ],
    ["one zone", { zones: ["europe-west2-a"] }, /zones: expected at least two zones/],
    [
      "a range outside the region",
      { ranges: { ...uk.ranges, pods: "10.99.0.0/17" } },
      /ranges\.pods: expected a network inside the region's cidr 10\.30\.0\.0\/16, got: "10\.99\.0\.0\/17"/,
    ],
    [
      "a range larger than the region",
      { ranges: { ...uk.ranges, pods: "10.0.0.0/8" } },
      /ranges\.pods: expected a network inside/,
    ],
    [
      "ranges that overlap",
      { ranges: { ...uk.ranges, services: "10.30.0.0/20" } },
      /ranges\.services: expected a network that does not overlap ranges\.nodes/,
    ],
    [
      "a control plane of the wrong size",
      { ranges: { ...uk.ranges, controlPlane: "10.30.32.0/27" } },
      /ranges\.controlPlane: expected a network of exactly \/28/,
    ],
    [
      "too few addresses for Services",
      { ranges: { ...uk.ranges, services: "10.30.16.0/25" } },
      /ranges\.services: expected a network of \/24 or larger/,
    ],
    ["two Consul servers", { consulServers: 2 }, /consulServers: expected 3 or 5 Consul servers.*got: 2/],
    [
      "fewer nodes at most than at least",
      { nodes: { minPerZone: 4, maxPerZone: 2 } },
      /nodes: expected minPerZone to be at most maxPerZone/,
    ],
    [
      "an image that may change",
      { images: { node: "docker.io/library/node:latest" } },
      /images\.node: expected an image pinned by a tag other than latest/,
    ],
    [
      "an image without a tag",
      { images: { unbound: "docker.io/klutchell/unbound" } },
      /images\.unbound: expected an image pinned/,
    ],
    [
      "too little maintenance",
      { maintenance: { days: ["SU"], startUtc: "02:00", hours: 4 } },
      /maintenance: expected windows of at least 48 hours in any 32 days/,
    ],
    ["a malformed project", { project: "Example" }, /project: expected a Google Cloud project id/],
    [
      "a chart version that is a range",
      { versions: { consulChart: "~1.9" } },
      /versions\.consulChart: expected an exact version/,
    ],
    [
      "a public host outside the domain",
      { entrance: { ...uk.entrance, hosts: ["www.uk.example.com", "www.example.com"] } },
      /entrance\.hosts\[1\]: expected uk\.example\.com or a name one label below it.*got: "www\.example\.com"/,
    ],
    [
      "a public Service whose pods are all there are",
      { entrance: { ...uk.entrance, backend: { ...uk.entrance?.backend, podLabels: {} } } },
      /entrance\.backend\.podLabels: expected at least one label.*got: \{\}/,
    ],
    [
      "a database without addresses",
      { database: {}, ranges: { ...uk.ranges, data: undefined } },
      /ranges\.data: expected a network of \/24 or larger.*got: nothing/,
    ],
    [
      "a database on shared cores",
      { database: { tier: "db-f1-micro" } },
      /database\.tier: expected a Cloud SQL machine type with dedicated cores.*got: "db-f1-micro"/,
    ],
    [
      "peers whose networks are kept out",
      { consul: { peers: { jp: ["10.10.0.11"] } } },
      /consulWanNetworks: expected the networks of the datacenters in consul\.peers.*got: nothing/,
    ],
    [
      "a join address that no node's network holds",
      { consulJoinAddress: "10.30.16.9", consulWanNetworks: ["10.10.0.0/16"] },
      /consulJoinAddress: expected an address in ranges\.nodes 10\.30\.0\.0\/20, got: "10\.30\.16\.9"/,
    ],
    ["an unknown field", { autopilot: true }, /autopilot: expected no such field, got: true/],
  ])("with %s is refused with the field, the value and what was expected", (_what, changes, message) => {
    expect(problems(changes)).toMatch(message);
    expect(problems(changes)).toMatch(/^region uk: /);
  });

  it("may pin an image by its digest alone", () => {
    expect(problems({ images: { node: `docker.io/library/node@sha256:${"0".repeat(64)}` } })).toBe("");
  });
});
