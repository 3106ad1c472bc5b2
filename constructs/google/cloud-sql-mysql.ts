import { SqlDatabaseInstance } from "@cdktf/provider-google/lib/sql-database-instance";
import { SqlUser } from "@cdktf/provider-google/lib/sql-user";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import { type PrivateServices } from "./private-services";
import { type WorkloadAccount } from "./workload-account";

export interface CloudSqlMysqlProps {
  /** Name of the instance; Google keeps a name for a week after the instance is gone. */
  readonly name: string;
  /** Where its private address comes from. */
  readonly privateServices: PrivateServices;
  /** Machine type; dedicated cores only, shared ones carry no promise. @default "db-custom-2-7680" */
  readonly tier?: string;
  /** MySQL's release, such as `8.4`. @default "8.4" */
  readonly engineVersion?: string;
  /** Size of the disk, which grows by itself. @default 50 */
  readonly storageGib?: number;
  /** Keep a standby in another zone that takes over. @default true */
  readonly highAvailability?: boolean;
  /** How many daily backups are kept. @default 14 */
  readonly backupDays?: number;
  /** Refuse to destroy the instance. @default true */
  readonly deletionProtection?: boolean;
}

/** MySQL on Cloud SQL with a private address, TLS only, whose users are workloads known by IAM: no password exists. */
export class CloudSqlMysql extends Construct implements HasAvailability {
  /** Private address of the instance. */
  readonly address: string;
  /** TCP port, TLS only. */
  readonly port = 3306;
  readonly availability: Block;
  private readonly instance: SqlDatabaseInstance;

  /** @throws Error for a tier with shared cores or a malformed release */
  constructor(scope: Construct, id: string, props: CloudSqlMysqlProps) {
    super(scope, id);
    const { name, privateServices, tier = "db-custom-2-7680", engineVersion = "8.4" } = props;
    const { highAvailability = true, deletionProtection = true } = props;
    if (!/^db-(custom-\d+-\d+|n1-(standard|highmem)-\d+)$/.test(tier)) {
      throw new Error(
        `database ${name}: tier must have dedicated cores, such as db-custom-2-7680, got: ${tier}`,
      );
    }
    if (!/^\d+\.\d+$/.test(engineVersion)) {
      throw new Error(
        `database ${name}: engineVersion must be a release of two numbers such as "8.4", got: ${JSON.stringify(engineVersion)}`,
      );
    }
    this.instance = new SqlDatabaseInstance(this, "instance", {
      name,
      region: privateServices.gcpRegion,
      databaseVersion: `MYSQL_${engineVersion.replace(".", "_")}`,
      deletionProtection,
      settings: {
        tier,
        edition: "ENTERPRISE",
        availabilityType: highAvailability ? "REGIONAL" : "ZONAL",
        diskType: "PD_SSD",
        diskSize: props.storageGib ?? 50,
        diskAutoresize: true,
        deletionProtectionEnabled: deletionProtection,
        ipConfiguration: {
          ipv4Enabled: false,
          privateNetwork: privateServices.network.networkId,
          sslMode: "ENCRYPTED_ONLY",
        },
        backupConfiguration: {
          enabled: true,
          // MySQL's way to recover to a point in time, and what a standby is kept by.
          binaryLogEnabled: true,
          startTime: "02:00",
          transactionLogRetentionDays: 7,
          backupRetentionSettings: { retainedBackups: props.backupDays ?? 14, retentionUnit: "COUNT" },
        },
        maintenanceWindow: { day: 7, hour: 4, updateTrack: "stable" },
        databaseFlags: [
          { name: "cloudsql_iam_authentication", value: "on" },
          { name: "slow_query_log", value: "on" },
        ],
        insightsConfig: { queryInsightsEnabled: true },
      },
      // The disk grows by itself; what it has grown to is no reason to shrink it.
      lifecycle: { ignoreChanges: ["settings[0].disk_size"] },
      dependsOn: [privateServices.peering],
    });
    this.address = this.instance.privateIpAddress;
    this.availability = slaComponent(
      `google/${privateServices.gcpRegion}/cloud-sql/${name}`,
      "google.cloud-sql",
      { edition: "enterprise", highAvailability, sharedCore: false },
      highAvailability
        ? {}
        : { assumed: { availability: 0.995, source: "assumed: nothing is promised for one zone" } },
    );
  }

  /** Lets a workload connect and sign in as itself; what it may do in the database is granted there. */
  allow(account: WorkloadAccount): void {
    account.grant("roles/cloudsql.client");
    account.grant("roles/cloudsql.instanceUser");
    new SqlUser(this, `user-${account.node.id}`, {
      instance: this.instance.name,
      name: account.email,
      type: "CLOUD_IAM_SERVICE_ACCOUNT",
    });
  }
}
