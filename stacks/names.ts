import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { Route53Record } from "@cdktf/provider-aws/lib/route53-record";
import { TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { DnsZone, HEALTH_METRICS_REGION, type NamedRegion, Pager, PublicName } from "../constructs/aws";
import {
  AvailabilityTarget,
  type DeclaresServices,
  parallel,
  remote,
  service,
  type Service,
  type Switching,
} from "../constructs/availability";
import { RegionOutputs } from "../constructs/region/region-outputs";
import { keepState, stackOfServices } from "./region-stack";
import {
  type Led,
  type NamedHost,
  nearestOf,
  NAMES_STACK,
  type NamesValue,
  promisedAs,
  publicAddresses,
} from "./values/names";
import type { Region } from "./values/regions";
import { ownEntranceName } from "./values/services/service-entrances";
import { authorizationOutputs, ENTRANCE_OUTPUTS } from "./entrance-outputs";
import { readBy } from "./read-by";

/**
 * The public names of services and gateways: each leads to the nearest of the regions that run it and are well. Deployed after
 * them; their own stacks need nothing of it.
 */
export class NamesStack extends TerraformStack implements DeclaresServices {
  readonly services: Service[] = [];
  private readonly outputs = new Map<string, RegionOutputs>();

  constructor(scope: Construct, names: NamesValue, hosts: readonly NamedHost[]) {
    super(scope, NAMES_STACK);
    keepState(this, names.backend);
    // Route 53 has no regions; what its checkers found out is to be had in this one alone.
    new AwsProvider(this, "aws", {
      region: HEALTH_METRICS_REGION,
      defaultTags: [{ tags: { ...names.tags, "tricloud-stack": NAMES_STACK } }],
    });
    const pager = new Pager(this, "pager", { name: NAMES_STACK, emails: names.pagerEmails });
    const zones = new Map(
      [...new Set(hosts.map(({ zone }) => zone))].map((zone) => [
        zone,
        DnsZone.lookup(this, `zone-${zone}`, zone),
      ]),
    );
    for (const { host, zone: zoneName, services, regions } of hosts) {
      const zone = zones.get(zoneName)!;
      const name = new PublicName(this, host, {
        zone,
        name: host,
        regions: regions.map((region) => this.answering(region, host, services[0]!, names)),
      });
      pager.watch(name);
      for (const region of regions) this.authorize(region, host, zone);
      for (const each of services)
        this.declare(host, each, regions, { zone, names, switching: name.switching });
    }
  }

  /** How a region answers for a host by a service. */
  private answering(region: Region, host: string, { health }: Led, names: NamesValue): NamedRegion {
    const entry = { name: region.name, awsRegion: nearestOf(region, names)!, healthPath: health.path };
    switch (region.platform) {
      case "dedicated":
        return { ...entry, addresses: publicAddresses(region), port: region.front.httpsPort };
      case "ec2": {
        const outputs = this.outputsOf(region);
        const { address, zoneId } = ENTRANCE_OUTPUTS.ec2;
        return {
          ...entry,
          loadBalancer: { dnsName: outputs.text(address), hostedZoneId: outputs.text(zoneId) },
          checkedAt: ownEntranceName(region.name, host),
        };
      }
      case "gke":
        return {
          ...entry,
          addresses: { [region.name]: this.outputsOf(region).text(ENTRANCE_OUTPUTS.gke.address) },
        };
    }
  }

  /** Google makes a certificate only for a name in whose zone a record asks it to. */
  private authorize(region: Region, host: string, zone: DnsZone): void {
    if (region.platform !== "gke") return;
    const { name, value } = authorizationOutputs(host);
    const outputs = this.outputsOf(region);
    new Route53Record(this, `authorization-${region.name}-${host}`, {
      ...{ zoneId: zone.zoneId, type: "CNAME", ttl: 300 },
      name: outputs.text(name),
      records: [outputs.text(value)],
    });
  }

  private outputsOf(region: Region): RegionOutputs {
    const known =
      this.outputs.get(region.name) ?? new RegionOutputs(this, `outputs-of-${region.name}`, { region });
    this.outputs.set(region.name, known);
    return known;
  }

  /** The service for a user of the world: one region is enough, less what it costs that users must leave one that fails. */
  private declare(
    host: string,
    { name, public: shown }: Led,
    regions: readonly Region[],
    { zone, names, switching }: Declared,
  ): void {
    const there = regions.map((region) =>
      remote(stackOfServices({ region: region.name, platform: region.platform }), name),
    );
    const several = {
      availability: parallel(...there),
      failover:
        there.length < 2
          ? undefined
          : {
              name: `regions of ${host}`,
              switching,
              cost: { parts: [], times: undefined, unknown: there.map(({ stack }) => `${stack}/${name}`) },
              from: there,
            },
    };
    for (const path of shown!.paths) {
      const promised = promisedAs(host, path);
      this.services.push(service(promised, { requires: [zone, several] }));
      const target = names.availability.targets[promised];
      if (target === undefined) continue;
      new AvailabilityTarget(this, `target-${promised}`, {
        service: promised,
        ...readBy(AvailabilityTarget, target),
      });
    }
  }
}

/** What all services of a host have in common. */
interface Declared {
  readonly zone: DnsZone;
  readonly names: NamesValue;
  readonly switching: Switching;
}
