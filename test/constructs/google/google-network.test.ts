import { GkeCluster, GoogleNetwork } from "../../../constructs/google";
import { removeSynthesised, synthesise } from "./synthesised-stack";

const RANGES = { nodes: "10.1.0.0/20", pods: "10.2.0.0/16", services: "10.3.0.0/20" };

afterAll(removeSynthesised);

describe("GoogleNetwork", () => {
  it("is one VPC-native subnet without default routes to it", () => {
    // GIVEN a network
    const stack = synthesise(
      (scope) =>
        new GoogleNetwork(scope, "network", { name: "uk", gcpRegion: "europe-west2", ranges: RANGES }),
    );

    // THEN it has one subnet, with ranges of its own for pods and Services
    expect(stack.one("google_compute_network")).toMatchObject({ auto_create_subnetworks: false });
    expect(stack.one("google_compute_subnetwork")).toMatchObject({
      ip_cidr_range: RANGES.nodes,
      private_ip_google_access: true,
      secondary_ip_range: [
        { range_name: "pods", ip_cidr_range: RANGES.pods },
        { range_name: "services", ip_cidr_range: RANGES.services },
      ],
    });
    // AND machines without public addresses get out, with ports enough for a busy proxy
    expect(stack.one("google_compute_router_nat")).toMatchObject({
      source_subnetwork_ip_ranges_to_nat: "ALL_SUBNETWORKS_ALL_IP_RANGES",
      enable_dynamic_port_allocation: true,
      enable_endpoint_independent_mapping: false,
    });
    // AND nothing gets in
    expect(stack.resources("google_compute_firewall")).toEqual({});
  });

  it("takes a network that exists already, and makes nothing of it", () => {
    // GIVEN
    const stack = synthesise((scope) => {
      // WHEN
      const existing = GoogleNetwork.fromAttributes(scope, "existing", {
        networkId: "projects/shop/global/networks/shop",
        subnetworkId: "projects/shop/regions/europe-west2/subnetworks/nodes",
        podRangeName: "shop-pods",
        serviceRangeName: "shop-services",
      });
      new GkeCluster(scope, "cluster", {
        name: "shop",
        project: "shop",
        gcpRegion: "europe-west2",
        network: existing,
        controlPlaneCidr: "10.4.0.0/28",
        maintenanceWindow: { days: ["SA", "SU"], startUtc: "01:00", hours: 6 },
      });
    });

    // THEN a cluster lives in it
    expect(stack.resources("google_compute_network")).toEqual({});
    expect(stack.one("google_container_cluster")).toMatchObject({
      network: "projects/shop/global/networks/shop",
      subnetwork: "projects/shop/regions/europe-west2/subnetworks/nodes",
      ip_allocation_policy: {
        cluster_secondary_range_name: "shop-pods",
        services_secondary_range_name: "shop-services",
      },
    });
  });

  it("lets in whom it is told to let in, and only on the ports named", () => {
    // WHEN another datacenter may reach Consul's WAN port
    const stack = synthesise((scope) => {
      const network = new GoogleNetwork(scope, "network", {
        name: "uk",
        gcpRegion: "europe-west2",
        ranges: RANGES,
      });
      network.allowFrom(["10.10.0.0/16"], { tcp: [8300, 8302], udp: [8302] }, "consul-wan");
    });

    // THEN one rule says so
    expect(stack.one("google_compute_firewall")).toMatchObject({
      name: "uk-allow-consul-wan",
      direction: "INGRESS",
      source_ranges: ["10.10.0.0/16"],
      allow: [
        { protocol: "tcp", ports: ["8300", "8302"] },
        { protocol: "udp", ports: ["8302"] },
      ],
    });
  });

  it.each([
    [[], { tcp: [80] }],
    [["10.0.0.0/8"], {}],
    [["10.0.0.0/8"], { tcp: [] }],
  ])(
    "refuses a rule for sources %j and ports %j, which would mean nothing or everything",
    (sources, ports) => {
      expect(() =>
        synthesise((scope) => {
          const network = new GoogleNetwork(scope, "network", {
            name: "uk",
            gcpRegion: "europe-west2",
            ranges: RANGES,
          });
          network.allowFrom(sources, ports, "nothing");
        }),
      ).toThrow(/firewall rule nothing needs at least one source and one port/);
    },
  );
});
