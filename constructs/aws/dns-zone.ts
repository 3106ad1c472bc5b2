import { DataAwsRoute53Zone } from "@cdktf/provider-aws/lib/data-aws-route53-zone";
import { type Route53HealthCheck } from "@cdktf/provider-aws/lib/route53-health-check";
import { Route53Record } from "@cdktf/provider-aws/lib/route53-record";
import { Route53Zone } from "@cdktf/provider-aws/lib/route53-zone";
import { Construct } from "constructs";
import { type Block, type HasAvailability, slaComponent, type Switching } from "../availability";
import { checkedSwitching, HEALTH_METRICS_REGION, healthCheck, unreachable } from "./health-check";
import type { Alarm, HasAlarms } from "./pager";
import type { INetwork } from "./network";

/** What an alias leads to. */
export interface LoadBalancerAddress {
  /** Name that the load balancer itself has. */
  readonly dnsName: string;
  /** Route 53's own zone for load balancers of the region. */
  readonly hostedZoneId: string;
}

export interface RegionalNameProps {
  /** Full name, inside the zone. */
  readonly name: string;
  /** Name of this region's own, inside the zone, at which its health is checked: with it as Host. */
  readonly ownName: string;
  /** Whether an application answers: without one there is nothing to check. @default true */
  readonly serving?: boolean;
  /** Load balancer that the name leads to. */
  readonly target: LoadBalancerAddress;
  /** Region that answers: clients are sent to the healthy one with the shortest way. */
  readonly awsRegion: string;
  /** Path that answers 200 over HTTPS while the region works. @default - none: its load balancer's own checks tell */
  readonly healthPath?: string;
}

/** A zone of names in Route 53: one that exists in public, or one that a network keeps to itself. */
export class DnsZone extends Construct implements HasAvailability, HasAlarms {
  /** The public zone of that name, which somebody has delegated to Route 53 already. */
  static lookup(scope: Construct, id: string, zoneName: string): DnsZone {
    return new DnsZone(scope, id, zoneName, (zone) => {
      return new DataAwsRoute53Zone(zone, "zone", { name: zoneName, privateZone: false }).zoneId;
    });
  }

  /** A zone of its own that only the network's machines can ask. */
  static private(scope: Construct, id: string, zoneName: string, network: INetwork): DnsZone {
    return new DnsZone(scope, id, zoneName, (zone) => {
      return new Route53Zone(zone, "zone", {
        name: zoneName,
        comment: "Names of the region's own parts",
        vpc: [{ vpcId: network.vpcId }],
      }).zoneId;
    });
  }

  /** Route 53's id of the zone. */
  readonly zoneId: string;
  readonly availability: Block = slaComponent("aws/route53", "aws.route53", {});
  /** What is to be told of the names whose health is checked. */
  readonly alarms: Alarm[] = [];
  /** How long a name goes on leading to a region that failed; undefined while no name's health is checked. */
  switching: Switching | undefined;

  private constructor(
    scope: Construct,
    id: string,
    /** Name that all names in the zone end with. */
    readonly zoneName: string,
    zoneIdIn: (zone: DnsZone) => string,
  ) {
    super(scope, id);
    this.zoneId = zoneIdIn(this);
  }

  /**
   * Leads a name to a load balancer.
   *
   * @throws Error for a name outside the zone
   */
  addAlias(name: string, target: LoadBalancerAddress): void {
    new Route53Record(this, `alias-${this.labelOf(name)}`, {
      zoneId: this.zoneId,
      name,
      type: "A",
      alias: { name: target.dnsName, zoneId: target.hostedZoneId, evaluateTargetHealth: true },
    });
  }

  /**
   * Leads a name to another name.
   *
   * @throws Error for a name outside the zone
   */
  addCname(name: string, target: string): void {
    const [zoneId, ttl] = [this.zoneId, 60];
    new Route53Record(this, `cname-${this.labelOf(name)}`, {
      zoneId,
      name,
      type: "CNAME",
      ttl,
      records: [target],
    });
  }

  /**
   * Leads a name to this region for as long as its health check succeeds; other regions may add theirs. A name of the
   * region's own leads here always. Where one stack knows all regions of a name, `PublicName` is for it.
   *
   * @throws Error for a name outside the zone
   */
  addRegionalName(props: RegionalNameProps): void {
    const { name, ownName, target, awsRegion, serving = true } = props;
    this.addAlias(ownName, target);
    const { healthPath } = props;
    const check = serving && healthPath !== undefined ? this.checked({ ...props, healthPath }) : undefined;
    new Route53Record(this, `regional-${this.labelOf(name)}`, {
      zoneId: this.zoneId,
      name,
      type: "A",
      setIdentifier: awsRegion,
      latencyRoutingPolicy: { region: awsRegion },
      healthCheckId: check?.id,
      alias: { name: target.dnsName, zoneId: target.hostedZoneId, evaluateTargetHealth: serving },
    });
  }

  private checked({
    name,
    ownName,
    awsRegion,
    healthPath,
  }: RegionalNameProps & { readonly healthPath: string }): Route53HealthCheck {
    const label = this.labelOf(name);
    const check = healthCheck(
      this,
      `health-${label}`,
      { fqdn: ownName, port: 443, resourcePath: healthPath },
      `${name} in ${awsRegion}`,
    );
    this.switching = checkedSwitching("aliases", ALIAS_TTL_SECONDS);
    if (awsRegion === HEALTH_METRICS_REGION)
      this.alarms.push(unreachable(check, `${label}-unreachable`, `${name} in ${awsRegion}`));
    return check;
  }

  /** What a name in the zone is called in ids. @throws Error for a name outside the zone */
  labelOf(name: string): string {
    if (name !== this.zoneName && !name.endsWith(`.${this.zoneName}`)) {
      throw new Error(`name in zone ${this.zoneName} must end with it, got: ${JSON.stringify(name)}`);
    }
    return (
      name.slice(0, -this.zoneName.length).replace(/\.$/, "").replaceAll(".", "-").replace("*", "any") ||
      "apex"
    );
  }
}

/** How long answers with a load balancer's addresses live: Route 53 takes the load balancer's own. */
const ALIAS_TTL_SECONDS = 60;
