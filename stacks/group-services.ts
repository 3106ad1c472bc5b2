import type { Construct } from "constructs";
import { type ServerGroup, tcp } from "../constructs/aws";
import { imagePermissions } from "../constructs/aws/image-permissions";
import type { Ec2Region, HostRole } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { roleOf } from "./values/services/service-placement";
import { hostServices, type HostServicesProps, ownRepositories } from "./host-services";
import { type ServiceNeeds, servicesIn } from "./service-needs";

/** What the services of a region on EC2 stand on. */
export interface GroupServicesProps extends Omit<HostServicesProps, "region" | "hosts" | "taskHosts"> {
  readonly region: Ec2Region;
  /** Groups of machines, by their role. */
  readonly groups: Readonly<Record<HostRole, ServerGroup>>;
}

/** The services that run in a region, each on all machines of its group, and what each of them needs, by name. */
export function groupServices(
  scope: Construct,
  { groups, ...props }: GroupServicesProps,
): ReadonlyMap<string, ServiceNeeds> {
  const { region } = props;
  const here = servicesIn(props.services, region);
  const groupOf = (service: ServiceValue) => groups[roleOf(service, region)];
  const needs = hostServices(scope, { ...props, hosts: (service) => [groupOf(service)] });
  for (const group of Object.values(groups)) {
    const there = here.filter((service) => groupOf(service) === group);
    group.grant(...imagePermissions(ownRepositories(there, region)));
  }
  openCalls(here, groupOf, groups.proxy);
  return needs;
}

/** Lets in who calls a service and the proxies that call it for them, and nobody else. */
function openCalls(
  here: readonly ServiceValue[],
  groupOf: (service: ServiceValue) => ServerGroup,
  proxies: ServerGroup,
): void {
  for (const called of here) {
    const callers = here.filter(({ calls }) => calls.includes(called.name)).map(groupOf);
    if (callers.length === 0) continue;
    for (const caller of new Set([...callers, proxies])) {
      const { firewall } = groupOf(called);
      firewall.allowFrom(caller.firewall, tcp(called.port), `Services that call ${called.name}`);
    }
  }
}
