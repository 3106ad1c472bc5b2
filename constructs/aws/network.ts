import { DefaultSecurityGroup } from "@cdktf/provider-aws/lib/default-security-group";
import { Eip } from "@cdktf/provider-aws/lib/eip";
import { InternetGateway } from "@cdktf/provider-aws/lib/internet-gateway";
import { NatGateway } from "@cdktf/provider-aws/lib/nat-gateway";
import { Route } from "@cdktf/provider-aws/lib/route";
import { RouteTable } from "@cdktf/provider-aws/lib/route-table";
import { RouteTableAssociation } from "@cdktf/provider-aws/lib/route-table-association";
import { Subnet } from "@cdktf/provider-aws/lib/subnet";
import { Vpc } from "@cdktf/provider-aws/lib/vpc";
import { VpcEndpoint } from "@cdktf/provider-aws/lib/vpc-endpoint";
import { type ITerraformDependable, Token } from "cdktf";
import { Construct, type IConstruct } from "constructs";
import { type Block, cloudRegion, type FailureDomain, type HasAvailability, parallel } from "../availability";
import type { Alarm, HasAlarms } from "./pager";
import { subnetPlan } from "./subnet-plan";

/** One availability zone of a network, with the subnets in it. */
export interface NetworkZone {
  /** For example `us-east-1a`. */
  readonly name: string;
  /** For what the internet reaches: public load balancers. @default - none */
  readonly publicSubnetId?: string;
  /** For machines: they reach the internet through NAT and cannot be reached from it. */
  readonly privateSubnetId: string;
  /** For managed data stores: no way to or from the internet. @default - none */
  readonly dataSubnetId?: string;
}

/** What `Network.fromAttributes` needs to know of a VPC. */
export interface NetworkAttributes {
  /** Id of the VPC. */
  readonly vpcId: string;
  /** The VPC's IPv4 network. */
  readonly cidr: string;
  /** For example `us-east-1`. */
  readonly awsRegion: string;
  /** Its availability zones, with the subnets in each. */
  readonly zones: readonly NetworkZone[];
}

/** A VPC, made here or already there. */
export interface INetwork extends IConstruct, NetworkAttributes {
  /** The zones as places that can fail, in the order of `zones`. */
  readonly places: readonly FailureDomain[];
  /** What must be there before a machine in a private subnet finds its way out. */
  readonly wayOut: readonly ITerraformDependable[];
}

export interface NetworkProps {
  /** Names what is made, for people: `us`. */
  readonly name: string;
  /** IPv4 network of /16 to /24. */
  readonly cidr: string;
  /** For example `us-east-1`. */
  readonly awsRegion: string;
  /** One to four zones of the region. */
  readonly availabilityZones: readonly string[];
  /**
   * One NAT gateway, in the first zone, for all zones; or one per zone, so that a zone's machines reach the internet
   * whatever happens to the others.
   *
   * @default "per-zone"
   */
  readonly nat?: "single" | "per-zone";
}

/** A VPC with public, private and data subnets in each zone, NAT, and a way to S3 that needs no NAT. */
export class Network extends Construct implements INetwork, HasAvailability, HasAlarms {
  /**
   * A VPC that exists already.
   *
   * @throws RangeError when it has no zone
   */
  static fromAttributes(scope: Construct, id: string, attributes: NetworkAttributes): INetwork {
    if (attributes.zones.length === 0) {
      throw new RangeError(`network ${id}: expected at least one zone, got: none`);
    }
    const places = zonePlaces(
      attributes.awsRegion,
      attributes.zones.map((zone) => zone.name),
    );
    return Object.assign(new Construct(scope, id), attributes, { places, wayOut: [] });
  }

  readonly vpcId: string;
  readonly cidr: string;
  readonly awsRegion: string;
  readonly zones: readonly Required<NetworkZone>[];
  readonly places: readonly FailureDomain[];
  readonly alarms: Alarm[] = [];
  readonly wayOut: ITerraformDependable[] = [];
  /** Public addresses that the machines' calls to the internet come from, one for each NAT gateway. */
  readonly natAddresses: string[] = [];
  /** There is a way from the private subnets to the internet. */
  readonly availability: Block;

  private readonly networkName: string;

  /**
   * @throws Error for a network other than /16 to /24, one known only to Terraform, or other than one to four zones
   */
  constructor(scope: Construct, id: string, props: NetworkProps) {
    super(scope, id);
    const { name, cidr, awsRegion, availabilityZones, nat = "per-zone" } = props;
    if (Token.isUnresolved(cidr)) {
      throw new Error(`network ${name}: cidr must be known at synth, got: a Terraform expression`);
    }
    const networks = subnetPlan(cidr, availabilityZones.length);
    this.networkName = name;
    this.cidr = cidr;
    this.awsRegion = awsRegion;
    this.places = zonePlaces(awsRegion, availabilityZones);
    const natPlaces = nat === "single" ? this.places.slice(0, 1) : this.places;
    this.availability = parallel(...natPlaces.map((place) => place.holding()));

    const vpc = new Vpc(this, "vpc", {
      cidrBlock: cidr,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { Name: name },
    });
    this.vpcId = vpc.id;
    // Without rules: whatever forgets to name a security group of its own reaches nothing and is not reached.
    new DefaultSecurityGroup(this, "default-security-group", {
      vpcId: vpc.id,
      tags: { Name: `${name}-unused` },
    });

    const internet = new InternetGateway(this, "internet", { vpcId: vpc.id, tags: { Name: name } });
    const publicRoutes = this.routeTable("public");
    this.wayOut.push(
      new Route(this, "public-internet", {
        routeTableId: publicRoutes.id,
        destinationCidrBlock: "0.0.0.0/0",
        gatewayId: internet.id,
      }),
    );
    const dataRoutes = this.routeTable("data");
    const privateRoutes: RouteTable[] = [];

    let gateway: NatGateway | undefined;
    this.zones = networks.map((tiers, index) => {
      const zone = availabilityZones[index] as string;
      const letter = zone.slice(-1);
      const publicSubnet = this.subnet("public", zone, tiers.public, publicRoutes);
      if (gateway === undefined || nat === "per-zone") {
        gateway = this.natGateway(letter, publicSubnet, internet);
      }
      const routes = this.routeTable(`private-${letter}`);
      privateRoutes.push(routes);
      this.wayOut.push(
        gateway,
        new Route(this, `private-${letter}-internet`, {
          routeTableId: routes.id,
          destinationCidrBlock: "0.0.0.0/0",
          natGatewayId: gateway.id,
        }),
      );
      return {
        name: zone,
        publicSubnetId: publicSubnet.id,
        privateSubnetId: this.subnet("private", zone, tiers.private, routes).id,
        dataSubnetId: this.subnet("data", zone, tiers.data, dataRoutes).id,
      };
    });

    this.wayOut.push(
      new VpcEndpoint(this, "s3", {
        vpcId: vpc.id,
        serviceName: `com.amazonaws.${awsRegion}.s3`,
        vpcEndpointType: "Gateway",
        routeTableIds: [...privateRoutes, dataRoutes].map((routes) => routes.id),
        tags: { Name: `${name}-s3` },
      }),
    );
  }

  private routeTable(tier: string): RouteTable {
    return new RouteTable(this, `${tier}-routes`, {
      vpcId: this.vpcId,
      tags: { Name: `${this.networkName}-${tier}` },
    });
  }

  private subnet(tier: string, zone: string, cidrBlock: string, routes: RouteTable): Subnet {
    const name = `${tier}-${zone.slice(-1)}`;
    const subnet = new Subnet(this, name, {
      vpcId: this.vpcId,
      availabilityZone: zone,
      cidrBlock,
      mapPublicIpOnLaunch: false,
      tags: { Name: `${this.networkName}-${name}` },
    });
    this.wayOut.push(
      new RouteTableAssociation(this, `${name}-association`, {
        subnetId: subnet.id,
        routeTableId: routes.id,
      }),
    );
    return subnet;
  }

  private natGateway(letter: string, subnet: Subnet, internet: InternetGateway): NatGateway {
    const tags = { Name: `${this.networkName}-nat-${letter}` };
    const address = new Eip(this, `nat-${letter}-address`, { domain: "vpc", tags, dependsOn: [internet] });
    this.natAddresses.push(address.publicIp);
    const gateway = new NatGateway(this, `nat-${letter}`, {
      allocationId: address.id,
      subnetId: subnet.id,
      tags,
      dependsOn: [internet],
    });
    this.alarms.push({
      name: `${tags.Name}-ports`,
      what: `${tags.Name} has run out of ports: new connections to some address on the internet fail`,
      namespace: "AWS/NATGateway",
      metric: "ErrorPortAllocation",
      dimensions: { NatGatewayId: gateway.id },
      statistic: "Sum",
      when: { above: 0 },
      minutes: 3,
    });
    return gateway;
  }
}

const zonePlaces = (region: string, zones: readonly string[]): readonly FailureDomain[] =>
  cloudRegion({ provider: "aws", region, zones }).zones;
