import type { Construct } from "constructs";
import { type ServerGroup, tcp } from "../constructs/aws";
import { imagePermissions } from "../constructs/aws/image-permissions";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { Ec2Region, HostRole } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { roleOf } from "./values/services/service-placement";
import { askedBy } from "./gateway-routes";
import { hostServices, type HostServicesProps, ownRepositories } from "./host-services";
import { calledByPeers, type ServiceNeeds, servicesIn } from "./service-needs";

/** What the services of a region on EC2 stand on. */
export interface GroupServicesProps extends Omit<HostServicesProps, "region" | "hosts" | "taskHosts"> {
  readonly region: Ec2Region;
  /** Those of the region send requests to services, too. */
  readonly gateways?: readonly GatewayValue[];
  /** Groups of machines, by their role. */
  readonly groups: Readonly<Record<HostRole, ServerGroup>>;
}

/** The services that run in a region, each on all machines of its group, and what each of them needs, by name. */
export function groupServices(
  scope: Construct,
  { groups, gateways = [], ...props }: GroupServicesProps,
): ReadonlyMap<string, ServiceNeeds> {
  const { region } = props;
  const here = servicesIn(props.services, region);
  const groupOf = (service: ServiceValue) => groups[roleOf(service, region)];
  const needs = hostServices(scope, { ...props, hosts: (service) => [groupOf(service)] });
  for (const group of Object.values(groups)) {
    const there = here.filter((service) => groupOf(service) === group);
    group.grant(...imagePermissions(ownRepositories(there, region)));
  }
  const calledFromElsewhere = calledByPeers(props.services, region).map(({ service }) => service);
  openCalls(here, groupOf, (called) => {
    const callers = here.filter(({ calls }) => calls.includes(called.name)).map(groupOf);
    const asking = gatewaysIn(gateways, region).filter((gateway) =>
      askedBy(gateway, props.services).includes(called),
    );
    return [
      ...callers,
      ...(callers.length > 0 || calledFromElsewhere.includes(called) ? [groups.proxy] : []),
      ...asking.map((gateway) => groups[roleOf(gateway, region)]),
    ];
  });
  return needs;
}

/**
 * Lets in who calls a service, and nobody else.
 *
 * @param callersOf groups of its callers, of the proxies that call it for them, and of gateways whose routes lead there
 */
function openCalls(
  here: readonly ServiceValue[],
  groupOf: (service: ServiceValue) => ServerGroup,
  callersOf: (called: ServiceValue) => readonly ServerGroup[],
): void {
  for (const called of here) {
    for (const caller of new Set(callersOf(called))) {
      const { firewall } = groupOf(called);
      firewall.allowFrom(caller.firewall, tcp(called.port), `Services that call ${called.name}`);
    }
  }
}
