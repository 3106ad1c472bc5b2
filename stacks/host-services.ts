import type { Construct } from "constructs";
import type { DedicatedServer } from "../constructs/dedicated";
import type { ConsulCluster, LocalResolver } from "../constructs/dns";
import type { DedicatedRegion } from "../constructs/region";
import { sensitiveVariable } from "../constructs/sensitive-variable";
import { ContainerService, type ServiceValue } from "../constructs/service";
import { placed } from "../constructs/service/service-placement";
import { secretVariables } from "../constructs/service/service-secrets";
import { hasRegistry } from "../constructs/service/service-value";
import { type NamedNeeds, serviceNeeds, type ServiceNeeds, servicesIn } from "./service-needs";

/** What the services of a region on dedicated servers stand on. */
export interface HostServicesProps {
  readonly region: DedicatedRegion;
  readonly services: readonly ServiceValue[];
  readonly servers: readonly DedicatedServer[];
  readonly consul: ConsulCluster;
  readonly resolver: LocalResolver;
  /** What a call to an origin outside needs, by the origin's host name. */
  readonly way: (host: string) => NamedNeeds;
}

/** The services that run in a region, and what each of them needs, by name. */
export function hostServices(
  scope: Construct,
  { region, services, servers, consul, resolver, way }: HostServicesProps,
): ReadonlyMap<string, ServiceNeeds> {
  const here = servicesIn(services, region);
  const registry = {
    caCertificate: region.registry?.caCertificate,
    credentials: credentials(scope, region, here),
  };
  const made = new Map(
    here.map((service) => {
      const { name, image, port, health, env, memoryMegabytes, cpus, drainSeconds } = service;
      const names = placed(service, region).map((server) => server.name);
      return [
        name,
        new ContainerService(scope, `service-${name}`, {
          ...{ name, port, env, memoryMegabytes, cpus, drainSeconds, consul, registry },
          hosts: servers.filter(({ hostName }) => names.includes(hostName)),
          region: region.name,
          image: hasRegistry(image) ? image : `${region.registry!.address}/${image}`,
          secrets: secretVariables(scope, { service: name, region: region.name, names: service.secrets }),
          healthPath: health.path,
          startSeconds: health.startSeconds,
          needsOn: service.calls.length === 0 ? undefined : (host) => resolver.answersOn(host),
        }),
      ];
    }),
  );
  return serviceNeeds(here, (name) => ({ on: made.get(name)! }), way);
}

function credentials(
  scope: Construct,
  { registry }: DedicatedRegion,
  services: readonly ServiceValue[],
): string | undefined {
  if (registry?.credentials !== true || services.length === 0) return undefined;
  const name = "registry_credentials";
  return sensitiveVariable(scope, "registry-credentials", {
    name,
    description:
      'Credentials for the registry of images as podman keeps them: {"auths": {"REGISTRY": {"auth": "BASE64 OF USER:PASSWORD"}}}',
    condition: `can(keys(jsondecode(var.${name}).auths))`,
    expected: 'be JSON with an object "auths"',
  });
}
