import type { Construct } from "constructs";
import type { ConsulCluster, LocalResolver } from "../constructs/dns";
import type { IHost } from "../constructs/host";
import type { DedicatedRegion, Ec2Region } from "./values/regions";
import { sensitiveVariable } from "../constructs/sensitive-variable";
import { ContainerService } from "../constructs/service";
import type { ServiceValue } from "./values/services";
import { ecrRepositories, type EcrRepository } from "../constructs/service/ecr-registry";
import { secretVariables } from "../constructs/service/service-secrets";
import { imageIn } from "./values/services/image-repositories";
import { tasksIn } from "./values/services/service-value";
import { databaseNeeds, type ServiceDatabase } from "./service-databases";
import { type CallWays, serviceNeeds, type ServiceNeeds, servicesIn } from "./service-needs";

/** What the services of a region whose hosts run containers themselves stand on. */
export interface HostServicesProps {
  readonly region: DedicatedRegion | Ec2Region;
  readonly services: readonly ServiceValue[];
  /** Where a service runs. */
  readonly hosts: (service: ServiceValue) => readonly IHost[];
  /** Where tasks run at their times. @default - where their service does */
  readonly taskHosts?: readonly IHost[];
  readonly consul: ConsulCluster;
  readonly resolver: LocalResolver;
  readonly ways: CallWays;
  /** Database of those that name one. @default - the region has none */
  readonly database?: ServiceDatabase | undefined;
}

/** The services that run in a region, and what each of them needs, by name. */
export function hostServices(
  scope: Construct,
  { region, services, hosts, taskHosts, consul, resolver, ways, database }: HostServicesProps,
): ReadonlyMap<string, ServiceNeeds> {
  const here = servicesIn(services, region);
  const registry = {
    caCertificate: region.registry?.caCertificate,
    credentials: credentials(scope, region, here),
    ecr: [...new Set(ownRepositories(here, region).map(({ registry }) => registry))],
  };
  const made = new Map(
    here.map((service) => {
      const { name, image, port, health, env, memoryMegabytes, cpus, drainSeconds } = service;
      return [
        name,
        new ContainerService(scope, `service-${name}`, {
          ...{ name, port, env, memoryMegabytes, cpus, drainSeconds, consul, registry },
          hosts: hosts(service),
          tasks: tasksIn(service, region),
          taskHosts,
          region: region.name,
          image: imageIn(region, image),
          deniedAddresses: region.platform === "ec2" ? INSTANCE_METADATA : undefined,
          secrets: secretVariables(scope, { service: name, region: region.name, names: service.secrets }),
          database: service.database === undefined ? undefined : database?.access,
          healthPath: health.path,
          startSeconds: health.startSeconds,
          needsOn: service.calls.length === 0 ? undefined : (host) => resolver.answersOn(host),
        }),
      ];
    }),
  );
  const stands = (name: string) => ({
    on: made.get(name)!,
    besides: databaseNeeds(
      here.find((service) => service.name === name)!,
      database,
    ),
  });
  return serviceNeeds(here, stands, ways);
}

/** Repositories of the services' images whose registries know the region's machines. */
export const ownRepositories = (
  services: readonly ServiceValue[],
  region: DedicatedRegion | Ec2Region,
): EcrRepository[] =>
  region.platform === "ec2" ? ecrRepositories(services.map(({ image }) => imageIn(region, image))) : [];

/** Where a machine on EC2 gets what it is allowed: other services' secrets, for one. No service is its machine. */
const INSTANCE_METADATA = ["169.254.169.254", "fd00:ec2::254"];

function credentials(
  scope: Construct,
  { registry }: DedicatedRegion | Ec2Region,
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
