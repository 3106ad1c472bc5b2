import { ComputeGlobalAddress } from "@cdktf/provider-google/lib/compute-global-address";
import { NetworkConnectivityServiceConnectionPolicy } from "@cdktf/provider-google/lib/network-connectivity-service-connection-policy";
import { ServiceNetworkingConnection } from "@cdktf/provider-google/lib/service-networking-connection";
import { type ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import { Cidr } from "../grammar/cidr";
import { type IGoogleNetwork } from "./google-network";

export interface PrivateServicesProps {
  /** Prefix of names. */
  readonly name: string;
  /** Google Cloud region, for example `europe-west2`. */
  readonly gcpRegion: string;
  /** Network in which they get addresses. */
  readonly network: IGoogleNetwork;
  /** An IPv4 network for databases, /24 or larger, that overlaps no range of the VPC. */
  readonly range: string;
  /** What must exist first, for example the APIs. @default - nothing */
  readonly dependsOn?: ITerraformDependable[];
}

/** Lets Google's managed databases and caches have addresses in a network, so that none needs a public one. */
export class PrivateServices extends Construct {
  /** The network given. */
  readonly network: IGoogleNetwork;
  /** The region given. */
  readonly gcpRegion: string;
  /** For Cloud SQL: Google's own network, peered with ours, in the range given. */
  readonly peering: ITerraformDependable;
  /** For Memorystore: endpoints in the subnet of the nodes. */
  readonly endpoints: ITerraformDependable;

  /** @throws Error for a range that is no IPv4 network */
  constructor(scope: Construct, id: string, props: PrivateServicesProps) {
    super(scope, id);
    const { name, gcpRegion, network, dependsOn } = props;
    const whole = Cidr.parse(props.range);
    if (whole === undefined) {
      throw new Error(
        `range of private services ${name} must be an IPv4 network such as 10.30.32.0/20, got: ${JSON.stringify(props.range)}`,
      );
    }
    this.network = network;
    this.gcpRegion = gcpRegion;
    const range = new ComputeGlobalAddress(this, "range", {
      name: `${name}-data`,
      purpose: "VPC_PEERING",
      addressType: "INTERNAL",
      network: network.networkId,
      address: whole.address,
      prefixLength: whole.prefixLength,
      dependsOn,
    });
    this.peering = new ServiceNetworkingConnection(this, "peering", {
      network: network.networkId,
      service: "servicenetworking.googleapis.com",
      reservedPeeringRanges: [range.name],
      // Google keeps a connection for days after the last database is gone; it ends with the network.
      deletionPolicy: "ABANDON",
      dependsOn,
    });
    this.endpoints = new NetworkConnectivityServiceConnectionPolicy(this, "endpoints", {
      name: `${name}-memorystore`,
      location: gcpRegion,
      serviceClass: "gcp-memorystore",
      network: network.networkId,
      pscConfig: { subnetworks: [network.subnetworkId] },
      dependsOn,
    });
  }
}
