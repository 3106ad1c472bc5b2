import { dependable, type ITerraformDependable, Token } from "cdktf";
import { ContainerCluster } from "@cdktf/provider-google/lib/container-cluster";
import { Construct, type IConstruct } from "constructs";
import { type Component, type HasAvailability, slaComponent } from "../availability";
import { type IGoogleNetwork } from "./google-network";
import { type MaintenanceWindow, recurringWindow } from "./maintenance-window";
import { NodeServiceAccount } from "./node-service-account";

/** What `GkeCluster.fromAttributes` needs to know of a cluster. */
export interface GkeClusterAttributes {
  /** Name of the cluster. */
  readonly clusterName: string;
  /** Project id. */
  readonly project: string;
  /** Google Cloud region, for example `europe-west2`. */
  readonly gcpRegion: string;
  /** Host name at which the control plane answers whom IAM lets in, from any network. */
  readonly dnsEndpoint: string;
}

/** A GKE cluster, made here or already there. */
export interface IGkeCluster extends IConstruct, GkeClusterAttributes {
  /** Workload Identity pool of the project: `PROJECT.svc.id.goog`. */
  readonly workloadPool: string;
}

export type ReleaseChannel = "RAPID" | "REGULAR" | "STABLE" | "EXTENDED";

export interface GkeClusterProps {
  /** Name of the cluster, 1 to 24 lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Project id. */
  readonly project: string;
  /** Google Cloud region, for example `europe-west2`: three control planes, one in each of its zones. */
  readonly gcpRegion: string;
  /** Network that nodes, pods and Services take their addresses from. */
  readonly network: IGoogleNetwork;
  /** A /28 network for the control plane that overlaps no range of the VPC. */
  readonly controlPlaneCidr: string;
  /**
   * Networks that may reach the control plane by its public address, by name.
   * @default - the control plane has no public address; its DNS endpoint answers whom IAM lets in
   */
  readonly authorizedNetworks?: Readonly<Record<string, string>>;
  /** How soon Google's upgrades arrive. @default "REGULAR" */
  readonly releaseChannel?: ReleaseChannel;
  /** When upgrades may happen, in UTC. */
  readonly maintenanceWindow: MaintenanceWindow;
  /** Refuse to destroy the cluster. @default true */
  readonly deletionProtection?: boolean;
  /** Labels of the cluster, in Google Cloud. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** What must exist first: the APIs `container`, `iam` and `cloudresourcemanager`. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/**
 * A private, regional, VPC-native cluster without nodes (see `NodePool`). Its availability is the control plane's:
 * what runs goes on running without it, but nothing can be changed or rescheduled.
 */
export class GkeCluster extends Construct implements IGkeCluster, HasAvailability {
  /**
   * A cluster that exists already, with its DNS endpoint open to external traffic.
   *
   * @throws Error when `dnsEndpoint` is more than a host name
   */
  static fromAttributes(scope: Construct, id: string, attributes: GkeClusterAttributes): IGkeCluster {
    const { dnsEndpoint, project } = attributes;
    if (!Token.isUnresolved(dnsEndpoint) && !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(dnsEndpoint)) {
      throw new Error(`cluster ${id}: dnsEndpoint must be a host name, got: ${JSON.stringify(dnsEndpoint)}`);
    }
    return Object.assign(new Construct(scope, id), attributes, { workloadPool: workloadPool(project) });
  }

  /** The name as given, known at synth. */
  readonly name: string;
  /** Name of the cluster, as a reference: what uses it waits until the cluster is there. */
  readonly clusterName: string;
  readonly project: string;
  readonly gcpRegion: string;
  readonly dnsEndpoint: string;
  readonly availability: Component;
  /** Identity of the cluster's nodes. */
  readonly nodeServiceAccount: NodeServiceAccount;
  /** For `replaceTriggeredBy` of what is in the cluster and goes with it. */
  readonly replacement: string;
  private readonly cluster: ContainerCluster;

  /** @throws Error for a malformed name or a maintenance window that GKE would refuse */
  constructor(scope: Construct, id: string, props: GkeClusterProps) {
    super(scope, id);
    checkName(props.name);
    this.name = props.name;
    this.project = props.project;
    this.gcpRegion = props.gcpRegion;
    this.nodeServiceAccount = new NodeServiceAccount(this, "node-account", {
      project: props.project,
      accountId: `${props.name}-nodes`,
      dependsOn: props.dependsOn,
    });
    this.cluster = this.addCluster(props);
    this.clusterName = this.cluster.name;
    this.replacement = `${dependable(this.cluster)}.id`;
    this.dnsEndpoint = this.cluster.controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint;
    this.availability = slaComponent(
      `google/${props.gcpRegion}/gke/${props.name}/control-plane`,
      "google.gke",
      { location: "regional" },
      { about: { label: `control plane of ${props.name}` } },
    );
  }

  get workloadPool(): string {
    return workloadPool(this.project);
  }

  private addCluster(props: GkeClusterProps): ContainerCluster {
    const authorized = Object.entries(props.authorizedNetworks ?? {});
    return new ContainerCluster(this, "cluster", {
      name: props.name,
      project: props.project,
      location: props.gcpRegion,
      network: props.network.networkId,
      subnetwork: props.network.subnetworkId,
      networkingMode: "VPC_NATIVE",
      ipAllocationPolicy: {
        clusterSecondaryRangeName: props.network.podRangeName,
        servicesSecondaryRangeName: props.network.serviceRangeName,
      },
      datapathProvider: "ADVANCED_DATAPATH",
      privateClusterConfig: {
        enablePrivateNodes: true,
        enablePrivateEndpoint: authorized.length === 0,
        masterIpv4CidrBlock: props.controlPlaneCidr,
      },
      // Present even when it names no network: absent, GKE would let every network in.
      masterAuthorizedNetworksConfig: {
        gcpPublicCidrsAccessEnabled: false,
        cidrBlocks: authorized.map(([displayName, cidrBlock]) => ({ displayName, cidrBlock })),
      },
      // Lets a deployment reach a private control plane without a bastion; IAM decides who.
      controlPlaneEndpointsConfig: { dnsEndpointConfig: { allowExternalTraffic: true } },
      workloadIdentityConfig: { workloadPool: this.workloadPool },
      rbacBindingConfig: {
        enableInsecureBindingSystemAuthenticated: false,
        enableInsecureBindingSystemUnauthenticated: false,
      },
      masterAuth: { clientCertificateConfig: { issueClientCertificate: false } },
      releaseChannel: { channel: props.releaseChannel ?? "REGULAR" },
      maintenancePolicy: { recurringWindow: recurringWindow(props.maintenanceWindow) },
      enableShieldedNodes: true,
      securityPostureConfig: { mode: "BASIC", vulnerabilityMode: "VULNERABILITY_DISABLED" },
      addonsConfig: {
        // A cache on each node, which also serves the stub domains while kube-dns restarts.
        dnsCacheConfig: { enabled: true },
        httpLoadBalancing: { disabled: false },
        horizontalPodAutoscaling: { disabled: false },
        gcePersistentDiskCsiDriverConfig: { enabled: true },
      },
      // kube-dns, whose stub domains lead to the region's resolvers; Cloud DNS would know none.
      dnsConfig: { clusterDns: "PLATFORM_DEFAULT" },
      gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
      enableL4IlbSubsetting: true,
      loggingConfig: { enableComponents: ["SYSTEM_COMPONENTS", "WORKLOADS"] },
      monitoringConfig: {
        enableComponents: [...MONITORED],
        managedPrometheus: { enabled: true },
      },
      costManagementConfig: { enabled: true },
      resourceLabels: { ...props.labels },
      ...this.withoutDefaultPool(),
      deletionProtection: props.deletionProtection ?? true,
      dependsOn: [...(props.dependsOn ?? []), ...this.nodeServiceAccount.roles],
    });
  }

  /** GKE makes no cluster without a pool: it lives for minutes, yet not under the project's default account. */
  private withoutDefaultPool() {
    return {
      removeDefaultNodePool: true,
      initialNodeCount: 1,
      nodeConfig: {
        serviceAccount: this.nodeServiceAccount.email,
        // One in each zone: SSDs of the usual size would take most of a new project's quota for them.
        machineType: "e2-small",
        diskType: "pd-standard",
        diskSizeGb: 20,
        shieldedInstanceConfig: { enableSecureBoot: true, enableIntegrityMonitoring: true },
        workloadMetadataConfig: { mode: "GKE_METADATA" },
      },
      lifecycle: { ignoreChanges: ["node_config", "initial_node_count"] },
    };
  }
}

/** The system itself, and the state of pods and of what keeps them (kube-state-metrics), as Google collects it. */
const MONITORED = [
  "SYSTEM_COMPONENTS",
  "POD",
  "DEPLOYMENT",
  "STATEFULSET",
  "DAEMONSET",
  "HPA",
  "STORAGE",
] as const;

const workloadPool = (project: string): string => `${project}.svc.id.goog`;

function checkName(name: string): void {
  if (Token.isUnresolved(name)) return;
  if (!/^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$/.test(name)) {
    // 24 and "-nodes" are the 30 characters of a service account's id.
    throw new Error(
      `cluster name must be 1 to 24 lower-case letters, digits and hyphens, got: ${JSON.stringify(name)}`,
    );
  }
}
