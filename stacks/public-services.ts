import type { Construct } from "constructs";
import { type Block, slaComponent } from "../constructs/availability";
import type { ConsulCluster } from "../constructs/dns";
import { PublicFront } from "../constructs/front";
import type { IHost } from "../constructs/host";
import type { DedicatedRegion } from "./values/regions";
import { sensitiveVariable } from "../constructs/sensitive-variable";
import type { ServiceValue } from "./values/services";
import { placed } from "./values/services/service-placement";
import { type ServiceNeeds, servicesIn } from "./service-needs";

/** What the entrance of a region on dedicated servers stands on. */
export interface PublicServicesProps {
  readonly region: DedicatedRegion;
  readonly services: readonly ServiceValue[];
  /** Hosts with role `front`. */
  readonly hosts: readonly IHost[];
  readonly consul: ConsulCluster;
}

/**
 * Fronts for those services of the region that the internet reaches; none where it reaches none.
 *
 * @returns what such a service needs, from what it needs without: its fronts and its name besides
 */
export function publicServices(
  scope: Construct,
  { region, services, hosts, consul }: PublicServicesProps,
): (name: string, needs: ServiceNeeds) => ServiceNeeds {
  const shown = servicesIn(services, region).filter((service) => service.public !== undefined);
  if (shown.length === 0) return (_, needs) => needs;
  const pem = (name: string, description: string, label: string): string =>
    sensitiveVariable(scope, name.replaceAll("_", "-"), {
      name,
      description,
      condition: `can(regex("^-----BEGIN ${label}-----", var.${name}))`,
      expected: "be a PEM text",
    });
  const fronts = new PublicFront(scope, "front", {
    ...region.front,
    hosts,
    consul,
    services: shown.map((service) => ({
      ...{ name: service.name, port: service.port, healthPath: service.health.path },
      ...service.public!,
      atMost: Math.max(LEAST_PLACES, 2 * placed(service, region).length),
    })),
    certificate: pem(
      "front_certificate",
      "Certificate for all public host names of the region, PEM, with those between it and its authority",
      "CERTIFICATE",
    ),
    key: pem("front_key", "Key of that certificate, PEM", "([A-Z]+ )?PRIVATE KEY"),
  });
  const isShown = (name: string) => shown.some((service) => service.name === name);
  return (name, needs) =>
    isShown(name)
      ? {
          ...needs,
          requires: [PUBLIC_NAME, fronts, ...needs.requires],
          placing: needs.placing && {
            ...needs.placing,
            brings: { ...needs.placing.brings, "public name": PUBLIC_NAME },
            lends: { ...needs.placing.lends, front: fronts },
          },
        }
      : needs;
}

/** Instances that a front has places for at least: more may come before it is told of them. */
const LEAST_PLACES = 16;

/** Who answers for public names in all regions. */
const PUBLIC_NAME: Block = slaComponent("aws/route53", "aws.route53", {});
