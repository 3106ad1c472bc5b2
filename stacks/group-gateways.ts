import type { Construct } from "constructs";
import type { ServerGroup } from "../constructs/aws";
import type { ConsulCluster, LocalResolver } from "../constructs/dns";
import { ApiGateway } from "../constructs/gateway";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { Ec2Region, HostRole } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { roleOf } from "./values/services/service-placement";
import { routingIn } from "./gateway-routes";

/** What the gateways of a region on EC2 stand on. */
export interface GroupGatewaysProps {
  readonly region: Ec2Region;
  readonly gateways: readonly GatewayValue[];
  readonly services: readonly ServiceValue[];
  /** Groups of machines, by their role. */
  readonly groups: Readonly<Record<HostRole, ServerGroup>>;
  readonly consul: ConsulCluster;
  readonly resolver: LocalResolver;
}

/** The gateways that run in a region behind its load balancer, each on all machines of its group, by name. */
export const groupGateways = (
  scope: Construct,
  { region, gateways, services, groups, consul, resolver }: GroupGatewaysProps,
): ReadonlyMap<string, ApiGateway> =>
  new Map(
    gatewaysIn(gateways, region).map((gateway) => [
      gateway.name,
      new ApiGateway(scope, `gateway-${gateway.name}`, {
        ...routingIn(gateway, services, region, consul.domain),
        ...{ name: gateway.name, port: gateway.port, adminPort: gateway.adminPort, consul },
        hosts: [groups[roleOf(gateway, region)]],
        // The load balancer's: it says itself who comes.
        trustedHops: 1,
        caCertificate: region.proxy.caCertificate,
        // The load balancer asks for its health there; the machines' firewall keeps others away.
        metrics: "network",
        needsOn: (host) => resolver.answersOn(host),
      }),
    ]),
  );
