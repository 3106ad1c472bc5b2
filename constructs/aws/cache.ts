import { ElasticacheReplicationGroup } from "@cdktf/provider-aws/lib/elasticache-replication-group";
import { ElasticacheSubnetGroup } from "@cdktf/provider-aws/lib/elasticache-subnet-group";
import { ElasticacheUser } from "@cdktf/provider-aws/lib/elasticache-user";
import { ElasticacheUserGroup } from "@cdktf/provider-aws/lib/elasticache-user-group";
import { Lazy, Token } from "cdktf";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import type { HasTopology, TopologyElement } from "../topology";
import { dataSubnets } from "./data-subnets";
import { Firewall, tcp } from "./firewall";
import type { INetwork } from "./network";
import type { Alarm, HasAlarms } from "./pager";
import { partitionOf } from "./policy";
import type { ServerGroup } from "./server-group";

export interface CacheProps {
  /** Name of the replication group, for example `us-cache`: letters, digits and hyphens, at most 40. */
  readonly name: string;
  /** A network with data subnets. */
  readonly network: INetwork;
  /** KMS key for data at rest. */
  readonly keyArn: string;
  /** Type of each node. @default "cache.t4g.small" */
  readonly nodeType?: string;
  /** Nodes in all, one of which takes writes; two or more take over from each other. @default 2 */
  readonly nodes?: number;
  /** Valkey's release. @default "8.0" */
  readonly engineVersion?: string;
  /**
   * How clients prove who they are: by IAM, as a user of those that `allowFrom` makes, or not at all.
   * @default "iam", or `authToken` when that is given
   */
  readonly authentication?: "iam" | "none";
  /** Word that clients must give instead: an expression of a sensitive value. @default - none */
  readonly authToken?: string;
  /** Refuse to destroy the cache. @default true */
  readonly deletionProtection?: boolean;
}

const PORT = 6379;

/** A cache on ElastiCache (Valkey, which speaks Redis), encrypted in transit and at rest, whose users IAM knows. */
export class Cache extends Construct implements HasAvailability, HasAlarms, HasTopology {
  readonly availability: Block;
  /** Host name of the node that takes writes. */
  readonly address: string;
  /** Host name that reads are spread over. */
  readonly readAddress: string;
  /** TCP port, TLS only. */
  readonly port = PORT;
  readonly alarms: readonly Alarm[];
  readonly topology: readonly TopologyElement[];

  private readonly firewall: Firewall;
  private readonly cacheName: string;
  private readonly awsRegion: string;
  private readonly byIam: boolean;
  private readonly users = new Map<string, string>();
  private userGroup?: ElasticacheUserGroup;

  /**
   * @throws Error for a malformed name, other than 1 to 6 nodes, an `authToken` that is a literal or comes with
   *   `authentication`, or a network that has a zone without a data subnet
   */
  constructor(scope: Construct, id: string, props: CacheProps) {
    super(scope, id);
    const { name, network, keyArn, nodes = 2, authToken, authentication } = props;
    const { nodeType = "cache.t4g.small", engineVersion = "8.0" } = props;
    if (!/^[a-z][a-z0-9-]{0,39}$/.test(name)) {
      throw new Error(
        `name of a cache must be at most 40 lower-case letters, digits and hyphens, got: ${JSON.stringify(name)}`,
      );
    }
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > 6) {
      throw new Error(`cache ${name}: nodes must be a whole number from 1 to 6, got: ${nodes}`);
    }
    if (authToken !== undefined && !Token.isUnresolved(authToken)) {
      throw new Error(`cache ${name}: authToken must be a Terraform expression, got: a literal`);
    }
    if (authToken !== undefined && authentication !== undefined) {
      throw new Error(`cache ${name}: authToken leaves no choice of authentication, got: ${authentication}`);
    }
    this.cacheName = name;
    this.awsRegion = network.awsRegion;
    this.byIam = authToken === undefined && authentication !== "none";
    const several = nodes > 1;
    this.firewall = new Firewall(this, "firewall", {
      network,
      name,
      description: `Cache ${name}`,
      outbound: false,
    });
    const subnets = new ElasticacheSubnetGroup(this, "subnets", {
      name,
      subnetIds: dataSubnets(network, `cache ${name}`),
    });
    const group = new ElasticacheReplicationGroup(this, "group", {
      replicationGroupId: name,
      description: `Cache ${name}`,
      engine: "valkey",
      engineVersion,
      nodeType,
      numCacheClusters: nodes,
      multiAzEnabled: several,
      automaticFailoverEnabled: several,
      subnetGroupName: subnets.name,
      securityGroupIds: [this.firewall.securityGroupId],
      port: PORT,
      atRestEncryptionEnabled: "true",
      kmsKeyId: keyArn,
      transitEncryptionEnabled: true,
      authToken,
      userGroupIds: Lazy.listValue(
        { produce: () => (this.userGroup === undefined ? [] : [this.userGroup.userGroupId]) },
        { omitEmpty: true },
      ),
      autoMinorVersionUpgrade: "true",
      snapshotRetentionLimit: 7,
      snapshotWindow: "07:00-08:00",
      maintenanceWindow: "sun:09:00-sun:10:00",
      tags: { Name: name },
      lifecycle: { preventDestroy: props.deletionProtection ?? true },
    });
    this.address = group.primaryEndpointAddress;
    this.readAddress = group.readerEndpointAddress;
    this.alarms = alarmsOf(name, nodes);
    this.topology = [
      { kind: "store", role: "cache", name, type: `Valkey ${engineVersion}, ${nodeType}`, copies: nodes },
    ];
    this.availability = slaComponent(`aws/${network.awsRegion}/elasticache/${name}`, "aws.elasticache", {
      multiAz: several,
      automaticFailover: several,
    });
  }

  /**
   * Lets what is behind a firewall connect; or a group's machines, which may then sign in by IAM as a user of their own, too.
   *
   * @param user last part of the user's name, for example `app`. @default - the group's name
   * @returns who clients sign in as, for example `us-cache-app`; `undefined` where they need not, or have a word for it
   * @throws Error for a malformed user, or none for a firewall while clients must sign in by IAM
   */
  allowFrom(client: Firewall | ServerGroup, user?: string): string | undefined {
    const group = client instanceof Firewall ? undefined : client;
    const userId = this.byIam ? this.addUser(user ?? group?.hostName) : undefined;
    this.firewall.allowFrom(
      client instanceof Firewall ? client : client.firewall,
      tcp(PORT),
      "Cache clients",
    );
    if (userId === undefined) return undefined;
    const own = `arn:${partitionOf(this.awsRegion)}:elasticache:${this.awsRegion}:*`;
    group?.grant({
      sid: "SignInToCache",
      actions: ["elasticache:Connect"],
      resources: [`${own}:replicationgroup:${this.cacheName}`, `${own}:user:${userId}`],
    });
    return userId;
  }

  private addUser(name: string | undefined): string {
    if (name === undefined) {
      throw new Error(
        `cache ${this.cacheName}: expected a user that clients behind a firewall sign in as, got: none`,
      );
    }
    // Unique in the account and region.
    const userId = `${this.cacheName}-${name}`;
    if (!/^[a-z](-?[a-z0-9])*$/.test(userId) || userId.length > 40) {
      throw new Error(
        `user of cache ${this.cacheName} must be lower-case letters, digits and single hyphens, at most 40 with the cache's name, got: ${JSON.stringify(name)}`,
      );
    }
    if (this.users.has(name)) return userId;
    const user = new ElasticacheUser(this, `user-${name}`, {
      userId,
      // IAM knows those alone whose name is their id.
      userName: userId,
      engine: "valkey",
      accessString: "on ~* +@all",
      authenticationMode: { type: "iam" },
    });
    this.users.set(name, user.userId);
    this.userGroup ??= new ElasticacheUserGroup(this, "users", {
      userGroupId: this.cacheName,
      engine: "valkey",
      userIds: Lazy.listValue({ produce: () => [...this.users.values()] }),
    });
    return userId;
  }
}

/** ElastiCache calls a group's nodes NAME-001, NAME-002 and so on. */
function alarmsOf(name: string, nodes: number): Alarm[] {
  return Array.from({ length: nodes }, (_, index) => `${name}-${String(index + 1).padStart(3, "0")}`).flatMap(
    (node): Alarm[] => {
      const common = {
        namespace: "AWS/ElastiCache",
        dimensions: { CacheClusterId: node },
        statistic: "Average",
        when: { above: 90 },
      } as const;
      return [
        {
          ...common,
          name: `${node}-memory`,
          what: `${node} has less than a tenth of its memory free and may begin to forget`,
          metric: "DatabaseMemoryUsagePercentage",
          minutes: 10,
        },
        {
          ...common,
          name: `${node}-cpu`,
          what: `${node} has been short of processor time for a quarter of an hour`,
          metric: "EngineCPUUtilization",
          minutes: 15,
        },
      ];
    },
  );
}
