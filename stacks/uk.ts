import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import { TerraformOutput } from "cdktf";
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
import type { GkeRegion } from "./values/regions";
import { ownImages } from "./values/services/image-repositories";
import type { ServiceValue } from "./values/services";
import { entranceHosts, type Shown } from "./values/services/service-entrances";
import { RegionStack } from "./region-stack";
import { databasePassword, type ServiceDatabase, servicesWithDatabase } from "./service-databases";
import { authorizationOutputs, ENTRANCE_OUTPUTS } from "./entrance-outputs";
import { readBy } from "./read-by";

/** A region on GKE: the network, the cluster and its nodes. What runs on it is a stack of its own. */
export class UkStack extends RegionStack<GkeRegion> {
  readonly cluster: GkeCluster;
  readonly nodes: NodePool;
  readonly images: ImageMirror;
  /** Where the applications' own images are. */
  readonly appImages: ImageRepository;
  /** When the region shows something to the internet. */
  readonly entrance?: PublicEntrance;
  /** Who the region's applications are to Google Cloud. */
  readonly app: WorkloadAccount;
  readonly database?: CloudSqlMysql;
  /** The same for services that name it, when there are any. */
  readonly serviceDatabase?: ServiceDatabase;
  readonly cache?: MemorystoreCache;

  /** @param services all of them, and gateways: for those whose public names lead here too, or that name the database */
  constructor(
    scope: Construct,
    region: GkeRegion,
    services: readonly (Shown & Pick<ServiceValue, "database">)[] = [],
  ) {
    super(scope, region);
    const { name, project, gcpRegion } = region;
    const labels = { ...region.labels, "tricloud-region": name };
    const provider = new GoogleProvider(this, "google", { project, region: gcpRegion });
    // As a property it would lose the hyphens of its names: cdktf takes them for names of its own.
    provider.addOverride("default_labels", labels);
    const apis = new EnabledApis(this, "apis", { project, apis: APIS });
    const network = new GoogleNetwork(this, "network", {
      name,
      gcpRegion,
      ranges: region.ranges,
      dependsOn: apis.of("compute"),
    });
    if (region.consulWanNetworks.length > 0) {
      network.allowFrom(region.consulWanNetworks, CONSUL_WAN_PORTS, "consul-wan");
      if (region.consulJoinAddress !== undefined) network.reserve("consul-join", region.consulJoinAddress);
      network.allowFrom(region.consulWanNetworks, { tcp: [region.proxy.port] }, "proxy");
      if (region.peered !== undefined)
        network.allowFrom(region.consulWanNetworks, { tcp: [region.peered.port] }, "proxy-peers");
    }
    this.cluster = new GkeCluster(this, "cluster", {
      ...{ name, project, gcpRegion, network, labels },
      authorizedNetworks: region.authorizedNetworks,
      releaseChannel: region.releaseChannel,
      deletionProtection: region.deletionProtection,
      controlPlaneCidr: region.ranges.controlPlane,
      maintenanceWindow: region.maintenance,
      dependsOn: apis.of("container", "iam", "cloudresourcemanager"),
    });
    const pool = { cluster: this.cluster, zones: region.zones, labels };
    const { pool: poolName, ...nodes } = region.nodes;
    this.nodes = new NodePool(this, poolName, { ...pool, ...readBy(NodePool, nodes) });
    for (const [other, its] of Object.entries(region.otherPools)) {
      new NodePool(this, other, { ...pool, ...readBy(NodePool, its) });
    }
    const registry = {
      project,
      gcpRegion,
      readers: { nodes: this.cluster.nodeServiceAccount.member },
      dependsOn: apis.of("artifactregistry", "secretmanager", "cloudresourcemanager"),
    };
    this.images = new ImageMirror(this, "images", {
      name: `${name}-docker-hub`,
      dockerHub: region.dockerHub,
      ...registry,
    });
    this.appImages = new ImageRepository(this, "app-images", { ...registry, ...ownImages(region) });
    if (region.entrance !== undefined) {
      this.entrance = new PublicEntrance(this, "entrance", {
        name,
        zone: region.entrance.zone,
        ...entranceHosts(services, region),
        requestsPerMinute: region.entrance.requestsPerMinute,
        attacks: region.entrance.attacks,
        dependsOn: apis.of("compute", "dns", "certificatemanager"),
      });
    }
    this.app = new WorkloadAccount(this, "app", {
      cluster: this.cluster,
      accountId: `${name}-app`,
      namespace: "app",
      kubernetesAccount: "app",
      dependsOn: apis.of("iam", "cloudresourcemanager"),
    });
    if (region.ranges.data !== undefined) {
      const privateServices = new PrivateServices(this, "private-services", {
        name,
        gcpRegion,
        network,
        range: region.ranges.data,
        dependsOn: apis.of("compute", "servicenetworking", "networkconnectivity"),
      });
      this.database = region.database && this.addDatabase(region.database, privateServices, apis);
      this.serviceDatabase = this.database && this.databaseOf(services, this.database);
      this.cache = region.cache && this.addCache(region.cache, privateServices, apis);
    }
    this.addOutputs(network);
    // Pods go on without the control plane; they are not replaced or scaled meanwhile.
    this.service("pods", { requires: [this.nodes], degradesWithout: [this.cluster] });
  }

  /** What a person would look up in the console. */
  private addOutputs({ networkName }: GoogleNetwork): void {
    const output = (id: string, description: string, value: string) =>
      new TerraformOutput(this, id, { description, value });
    output(
      "cluster-name",
      "Name of the cluster, for gcloud container clusters get-credentials",
      this.cluster.clusterName,
    );
    output("cluster-endpoint", "Host name of the control plane", this.cluster.dnsEndpoint);
    output("network-name", "VPC network of the region", networkName);
    output("app-account", "Account that the applications' pods act as", this.app.email);
    output("app-images-prefix", "What names of the applications' images begin with", this.appImages.prefix);
    output("docker-hub-copies-prefix", "What copies of Docker Hub's images begin with", this.images.prefix);
    if (this.entrance !== undefined) {
      output("security-policy", "Cloud Armor's policy in front", this.entrance.names.securityPolicyName);
      this.addEntranceOutputs(this.entrance);
    }
    if (this.database !== undefined) {
      output("database-address", "Private address of MySQL", this.database.address);
      output("database-connection-name", "For Cloud SQL's proxy", this.database.connectionName);
    }
    if (this.cache !== undefined) output("cache-address", "Private address of Valkey", this.cache.address);
  }

  /** What the stack of public names reads. */
  private addEntranceOutputs({ address, authorizations }: PublicEntrance): void {
    const output = (name: string, description: string, value: string) =>
      new TerraformOutput(this, name, { description, value, staticId: true });
    output(ENTRANCE_OUTPUTS.gke.address, "Address that the internet reaches the region at", address);
    for (const { host, recordName, recordValue } of authorizations) {
      const { name, value } = authorizationOutputs(host);
      output(name, `CNAME record without which ${host} gets no certificate here`, recordName);
      output(value, `What that record of ${host} leads to`, recordValue);
    }
  }

  private addDatabase(
    value: NonNullable<GkeRegion["database"]>,
    privateServices: PrivateServices,
    apis: EnabledApis,
  ) {
    const { name, deletionProtection } = this.region;
    const { name: _name, services: _services, ...instance } = value;
    const database = new CloudSqlMysql(this, "database", {
      ...readBy(CloudSqlMysql, instance),
      name: `${name}-db`,
      privateServices,
      deletionProtection,
      dependsOn: apis.of("sqladmin"),
    });
    database.allowFrom(this.app);
    return database;
  }

  private databaseOf(
    services: readonly Pick<ServiceValue, "in" | "database">[],
    database: CloudSqlMysql,
  ): ServiceDatabase | undefined {
    const { region } = this;
    if (region.database === undefined || servicesWithDatabase(services, region).length === 0)
      return undefined;
    const { name, services: signIn, databases } = region.database;
    const { user, databaseName = databases[0] ?? "app" } = signIn;
    const password = databasePassword(this, { name, user });
    return { database, access: database.access({ user, databaseName, password }) };
  }

  private addCache(
    value: NonNullable<GkeRegion["cache"]>,
    privateServices: PrivateServices,
    apis: EnabledApis,
  ) {
    const { name, project, deletionProtection } = this.region;
    const cache = new MemorystoreCache(this, "cache", {
      ...readBy(MemorystoreCache, value),
      name: `${name}-cache`,
      project,
      privateServices,
      deletionProtection,
      dependsOn: apis.of("memorystore"),
    });
    cache.allowFrom(this.app);
    return cache;
  }
}

const APIS = [
  "artifactregistry",
  "certificatemanager",
  "cloudresourcemanager",
  "compute",
  "container",
  "dns",
  "iam",
  "memorystore",
  "networkconnectivity",
  "secretmanager",
  "servicenetworking",
  "sqladmin",
];
