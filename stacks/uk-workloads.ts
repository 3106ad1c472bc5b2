import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import type { Construct } from "constructs";
import { pooled, softened } from "../constructs/availability";
import { GkeAccess } from "../constructs/google";
import {
  ClusterResolver,
  ConsulChart,
  DeployGate,
  type GatewayDeployment,
  MetricsScrape,
  PodIdentity,
  ProxyDeployment,
  PublicGateway,
  serviceAddress,
  WorkloadNamespace,
} from "../constructs/kubernetes";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn, shownGateway } from "./values/gateways/gateway-entrances";
import type { GkeRegion } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { type EntranceRoute, entranceRoutes, entranceService } from "./values/services/service-entrances";
import { clusterGateways } from "./cluster-gateways";
import { clusterServices, type MadeService } from "./cluster-services";
import { proxyPeers } from "./proxy-peers";
import {
  ANSWERS_FROM_WHAT_IS_KNOWN,
  CALLS_FROM_OTHER_REGIONS,
  RegionStack,
  stackOfServices,
} from "./region-stack";
import { ownServices } from "./service-needs";
import type { UkStack } from "./uk";
import { readBy } from "./read-by";

/** What runs on the cluster of a region on GKE. */
export class UkWorkloadsStack extends RegionStack<GkeRegion> {
  /**
   * @param services those that run here are made; others are none of this stack's
   * @param gateways likewise
   */
  constructor(
    scope: Construct,
    uk: UkStack,
    services: readonly ServiceValue[] = [],
    gateways: readonly GatewayValue[] = [],
  ) {
    const { region, cluster, nodes: workers, images } = uk;
    super(scope, region, stackOfServices({ region: region.name, platform: region.platform }));
    new GoogleProvider(this, "google", { project: region.project, region: region.gcpRegion });
    const access = new GkeAccess(this, "access", { cluster });
    const { namespaceName: namespace } = new WorkloadNamespace(this, "namespace", { name: "tricloud" });
    const { namespaceName: consulNamespace } = new WorkloadNamespace(this, "consul-namespace", {
      name: "consul",
      podSecurity: "baseline",
    });
    const consul = new ConsulChart(this, "consul", {
      namespace: consulNamespace,
      workers,
      servers: region.consulServers,
      datacenter: region.name,
      chartVersion: region.versions.consulChart,
      image: images.via(region.images.consul),
      controlPlaneImage: images.via(
        `docker.io/hashicorp/consul-k8s-control-plane:${region.versions.consulChart}`,
      ),
      dnsAddress: serviceAddress(region.ranges.services, 54),
      wanNetworks: region.consulWanNetworks,
      joinAddress: region.consulJoinAddress,
      ...readBy(ConsulChart, region.consul),
    });
    new MetricsScrape(this, "consul-metrics", {
      name: "consul",
      namespace: consulNamespace,
      ...consul.metrics,
    });
    const proxied = this.proxiedFor(services, consul);
    const peers = proxyPeers(this, region, services, consul.authority);
    const proxy = new ProxyDeployment(this, "proxy", {
      namespace,
      workers,
      image: images.via(region.images.node),
      minPods: region.proxyPods.min,
      maxPods: region.proxyPods.max,
      clientNetworks: [region.cidr, ...region.consulWanNetworks],
      peers,
      peerNetworks: region.consulWanNetworks,
      ...readBy(ProxyDeployment, proxied),
    });
    proxy.registerWith(consul);
    new DeployGate(this, "proxy-ready", {
      access,
      awaited: [proxy.awaited],
      forms: proxy.forms,
      boundSeconds: 600,
      dependsOn: [proxy.deployment],
    });
    new MetricsScrape(this, "proxy-metrics", { name: "proxy", namespace, ...proxy.metrics });
    const resolver = new ClusterResolver(this, "resolver", {
      namespace,
      workers,
      image: images.via(region.images.unbound),
      metricsImage: images.via(region.images.node),
      address: serviceAddress(region.ranges.services, 53),
      clients: [region.ranges.nodes, region.ranges.pods],
      consul,
      proxy,
      ...readBy(ClusterResolver, region.dns),
    });
    new MetricsScrape(this, "resolver-metrics", { name: "resolver", namespace, ...resolver.metrics! });
    this.service("calls-to-other-clouds", {
      requires: [resolver, proxy, ...this.origins.needed],
      degradesWithout: [
        ...this.origins.missed,
        softened(consul.quorum, ANSWERS_FROM_WHAT_IS_KNOWN),
        consul.leader,
        cluster,
      ],
      placing: this.throughProxies(resolver, proxy),
    });
    if (peers?.listen !== undefined)
      this.service(CALLS_FROM_OTHER_REGIONS, {
        requires: [proxy],
        // It names the proxies to others.
        degradesWithout: [softened(consul.quorum, ANSWERS_FROM_WHAT_IS_KNOWN), consul.leader, cluster],
      });
    const { namespaceName: apps } = new WorkloadNamespace(this, "app-namespace", { name: "app" });
    new PodIdentity(this, "app-identity", { name: "app", namespace: apps, annotations: uk.app.annotations });
    const made = clusterServices(this, {
      ...{ region, services, gateways, access, workers, consul, resolver, namespace: apps },
      ...{ ownImages: uk.appImages, mirror: images },
      proxies: { pods: { namespace, podLabels: proxy.podLabels }, groups: proxied.groups },
      ways: this.callWays(services, proxy, consul),
      database: uk.serviceDatabase,
    });
    const entrances = clusterGateways(this, {
      ...{ region, gateways, services, access, workers, consul, namespace: apps, mirror: images },
    });
    const needs = new Map([...made].map(([name, one]) => [name, one.needs]));
    this.site({
      on: pooled(`services of ${region.name}`, workers, proxy.failover?.switching),
      own: { resolver, proxy, ...this.ownOrigins, ...ownServices(needs) },
    });
    const routes = entranceRoutes([...services, ...gateways.map(shownGateway)], region);
    const isPublic = (name: string) =>
      uk.entrance !== undefined &&
      (name === entranceService(region) || routes.some(({ service }) => service.name === name));
    for (const [name, { needs }] of made) {
      if (!isPublic(name)) this.service(name, needs);
    }
    this.addEntrance(uk, { access, namespace: apps, services, routes, made, entrances });
    for (const gateway of gatewaysIn(gateways, region)) {
      const own = entrances.get(gateway.name)!;
      const place = { gateway, services, made: needs, own, domain: consul.domain };
      this.gateway({ ...place, entrance: [uk.entrance!, own] });
    }
  }

  /** How the internet reaches the applications that it may. */
  private addEntrance(
    { region, cluster, nodes, entrance, database, cache }: UkStack,
    { access, namespace, services, routes, made, entrances }: EntrancePlace,
  ): void {
    if (entrance === undefined || region.entrance === undefined) return;
    const own = made.get(region.entrance.backend.service);
    const { backend = region.entrance.backend } = own?.service ?? {};
    const ofOwn =
      services.find(({ name }) => own !== undefined && name === backend.service)?.public?.hosts ?? [];
    const gateway = new PublicGateway(this, "gateway", {
      ...entrance.names,
      hosts: [...new Set([...region.entrance.hosts, ...ofOwn])],
      timeoutSeconds: region.entrance.timeoutSeconds,
      namespace,
      backend,
      routes: routes.map(({ service, hosts, paths }) => ({
        ...{ hosts, paths },
        backend: (made.get(service.name)?.service ?? entrances.get(service.name)!).backend,
      })),
    });
    if (region.entrance.waitSeconds > 0) {
      new DeployGate(this, "gateway-ready", {
        access,
        awaited: [
          ...gateway.awaited,
          {
            what: `certificate of ${region.entrance.zone}`,
            certificate: `${CERTIFICATES}/projects/${region.project}/locations/global/certificates/${entrance.names.certificateName}`,
          },
        ],
        forms: [
          JSON.stringify(region.entrance),
          ...routes.map(({ hosts, paths }) => JSON.stringify({ hosts, paths })),
        ],
        boundSeconds: region.entrance.waitSeconds,
        dependsOn: [...gateway.manifests],
      });
    }
    const data = { needed: database ? [database] : [], missed: cache ? [cache] : [] };
    for (const { service } of routes) {
      const one = made.get(service.name);
      if (one !== undefined) this.behindEntrance(service.name, one, { entrance, cluster });
    }
    if (own !== undefined) {
      this.behindEntrance(own.service.serviceName, own, { entrance, cluster, database, cache });
      return;
    }
    const serving = pooled(`application of ${region.name}`, nodes, gateway.switching);
    this.service("web", {
      requires: [entrance, serving, ...data.needed],
      degradesWithout: [cluster, ...data.missed],
      placing: { on: serving, lends: database && { database } },
    });
  }

  /** A service for its users outside. */
  private behindEntrance(
    name: string,
    { needs: { requires, degradesWithout = [], placing } }: MadeService,
    { entrance, cluster, database, cache }: Pick<UkStack, "entrance" | "cluster" | "database" | "cache">,
  ): void {
    this.service(name, {
      requires: [...new Set([entrance!, ...requires, ...(database ? [database] : [])])],
      degradesWithout: [cluster, ...degradesWithout, ...(cache ? [cache] : [])],
      placing: placing && { ...placing, lends: { ...placing.lends, ...(database && { database }) } },
    });
  }
}

/** What the entrance leads to, and where. */
interface EntrancePlace {
  readonly access: GkeAccess;
  readonly namespace: string;
  readonly services: readonly ServiceValue[];
  readonly routes: readonly EntranceRoute[];
  readonly made: ReadonlyMap<string, MadeService>;
  readonly entrances: ReadonlyMap<string, GatewayDeployment>;
}

const CERTIFICATES = "https://certificatemanager.googleapis.com/v1";
