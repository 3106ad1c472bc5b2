import type { Construct } from "constructs";
import { softened } from "../constructs/availability";
import { DedicatedServer, RetiredServer } from "../constructs/dedicated";
import { ConsulCluster, LocalResolver } from "../constructs/dns";
import { AggregationProxy } from "../constructs/proxy";
import type { DedicatedRegion, HostRole } from "../constructs/region";
import { ANSWERS_FROM_WHAT_IS_KNOWN, RegionStack } from "./region-stack";

/** A region on dedicated servers. */
export class JpStack extends RegionStack<DedicatedRegion> {
  constructor(scope: Construct, region: DedicatedRegion) {
    super(scope, region);
    const { ssh } = region;
    const site = `${region.provider}/${region.name}`;
    const servers = region.servers
      .filter((server) => !server.retired)
      .map((server) => new DedicatedServer(this, server.name, { ...server, site, ssh }));
    for (const server of region.servers.filter(({ retired }) => retired)) {
      new RetiredServer(this, server.name, { ...server, ssh });
    }
    const consul = new ConsulCluster(this, "consul", {
      servers: withRole(servers, "consul-server"),
      agents: servers,
      datacenter: region.name,
      ...region.consul,
    });
    const proxy = new AggregationProxy(this, "proxy", { hosts: withRole(servers, "proxy"), ...region.proxy });
    proxy.registerWith(consul);
    const resolver = new LocalResolver(this, "resolver", { hosts: servers, consul, proxy, ...region.dns });
    const [caller = servers[0]!] = withRole(servers, "app");
    this.service("calls-to-other-clouds", {
      requires: [resolver.answersOn(caller), proxy, ...this.origins],
      degradesWithout: [softened(consul.quorum, ANSWERS_FROM_WHAT_IS_KNOWN), consul.leader],
    });
  }
}

const withRole = (servers: readonly DedicatedServer[], role: HostRole): DedicatedServer[] =>
  servers.filter((server) => server.roles.includes(role));
