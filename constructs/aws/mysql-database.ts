import { DbInstance } from "@cdktf/provider-aws/lib/db-instance";
import { DbParameterGroup } from "@cdktf/provider-aws/lib/db-parameter-group";
import { DbSubnetGroup } from "@cdktf/provider-aws/lib/db-subnet-group";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import { dataSubnets } from "./data-subnets";
import { Firewall, tcp } from "./firewall";
import type { INetwork } from "./network";
import type { Alarm, HasAlarms } from "./pager";

export interface MysqlDatabaseProps {
  /** Name of the instance, for example `us-db`: letters, digits and hyphens, at most 50. */
  readonly name: string;
  /** A network with data subnets. */
  readonly network: INetwork;
  /** KMS key for the disks, the backups and the password. */
  readonly keyArn: string;
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
  /** Allow `destroy` to delete the data, without a last snapshot. @default false */
  readonly disposable?: boolean;
}

const PORT = 3306;

/**
 * MySQL on RDS, reached over TLS only and by those alone who are let in with `allowFrom`. RDS makes the password,
 * keeps it in Secrets Manager and changes it every week; Terraform never sees it.
 */
export class MysqlDatabase extends Construct implements HasAvailability, HasAlarms {
  readonly availability: Block;
  /** Host name of the instance that takes writes. */
  readonly address: string;
  /** TCP port, TLS only. */
  readonly port = PORT;
  readonly alarms: readonly Alarm[];
  /** Secret with `username` and `password`. */
  readonly secretArn: string;

  private readonly firewall: Firewall;

  /**
   * @throws Error for a malformed release, a `mostStorageGib` less than a tenth above `storageGib`, or a network that
   *   has a zone without a data subnet
   */
  constructor(scope: Construct, id: string, props: MysqlDatabaseProps) {
    super(scope, id);
    const { name, network, keyArn, engineVersion = "8.4", multiAz = true, disposable = false } = props;
    const { storageGib = 50, mostStorageGib = 4 * storageGib, backupDays = 14 } = props;
    if (!/^\d+\.\d+$/.test(engineVersion)) {
      throw new Error(
        `database ${name}: engineVersion must be a release of two numbers such as "8.4", got: ${JSON.stringify(engineVersion)}`,
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
    const database = new DbInstance(this, "instance", {
      identifier: name,
      engine: "mysql",
      engineVersion,
      instanceClass: props.instanceClass ?? "db.t4g.medium",
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
      kmsKeyId: keyArn,
      backupRetentionPeriod: backupDays,
      // In UTC, at night in the Americas, the maintenance well after the backup.
      backupWindow: "07:00-08:00",
      maintenanceWindow: "sun:09:00-sun:10:00",
      copyTagsToSnapshot: true,
      autoMinorVersionUpgrade: true,
      enabledCloudwatchLogsExports: ["error", "slowquery"],
      deletionProtection: !disposable,
      deleteAutomatedBackups: disposable,
      skipFinalSnapshot: disposable,
      finalSnapshotIdentifier: disposable ? undefined : `${name}-last`,
      tags: { Name: name },
    });
    this.address = database.address;
    this.alarms = alarmsOf(name, storageGib);
    this.secretArn = database.masterUserSecret.get(0).secretArn;
    this.availability = slaComponent(`aws/${network.awsRegion}/rds/${name}`, "aws.rds", { multiAz });
  }

  /** Lets what is behind `client` connect. */
  allowFrom(client: Firewall): void {
    this.firewall.allowFrom(client, tcp(PORT), "MySQL clients");
  }
}

function alarmsOf(name: string, storageGib: number): Alarm[] {
  const common = { namespace: "AWS/RDS", dimensions: { DBInstanceIdentifier: name } } as const;
  return [
    {
      ...common,
      name: `${name}-storage`,
      what: `Less than a twentieth of the disk of ${name} is free, and it cannot or does not grow`,
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
