import type { Construct } from "constructs";
import type { ConsulCluster, LocalResolver } from "../constructs/dns";
import type { FrontedService } from "../constructs/front";
import { ApiGateway, type ApiGatewayProps } from "../constructs/gateway";
import type { IHost } from "../constructs/host";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { DedicatedRegion, Ec2Region } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { routingIn } from "./gateway-routes";

/** What the gateways of a region on hosts of its own stand on, dedicated servers or groups of machines. */
export interface HostGatewaysProps {
  readonly region: DedicatedRegion | Ec2Region;
  readonly gateways: readonly GatewayValue[];
  readonly services: readonly ServiceValue[];
  /** Where a gateway runs. */
  readonly hosts: (gateway: GatewayValue) => readonly IHost[];
  readonly consul: ConsulCluster;
  readonly resolver: LocalResolver;
  /** Where metrics can be read from. */
  readonly metrics: ApiGatewayProps["metrics"];
  /** Gateways that may be away at once in a roll-out. @default - the construct's */
  readonly maxUnavailable?: ApiGatewayProps["maxUnavailable"];
}

/** The gateways that run on hosts of a region behind its fronts or load balancer, by name. */
export const hostGateways = (
  scope: Construct,
  { region, gateways, services, hosts, consul, resolver, metrics, maxUnavailable }: HostGatewaysProps,
): ReadonlyMap<string, ApiGateway> =>
  new Map(
    gatewaysIn(gateways, region).map((gateway) => [
      gateway.name,
      new ApiGateway(scope, `gateway-${gateway.name}`, {
        ...routingIn(gateway, services, region, consul.domain),
        ...{ name: gateway.name, port: gateway.port, adminPort: gateway.adminPort, consul },
        hosts: hosts(gateway),
        // What is in front says itself who comes.
        trustedHops: 1,
        caCertificate: region.proxy.caCertificate,
        metrics,
        maxUnavailable,
        needsOn: (host) => resolver.answersOn(host),
      }),
    ]),
  );

/** A gateway as the fronts of its region know it: whatever is asked of its hosts is its to route. */
export const frontedGateway = ({ name, port, hosts, healthPath }: GatewayValue): FrontedService => ({
  ...{ name, port, hosts, grpc: true },
  toldAt: healthPath,
});
