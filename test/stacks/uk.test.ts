import { type App } from "cdktf";
import { atLeast } from "../../constructs/availability";
import { type GkeRegion, type GkeRegionInput, validateRegions } from "../../constructs/region";
import uk from "../../regions/uk";
import { UkStack } from "../../stacks/uk";
import { removeSynthesised, synthesiseApp } from "../constructs/google/synthesised-stack";

function synthesised(changes: Partial<GkeRegionInput> = {}) {
  const [region] = validateRegions([{ file: "uk.ts", value: { ...uk, ...changes } }]);
  let built: UkStack | undefined;
  const stack = synthesiseApp("uk", (app: App) => (built = new UkStack(app, region as GkeRegion)));
  return { stack, built: built! };
}

afterAll(removeSynthesised);

describe("UkStack", () => {
  it("is a private regional cluster in a network of its own, over the region's zones", () => {
    // GIVEN the UK's value
    const { stack } = synthesised();

    // THEN the cluster and its nodes are where the value says
    expect(stack.one("google_container_cluster")).toMatchObject({
      name: "uk",
      project: "example-uk",
      location: "europe-west2",
      private_cluster_config: { enable_private_nodes: true, master_ipv4_cidr_block: "10.30.32.0/28" },
    });
    expect(stack.one("google_container_node_pool")).toMatchObject({
      node_locations: ["europe-west2-a", "europe-west2-b", "europe-west2-c"],
      autoscaling: { min_node_count: 1, max_node_count: 3 },
      node_config: { machine_type: "e2-standard-2" },
    });
  });

  it("turns on the APIs it needs first", () => {
    const { stack } = synthesised();
    const apis = stack.resources("google_project_service");
    expect(Object.values(apis).map((api) => api["service"])).toEqual(
      expect.arrayContaining(["compute.googleapis.com", "container.googleapis.com"]),
    );
    expect(stack.one("google_compute_network")["depends_on"]).toEqual([
      expect.stringMatching(/^google_project_service\..*compute/),
    ]);
    expect(stack.one("google_container_cluster")["depends_on"]).toEqual(
      expect.arrayContaining([expect.stringMatching(/^google_project_service\..*container/)]),
    );
  });

  it("lets other datacenters in when they are named, and otherwise nobody", () => {
    expect(synthesised().stack.resources("google_compute_firewall")).toEqual({});
    const { stack } = synthesised({ consulWanNetworks: ["10.10.0.0/16", "10.20.0.0/16"] });
    const rules = Object.values(stack.resources("google_compute_firewall"));
    expect(rules.map(({ name }) => name)).toEqual(["uk-allow-consul-wan", "uk-allow-proxy"]);
    for (const rule of rules) expect(rule["source_ranges"]).toEqual(["10.10.0.0/16", "10.20.0.0/16"]);
  });

  it("keeps its state where the region says", () => {
    const { stack } = synthesised({ backend: { type: "gcs", bucket: "example-state" } });
    expect(stack.json["terraform"]).toMatchObject({
      backend: { gcs: { bucket: "example-state", prefix: "tricloud/uk" } },
    });
  });

  it("is as available as its zones, counted from the value", () => {
    // WHEN the region has a zone less
    const three = synthesised().built.nodes.zones;
    const two = synthesised({ zones: ["europe-west2-a", "europe-west2-b"] }).built.nodes.zones;

    // THEN its workloads have one less to stand on
    expect(atLeast(2, ...three).blocks).toHaveLength(3);
    expect(atLeast(2, ...two).blocks).toHaveLength(2);
  });
});
