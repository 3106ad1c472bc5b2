import { MemorystoreInstance } from "@cdktf/provider-google/lib/memorystore-instance";
import { dependable, type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import type { HasTopology, TopologyElement } from "../topology";
import { type PrivateServices } from "./private-services";
import { type WorkloadAccount } from "./workload-account";

export interface MemorystoreCacheProps {
  /** Name of the instance: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Project id. */
  readonly project: string;
  /** Where its private address comes from. */
  readonly privateServices: PrivateServices;
  /** Type of each node. @default "STANDARD_SMALL" */
  readonly nodeType?: "SHARED_CORE_NANO" | "STANDARD_SMALL" | "HIGHMEM_MEDIUM" | "HIGHMEM_XLARGE";
  /** Parts that the data is divided into. @default 1 */
  readonly shards?: number;
  /** Copies of each part that take over from it, in other zones. @default 1 */
  readonly replicas?: number;
  /** Valkey's release. @default "8.0" */
  readonly engineVersion?: string;
  /** Refuse to destroy the instance. @default true */
  readonly deletionProtection?: boolean;
  /** What must exist first: the API `memorystore`. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** A cache on Memorystore (Valkey, which speaks Redis) over several zones, whose users IAM knows, by TLS only. */
export class MemorystoreCache extends Construct implements HasAvailability, HasTopology {
  /** Address at which clients find all nodes. */
  readonly address: string;
  /** TCP port, TLS only. */
  readonly port = 6379;
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];

  /** @throws Error for a malformed release */
  constructor(scope: Construct, id: string, props: MemorystoreCacheProps) {
    super(scope, id);
    const { name, project, privateServices, shards = 1, replicas = 1, engineVersion = "8.0" } = props;
    const { nodeType = "STANDARD_SMALL" } = props;
    if (!/^\d+\.\d+$/.test(engineVersion)) {
      throw new Error(
        `cache ${name}: engineVersion must be a release of two numbers such as "8.0", got: ${JSON.stringify(engineVersion)}`,
      );
    }
    const instance = new MemorystoreInstance(this, "instance", {
      instanceId: name,
      project,
      location: privateServices.gcpRegion,
      engineVersion: `VALKEY_${engineVersion.replace(".", "_")}`,
      mode: "CLUSTER",
      nodeType,
      shardCount: shards,
      replicaCount: replicas,
      authorizationMode: "IAM_AUTH",
      transitEncryptionMode: "SERVER_AUTHENTICATION",
      zoneDistributionConfig: { mode: "MULTI_ZONE" },
      deletionProtectionEnabled: props.deletionProtection ?? true,
      desiredAutoCreatedEndpoints: [{ network: privateServices.network.networkId, projectId: project }],
      dependsOn: [privateServices.endpoints, ...(props.dependsOn ?? [])],
    });
    this.address = discoveryAddress(instance);
    const type = `Valkey ${engineVersion}, ${nodeType}`;
    this.topology = [{ kind: "store", role: "cache", name, type, copies: shards * (replicas + 1) }];
    const sharedCore = nodeType === "SHARED_CORE_NANO";
    this.availability = slaComponent(
      `google/${privateServices.gcpRegion}/memorystore/${name}`,
      "google.memorystore",
      { tier: replicas > 0 ? "cluster-multi-zone-ha" : "basic", sharedCore },
      replicas > 0 && !sharedCore
        ? {}
        : {
            assumed: {
              availability: 0.995,
              meanOutageHours: 0.5,
              source: `assumed, 0.5 h an outage: nothing is promised ${sharedCore ? "for shared cores" : "without a replica"}`,
            },
          },
    );
  }

  /** Lets a workload connect and sign in as itself. */
  allowFrom(account: WorkloadAccount): void {
    account.grant("roles/memorystore.dbConnectionUser");
  }
}

/** Endpoints made automatically are told as their own connections, of which clients are to know one. */
const discoveryAddress = (instance: MemorystoreInstance): string =>
  `\${one([for each in flatten(${dependable(instance)}.endpoints[*].connections[*].psc_auto_connection) : ` +
  `each.ip_address if each.connection_type == "CONNECTION_TYPE_DISCOVERY"])}`;
