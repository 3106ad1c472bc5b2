import { dependable, type ITerraformDependable } from "cdktf";
import { ComputeAddress } from "@cdktf/provider-google/lib/compute-address";
import { ComputeFirewall } from "@cdktf/provider-google/lib/compute-firewall";
import { ComputeNetwork } from "@cdktf/provider-google/lib/compute-network";
import { ComputeRouter } from "@cdktf/provider-google/lib/compute-router";
import { ComputeRouterNat } from "@cdktf/provider-google/lib/compute-router-nat";
import { ComputeSubnetwork } from "@cdktf/provider-google/lib/compute-subnetwork";
import { Construct, type IConstruct } from "constructs";
import { TerraformData } from "../dedicated/terraform-data";

/** What `GoogleNetwork.fromAttributes` needs to know of a VPC network and a subnet of it. */
export interface GoogleNetworkAttributes {
  /** Id of the VPC network: `projects/PROJECT/global/networks/NAME`. */
  readonly networkId: string;
  /** Id of the subnet: `projects/PROJECT/regions/REGION/subnetworks/NAME`. */
  readonly subnetworkId: string;
  /** Name of the secondary range that pods take their addresses from. */
  readonly podRangeName: string;
  /** Name of the secondary range that Services take their addresses from. */
  readonly serviceRangeName: string;
}

/** A VPC network with a subnet that a VPC-native cluster can live in, made here or already there. */
export interface IGoogleNetwork extends IConstruct, GoogleNetworkAttributes {}

/** IPv4 networks in CIDR form, none overlapping another. */
export interface GoogleNetworkRanges {
  /** Primary range of the subnet. */
  readonly nodes: string;
  /** Secondary range for pods. */
  readonly pods: string;
  /** Secondary range for Services. */
  readonly services: string;
}

export interface GoogleNetworkProps {
  /** Name of the network and prefix of what belongs to it. */
  readonly name: string;
  /** Google Cloud region, for example `europe-west2`. */
  readonly gcpRegion: string;
  /** Ranges of the subnet. None can change without the subnet and the cluster in it being replaced. */
  readonly ranges: GoogleNetworkRanges;
  /** What must exist first, for example the Compute Engine API. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** TCP and UDP ports. */
export interface AllowedPorts {
  /** TCP ports. @default [] */
  readonly tcp?: readonly number[];
  /** UDP ports. @default [] */
  readonly udp?: readonly number[];
}

/**
 * One region's network: a VPC with a single VPC-native subnet, and a NAT through which machines without public
 * addresses reach the internet. Nothing outside reaches in unless `allowFrom` says so.
 */
export class GoogleNetwork extends Construct implements IGoogleNetwork {
  /** A network that exists already. What may reach into it is for whoever made it to say. */
  static fromAttributes(scope: Construct, id: string, attributes: GoogleNetworkAttributes): IGoogleNetwork {
    return Object.assign(new Construct(scope, id), attributes);
  }

  /** Id of the VPC network. */
  readonly networkId: string;
  /** Name of the VPC network. */
  readonly networkName: string;
  /** Id of the subnet. */
  readonly subnetworkId: string;
  readonly podRangeName = "pods";
  readonly serviceRangeName = "services";
  private readonly network: ComputeNetwork;
  private readonly gcpRegion: string;

  constructor(scope: Construct, id: string, props: GoogleNetworkProps) {
    super(scope, id);
    const { name, gcpRegion, ranges } = props;
    this.gcpRegion = gcpRegion;
    this.network = new ComputeNetwork(this, "network", {
      name,
      autoCreateSubnetworks: false,
      routingMode: "REGIONAL",
      dependsOn: props.dependsOn,
    });
    // Google changes no range that a cluster uses, though its provider plans it: cluster and subnet must go first.
    const secondaryRanges = new TerraformData(this, "secondary-ranges", {
      input: { pods: ranges.pods, services: ranges.services },
    });
    const subnetwork = new ComputeSubnetwork(this, "subnetwork", {
      name: `${name}-nodes`,
      network: this.network.id,
      region: gcpRegion,
      ipCidrRange: ranges.nodes,
      secondaryIpRange: [
        { rangeName: this.podRangeName, ipCidrRange: ranges.pods },
        { rangeName: this.serviceRangeName, ipCidrRange: ranges.services },
      ],
      // Google's own APIs (registry, logging) are reached without leaving Google's network.
      privateIpGoogleAccess: true,
      logConfig: {
        aggregationInterval: "INTERVAL_10_MIN",
        flowSampling: 0.5,
        metadata: "INCLUDE_ALL_METADATA",
      },
      lifecycle: { replaceTriggeredBy: [dependable(secondaryRanges)] },
    });
    this.networkId = this.network.id;
    this.networkName = this.network.name;
    this.subnetworkId = subnetwork.id;
    this.addNat(name, gcpRegion);
  }

  /**
   * Lets `sources` (CIDRs) reach the nodes and pods on these ports.
   *
   * @param purpose names the rule; unique in the network
   * @throws Error when no source or no port is given
   */
  allowFrom(sources: readonly string[], ports: AllowedPorts, purpose: string): void {
    const allow = (["tcp", "udp"] as const).flatMap((protocol) => {
      const listed = ports[protocol] ?? [];
      return listed.length === 0 ? [] : [{ protocol, ports: listed.map(String) }];
    });
    if (sources.length === 0 || allow.length === 0) {
      throw new Error(
        `firewall rule ${purpose} needs at least one source and one port, got: ${JSON.stringify({ sources, ports })}`,
      );
    }
    new ComputeFirewall(this, `allow-${purpose}`, {
      name: `${this.network.nameInput}-allow-${purpose}`,
      network: this.networkId,
      direction: "INGRESS",
      sourceRanges: [...sources],
      allow,
      logConfig: { metadata: "INCLUDE_ALL_METADATA" },
    });
  }

  /** Keeps an address of the subnet for a load balancer inside the network. @param purpose unique in the network */
  reserve(purpose: string, address: string): void {
    new ComputeAddress(this, `address-${purpose}`, {
      name: `${this.network.nameInput}-${purpose}`,
      region: this.gcpRegion,
      subnetwork: this.subnetworkId,
      addressType: "INTERNAL",
      purpose: "GCE_ENDPOINT",
      address,
    });
  }

  private addNat(name: string, gcpRegion: string): void {
    const router = new ComputeRouter(this, "router", {
      name: `${name}-router`,
      network: this.networkId,
      region: gcpRegion,
    });
    new ComputeRouterNat(this, "nat", {
      name: `${name}-nat`,
      router: router.name,
      region: gcpRegion,
      natIpAllocateOption: "AUTO_ONLY",
      sourceSubnetworkIpRangesToNat: "ALL_SUBNETWORKS_ALL_IP_RANGES",
      // The proxy opens many connections to few origins: without this, 64 ports a node run out under load.
      // Dynamic allocation excludes endpoint-independent mapping.
      enableDynamicPortAllocation: true,
      enableEndpointIndependentMapping: false,
      minPortsPerVm: 1024,
      maxPortsPerVm: 32768,
      logConfig: { enable: true, filter: "ERRORS_ONLY" },
    });
  }
}
