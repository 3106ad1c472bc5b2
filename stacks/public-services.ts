import type { Construct } from "constructs";
import { type Block, slaComponent } from "../constructs/availability";
import type { ConsulCluster } from "../constructs/dns";
import { PublicFront, type PublicFrontProps } from "../constructs/front";
import type { IHost } from "../constructs/host";
import { frontedGateway } from "./host-gateways";
import type { GatewayValue } from "./values/gateways";
import type { DedicatedRegion } from "./values/regions";
import { sensitiveVariable } from "../constructs/sensitive-variable";
import type { ServiceValue } from "./values/services";
import { placed } from "./values/services/service-placement";
import { type ServiceNeeds, servicesIn } from "./service-needs";
import { readBy } from "./read-by";

/** What the entrance of a region on dedicated servers stands on. */
export interface PublicServicesProps {
  readonly region: DedicatedRegion;
  readonly services: readonly ServiceValue[];
  /** Gateways that run in the region. */
  readonly gateways?: readonly GatewayValue[];
  /** Hosts with role `front`. */
  readonly hosts: readonly IHost[];
  readonly consul: ConsulCluster;
}

/**
 * Fronts for the gateways of the region, and for those services of it that the internet reaches by themselves; none where
 * it reaches none.
 *
 * @returns what such a service or gateway needs, from what it needs without: its fronts and its name besides
 */
export function publicServices(
  scope: Construct,
  { region, services, gateways = [], hosts, consul }: PublicServicesProps,
): (name: string, needs: ServiceNeeds) => ServiceNeeds {
  const shown = servicesIn(services, region).filter((service) => service.public !== undefined);
  if (shown.length + gateways.length === 0) return (_, needs) => needs;
  const { certificate, ...front } = region.front;
  const fronts = new PublicFront(scope, "front", {
    ...readBy(PublicFront, front),
    ...certificateOf(scope, certificate),
    hosts,
    consul,
    services: [
      ...shown.map((service) => ({
        ...{ name: service.name, port: service.port, healthPath: service.health.path },
        ...service.public!,
        atMost: placesFor(service, region),
      })),
      ...gateways.map((gateway) => ({ ...frontedGateway(gateway), atMost: placesFor(gateway, region) })),
    ],
  });
  const isShown = (name: string) => [...shown, ...gateways].some((each) => each.name === name);
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

/** Where the fronts' certificate comes from, with the sensitive variables that it takes. */
function certificateOf(
  scope: Construct,
  ordered: DedicatedRegion["front"]["certificate"],
): Pick<PublicFrontProps, "certificate" | "key" | "acme"> {
  const variable = (name: string, description: string, pattern: string, expected: string): string =>
    sensitiveVariable(scope, name.replaceAll("_", "-"), {
      ...{ name, description, expected },
      condition: `can(regex("${pattern}", var.${name}))`,
    });
  const pem = (name: string, description: string, label: string): string =>
    variable(name, description, `^-----BEGIN ${label}-----`, "be a PEM text");
  if (ordered === undefined) {
    return {
      certificate: pem(
        "front_certificate",
        "Certificate for all public host names of the region, PEM, with those between it and its authority",
        "CERTIFICATE",
      ),
      key: pem("front_key", "Key of that certificate, PEM", "([A-Z]+ )?PRIVATE KEY"),
    };
  }
  const word = (name: string, description: string): string =>
    variable(name, description, "^[A-Za-z0-9+/=]+$", "be one word of letters, digits, +, / and =");
  const { dns, ...acme } = ordered.acme;
  if (dns === "route53") {
    const route53 = {
      keyId: word(
        "front_acme_key_id",
        "Access key that may change the records _acme-challenge.* of public names",
      ),
      secretKey: word("front_acme_secret_key", "What requests of that access key are signed with"),
    };
    return { acme: { ...acme, dns: { route53 } } };
  }
  const secret = word(
    "front_acme_tsig_secret",
    "Base64 of the key that updates of the public names' zone are signed with",
  );
  return { acme: { ...acme, dns: { rfc2136: { ...dns.rfc2136, secret } } } };
}

const placesFor = (placement: Pick<ServiceValue, "in">, region: DedicatedRegion): number =>
  Math.max(LEAST_PLACES, 2 * placed(placement, region).length);

/** Instances that a front has places for at least: more may come before it is told of them. */
const LEAST_PLACES = 16;

/** Who answers for public names in all regions. */
const PUBLIC_NAME: Block = slaComponent("aws/route53", "aws.route53", {});
