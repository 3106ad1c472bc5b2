import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import type { Construct } from "constructs";
import {
  AssetBucket,
  ConsulFirewall,
  InternalLoadBalancer,
  Network,
  SecretStore,
  ServerGroup,
  tcp,
} from "../constructs/aws";
import { ConsulCluster, LocalResolver } from "../constructs/dns";
import { AggregationProxy } from "../constructs/proxy";
import type { Ec2Region, HostRole } from "../constructs/region";
import { RegionStack } from "./region-stack";

/** A region on EC2. */
export class UsStack extends RegionStack<Ec2Region> {
  constructor(scope: Construct, region: Ec2Region) {
    super(scope, region);
    new AwsProvider(this, "aws", {
      region: region.awsRegion,
      defaultTags: [{ tags: { "tricloud-region": region.name } }],
    });
    const { name } = region;
    const network = new Network(this, "network", { ...region, name });
    const assets = new AssetBucket(this, "assets", { namePrefix: `tricloud-${name}-` });
    const secrets = new SecretStore(this, "secrets", { namePrefix: `tricloud/${name}` });
    const group = (role: HostRole) =>
      new ServerGroup(this, role, {
        ...region.servers[role],
        name: `${name}-${role}`,
        network,
        assets,
        secrets,
        architecture: region.architecture,
        imageId: region.imageId,
      });
    const [servers, proxies, apps] = [group("consul-server"), group("proxy"), group("app")];
    const hosts = [servers, proxies, apps];

    const consul = new ConsulCluster(this, "consul", {
      servers: [servers],
      agents: hosts,
      datacenter: name,
      ...region.consul,
    });
    new ConsulFirewall(this, "consul-firewall", {
      name,
      network,
      servers: [servers],
      agents: hosts,
      wanNetworks: region.consulWanNetworks,
    });
    const proxy = new AggregationProxy(this, "proxy-service", { hosts: [proxies], ...region.proxy });
    proxy.registerWith(consul);
    proxies.firewall.allowFrom(network.cidr, tcp(proxy.port), "Applications of the region");
    const entrance = new InternalLoadBalancer(this, "proxy-entrance", { name: `${name}-proxy`, network });
    entrance.forward({ to: proxies, port: proxy.port });
    new LocalResolver(this, "resolver", { hosts, consul, proxy, ...region.dns });

    this.service("calls-to-other-clouds", {
      requires: [proxy, consul.quorum, network],
      degradesWithout: [consul.leader],
    });
  }
}
