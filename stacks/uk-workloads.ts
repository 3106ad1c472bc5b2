import { GoogleProvider } from "@cdktf/provider-google/lib/provider";
import type { Construct } from "constructs";
import { pooled, softened } from "../constructs/availability";
import { GkeAccess } from "../constructs/google";
import {
  ClusterResolver,
  ConsulChart,
  DeployGate,
  MetricsScrape,
  PodIdentity,
  ProxyDeployment,
  PublicGateway,
  serviceAddress,
  WorkloadNamespace,
} from "../constructs/kubernetes";
import type { GkeRegion } from "../constructs/region";
import { ANSWERS_FROM_WHAT_IS_KNOWN, RegionStack } from "./region-stack";
import type { UkStack } from "./uk";

/** What runs on the cluster of a region on GKE. */
export class UkWorkloadsStack extends RegionStack<GkeRegion> {
  constructor(scope: Construct, uk: UkStack) {
    const { region, cluster, nodes: workers, images } = uk;
    super(scope, region, `${region.name}-workloads`);
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
      ...region.consul,
    });
    new MetricsScrape(this, "consul-metrics", {
      name: "consul",
      namespace: consulNamespace,
      ...consul.metrics,
    });
    const proxy = new ProxyDeployment(this, "proxy", {
      namespace,
      workers,
      image: images.via(region.images.node),
      minPods: region.proxyPods.min,
      maxPods: region.proxyPods.max,
      clientNetworks: [region.cidr, ...region.consulWanNetworks],
      ...this.proxied,
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
      address: serviceAddress(region.ranges.services, 53),
      clients: [region.ranges.nodes, region.ranges.pods],
      consul,
      proxy,
      ...region.dns,
    });
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
    this.addApplications(uk, access);
  }

  /** Where applications live, and how the internet reaches the one that it may; the pods are their owners' affair. */
  private addApplications(
    { region, cluster, nodes, app, entrance, database, cache }: UkStack,
    access: GkeAccess,
  ): void {
    const { namespaceName: namespace } = new WorkloadNamespace(this, "app-namespace", { name: "app" });
    new PodIdentity(this, "app-identity", { name: "app", namespace, annotations: app.annotations });
    if (entrance === undefined || region.entrance === undefined) return;
    const gateway = new PublicGateway(this, "gateway", { ...region.entrance, ...entrance.names, namespace });
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
        forms: [JSON.stringify(region.entrance)],
        boundSeconds: region.entrance.waitSeconds,
        dependsOn: [...gateway.manifests],
      });
    }
    const serving = pooled(`application of ${region.name}`, nodes, gateway.switching);
    this.service("web", {
      requires: [entrance, serving, ...(database ? [database] : [])],
      degradesWithout: [cluster, ...(cache ? [cache] : [])],
      placing: { on: serving, lends: database && { database } },
    });
  }
}

const CERTIFICATES = "https://certificatemanager.googleapis.com/v1";
