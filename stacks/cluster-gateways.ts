import type { Construct } from "constructs";
import type { ImageMirror } from "../constructs/google";
import {
  type ClusterAccess,
  type ConsulChart,
  DeployGate,
  GatewayDeployment,
  type IWorkerZones,
  MetricsScrape,
} from "../constructs/kubernetes";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { GkeRegion } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { CLUSTER_INSTANCES } from "./values/services/service-placement";
import { routingIn } from "./gateway-routes";

/** What the gateways of a region on GKE stand on. */
export interface ClusterGatewaysProps {
  readonly region: GkeRegion;
  readonly gateways: readonly GatewayValue[];
  readonly services: readonly ServiceValue[];
  /** Where their pods live, and the entrance in front of them. */
  readonly namespace: string;
  readonly access: ClusterAccess;
  readonly workers: IWorkerZones;
  readonly consul: ConsulChart;
  /** Where images of Docker Hub come from. */
  readonly mirror: ImageMirror;
}

/** The gateways that run in a region behind its entrance, by name. */
export const clusterGateways = (
  scope: Construct,
  { region, gateways, services, namespace, access, workers, consul, mirror }: ClusterGatewaysProps,
): ReadonlyMap<string, GatewayDeployment> =>
  new Map(
    gatewaysIn(gateways, region).map((gateway) => {
      const { name } = gateway;
      const { instances = CLUSTER_INSTANCES, atMost = instances } = gateway.in[region.name]!;
      const made = new GatewayDeployment(scope, `gateway-${name}`, {
        ...routingIn(gateway, services, region, consul.domain),
        ...{ name, namespace, workers, consul, port: gateway.port, adminPort: gateway.adminPort },
        image: mirror.via(region.images.node),
        minPods: instances,
        maxPods: atMost,
        // Google's load balancer writes the client's address, and behind it the one that the client asked.
        trustedHops: 2,
        caCertificate: region.proxy.caCertificate,
      });
      new DeployGate(scope, `gateway-${name}-ready`, {
        access,
        awaited: [made.awaited],
        forms: made.forms,
        boundSeconds: BOUND_SECONDS,
        dependsOn: [made.deployment],
      });
      new MetricsScrape(scope, `gateway-${name}-metrics`, { name, namespace, ...made.metrics });
      return [name, made];
    }),
  );

/** For nodes to be added and images to be pulled. */
const BOUND_SECONDS = 600;
