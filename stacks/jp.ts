import type { Construct } from "constructs";
import { alike, pooled, softened } from "../constructs/availability";
import { DedicatedServer, RetiredServer, ServerRoster } from "../constructs/dedicated";
import { ConsulCluster, LocalResolver } from "../constructs/dns";
import { CONSUL_COMMANDS } from "../constructs/dns/consul-files";
import { AggregationProxy } from "../constructs/proxy";
import { ExistingDatabase } from "../constructs/service";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn } from "./values/gateways/gateway-entrances";
import type { DedicatedRegion, DedicatedServerValue, ServerRole } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { isProxyAlone, placed } from "./values/services/service-placement";
import { hostGateways } from "./host-gateways";
import { hostServices } from "./host-services";
import { databasePassword, type ServiceDatabase, servicesWithDatabase } from "./service-databases";
import { publicServices } from "./public-services";
import { proxyPeers } from "./proxy-peers";
import { ANSWERS_FROM_WHAT_IS_KNOWN, CALLS_FROM_OTHER_REGIONS, RegionStack } from "./region-stack";
import { ownServices } from "./service-needs";
import { readBy } from "./read-by";

/** A region on dedicated servers. */
export class JpStack extends RegionStack<DedicatedRegion> {
  /**
   * @param services those that run here are made; others are none of this stack's
   * @param gateways likewise
   */
  constructor(
    scope: Construct,
    region: DedicatedRegion,
    services: readonly ServiceValue[] = [],
    gateways: readonly GatewayValue[] = [],
  ) {
    super(scope, region);
    const { ssh } = region;
    const site = `${region.provider}/${region.name}`;
    const roster = new ServerRoster(this, "servers", { servers: inOrder(region.servers) });
    const servers = inOrder(region.servers)
      .filter(({ retired }) => retired === false)
      .map(({ name, roles, rack, generation, ...machine }) => {
        const props = { name, roles, rack, generation, site, roster, ...addressOf(machine), ssh };
        return new DedicatedServer(this, name, props);
      });
    const consul = new ConsulCluster(this, "consul", {
      servers: withRole(servers, "consul-server"),
      agents: servers,
      datacenter: region.name,
      ...readBy(ConsulCluster, region.consul),
    });
    this.retire(servers, roster);
    const peers = proxyPeers(this, region, services, consul.authority);
    const proxy = new AggregationProxy(this, "proxy", {
      hosts: withRole(servers, "proxy"),
      alone: servers.filter(({ hostName }) => isProxyAlone(hostName, region, [...services, ...gateways])),
      peers,
      ...readBy(AggregationProxy, this.proxiedFor(services, consul)),
    });
    proxy.registerWith(consul);
    const resolver = new LocalResolver(this, "resolver", {
      hosts: servers,
      consul,
      proxy,
      ...readBy(LocalResolver, region.dns),
    });
    const [caller = servers[0]!] = withRole(servers, "app");
    const names = resolver.answersOn(caller);
    this.service("calls-to-other-clouds", {
      requires: [names, proxy, ...this.origins.needed],
      degradesWithout: [
        ...this.origins.missed,
        softened(consul.quorum, ANSWERS_FROM_WHAT_IS_KNOWN),
        consul.leader,
      ],
      placing: this.throughProxies(names, proxy),
    });
    if (peers?.listen !== undefined) this.service(CALLS_FROM_OTHER_REGIONS, { requires: [proxy] });
    const ways = this.callWays(services, proxy, consul);
    const hosts = (service: Pick<ServiceValue, "in">) => {
      const names = placed(service, region).map((server) => server.name);
      return servers.filter(({ hostName }) => names.includes(hostName));
    };
    const taskHosts = withRole(servers, "util");
    const database = this.database(services);
    const made = hostServices(this, {
      ...{ region, services, hosts, taskHosts, consul, resolver, ways, database },
    });
    const entrances = hostGateways(this, {
      ...{ region, gateways, services, hosts, consul, resolver },
      metrics: region.proxy.metrics,
      maxUnavailable: region.proxy.maxUnavailable,
    });
    const shown = publicServices(this, {
      ...{ region, services, consul },
      gateways: gatewaysIn(gateways, region),
      hosts: withRole(servers, "front"),
    });
    for (const [name, needs] of made) this.service(name, shown(name, needs));
    for (const gateway of gatewaysIn(gateways, region)) {
      const own = entrances.get(gateway.name)!;
      const { requires: entrance } = shown(gateway.name, { requires: [own] });
      this.gateway({ gateway, services, made, own, entrance, domain: consul.domain });
    }
    const apps = withRole(servers, "app");
    if (apps.length > 0) {
      const on = pooled(`services of ${region.name}`, alike(apps), proxy.failover?.switching);
      this.site({ on, own: { resolver: names, proxy, ...this.ownOrigins, ...ownServices(made) } });
    }
  }

  /** The database that the region knows by its address; undefined where no service names it. */
  private database(services: readonly ServiceValue[]): ServiceDatabase | undefined {
    const { region } = this;
    if (region.database === undefined) return undefined;
    const database = new ExistingDatabase(this, "database", readBy(ExistingDatabase, region.database));
    if (servicesWithDatabase(services, region).length === 0) return undefined;
    return { database, access: database.access(databasePassword(this, region.database)) };
  }

  /** One after another, once all that stays is what it shall be: each may be a Consul server that the others still need. */
  private retire(staying: readonly DedicatedServer[], roster: ServerRoster): void {
    const { ssh, servers } = this.region;
    let previous: RetiredServer | undefined;
    for (const server of inOrder(servers.filter(({ retired }) => retired === true))) {
      const before = CONSUL_COMMANDS.leave;
      const { name } = server;
      const leaving = new RetiredServer(this, name, { name, before, roster, ...addressOf(server), ssh });
      for (const other of staying) leaving.retireAfter(other);
      if (previous !== undefined) leaving.retireAfter(previous);
      previous = leaving;
    }
  }
}

/** So that nothing changes, and no two of them ever wait for each other, however the region lists them. */
const inOrder = <T extends { readonly name: string }>(servers: readonly T[]): T[] =>
  [...servers].sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));

/** Where a server is reached, and how it is known. */
const addressOf = ({
  address,
  sshAddress,
  hostKey,
}: Pick<DedicatedServerValue, "address" | "sshAddress" | "hostKey">) => ({ address, sshAddress, hostKey });

const withRole = (servers: readonly DedicatedServer[], role: ServerRole): DedicatedServer[] =>
  servers.filter((server) => server.roles.includes(role));
