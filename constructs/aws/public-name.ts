import { type Route53HealthCheck } from "@cdktf/provider-aws/lib/route53-health-check";
import { Route53Record, type Route53RecordConfig } from "@cdktf/provider-aws/lib/route53-record";
import { Construct } from "constructs";
import type { Switching } from "../availability";
import { type DnsZone, type LoadBalancerAddress } from "./dns-zone";
import { checkedSwitching, HEALTH_METRICS_REGION, healthCheck, unreachable } from "./health-check";
import type { Alarm, HasAlarms } from "./pager";

/** One of the regions that answer for a name. */
export interface NamedRegion {
  /** Name of the region: a label of DNS. */
  readonly name: string;
  /** AWS region whose latency counts as that of this one: the one itself, or the nearest. */
  readonly awsRegion: string;
  /** Addresses that requests may go to, by what each is called; each is checked. @default - `loadBalancer` */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Load balancer that requests go to. @default - `addresses` */
  readonly loadBalancer?: LoadBalancerAddress;
  /** Name that leads to the load balancer alone, at which its health is checked. @default - the addresses are checked */
  readonly checkedAt?: string;
  /** Port that takes HTTPS. @default 443 */
  readonly port?: number;
  /** Path that answers 200 to 399 over HTTPS while the region works. */
  readonly healthPath: string;
}

export interface PublicNameProps {
  /** Public zone that the name is in. */
  readonly zone: DnsZone;
  /** Full name that clients ask for. */
  readonly name: string;
  /** Regions that answer for it. */
  readonly regions: readonly NamedRegion[];
}

/**
 * A name that several regions answer for: clients are led to the one with the shortest way of those that are well. A region
 * with addresses of its own has them under a name of its own, `REGION.NAME`, all that are well in one answer, so that
 * clients whose address fails have another one at hand.
 */
export class PublicName extends Construct implements HasAlarms {
  /** How long clients go on being led to a region, or an address, that failed. */
  readonly switching: Switching = checkedSwitching("answers", TTL_SECONDS);
  /** For a pager in us-east-1, the one region in which the results of the checks are to be had. */
  readonly alarms: readonly Alarm[];

  /** @throws Error for a name outside the zone, no region, and one that is led to nowhere or in two ways */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: PublicNameProps,
  ) {
    super(scope, id);
    const { zone, name, regions } = props;
    zone.labelOf(name);
    if (regions.length === 0) throw new Error(`public name ${name}: expected at least one region, got: none`);
    for (const { name: region, addresses = {}, loadBalancer, checkedAt } of regions) {
      const ways = [Object.keys(addresses).length > 0, loadBalancer !== undefined && checkedAt !== undefined];
      if (ways.filter(Boolean).length === 1) continue;
      throw new Error(
        `public name ${name}: region ${region} must have addresses, or a load balancer and where it is checked, got: ${ways[0] ? "both" : "neither"}`,
      );
    }
    this.alarms = regions.flatMap((region) =>
      region.loadBalancer === undefined
        ? this.byAddresses(region, region.addresses!)
        : this.byLoadBalancer(region, region.loadBalancer, region.checkedAt!),
    );
  }

  private byLoadBalancer(region: NamedRegion, to: LoadBalancerAddress, checkedAt: string): Alarm[] {
    const { check, alarm } = this.check(region, region.name, { fqdn: checkedAt });
    this.enter(region, { name: to.dnsName, zoneId: to.hostedZoneId }, { healthCheckId: check.id });
    return [alarm];
  }

  private byAddresses(region: NamedRegion, addresses: Readonly<Record<string, string>>): Alarm[] {
    const { zone, name } = this.props;
    const own = `${region.name}.${name}`;
    const entries = Object.entries(addresses).map(([called, address]) => {
      const { check, alarm } = this.check(region, called, { ipAddress: address, fqdn: name });
      const record = new Route53Record(this, `address-${region.name}-${called}`, {
        ...{ zoneId: zone.zoneId, name: own, type: "A", ttl: TTL_SECONDS, records: [address] },
        setIdentifier: called,
        multivalueAnswerRoutingPolicy: true,
        healthCheckId: check.id,
      });
      return { record, alarm };
    });
    // The name that it is an alias of must be there first.
    const dependsOn = entries.map(({ record }) => record);
    this.enter(region, { name: own, zoneId: zone.zoneId }, { dependsOn });
    return entries.map(({ alarm }) => alarm);
  }

  private enter(
    { name: region, awsRegion }: NamedRegion,
    alias: { readonly name: string; readonly zoneId: string },
    more: Pick<Route53RecordConfig, "healthCheckId" | "dependsOn">,
  ): void {
    const { zone, name } = this.props;
    new Route53Record(this, `region-${region}`, {
      ...{ zoneId: zone.zoneId, name, type: "A" },
      setIdentifier: awsRegion,
      latencyRoutingPolicy: { region: awsRegion },
      ...more,
      alias: { ...alias, evaluateTargetHealth: true },
    });
  }

  private check(
    { name: region, port = 443, healthPath }: NamedRegion,
    called: string,
    at: { readonly fqdn: string; readonly ipAddress?: string },
  ): { readonly check: Route53HealthCheck; readonly alarm: Alarm } {
    const { name } = this.props;
    const where = called === region ? region : `${region}-${called}`;
    const check = healthCheck(
      this,
      `health-${where}`,
      { ...at, port, resourcePath: healthPath },
      `${name} in ${called === region ? region : `${region} (${called})`}`,
    );
    const alarm = unreachable(
      check,
      `${name.replaceAll(".", "-")}-${where}-unreachable`,
      `${name} in ${region}${called === region ? "" : ` (${called})`}; metrics are in ${HEALTH_METRICS_REGION}`,
    );
    return { check, alarm };
  }
}

/** What resolvers may keep an answer for; Route 53 advises no more where health is checked. */
const TTL_SECONDS = 60;
