import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import { VpcSecurityGroupEgressRule } from "@cdktf/provider-aws/lib/vpc-security-group-egress-rule";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule";
import type { ITerraformDependable } from "cdktf";
import { Construct } from "constructs";
import type { INetwork } from "./network";

/** What may come in: one port or a range, over one protocol. */
export interface Traffic {
  /** Transport. */
  readonly protocol: "tcp" | "udp";
  /** The port, or the first of the range. */
  readonly port: number;
  /** Last port of the range. @default - `port` alone */
  readonly toPort?: number;
}

export const tcp = (port: number, toPort?: number): Traffic => ({ protocol: "tcp", port, toPort });
export const udp = (port: number, toPort?: number): Traffic => ({ protocol: "udp", port, toPort });

export interface FirewallProps {
  /** Network that it belongs to. */
  readonly network: INetwork;
  /** Name of the security group, for example `us-proxy`. */
  readonly name: string;
  /** What it protects, as the console shows it. */
  readonly description: string;
  /** Whether what is behind it may open connections to anywhere. @default true */
  readonly outbound?: boolean;
}

/** A security group: nothing comes in but what is allowed here. */
export class Firewall extends Construct {
  /** Id of the security group, for what is put behind it. */
  readonly securityGroupId: string;
  /** All that is let through so far. */
  readonly rules: ITerraformDependable[] = [];
  private readonly firewallName: string;

  constructor(scope: Construct, id: string, props: FirewallProps) {
    super(scope, id);
    const { network, name, description, outbound = true } = props;
    // A group's name cannot change while instances use it: the new one is made first.
    const group = new SecurityGroup(this, "group", {
      namePrefix: `${name}-`,
      description,
      vpcId: network.vpcId,
      tags: { Name: name },
      lifecycle: { createBeforeDestroy: true },
    });
    this.securityGroupId = group.id;
    this.firewallName = name;
    if (outbound) {
      this.rules.push(
        new VpcSecurityGroupEgressRule(this, "out", {
          securityGroupId: group.id,
          description: "Anywhere",
          ipProtocol: "-1",
          cidrIpv4: "0.0.0.0/0",
        }),
      );
    }
  }

  /**
   * Lets `traffic` in from what is behind another firewall, or from an IPv4 network.
   *
   * @param why shown beside the rule in the console
   */
  allowFrom(source: Firewall | string, traffic: Traffic, why: string): void {
    const { protocol, port, toPort = port } = traffic;
    const from = typeof source === "string" ? source.replaceAll(/[./]/g, "-") : source.firewallName;
    this.rules.push(
      new VpcSecurityGroupIngressRule(this, `${protocol}-${port}-from-${from}`, {
        securityGroupId: this.securityGroupId,
        description: why,
        ipProtocol: protocol,
        fromPort: port,
        toPort,
        ...(typeof source === "string"
          ? { cidrIpv4: source }
          : { referencedSecurityGroupId: source.securityGroupId }),
      }),
    );
  }

  /** Lets members of this group reach each other. */
  allowWithin(traffic: Traffic, why: string): void {
    this.allowFrom(this, traffic, why);
  }

  /** Lets what is behind this firewall open connections to what is behind `target`, and nothing else. */
  allowTo(target: Firewall, traffic: Traffic, why: string): void {
    const { protocol, port, toPort = port } = traffic;
    this.rules.push(
      new VpcSecurityGroupEgressRule(this, `${protocol}-${port}-to-${target.firewallName}`, {
        securityGroupId: this.securityGroupId,
        description: why,
        ipProtocol: protocol,
        fromPort: port,
        toPort,
        referencedSecurityGroupId: target.securityGroupId,
      }),
    );
  }
}
