import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { type IResolvable, Lazy, TerraformOutput } from "cdktf";
import type { Construct } from "constructs";
import { pooled, softened } from "../constructs/availability";
import {
  AssetBucket,
  Cache,
  ConsulFirewall,
  DataKey,
  debianImage,
  DnsZone,
  FlowLog,
  InternalLoadBalancer,
  MachineLog,
  MysqlDatabase,
  Network,
  Pager,
  PublicLoadBalancer,
  SecretStore,
  ServerGroup,
  type ServerGroupProps,
  tcp,
  TlsCertificate,
} from "../constructs/aws";
import { snapshotPermissions } from "../constructs/aws/snapshot-permissions";
import { ConsulCluster, LocalResolver } from "../constructs/dns";
import { CONSUL_COMMANDS } from "../constructs/dns/consul-files";
import { AggregationProxy, DEFAULT_ADMIN_PORT } from "../constructs/proxy";
import type { GatewayValue } from "./values/gateways";
import { gatewaysIn, shownGateway } from "./values/gateways/gateway-entrances";
import type { Ec2Region, HostRole } from "./values/regions";
import type { ServiceValue } from "./values/services";
import { judgeOf } from "./values/services/public-services";
import {
  closedHosts,
  type EntranceRoute,
  entranceRoutes,
  ownEntranceName,
  publicHostsIn,
  type Shown,
} from "./values/services/service-entrances";
import { groupSize, roleOf, runsOnProxies } from "./values/services/service-placement";
import { groupServices } from "./group-services";
import { databasePassword, type ServiceDatabase, servicesWithDatabase } from "./service-databases";
import { hostGateways } from "./host-gateways";
import { ENTRANCE_OUTPUTS } from "./entrance-outputs";
import { proxyPeers } from "./proxy-peers";
import { ANSWERS_FROM_WHAT_IS_KNOWN, CALLS_FROM_OTHER_REGIONS, RegionStack } from "./region-stack";
import { ownServices } from "./service-needs";
import { readBy } from "./read-by";

/** A region on EC2. */
export class UsStack extends RegionStack<Ec2Region> {
  /**
   * @param services those that run here are made; others are none of this stack's
   * @param gateways likewise
   */
  constructor(
    scope: Construct,
    region: Ec2Region,
    services: readonly ServiceValue[] = [],
    gateways: readonly GatewayValue[] = [],
  ) {
    super(scope, region);
    const { name, awsRegion } = region;
    const tags = { ...region.tags, "tricloud-region": name };
    new AwsProvider(this, "aws", { region: awsRegion, defaultTags: [{ tags }] });
    const network = new Network(this, "network", {
      ...{ name, cidr: region.cidr, awsRegion, availabilityZones: region.availabilityZones, nat: region.nat },
    });
    const flowLog = new FlowLog(this, "flow-log", { network, name });
    const key = new DataKey(this, "key", { name });
    const pager = new Pager(this, "pager", { name, emails: region.pagerEmails });

    const assets = new AssetBucket(this, "assets", { namePrefix: `tricloud-${name}-` });
    const secrets = new SecretStore(this, "secrets", {
      namePrefix: `tricloud/${name}`,
      kmsKeyArn: key.keyArn,
    });
    const { image, bootTimeoutSeconds, architecture, machineLogDays: days } = region;
    const log = days === "none" ? undefined : new MachineLog(this, "machine-log", { name, awsRegion, days });
    const imageId = image.startsWith("ami-") ? image : debianImage(this, "image", image);
    const group = (role: HostRole, manner: Partial<ServerGroupProps> = {}) =>
      new ServerGroup(this, role, {
        ...readBy(ServerGroup, region.servers[role]),
        ...groupSize(role, region, [...services, ...gateways]),
        name: `${name}-${role}`,
        network,
        assets,
        secrets,
        log,
        architecture,
        imageId,
        bootTimeoutSeconds,
        tags,
        ...manner,
      });
    const servers = group("consul-server", CONSUL_SERVERS);
    const [proxies, apps] = [group("proxy"), group("app")];
    const hosts = [servers, proxies, apps];

    const consul = new ConsulCluster(this, "consul", {
      servers: [servers],
      agents: hosts,
      datacenter: name,
      ...readBy(ConsulCluster, region.consul),
      snapshots: { ...region.consul.snapshots, credentials: "instance-role" },
    });
    if (log !== undefined) watchConsul(servers);
    const { bucket } = region.consul.snapshots;
    if (bucket !== undefined) {
      servers.grant(...snapshotPermissions(awsRegion, { prefix: `consul/${name}`, ...bucket }));
    }
    new ConsulFirewall(this, "consul-firewall", {
      name,
      network,
      servers: [servers],
      agents: hosts,
      wanNetworks: region.consulWanNetworks,
    });
    const peers = proxyPeers(this, region, services, consul.authority);
    const proxy = new AggregationProxy(this, "proxy-service", {
      hosts: [proxies],
      alone: [...services, ...gateways].some((each) => runsOnProxies(each, region)) ? [] : [proxies],
      peers,
      ...readBy(AggregationProxy, this.proxiedFor(services, consul)),
    });
    proxy.registerWith(consul);
    for (const clients of [network.cidr, ...region.consulWanNetworks]) {
      proxies.firewall.allowFrom(clients, tcp(proxy.port), "Applications of the federated regions");
    }
    if (peers?.listen !== undefined)
      for (const network of region.consulWanNetworks)
        proxies.firewall.allowFrom(network, tcp(peers.listen.port), "Proxies of the federated regions");
    if (region.proxy.metrics === "network")
      proxies.firewall.allowFrom(
        network.cidr,
        tcp(DEFAULT_ADMIN_PORT),
        "Whoever collects the proxies' metrics",
      );
    const proxyEntrance = new InternalLoadBalancer(this, "proxy-entrance", {
      name: `${name}-proxy`,
      network,
      deletionProtection: region.deletionProtection,
    });
    proxyEntrance.forward({ to: proxies, port: proxy.port });

    const privateZone = region.privateZone ?? `${name}.internal`;
    const names = DnsZone.private(this, "names", privateZone, network);
    names.addAlias(`proxy.${privateZone}`, proxyEntrance);
    const resolver = new LocalResolver(this, "resolver", {
      hosts,
      consul,
      proxy,
      ...readBy(LocalResolver, region.dns),
      zones: [
        { name: privateZone, forwarders: region.dns.forwarders },
        // Databases, caches and load balancers have public names that lead to private addresses.
        { name: "amazonaws.com", forwarders: region.dns.forwarders, internal: false, privateDomain: true },
        // What the VPC itself calls its machines; in us-east-1 by another name than elsewhere.
        ...[
          awsRegion === "us-east-1" ? "ec2.internal" : `${awsRegion}.compute.internal`,
          ...region.internalZones,
        ].map((zone) => ({ name: zone, forwarders: region.dns.forwarders })),
      ],
    });
    pager.watch(network, proxyEntrance, ...hosts);
    this.output("vpc_id", "VPC of the region", network.vpcId);
    this.output("proxy_address", "Where machines of the VPC reach the proxies", `proxy.${privateZone}`);
    this.output("alarm_topic", "Topic that every alarm is sent to", pager.topicArn);
    this.output("nat_addresses", "Where calls to the internet come from", network.natAddresses);
    this.output("image_id", "Image of machines that are launched", imageId);
    this.output(
      "group_names",
      "Auto-scaling groups of the machines",
      hosts.map(({ groupName }) => groupName),
    );
    if (log !== undefined) this.output("machine_log_group", "What machines say", log.logGroupName);
    this.output("flow_log_group", "Connections that the network refused", flowLog.logGroupName);
    this.output("asset_bucket", "Files that machines fetch when they boot", assets.bucketName);
    this.output(
      "secret_names",
      "Secrets that machines fetch, by what they are called there",
      // Services and others that are made later have some of their own.
      Lazy.anyValue({ produce: () => secrets.names }),
    );
    const resolving = resolver.answersOn(apps);
    this.service("calls-to-other-clouds", {
      requires: [resolving, proxy, network, ...this.origins.needed],
      degradesWithout: [
        ...this.origins.missed,
        softened(consul.quorum, ANSWERS_FROM_WHAT_IS_KNOWN),
        consul.leader,
      ],
      placing: this.throughProxies(resolving, proxy),
    });

    if (peers?.listen !== undefined)
      this.service(CALLS_FROM_OTHER_REGIONS, {
        requires: [proxy],
        // It names the proxies to others.
        degradesWithout: [softened(consul.quorum, ANSWERS_FROM_WHAT_IS_KNOWN), consul.leader],
      });

    const database = region.database && this.database(region.database, { network, key, names, apps, pager });
    const cache = region.cache && this.cache(region.cache, { network, key, names, apps, pager });
    const groups = { "consul-server": servers, proxy: proxies, app: apps };
    const ways = this.callWays(services, proxy, consul);
    const named = database && this.databaseOf(services, database, groups);
    const made = groupServices(this, {
      ...{ region, services, gateways, groups, consul, resolver, ways, database: named },
    });
    const entrances = hostGateways(this, {
      ...{ region, gateways, services, consul, resolver },
      hosts: (gateway) => [groups[roleOf(gateway, region)]],
      // The load balancer asks for their health there; the machines' firewall keeps others away.
      metrics: "network",
    });
    this.site({
      on: pooled(`services of ${name}`, apps, proxy.failover?.switching),
      own: { resolver: resolving, proxy, ...this.ownOrigins, ...ownServices(made) },
    });
    const own = services.find((each) => each.name === region.entrance?.service && made.has(each.name));
    const shown = [...services, ...gateways.map(shownGateway)];
    const routes = entranceRoutes(shown, region);
    const entered =
      region.entrance === undefined
        ? undefined
        : this.entrance(
            { ...region.entrance, serving: region.entrance.serving || own !== undefined },
            {
              network,
              services,
              shown,
              groups,
              routes,
              to: own === undefined ? apps : groups[roleOf(own, region)],
              pager,
            },
          );
    for (const [service, needs] of made) {
      const isOwn = service === own?.name;
      if (entered === undefined || !(isOwn || routes.some((route) => route.service.name === service))) {
        this.service(service, needs);
        continue;
      }
      const { entrance, zone } = entered;
      const { requires, degradesWithout = [], placing } = needs;
      const data = { database: isOwn ? database : undefined, cache: isOwn ? cache : undefined };
      this.service(service, {
        requires: [...new Set([zone, entrance, ...requires, ...(data.database ? [data.database] : [])])],
        degradesWithout: [...degradesWithout, ...(data.cache ? [data.cache] : [])],
        placing: placing && {
          ...placing,
          brings: { "public name": zone },
          lends: { ...placing.lends, ...(data.database && { database: data.database }) },
          switching: zone.switching,
        },
      });
    }
    for (const gateway of gatewaysIn(gateways, region)) {
      const own = entrances.get(gateway.name)!;
      const { entrance, zone } = entered!;
      this.gateway({ gateway, services, made, own, entrance: [zone, entrance, own], domain: consul.domain });
    }
    if (entered !== undefined && own === undefined) {
      const { entrance, zone } = entered;
      const serving = pooled(`application of ${name}`, apps, entrance.switching);
      this.service("web", {
        requires: [zone, entrance, serving, ...(database ? [database] : [])],
        degradesWithout: cache && [cache],
        placing: {
          on: serving,
          brings: { "public name": zone },
          lends: database && { database },
          switching: zone.switching,
        },
      });
    }
  }

  /** The database for services that name it, whose groups it lets in; undefined where none does. */
  private databaseOf(
    services: readonly ServiceValue[],
    database: MysqlDatabase,
    groups: Readonly<Record<HostRole, ServerGroup>>,
  ): ServiceDatabase | undefined {
    const { region } = this;
    const users = servicesWithDatabase(services, region);
    if (region.database === undefined || users.length === 0) return undefined;
    const { name, services: signIn, databaseName: made = "app" } = region.database;
    const { user, databaseName = made } = signIn;
    for (const role of new Set(users.map((service) => roleOf(service, region)))) {
      // The app servers it lets in anyway.
      if (role !== "app") database.allowFrom(groups[role].firewall);
    }
    const password = databasePassword(this, { name, user });
    return { database, access: database.access({ user, databaseName, password }) };
  }

  private database(
    value: NonNullable<Ec2Region["database"]>,
    { network, key, names, apps, pager }: DataPlace,
  ) {
    const { name, deletionProtection } = this.region;
    const { name: _name, services: _services, ...instance } = value;
    const database = new MysqlDatabase(this, "database", {
      ...readBy(MysqlDatabase, instance),
      name: `${name}-db`,
      network,
      keyArn: key.keyArn,
      deletionProtection,
    });
    database.allowFrom(apps, APPLICATION_USER);
    database.reportTo(pager);
    names.addCname(`db.${names.zoneName}`, database.address);
    this.output("database_address", "Name in MySQL's certificate", database.address);
    this.output("database_user", "Who the app servers may sign in as, by IAM", APPLICATION_USER);
    this.output("database_secret", "Secret with MySQL's user name and password", database.secretArn);
    this.output("database_log_groups", "Errors and slow queries", database.logGroupNames);
    pager.watch(database);
    return database;
  }

  private cache(value: NonNullable<Ec2Region["cache"]>, { network, key, names, apps, pager }: DataPlace) {
    const { name, deletionProtection } = this.region;
    const cache = new Cache(this, "cache", {
      ...readBy(Cache, value),
      name: `${name}-cache`,
      network,
      keyArn: key.keyArn,
      deletionProtection,
    });
    const user = cache.allowFrom(apps, APPLICATION_USER);
    names.addCname(`cache.${names.zoneName}`, cache.address);
    if (user !== undefined) this.output("cache_user", "Who the app servers may sign in as, by IAM", user);
    this.output("cache_address", "Name in the cache's certificate", cache.address);
    pager.watch(cache);
    return cache;
  }

  private entrance(
    value: NonNullable<Ec2Region["entrance"]>,
    { network, services, shown, groups, routes, to, pager }: EntrancePlace,
  ) {
    const { region } = this;
    const { name, awsRegion, deletionProtection } = region;
    const { domain, healthPath, serving, requestsPerMinute, attacks, accessLogDays } = value;
    const zone = DnsZone.lookup(this, "public-names", value.zone);
    const ownName = ownEntranceName(name, domain);
    const certificate = new TlsCertificate(this, "certificate", { domain, otherDomains: [ownName], zone });
    const others = publicHostsIn(shown, region).filter((host) => host !== domain);
    // Each its own: one for all would be made anew, and shown to be right again, with each more of them.
    const otherCertificateArns = Object.fromEntries(
      others.map((host) => {
        const otherDomains = [ownEntranceName(name, host)];
        const its = new TlsCertificate(this, `certificate-${host}`, { domain: host, otherDomains, zone });
        return [host, its.certificateArn];
      }),
    );
    const entrance = new PublicLoadBalancer(this, "entrance", {
      name: `${name}-app`,
      network,
      certificateArn: certificate.certificateArn,
      otherCertificateArns,
      routes: routes.map(({ service, hosts, paths }) => ({
        ...{ service: service.name, hosts, paths, port: service.port, healthPath: service.health.path },
        healthPort: service.health.port,
        grpc: service.grpc,
        to: groups[roleOf(service, region)],
      })),
      closedHosts: closedHosts(routes, shown, region),
      to,
      application: value.service,
      targetPort: value.port,
      healthPath,
      // Applications that are no services come by other ways than this stack: a machine without one is not broken.
      serving,
      requestsPerMinute,
      attacks,
      accessLogDays,
      deletionProtection,
    });
    const isNamed = (host: string) => shown.some(({ named }) => named.includes(host));
    for (const host of [domain, ...others]) {
      const own = ownEntranceName(name, host);
      // A name that several regions have is led here by the stack of names.
      if (isNamed(host)) {
        zone.addAlias(own, entrance);
        continue;
      }
      const how =
        host === domain
          ? { healthPath, serving }
          : // What a gateway answers at any path is its routes' to say: the load balancer alone asks for its health.
            { healthPath: judgeOf(host, services, region)?.health.path };
      zone.addRegionalName({ name: host, ownName: own, target: entrance, awsRegion, ...how });
    }
    this.output("entrance_own_name", "Name that leads to this region alone", ownName);
    this.output("entrance_policy", "Web ACL in front of the load balancer", entrance.policy.policyName);
    this.output("entrance_policy_log_group", "What it refused or reported", entrance.policy.logGroupName);
    this.output("entrance_log_bucket", "Who asked for what", entrance.accessLogBucketName);
    pager.watch(zone, entrance);
    this.output(ENTRANCE_OUTPUTS.ec2.address, "The public load balancer's own name", entrance.dnsName);
    this.output(
      ENTRANCE_OUTPUTS.ec2.zoneId,
      "Route 53's zone of that name, for aliases",
      entrance.hostedZoneId,
    );
    return { entrance, zone };
  }

  /** What other stacks may read from this one's state, and people from the end of a deploy. */
  private output(name: string, description: string, value: string | readonly string[] | IResolvable): void {
    new TerraformOutput(this, name, { description, value, staticId: true });
  }
}

/** A new server is a voter only when it has been healthy for ten seconds (autopilot); the next one waits longer. */
const CONSUL_SERVERS: Partial<ServerGroupProps> = { oneAtATime: true, warmUpSeconds: 60 };

/** Has a region's servers tell whether they have a leader, and whether they can lose one of them. */
function watchConsul(servers: ServerGroup): void {
  const group = servers.groupName;
  servers.check(
    {
      metric: "ConsulHasLeader",
      command: `curl -fsS -m 5 http://127.0.0.1:8500/v1/status/leader | grep -q :`,
    },
    {
      name: `${group}-no-leader`,
      what: `No server of ${group} knows a leader: nothing can be registered, names come from what is known`,
      minutes: 3,
    },
  );
  if (servers.machines.length === 1) return;
  servers.check(
    { metric: "ConsulCanLoseOne", command: CONSUL_COMMANDS.spare },
    {
      name: `${group}-no-quorum-to-spare`,
      what: `Consul on ${group} would lose its quorum with one more server`,
      minutes: 10,
    },
  );
}

/** Who the app servers are to database and cache; docs/aws.md has the command that makes the database's user. */
const APPLICATION_USER = "app";

interface Place {
  readonly network: Network;
  readonly apps: ServerGroup;
  readonly pager: Pager;
}

interface EntrancePlace extends Pick<Place, "network" | "pager"> {
  readonly services: readonly ServiceValue[];
  /** These, and the gateways. */
  readonly shown: readonly Shown[];
  readonly groups: Readonly<Record<HostRole, ServerGroup>>;
  readonly routes: readonly EntranceRoute[];
  /** Where all goes that no route takes. */
  readonly to: ServerGroup;
}

interface DataPlace extends Place {
  readonly key: DataKey;
  readonly names: DnsZone;
}
