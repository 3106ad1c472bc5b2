import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import { TerraformStack } from "cdktf";
import {
  GkeAccess,
  GkeCluster,
  type GkeClusterProps,
  GoogleNetwork,
  NodePool,
  WorkloadAccount,
} from "../../../constructs/google";
import { removeSynthesised, synthesise, synthesiseApp } from "./synthesised-stack";

const RANGES = { nodes: "10.1.0.0/20", pods: "10.2.0.0/16", services: "10.3.0.0/20" };
const ZONES = ["europe-west2-a", "europe-west2-b", "europe-west2-c"];

function cluster(scope: TerraformStack, changes: Partial<GkeClusterProps> = {}): GkeCluster {
  const network = new GoogleNetwork(scope, "network", {
    name: "uk",
    gcpRegion: "europe-west2",
    ranges: RANGES,
  });
  return new GkeCluster(scope, "cluster", {
    name: "uk",
    project: "example-uk",
    gcpRegion: "europe-west2",
    network,
    controlPlaneCidr: "10.4.0.0/28",
    maintenanceWindow: { days: ["TU", "WE", "TH"], startUtc: "02:00", hours: 4 },
    ...changes,
  });
}

afterAll(removeSynthesised);

describe("GkeCluster", () => {
  it("is private, regional and VPC-native, with nodes and control plane hardened", () => {
    // GIVEN a cluster with defaults
    const stack = synthesise((scope) => cluster(scope));

    // THEN neither nodes nor control plane have a public address, and IAM decides who gets in
    expect(stack.one("google_container_cluster")).toMatchObject({
      location: "europe-west2",
      networking_mode: "VPC_NATIVE",
      ip_allocation_policy: {
        cluster_secondary_range_name: "pods",
        services_secondary_range_name: "services",
      },
      private_cluster_config: {
        enable_private_nodes: true,
        enable_private_endpoint: true,
        master_ipv4_cidr_block: "10.4.0.0/28",
      },
      master_authorized_networks_config: { cidr_blocks: [] },
      control_plane_endpoints_config: { dns_endpoint_config: { allow_external_traffic: true } },
      datapath_provider: "ADVANCED_DATAPATH",
      workload_identity_config: { workload_pool: "example-uk.svc.id.goog" },
      release_channel: { channel: "REGULAR" },
      enable_shielded_nodes: true,
      addons_config: { dns_cache_config: { enabled: true } },
      maintenance_policy: { recurring_window: { recurrence: "FREQ=WEEKLY;BYDAY=TU,WE,TH" } },
      remove_default_node_pool: true,
      deletion_protection: true,
    });
  });

  it("opens its public address to the networks named and to no others", () => {
    const stack = synthesise((scope) => cluster(scope, { authorizedNetworks: { office: "203.0.113.0/24" } }));
    expect(stack.one("google_container_cluster")).toMatchObject({
      private_cluster_config: { enable_private_endpoint: false },
      master_authorized_networks_config: {
        gcp_public_cidrs_access_enabled: false,
        cidr_blocks: [{ cidr_block: "203.0.113.0/24", display_name: "office" }],
      },
    });
  });

  it("gives its nodes an account that may do no more than a node must", () => {
    const stack = synthesise((scope) => cluster(scope));
    expect(stack.one("google_service_account")).toMatchObject({ account_id: "uk-nodes" });
    expect(stack.one("google_project_iam_member")).toMatchObject({
      role: "roles/container.defaultNodeServiceAccount",
    });
  });

  it("counts as control plane, not as something that serves", () => {
    let built: GkeCluster | undefined;
    synthesise((scope) => (built = cluster(scope)));
    expect(built?.availability).toMatchObject({
      availability: 0.9995,
      about: { plane: "control", kind: "contractual" },
    });
  });

  it.each(["Uk", "uk-", "a".repeat(25), ""])("refuses the name %j", (name) => {
    expect(() => synthesise((scope) => cluster(scope, { name }))).toThrow(
      /cluster name must be 1 to 24.*got: /,
    );
  });
});

describe("GkeCluster.fromAttributes", () => {
  const attributes = {
    clusterName: "shop",
    project: "example-shop",
    gcpRegion: "europe-west3",
    dnsEndpoint: "gke-0a1b2c.europe-west3.gke.goog",
  };

  it("lets workloads and their accounts onto a cluster that exists already", () => {
    // GIVEN a cluster that another tool made
    const stack = synthesiseApp("test", (app) => {
      const workloads = new TerraformStack(app, "test");
      new GoogleProvider(workloads, "google", { project: "example-shop" });
      const existing = GkeCluster.fromAttributes(workloads, "existing", attributes);

      // WHEN a stack is to deploy onto it
      new GkeAccess(workloads, "access", { cluster: existing });
      new WorkloadAccount(workloads, "account", {
        cluster: existing,
        accountId: "shop-app",
        namespace: "shop",
        kubernetesAccount: "app",
      });
    });

    // THEN the providers reach it, the pods act in its project, and no cluster is made
    const host = "https://gke-0a1b2c.europe-west3.gke.goog";
    expect(stack.json["provider"]).toMatchObject({
      kubernetes: [{ host }],
      helm: [{ kubernetes: { host } }],
    });
    expect(stack.one("google_service_account_iam_member")).toMatchObject({
      member: "serviceAccount:example-shop.svc.id.goog[shop/app]",
    });
    expect(stack.resources("google_container_cluster")).toEqual({});
  });

  it.each(["https://gke-0a1b2c.europe-west3.gke.goog", "gke", ""])(
    "refuses the endpoint %j",
    (dnsEndpoint) => {
      expect(() =>
        synthesise((scope) => GkeCluster.fromAttributes(scope, "existing", { ...attributes, dnsEndpoint })),
      ).toThrow(`cluster existing: dnsEndpoint must be a host name, got: ${JSON.stringify(dnsEndpoint)}`);
    },
  );
});

describe("NodePool", () => {
  it("keeps nodes in every zone, without the default account or unsigned boot code", () => {
    const stack = synthesise((scope) => {
      new NodePool(scope, "nodes", { cluster: cluster(scope), zones: ZONES, minPerZone: 2, maxPerZone: 5 });
    });
    const pool = stack.one("google_container_node_pool");
    expect(pool).toMatchObject({
      node_locations: ZONES,
      initial_node_count: 2,
      autoscaling: { min_node_count: 2, max_node_count: 5, location_policy: "BALANCED" },
      upgrade_settings: { max_surge: 1, max_unavailable: 0 },
      management: { auto_repair: true, auto_upgrade: true },
      node_config: {
        shielded_instance_config: { enable_secure_boot: true, enable_integrity_monitoring: true },
        workload_metadata_config: { mode: "GKE_METADATA" },
        metadata: { "disable-legacy-endpoints": "true" },
      },
    });
    expect((pool["node_config"] as { service_account: string }).service_account).toMatch(
      /google_service_account/,
    );
  });

  it("has an availability that follows its zones and the nodes kept in each", () => {
    // GIVEN two nodes kept in each of three zones
    let pool: NodePool | undefined;
    synthesise((scope) => {
      pool = new NodePool(scope, "nodes", { cluster: cluster(scope), zones: ZONES, minPerZone: 2 });
    });

    // THEN each zone is one block, in which the zone and one of its two nodes must work
    expect(pool?.zones.map(({ zone }) => zone)).toEqual(ZONES);
    expect(pool?.availability).toMatchObject({ type: "parallel", blocks: { length: 3 } });
    expect(pool?.zones[1]?.availability).toMatchObject({
      type: "series",
      blocks: expect.arrayContaining([
        expect.objectContaining({ id: "google/europe-west2/europe-west2-b" }),
        expect.objectContaining({
          type: "parallel",
          blocks: [
            expect.objectContaining({
              id: "google/europe-west2/europe-west2-b/uk-nodes-0",
              availability: 0.999,
            }),
            expect.objectContaining({ id: "google/europe-west2/europe-west2-b/uk-nodes-1" }),
          ],
        }),
      ]),
    });
  });

  it.each([
    [{ zones: ["europe-west2-a"] }, /must span at least two zones/],
    [{ zones: ZONES, minPerZone: 3, maxPerZone: 2 }, /minPerZone must be 1 to maxPerZone, got: 3 and 2/],
  ])("refuses %j", (props, message) => {
    expect(() =>
      synthesise((scope) => new NodePool(scope, "nodes", { cluster: cluster(scope), ...props })),
    ).toThrow(message);
  });
});
