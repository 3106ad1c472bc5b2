import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import type { Construct } from "constructs";
import {
  EnabledApis,
  GkeCluster,
  GoogleNetwork,
  ImageMirror,
  NodePool,
  PublicEntrance,
} from "../constructs/google";
import { CONSUL_WAN_PORTS } from "../constructs/kubernetes";
import type { GkeRegion } from "../constructs/region";
import { RegionStack } from "./region-stack";

/** A region on GKE: the network, the cluster and its nodes. What runs on it is a stack of its own. */
export class UkStack extends RegionStack<GkeRegion> {
  readonly cluster: GkeCluster;
  readonly nodes: NodePool;
  readonly images: ImageMirror;
  /** When the region shows something to the internet. */
  readonly entrance?: PublicEntrance;

  constructor(scope: Construct, region: GkeRegion) {
    super(scope, region);
    const { name, project, gcpRegion } = region;
    new GoogleProvider(this, "google", { project, region: gcpRegion });
    const apis = new EnabledApis(this, "apis", { project, apis: APIS });
    const network = new GoogleNetwork(this, "network", {
      name,
      gcpRegion,
      ranges: region.ranges,
      dependsOn: [apis.of("compute")],
    });
    if (region.consulWanNetworks.length > 0) {
      network.allowFrom("consul-wan", region.consulWanNetworks, CONSUL_WAN_PORTS);
      network.allowFrom("proxy", region.consulWanNetworks, { tcp: [region.proxy.port] });
    }
    this.cluster = new GkeCluster(this, "cluster", {
      ...region,
      network,
      controlPlaneCidr: region.ranges.controlPlane,
      maintenanceWindow: region.maintenance,
      dependsOn: [apis.of("container")],
    });
    this.nodes = new NodePool(this, "nodes", { cluster: this.cluster, zones: region.zones, ...region.nodes });
    this.images = new ImageMirror(this, "images", {
      name: `${name}-docker-hub`,
      project,
      gcpRegion,
      readers: { nodes: this.cluster.nodeServiceAccount.member },
      dependsOn: [apis.of("artifactregistry")],
    });
    if (region.entrance !== undefined) {
      this.entrance = new PublicEntrance(this, "entrance", {
        name,
        ...region.entrance,
        dependsOn: [apis.of("compute"), apis.of("dns"), apis.of("certificatemanager")],
      });
    }
    // Pods go on without the control plane; they are not replaced or scaled meanwhile.
    this.service("pods", { requires: [this.nodes], degradesWithout: [this.cluster] });
  }
}

const APIS = ["artifactregistry", "certificatemanager", "compute", "container", "dns"];
