import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import { DbEventSubscription } from "@cdktf/provider-aws/lib/db-event-subscription";
import { DbInstance } from "@cdktf/provider-aws/lib/db-instance";
import { DbParameterGroup } from "@cdktf/provider-aws/lib/db-parameter-group";
import { DbSubnetGroup } from "@cdktf/provider-aws/lib/db-subnet-group";
import { TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import type { DatabaseAccess } from "../service";
import type { HasTopology, TopologyElement } from "../topology";
import { dataSubnets } from "./data-subnets";
import { Firewall, tcp } from "./firewall";
import type { INetwork } from "./network";
import type { Alarm, HasAlarms, Pager } from "./pager";
import { partitionOf } from "./policy";
import { rdsAuthorities } from "./rds-authorities";
import type { ServerGroup } from "./server-group";

export interface MysqlDatabaseProps {
  /** Name of the instance, for example `us-db`: letters, digits and hyphens, at most 50. */
  readonly name: string;
  /** A network with data subnets. */
  readonly network: INetwork;
  /** KMS key for the password. */
  readonly keyArn: string;
  /**
   * KMS key for the disks, the backups and the last snapshot: one that outlives the stack, or they could not be read
   * once it is gone.
   * @default - AWS's own for RDS in the account
   */
  readonly storageKeyArn?: string;
  /** Class of the instance and of its standby. @default "db.t4g.medium" */
  readonly instanceClass?: string;
  /** Size of the disk at first. @default 50 */
  readonly storageGib?: number;
  /** Storage grows by itself up to this. @default - four times `storageGib` */
  readonly mostStorageGib?: number;
  /** MySQL's release, such as `8.4`; minor releases come by themselves in the maintenance window. @default "8.4" */
  readonly engineVersion?: string;
  /** Keep a standby in another zone that takes over. @default true */
  readonly multiAz?: boolean;
  /** How many days back the database can be restored to any moment. @default 14 */
  readonly backupDays?: number;
  /** Database that is made along with the instance. @default - none */
  readonly databaseName?: string;
  /** Allow `engineVersion` to be raised to another release, which restarts the database. @default false */
  readonly allowMajorUpgrade?: boolean;
  /** Make changes at once, with the restarts that they need. @default false: in the maintenance window */
  readonly applyImmediately?: boolean;
  /** Prepare changes that need a restart on a copy, and change over when it has caught up. @default false */
  readonly blueGreenUpdate?: boolean;
  /** How long the error log and the log of slow queries are kept: one of CloudWatch's terms. @default 90 */
  readonly logDays?: number;
  /** Refuse to destroy the instance. @default true */
  readonly deletionProtection?: boolean;
}

const PORT = 3306;

/**
 * MySQL on RDS, reached over TLS only and by those alone who are let in with `allowFrom`. RDS makes the password,
 * keeps it in Secrets Manager and changes it every week; Terraform never sees it. Applications sign in by IAM, with a user
 * of their own, and services in containers by a password that is theirs. A last snapshot is taken when the instance
 * goes, under a name that no other destroy has used.
 */
export class MysqlDatabase extends Construct implements HasAvailability, HasAlarms, HasTopology {
  readonly availability: Block;
  /** Host name of the instance that takes writes. */
  readonly address: string;
  /** TCP port, TLS only. */
  readonly port = PORT;
  readonly alarms: readonly Alarm[];
  readonly topology: readonly TopologyElement[];
  /** Secret with `username` and `password`. */
  readonly secretArn: string;

  /** What IAM policies call the instance. */
  readonly resourceId: string;
  /** Names of the log groups that hold errors and slow queries. */
  readonly logGroupNames: readonly string[];

  private readonly firewall: Firewall;
  private readonly awsRegion: string;
  private readonly identifier: string;
  private readonly instanceName: string;

  /**
   * @throws Error for a malformed release or name of a database, a `mostStorageGib` less than a tenth above `storageGib`, or a network that
   *   has a zone without a data subnet
   */
  constructor(scope: Construct, id: string, props: MysqlDatabaseProps) {
    super(scope, id);
    const { name, network, keyArn, engineVersion = "8.4", multiAz = true } = props;
    const { instanceClass = "db.t4g.medium" } = props;
    const { databaseName, blueGreenUpdate = false, logDays = 90, deletionProtection = true } = props;
    const { storageGib = 50, mostStorageGib = 4 * storageGib, backupDays = 14 } = props;
    if (!/^\d+\.\d+$/.test(engineVersion)) {
      throw new Error(
        `database ${name}: engineVersion must be a release of two numbers such as "8.4", got: ${JSON.stringify(engineVersion)}`,
      );
    }
    if (databaseName !== undefined && !/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(databaseName)) {
      throw new Error(
        `database ${name}: databaseName must be at most 64 letters, digits and underscores, a letter first, got: ${JSON.stringify(databaseName)}`,
      );
    }
    if (mostStorageGib < storageGib * 1.1) {
      throw new Error(
        `database ${name}: mostStorageGib must be at least a tenth above storageGib ${storageGib}, got: ${mostStorageGib}`,
      );
    }
    this.firewall = new Firewall(this, "firewall", {
      network,
      name,
      description: `MySQL of ${name}`,
      outbound: false,
    });
    const subnets = new DbSubnetGroup(this, "subnets", {
      name,
      subnetIds: dataSubnets(network, `database ${name}`),
    });
    const parameters = new DbParameterGroup(this, "parameters", {
      namePrefix: `${name}-`,
      family: `mysql${engineVersion}`,
      parameter: [
        { name: "require_secure_transport", value: "1" },
        { name: "character_set_server", value: "utf8mb4" },
        { name: "slow_query_log", value: "1" },
        { name: "long_query_time", value: "1" },
        { name: "log_output", value: "FILE" },
      ],
      lifecycle: { createBeforeDestroy: true },
    });
    // RDS would make them itself, to be kept for ever.
    const logs = LOGS.map(
      (log) =>
        new CloudwatchLogGroup(this, `${log}-log`, {
          name: `/aws/rds/instance/${name}/${log}`,
          retentionInDays: logDays,
        }),
    );
    this.logGroupNames = logs.map((log) => log.name);
    const incarnation = new TerraformResource(this, "incarnation", {
      terraformResourceType: "terraform_data",
    });
    const database = new DbInstance(this, "instance", {
      identifier: name,
      engine: "mysql",
      engineVersion,
      instanceClass,
      multiAz,
      dbSubnetGroupName: subnets.name,
      parameterGroupName: parameters.name,
      vpcSecurityGroupIds: [this.firewall.securityGroupId],
      publiclyAccessible: false,
      port: PORT,
      username: "administrator",
      manageMasterUserPassword: true,
      masterUserSecretKmsKeyId: keyArn,
      iamDatabaseAuthenticationEnabled: true,
      storageType: "gp3",
      allocatedStorage: storageGib,
      maxAllocatedStorage: mostStorageGib,
      storageEncrypted: true,
      kmsKeyId: props.storageKeyArn,
      performanceInsightsEnabled: !TOO_SMALL_FOR_INSIGHTS.test(instanceClass),
      dbName: databaseName,
      backupRetentionPeriod: backupDays,
      // In UTC, at night in the Americas, the maintenance well after the backup.
      backupWindow: "07:00-08:00",
      maintenanceWindow: "sun:09:00-sun:10:00",
      copyTagsToSnapshot: true,
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: props.allowMajorUpgrade ?? false,
      applyImmediately: props.applyImmediately ?? false,
      ...(blueGreenUpdate ? { blueGreenUpdate: { enabled: true } } : {}),
      enabledCloudwatchLogsExports: [...LOGS],
      deletionProtection,
      deleteAutomatedBackups: false,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: `${name}-last-${incarnation.getStringAttribute("id")}`,
      tags: { Name: name },
      lifecycle: { preventDestroy: deletionProtection },
      dependsOn: logs,
    });
    this.resourceId = database.resourceId;
    this.awsRegion = network.awsRegion;
    this.address = database.address;
    this.identifier = database.identifier;
    this.instanceName = name;
    this.alarms = alarmsOf(name, storageGib);
    const type = `MySQL ${engineVersion}, ${instanceClass}`;
    this.topology = [{ kind: "store", role: "database", name, type, copies: multiAz ? 2 : 1 }];
    this.secretArn = database.masterUserSecret.get(0).secretArn;
    this.availability = slaComponent(`aws/${network.awsRegion}/rds/${name}`, "aws.rds", { multiAz });
  }

  /**
   * Lets what is behind a firewall connect; or a group's machines, which may then sign in by IAM as `user`, too. The user
   * is made once, in the database: see docs/aws.md. The administrator's password is not for them.
   *
   * @param user @default - the group's name
   * @throws Error for a name that MySQL does not take
   */
  allowFrom(client: Firewall | ServerGroup, user?: string): void {
    const firewall = client instanceof Firewall ? client : client.firewall;
    this.firewall.allowFrom(firewall, tcp(PORT), "MySQL clients");
    if (!(client instanceof Firewall)) this.allowSignIn(client, user ?? client.hostName);
  }

  /**
   * The database as a service finds it. The user is made once, in the database: see docs/aws.md.
   *
   * @param signIn who the service is, by a password that is an expression of a sensitive value, and to which database
   * @throws Error in a region whose certificate authorities for RDS are not known
   */
  access(signIn: Pick<DatabaseAccess, "user" | "password" | "databaseName">): DatabaseAccess {
    const { address: host, port } = this;
    return { engine: "mysql", host, port, ...signIn, caCertificates: rdsAuthorities(this.awsRegion) };
  }

  private allowSignIn(client: ServerGroup, user: string): void {
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(user)) {
      throw new Error(
        `user of a database must be at most 32 letters, digits, underscores and hyphens, a letter first, got: ${JSON.stringify(user)}`,
      );
    }
    client.grant({
      sid: "SignInToDatabase",
      actions: ["rds-db:connect"],
      resources: [
        `arn:${partitionOf(this.awsRegion)}:rds-db:${this.awsRegion}:*:dbuser:${this.resourceId}/${user}`,
      ],
    });
  }

  /** Tells people, through the pager, what RDS has to say: storage that runs out, failures, failovers. */
  reportTo(pager: Pager): void {
    new DbEventSubscription(this, "events", {
      name: this.instanceName,
      snsTopic: pager.topicArn,
      sourceType: "db-instance",
      sourceIds: [this.identifier],
      eventCategories: ["low storage", "failure", "failover", "maintenance"],
      dependsOn: [pager.openTo("events.rds.amazonaws.com")],
    });
  }
}

const LOGS = ["error", "slowquery"] as const;

/** RDS refuses to make such an instance with Performance Insights. */
const TOO_SMALL_FOR_INSIGHTS = /^db\.t\d[a-z]*\.(micro|small)$/;

function alarmsOf(name: string, storageGib: number): Alarm[] {
  const common = { namespace: "AWS/RDS", dimensions: { DBInstanceIdentifier: name } } as const;
  return [
    {
      ...common,
      name: `${name}-storage`,
      what: `Less is free on the disk of ${name} than a twentieth of its first size, and it does not grow`,
      metric: "FreeStorageSpace",
      statistic: "Minimum",
      when: { below: (storageGib * 2 ** 30) / 20 },
      minutes: 5,
    },
    {
      ...common,
      name: `${name}-cpu`,
      what: `${name} has been short of processor time for a quarter of an hour`,
      metric: "CPUUtilization",
      statistic: "Average",
      when: { above: 90 },
      minutes: 15,
    },
    {
      ...common,
      name: `${name}-silent`,
      what: `${name} has stopped to report anything`,
      metric: "DatabaseConnections",
      statistic: "Maximum",
      when: { below: 0 },
      minutes: 5,
      silenceIsBad: true,
    },
  ];
}
