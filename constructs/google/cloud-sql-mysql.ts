import { DataGoogleSqlDatabaseInstances } from "@cdktf/provider-google/lib/data-google-sql-database-instances";
import { SqlDatabase } from "@cdktf/provider-google/lib/sql-database";
import { SqlDatabaseInstance } from "@cdktf/provider-google/lib/sql-database-instance";
import { SqlUser } from "@cdktf/provider-google/lib/sql-user";
import { dependable, type ITerraformDependable, Token } from "cdktf";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import { sensitiveVariable } from "../sensitive-variable";
import type { DatabaseAccess } from "../service";
import type { HasTopology, TopologyElement } from "../topology";
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
  /** Databases to be made in it. One that is taken out of the list is kept, with all that it holds. @default ["app"] */
  readonly databases?: readonly string[];
  /** Least size of the disk, which grows by itself and never shrinks. @default 50 */
  readonly storageGib?: number;
  /** Keep a standby in another zone that takes over. @default true */
  readonly highAvailability?: boolean;
  /** How many daily backups are kept. @default 14 */
  readonly backupDays?: number;
  /** Refuse to destroy the instance. @default true */
  readonly deletionProtection?: boolean;
  /** What must exist first: the API `sqladmin`. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/**
 * MySQL on Cloud SQL with a private address, TLS only, whose users are workloads known by IAM, without passwords. One
 * user always has one, from the variable `database_administrator_password`: `administrator`, who grants the others what
 * they may do. Services in containers, which know nothing of IAM, have one that `access` makes.
 */
export class CloudSqlMysql extends Construct implements HasAvailability, HasTopology {
  /** Private address of the instance. */
  readonly address: string;
  /** TCP port, TLS only. */
  readonly port = 3306;
  /** By what Cloud SQL's own proxy finds the instance: `PROJECT:REGION:NAME`. */
  readonly connectionName: string;
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];
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
    const databases = props.databases ?? ["app"];
    const malformed = databases.find((each) => !/^[a-z][a-z0-9_]{0,63}$/.test(each));
    if (malformed !== undefined) {
      throw new Error(
        `database ${name}: each of databases must be 1 to 64 lower-case letters, digits and underscores, got: ${JSON.stringify(malformed)}`,
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
        diskSize: this.atLeast(props.storageGib ?? 50, props),
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
      dependsOn: [privateServices.peering, ...(props.dependsOn ?? [])],
    });
    this.address = this.instance.privateIpAddress;
    this.connectionName = this.instance.connectionName;
    const type = `MySQL ${engineVersion}, ${tier}`;
    this.topology = [{ kind: "store", role: "database", name, type, copies: highAvailability ? 2 : 1 }];
    for (const database of databases) this.addDatabase(database);
    this.addAdministrator();
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
  allowFrom(account: WorkloadAccount): void {
    account.grant("roles/cloudsql.client");
    account.grant("roles/cloudsql.instanceUser");
    new SqlUser(this, `user-${account.node.id}`, {
      instance: this.instance.name,
      name: account.email,
      type: "CLOUD_IAM_SERVICE_ACCOUNT",
      lifecycle: this.goesWithInstance(),
    });
  }

  /**
   * Makes a user by password, and tells the database as a service finds it. Cloud SQL gives such a user all rights that
   * its administrator has: see docs/gke.md.
   *
   * @param signIn who the service is, by a password that is an expression of a sensitive value, and to which database
   */
  access({
    user,
    password,
    databaseName,
  }: Pick<DatabaseAccess, "user" | "password" | "databaseName">): DatabaseAccess {
    const made = new SqlUser(this, `service-${user}`, {
      instance: this.instance.name,
      name: user,
      password,
      lifecycle: this.goesWithInstance(),
    });
    return {
      ...{ engine: "mysql", host: this.address, port: this.port, databaseName, user },
      // Whoever has it has it once the user is there.
      password: made.password,
      caCertificates: this.instance.serverCaCert.get(0).cert,
      // Cloud SQL calls the instance by its project and name there.
      namesHost: false,
    };
  }

  /** A disk that has grown keeps its size: asking for less would be answered by a new, empty instance. */
  private atLeast(gib: number, { name, privateServices, dependsOn }: CloudSqlMysqlProps): number {
    const known = new DataGoogleSqlDatabaseInstances(this, "known", {
      region: privateServices.gcpRegion,
      dependsOn,
    });
    return Token.asNumber(
      `\${max(${gib}, [for each in ${dependable(known)}.instances : ` +
        `each.settings[0].disk_size if each.name == "${name}"]...)}`,
    );
  }

  private addDatabase(name: string): void {
    new SqlDatabase(this, `database-${name}`, {
      name,
      instance: this.instance.name,
      charset: "utf8mb4",
      // What it holds is worth more than the order of a list.
      deletionPolicy: "ABANDON",
      lifecycle: this.goesWithInstance(),
    });
  }

  private addAdministrator(): void {
    const name = "database_administrator_password";
    const password = sensitiveVariable(this, "administrator-password", {
      name,
      description: "Password of MySQL's user `administrator`, who grants the others what they may do",
      condition: `length(var.${name}) >= 16`,
      expected: "have 16 characters or more",
    });
    new SqlUser(this, "administrator", {
      instance: this.instance.name,
      name: "administrator",
      password,
      lifecycle: this.goesWithInstance(),
    });
  }

  /** A new instance has the old one's name, and nothing else of it. */
  private goesWithInstance() {
    return { replaceTriggeredBy: [`${dependable(this.instance)}.id`] };
  }
}
