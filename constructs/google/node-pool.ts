import { type ITerraformDependable } from "cdktf";
import { ContainerNodePool } from "@cdktf/provider-google/lib/container-node-pool";
import { Construct } from "constructs";
import {
  type Block,
  cloudRegion,
  component,
  type HasAvailability,
  parallel,
  slaComponent,
} from "../availability";
import { type HasTopology, type TopologyElement } from "../topology";
import { type GkeCluster } from "./gke-cluster";

export interface NodePoolProps {
  /** Cluster that gets the nodes. */
  readonly cluster: GkeCluster;
  /** Zones of the cluster's region, for example `europe-west2-a`; at least two. */
  readonly zones: readonly string[];
  /** Type of each node. @default "e2-standard-2" */
  readonly machineType?: string;
  /** Nodes kept in each zone. @default 1 */
  readonly minPerZone?: number;
  /** Nodes the autoscaler may add up to in each zone. @default 3 */
  readonly maxPerZone?: number;
  /** Size of each node's disk. @default 50 */
  readonly diskGib?: number;
  /** Labels of the nodes' machines and disks, in Google Cloud. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A zone's nodes: what a pod there needs in order to run. */
export interface NodeZone extends HasAvailability {
  /** For example `europe-west2-a`. */
  readonly zone: string;
}

/** A pool of alike nodes in several zones, grown and shrunk by the autoscaler, replaced one by one on upgrade. */
export class NodePool extends Construct implements HasAvailability, HasTopology {
  /** One for each zone; a workload spread over zones is made of these. */
  readonly zones: readonly NodeZone[];
  /** At least one zone has nodes. */
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];
  /** To depend on where something needs nodes to run on. */
  readonly dependable: ITerraformDependable;

  /** @throws Error for fewer than two zones, or a `minPerZone` below 1 or above `maxPerZone` */
  constructor(scope: Construct, id: string, props: NodePoolProps) {
    super(scope, id);
    const { minPerZone = 1, maxPerZone = 3 } = props;
    if (new Set(props.zones).size < 2) {
      throw new Error(`node pool ${id} must span at least two zones, got: ${JSON.stringify(props.zones)}`);
    }
    if (minPerZone < 1 || minPerZone > maxPerZone) {
      throw new Error(
        `node pool ${id}: minPerZone must be 1 to maxPerZone, got: ${minPerZone} and ${maxPerZone}`,
      );
    }
    this.dependable = this.addPool(props, minPerZone, maxPerZone);
    this.zones = zoneBlocks(props, id, minPerZone);
    this.availability = parallel(...this.zones);
    const { machineType = DEFAULT_MACHINE_TYPE, zones } = props;
    this.topology = [
      { kind: "machines", name: id, count: minPerZone * zones.length, type: machineType, places: zones },
    ];
  }

  /** The zones, each with its nodes. */
  get instances(): readonly NodeZone[] {
    return this.zones;
  }

  private addPool(props: NodePoolProps, minPerZone: number, maxPerZone: number): ContainerNodePool {
    const { cluster } = props;
    return new ContainerNodePool(this, "pool", {
      name: this.node.id,
      project: cluster.project,
      location: cluster.gcpRegion,
      cluster: cluster.clusterName,
      nodeLocations: [...props.zones],
      initialNodeCount: minPerZone,
      autoscaling: { minNodeCount: minPerZone, maxNodeCount: maxPerZone, locationPolicy: "BALANCED" },
      management: { autoRepair: true, autoUpgrade: true },
      upgradeSettings: { strategy: "SURGE", maxSurge: 1, maxUnavailable: 0 },
      nodeConfig: {
        machineType: props.machineType ?? DEFAULT_MACHINE_TYPE,
        imageType: "COS_CONTAINERD",
        diskType: "pd-balanced",
        diskSizeGb: props.diskGib ?? 50,
        serviceAccount: cluster.nodeServiceAccount.email,
        // What the account may do is said by its roles alone.
        oauthScopes: ["https://www.googleapis.com/auth/cloud-platform"],
        shieldedInstanceConfig: { enableSecureBoot: true, enableIntegrityMonitoring: true },
        workloadMetadataConfig: { mode: "GKE_METADATA" },
        metadata: { "disable-legacy-endpoints": "true" },
        kubeletConfig: { insecureKubeletReadonlyPortEnabled: "FALSE" },
        gvnic: { enabled: true },
        resourceLabels: { ...props.labels },
      },
      // The autoscaler moves it; changing it would replace the pool.
      lifecycle: { ignoreChanges: ["initial_node_count"], replaceTriggeredBy: [cluster.replacement] },
    });
  }
}

const DEFAULT_MACHINE_TYPE = "e2-standard-2";

/** A zone's nodes are up when the zone is and one of the nodes kept there. */
function zoneBlocks({ cluster, zones }: NodePoolProps, pool: string, minPerZone: number): NodeZone[] {
  const { gcpRegion } = cluster;
  const places = cloudRegion({ provider: "google", region: gcpRegion, zones });
  // The promise for one instance; that more are in other zones is told by the composition itself.
  const instance = slaComponent("instance", "google.compute", { zones: 1, networkTier: "premium" });
  const node = (zone: string, index: number) =>
    component(
      `google/${gcpRegion}/${zone}/${cluster.name}-${pool}-${index}`,
      { availability: instance.availability, meanOutageHours: instance.meanOutageHours },
      { ...instance.about, label: `node ${index + 1} of ${pool} in ${zone}`, warnings: undefined },
    );
  return places.zones.map((place, index) => {
    const zone = zones[index] ?? "";
    const nodes = Array.from({ length: minPerZone }, (_, i) => node(zone, i));
    return { zone, availability: place.holding(parallel(...nodes)) };
  });
}
