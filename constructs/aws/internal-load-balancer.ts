import { Lb } from "@cdktf/provider-aws/lib/lb";
import { LbListener } from "@cdktf/provider-aws/lib/lb-listener";
import { LbTargetGroup } from "@cdktf/provider-aws/lib/lb-target-group";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent } from "../availability";
import { type HasTopology, type TopologyElement } from "../topology";
import { Firewall, tcp } from "./firewall";
import { checkLoadBalancerName } from "./load-balancer-name";
import type { INetwork } from "./network";
import type { Alarm, HasAlarms } from "./pager";
import type { ServerGroup } from "./server-group";

export interface InternalLoadBalancerProps {
  /** Names the load balancer, for example `us-proxy`. At most 32 characters. */
  readonly name: string;
  /** Network that has it: one address in each of its private subnets. */
  readonly network: INetwork;
  /** Refuse to destroy it. @default true */
  readonly deletionProtection?: boolean;
}

export interface ForwardProps {
  /** Group whose machines get the connections. */
  readonly to: ServerGroup;
  /** TCP port that is listened on. */
  readonly port: number;
  /** Port of the machines. @default - `port` */
  readonly targetPort?: number;
  /** Time that connections of a machine on its way out are given to end. @default 40 */
  readonly drainSeconds?: number;
}

/**
 * One private address in each zone for a port of a server group: for clients in the VPC that do not ask Consul.
 * Only the VPC reaches it, and it reaches only the group.
 */
export class InternalLoadBalancer extends Construct implements HasAvailability, HasAlarms, HasTopology {
  /** Name that resolves to the addresses. */
  readonly dnsName: string;
  /** Route 53's own zone for it, which aliases name. */
  readonly hostedZoneId: string;
  readonly availability: Block;
  readonly alarms: Alarm[] = [];
  readonly topology: TopologyElement[] = [];

  private readonly firewall: Firewall;
  private readonly loadBalancer: Lb;

  /** @throws Error for a name that AWS would refuse */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: InternalLoadBalancerProps,
  ) {
    super(scope, id);
    const { name, network, deletionProtection = true } = props;
    checkLoadBalancerName(name);
    this.firewall = new Firewall(this, "firewall", {
      network,
      name: `${name}-lb`,
      description: `Internal load balancer of ${name}`,
      outbound: false,
    });
    this.loadBalancer = new Lb(this, "load-balancer", {
      name,
      internal: true,
      loadBalancerType: "network",
      subnets: network.zones.map((zone) => zone.privateSubnetId),
      securityGroups: [this.firewall.securityGroupId],
      enableCrossZoneLoadBalancing: true,
      enableDeletionProtection: deletionProtection,
      lifecycle: { preventDestroy: deletionProtection },
    });
    this.dnsName = this.loadBalancer.dnsName;
    this.hostedZoneId = this.loadBalancer.zoneId;
    this.availability = slaComponent(`aws/${network.awsRegion}/load-balancer/${name}`, "aws.elb", {
      zones: network.zones.length,
    });
  }

  /** Listens on a port and forwards to the machines of a group that accept connections. */
  forward(props: ForwardProps): void {
    const { to, port, targetPort = port, drainSeconds = 40 } = props;
    const { name, network } = this.props;
    this.topology.push({
      kind: "entrance",
      name,
      type: "internal network load balancer",
      to: to.hostName,
      port,
    });
    const targets = new LbTargetGroup(this, `targets-${port}`, {
      // The provider ends the name; a group that is replaced then never meets its old one.
      namePrefix: this.props.name.slice(0, 6),
      vpcId: network.vpcId,
      protocol: "TCP",
      port: targetPort,
      targetType: "instance",
      // Else a machine that calls the load balancer and is sent to itself gets no answer.
      preserveClientIp: "false",
      deregistrationDelay: String(drainSeconds),
      healthCheck: {
        enabled: true,
        protocol: "TCP",
        port: String(targetPort),
        interval: 10,
        timeout: 5,
        healthyThreshold: 2,
        unhealthyThreshold: 2,
      },
      tags: { Name: `${this.props.name}-${port}` },
      lifecycle: { createBeforeDestroy: true },
    });
    const listener = new LbListener(this, `listener-${port}`, {
      loadBalancerArn: this.loadBalancer.arn,
      protocol: "TCP",
      port,
      defaultAction: [{ type: "forward", targetGroupArn: targets.arn }],
    });
    this.firewall.allowFrom(network.cidr, tcp(port), "Clients in the VPC");
    this.firewall.allowTo(to.firewall, tcp(targetPort), "Machines behind it");
    to.firewall.allowFrom(this.firewall, tcp(targetPort), "Internal load balancer");
    this.alarms.push({
      name: `${this.props.name}-${port}-unhealthy-machines`,
      what: `Machines behind ${this.props.name} take no connections on port ${targetPort}`,
      namespace: "AWS/NetworkELB",
      metric: "UnHealthyHostCount",
      dimensions: { LoadBalancer: this.loadBalancer.arnSuffix, TargetGroup: targets.arnSuffix },
      statistic: "Maximum",
      when: { above: 0 },
      minutes: 5,
    });
    to.addToTargetGroup({ arn: targets.arn, after: [listener, ...this.firewall.rules] });
  }
}
