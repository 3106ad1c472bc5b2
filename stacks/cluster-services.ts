import type { Construct } from "constructs";
import type { ImageMirror, ImageRepository } from "../constructs/google";
import {
  type ClusterAccess,
  type ClusterResolver,
  ClusterService,
  type ConsulChart,
  type IWorkerZones,
  type Peers,
} from "../constructs/kubernetes";
import { labelsOf } from "../constructs/kubernetes/own-labels";
import { taskLabelsOf } from "../constructs/kubernetes/task-jobs";
import type { ProxyGroups } from "../constructs/proxy";
import { groupsReach } from "../constructs/proxy/proxy-reach";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { GkeRegion } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { CLUSTER_INSTANCES } from "./values/services/service-placement";
import { secretVariables } from "../constructs/service/service-secrets";
import { hasRegistry, tasksIn } from "./values/services/service-value";
import { askedBy } from "./gateway-routes";
import { databaseNeeds, type ServiceDatabase } from "./service-databases";
import { type CallWays, type NamedNeeds, serviceNeeds, type ServiceNeeds, servicesIn } from "./service-needs";

/** What the services of a region on GKE stand on. */
export interface ClusterServicesProps {
  readonly region: GkeRegion;
  readonly services: readonly ServiceValue[];
  /** Those of the region send requests to services, too. */
  readonly gateways?: readonly GatewayValue[];
  /** Where their pods live. */
  readonly namespace: string;
  readonly access: ClusterAccess;
  readonly workers: IWorkerZones;
  readonly consul: ConsulChart;
  readonly resolver: ClusterResolver;
  /** The region's proxies, and their groups of origins, services among them. */
  readonly proxies: { readonly pods: Peers; readonly groups: ProxyGroups };
  /** Where images come from that name no registry. */
  readonly ownImages: ImageRepository;
  /** Where those of Docker Hub come from. */
  readonly mirror: ImageMirror;
  readonly ways: CallWays;
  /** Database of those that name one. @default - the region has none */
  readonly database?: ServiceDatabase | undefined;
}

/** A service of the region, and what it needs. */
export interface MadeService {
  readonly service: ClusterService;
  readonly needs: ServiceNeeds;
}

/** The services that run in a region, by name. */
export function clusterServices(
  scope: Construct,
  props: ClusterServicesProps,
): ReadonlyMap<string, MadeService> {
  const { region, namespace, access, workers, consul, resolver, ownImages, mirror, ways, database } = props;
  const here = servicesIn(props.services, region);
  const clients = clientsOf(here, props);
  const made = new Map(
    here.map((one) => {
      const { name, image, port, health, env, memoryMegabytes, cpus, drainSeconds, calls, ...rest } = one;
      const { instances = CLUSTER_INSTANCES, atMost = instances } = rest.in[region.name]!;
      const service = new ClusterService(scope, `service-${name}`, {
        ...{ name, namespace, access, workers, port, env, instances, atMost },
        region: region.name,
        image: hasRegistry(image) ? mirror.via(image) : `${ownImages.prefix}/${image}`,
        clients: clients(name),
        tasks: tasksIn(one, region),
        secrets: secretVariables(scope, { service: name, region: region.name, names: rest.secrets }),
        database: one.database === undefined ? undefined : database?.access,
        health: { path: health.path },
        startSeconds: health.startSeconds,
        memoryMib: memoryMegabytes,
        cpuMillicores: cpus === undefined ? undefined : Math.round(cpus * 1000),
        finishSeconds: Math.max(1, drainSeconds),
        boundSeconds: BOUND_SECONDS + health.startSeconds * atMost,
      });
      service.registerWith(consul);
      const besides: NamedNeeds = {
        ...(calls.length === 0 ? {} : { resolver }),
        ...databaseNeeds(one, database),
      };
      return [name, { service, besides }];
    }),
  );
  const stands = (name: string) => {
    const { service, besides } = made.get(name)!;
    return { on: service, besides };
  };
  const needs = serviceNeeds(here, stands, ways);
  return new Map([...made].map(([name, { service }]) => [name, { service, needs: needs.get(name)! }]));
}

/** Who may call a service of the region: those that say so, gateways whose routes lead there, and the proxies, which do it for them or for a group. */
const clientsOf =
  (here: readonly ServiceValue[], props: ClusterServicesProps) =>
  (name: string): Peers[] => {
    const { region, services, gateways = [], namespace, consul, proxies } = props;
    const callers = here.filter(({ calls }) => calls.includes(name));
    const hosts = ["service", `service.${consul.datacenter}`, "query"].map(
      (kind) => `${name}.${kind}.${consul.domain}`,
    );
    const proxied = hosts.some((host) => groupsReach(proxies.groups, host));
    return [
      ...callers.flatMap((caller) =>
        [
          labelsOf(caller.name),
          ...(Object.keys(caller.tasks).length === 0 ? [] : [taskLabelsOf(caller.name)]),
        ].map((podLabels) => ({ namespace, podLabels })),
      ),
      ...gatewaysIn(gateways, region)
        .filter((gateway) => askedBy(gateway, services).some((asked) => asked.name === name))
        .map((gateway) => ({ namespace, podLabels: labelsOf(gateway.name) })),
      ...(proxied ? [proxies.pods] : []),
    ];
  };

/** For nodes to be added and images to be pulled. */
const BOUND_SECONDS = 600;
