import type { Construct } from "constructs";
import type { ConsulCluster, LocalResolver } from "../constructs/dns";
import type { FrontedService } from "../constructs/front";
import { ApiGateway } from "../constructs/gateway";
import type { IHost } from "../constructs/host";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { DedicatedRegion } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { routingIn } from "./gateway-routes";

/** What the gateways of a region on dedicated servers stand on. */
export interface HostGatewaysProps {
  readonly region: DedicatedRegion;
  readonly gateways: readonly GatewayValue[];
  readonly services: readonly ServiceValue[];
  /** Where a gateway runs. */
  readonly hosts: (gateway: GatewayValue) => readonly IHost[];
  readonly consul: ConsulCluster;
  readonly resolver: LocalResolver;
}

/** The gateways that run in a region behind its fronts, by name. */
export const hostGateways = (
  scope: Construct,
  { region, gateways, services, hosts, consul, resolver }: HostGatewaysProps,
): ReadonlyMap<string, ApiGateway> =>
  new Map(
    gatewaysIn(gateways, region).map((gateway) => [
      gateway.name,
      new ApiGateway(scope, `gateway-${gateway.name}`, {
        ...routingIn(gateway, services, region, consul.domain),
        ...{ name: gateway.name, port: gateway.port, adminPort: gateway.adminPort, consul },
        hosts: hosts(gateway),
        // The front's: it says itself who comes, and believes nobody.
        trustedHops: 1,
        caCertificate: region.proxy.caCertificate,
        metrics: region.proxy.metrics,
        maxUnavailable: region.proxy.maxUnavailable,
        needsOn: (host) => resolver.answersOn(host),
      }),
    ]),
  );

/** A gateway as the fronts of its region know it: whatever is asked of its hosts is its to route. */
export const frontedGateway = ({ name, port, hosts }: GatewayValue): FrontedService => ({
  name,
  port,
  hosts,
});
