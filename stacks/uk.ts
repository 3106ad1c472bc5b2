import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import type { Construct } from "constructs";
import {
  CloudSqlMysql,
  EnabledApis,
  GkeCluster,
  GoogleNetwork,
  ImageMirror,
  ImageRepository,
  MemorystoreCache,
  NodePool,
  PrivateServices,
  PublicEntrance,
  WorkloadAccount,
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
  /** Who the region's applications are to Google Cloud. */
  readonly app: WorkloadAccount;
  readonly database?: CloudSqlMysql;
  readonly cache?: MemorystoreCache;

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
      if (region.consulJoinAddress !== undefined) network.reserve("consul-join", region.consulJoinAddress);
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
    const registry = {
      project,
      gcpRegion,
      readers: { nodes: this.cluster.nodeServiceAccount.member },
      dependsOn: [apis.of("artifactregistry")],
    };
    this.images = new ImageMirror(this, "images", { name: `${name}-docker-hub`, ...registry });
    new ImageRepository(this, "app-images", { name: `${name}-apps`, ...registry });
    if (region.entrance !== undefined) {
      this.entrance = new PublicEntrance(this, "entrance", {
        name,
        ...region.entrance,
        dependsOn: [apis.of("compute"), apis.of("dns"), apis.of("certificatemanager")],
      });
    }
    this.app = new WorkloadAccount(this, "app", {
      cluster: this.cluster,
      accountId: `${name}-app`,
      namespace: "app",
      kubernetesAccount: "app",
    });
    if (region.ranges.data !== undefined) {
      const privateServices = new PrivateServices(this, "private-services", {
        name,
        gcpRegion,
        network,
        range: region.ranges.data,
        dependsOn: [apis.of("compute"), apis.of("servicenetworking"), apis.of("networkconnectivity")],
      });
      this.database = region.database && this.addDatabase(region.database, privateServices);
      this.cache = region.cache && this.addCache(region.cache, privateServices);
    }
    // Pods go on without the control plane; they are not replaced or scaled meanwhile.
    this.service("pods", { requires: [this.nodes], degradesWithout: [this.cluster] });
  }

  private addDatabase(value: NonNullable<GkeRegion["database"]>, privateServices: PrivateServices) {
    const { name, deletionProtection } = this.region;
    const database = new CloudSqlMysql(this, "database", {
      ...value,
      name: `${name}-db`,
      privateServices,
      deletionProtection,
    });
    database.allow(this.app);
    return database;
  }

  private addCache(value: NonNullable<GkeRegion["cache"]>, privateServices: PrivateServices) {
    const { name, project, deletionProtection } = this.region;
    const cache = new MemorystoreCache(this, "cache", {
      ...value,
      name: `${name}-cache`,
      project,
      privateServices,
      deletionProtection,
    });
    cache.allow(this.app);
    return cache;
  }
}

const APIS = [
  "artifactregistry",
  "certificatemanager",
  "compute",
  "container",
  "dns",
  "memorystore",
  "networkconnectivity",
  "servicenetworking",
  "sqladmin",
];
