import { GcsBackend, Lazy, S3Backend, TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import {
  AvailabilityTarget,
  type Block,
  type BlockSource,
  collectAvailability,
  component,
  type DeclaresServices,
  type HasFailover,
  type HasInstances,
  held,
  type OffersSites,
  percent,
  type Placing,
  remote,
  series,
  type Service,
  service,
  type ServiceProps,
  type Site,
  type Softened,
  softened,
} from "../constructs/availability";
import type { IServiceDiscovery } from "../constructs/dns";
import {
  originGroup,
  peerGroups,
  type ProxyGroups,
  type ProxySettings,
  serviceGroups,
} from "../constructs/proxy";
import { originsOfService, serviceGroup } from "../constructs/proxy/service-groups";
import { askedFrom, routeNeeds } from "./gateway-routes";
import type { GatewayValue } from "./values/gateways";
import {
  isGroup,
  type OriginFigure,
  type ProxiedOrigins,
  proxiedOrigins,
  type RegionBase,
} from "./values/regions";
import type { StateBackendValue } from "./values/regions/region";
import type { ServiceValue } from "./values/services";
import { entrancesElsewhere, waysElsewhere } from "./values/services/service-peers";
import type { ServiceEntrance, ServicePeers } from "./values/services/service-value";
import type { HasTopology, TopologyElement } from "../constructs/topology";
import {
  calledByPeers,
  calledServices,
  type CallWays,
  type NamedNeeds,
  outsideCalls,
  type ServiceNeeds,
} from "./service-needs";
import { readBy } from "./read-by";

/** Why a lost quorum does not stop calls: for `softened`. */
export const ANSWERS_FROM_WHAT_IS_KNOWN =
  "servers without a leader and resolvers without servers go on answering from what they know (allow_stale, serve-expired for an hour)";

/** What a region's proxies promise those of other regions, for services that these call through them. */
export const CALLS_FROM_OTHER_REGIONS = "calls-from-other-regions";

/** Stack of a region that has its services. */
export const stackOfServices = ({
  region,
  platform,
}: Pick<ServiceEntrance, "region" | "platform">): string =>
  platform === "gke" ? `${region}-workloads` : region;

/** Who asks for a service, by which origins. */
interface Asker {
  /** What the group of origins is called. */
  readonly name: string;
  readonly group: ProxyGroups[string];
  readonly settings?: ProxySettings | undefined;
  readonly instances: readonly BlockSource[];
}

/** A gateway of a region, and what it stands on. */
interface GatewayPlace {
  readonly gateway: GatewayValue;
  readonly services: readonly ServiceValue[];
  /** What the region's services need, by name. */
  readonly made: ReadonlyMap<string, ServiceNeeds>;
  readonly own: HasInstances;
  /** All that a request needs until the gateway has it, the gateway included. */
  readonly entrance: readonly BlockSource[];
  /** Service discovery's. */
  readonly domain: string;
}

/** One stack of a region: what it provides, what that promises, and where its state is kept. */
export abstract class RegionStack<R extends RegionBase>
  extends TerraformStack
  implements DeclaresServices, HasTopology, OffersSites
{
  readonly services: Service[] = [];
  readonly sites: Site[] = [];
  /** What answers under the names that the region describes; its first stack tells of them. */
  readonly topology: readonly TopologyElement[];

  private originBlocks: Origins | undefined;

  /** @param id stack name. @default - the region's name */
  constructor(
    scope: Construct,
    readonly region: R,
    id: string = region.name,
  ) {
    super(scope, id);
    this.topology = id === region.name ? originsOf(region) : [];
    keepState(this, region.backend);
  }

  /**
   * Declares what the stack provides and what that depends on; its availability becomes part of the report and of
   * the stack's outputs, and is held against the region's target for it.
   */
  protected service(name: string, props: ServiceProps): void {
    if (this.services.length === 0) this.addAvailabilityOutput();
    this.services.push(service(name, { region: this.region.name, ...props }));
    const target = this.region.availability.targets[name];
    if (target !== undefined)
      new AvailabilityTarget(this, `target-${name}`, {
        service: name,
        ...readBy(AvailabilityTarget, target),
      });
  }

  /** Says what a service would stand on that came to the region. */
  protected site(props: Omit<Site, "region">): void {
    this.sites.push({ region: this.region.name, ...props });
  }

  /** Calls to other clouds may go through other regions' proxies; resolver and origins stay those of the callers. */
  protected throughProxies(resolver: BlockSource, proxy: HasInstances & HasFailover): Placing {
    return {
      on: proxy,
      callersUse: [resolver, ...this.origins.needed],
      switching: proxy.failover?.switching,
    };
  }

  /** The region's proxy settings, with the origins that it describes. */
  protected get proxied(): R["proxy"] & ProxiedOrigins {
    const { origins } = this.region;
    const proxy: R["proxy"] = this.region.proxy;
    return { ...proxy, ...proxiedOrigins(origins, proxy) };
  }

  /** The same, where services' calls go out too, those to one another go through, and other regions' proxies call. */
  protected proxiedFor(
    services: readonly ServiceValue[],
    { domain }: Pick<IServiceDiscovery, "domain">,
  ): R["proxy"] & ProxiedOrigins {
    const { proxied, region } = this;
    return {
      ...proxied,
      allow: [...new Set([...proxied.allow, ...outsideCalls(services, region)])],
      groups: {
        ...proxied.groups,
        ...serviceGroups(calledServices(services, region), domain),
        ...peerGroups(
          calledByPeers(services, region).map(({ service }) => service),
          domain,
        ),
      },
    };
  }

  /** What the region's calls to other clouds end at. Callers of one with a substitute degrade without it. */
  protected get origins(): Origins {
    return (this.originBlocks ??= this.originComponents());
  }

  /** What calls of the region's services go through, and what answers for services besides the region's own. */
  protected callWays(
    services: readonly ServiceValue[],
    proxy: HasInstances,
    { domain }: Pick<IServiceDiscovery, "domain">,
  ): CallWays {
    const { region } = this;
    const groups = serviceGroups(calledServices(services, region), domain);
    return {
      proxies: { proxy },
      outside: (host) => this.originNamed(host),
      elsewhere: (name, here) => {
        const called = services.find((service) => service.name === name)!;
        const group = serviceGroup(name);
        return this.severalRegions(called, here, waysElsewhere(called, region), {
          ...{ name: group, group: groups[group]!, settings: region.proxy.settings },
          instances: proxy.instances,
        });
      },
    };
  }

  /**
   * What answers for a service where other regions do too, or alone; undefined where none does.
   *
   * @param here the same in this region, where it runs there, with all that it needs
   * @param ways to the others
   * @param asked by whom, and how these move on from one region to the next
   */
  protected severalRegions(
    called: ServiceValue,
    here: Block | undefined,
    ways: readonly (ServiceEntrance | ServicePeers)[],
    asked: Asker,
  ): BlockSource | undefined {
    const { region } = this;
    if (ways.length === 0) return undefined;
    const others = ways.map((way) => {
      const there = remote(stackOfServices(way), called.name);
      return "peer" in way ? series(remote(stackOfServices(way), CALLS_FROM_OTHER_REGIONS), there) : there;
    });
    const all = here === undefined ? others : [here, ...others];
    return originGroup(asked.name, asked.group, all, asked.settings, region.name, asked.instances);
  }

  /** Declares a gateway, and each of its routes as `GATEWAY.ROUTE`. */
  protected gateway({ gateway, services, made, own, entrance, domain }: GatewayPlace): void {
    const { region } = this;
    this.service(gateway.name, { requires: entrance });
    const needs = routeNeeds(gateway, services, {
      ...{ front: entrance, made },
      outside: (host) => this.originNamed(host),
      elsewhere: (service, here) =>
        this.severalRegions(service, here, entrancesElsewhere(service, region), {
          name: `${service.name}.${gateway.name}`,
          group: originsOfService(askedFrom(service, region), domain),
          instances: own.instances,
        }),
    });
    for (const [route, each] of needs) this.service(`${gateway.name}.${route}`, each);
  }

  /** What the region says of that origin, where it says anything. */
  protected originNamed(host: string): NamedNeeds {
    const { needed, names } = this.origins;
    const block = needed[names.indexOf(host)];
    return block === undefined ? {} : { [`origin ${host}`]: block };
  }

  /** The same of all its origins. */
  protected get ownOrigins(): NamedNeeds {
    return Object.assign({}, ...this.origins.names.map((name) => this.originNamed(name))) as NamedNeeds;
  }

  private originComponents(): Origins {
    const { groups, settings } = this.proxied;
    const blocks = Object.entries(this.region.origins).map(([name, origin]) => ({
      name,
      block: isGroup(origin)
        ? originGroup(
            name,
            groups[name]!,
            origin.origins.map((member) => originBlock(member.url.replace(/^https?:\/\//, ""), member)),
            settings,
            this.region.name,
          )
        : originBlock(name, origin),
      isMissable: isGroup(origin) && origin.substitute !== undefined,
    }));
    const needed = blocks.filter(({ isMissable }) => !isMissable);
    return {
      needed: needed.map(({ block }) => block),
      names: needed.map(({ name }) => name),
      missed: blocks
        .filter(({ isMissable }) => isMissable)
        .map(({ name, block }) => softened(block, `proxies answer reads of ${name} by its substitute`)),
    };
  }

  private addAvailabilityOutput(): void {
    new TerraformOutput(this, "availability", {
      description:
        "Percent of the time that each service can promise to be up, as it is held against its target",
      value: Lazy.anyValue({
        produce: () =>
          Object.fromEntries(
            collectAvailability(this).stacks.flatMap(({ services }) =>
              services.map((each) => [
                each.service,
                percent(held(each.results, each.target ?? {}).availability.lower),
              ]),
            ),
          ),
      }),
    });
  }
}

/** A stack's state goes where its value says; without a word it stays in a local file. */
export function keepState(stack: TerraformStack, backend: StateBackendValue): void {
  switch (backend.type) {
    case "local":
      return;
    case "s3":
      new S3Backend(stack, {
        bucket: backend.bucket,
        key: `${backend.prefix}/${stack.node.id}.tfstate`,
        region: backend.region,
        encrypt: true,
        kmsKeyId: backend.kmsKeyId,
      });
      // S3's own conditional writes as lock, so that no DynamoDB table is needed; not yet a property of S3Backend.
      stack.addOverride("terraform.backend.s3.use_lockfile", true);
      return;
    case "gcs":
      new GcsBackend(stack, { bucket: backend.bucket, prefix: `${backend.prefix}/${stack.node.id}` });
      return;
  }
}

/** What calls to other clouds end at, as far as availability goes. */
interface Origins {
  readonly needed: readonly BlockSource[];
  /** Names of what is needed, in its order. */
  readonly names: readonly string[];
  readonly missed: readonly Softened[];
}

const originsOf = ({ origins }: RegionBase): TopologyElement[] =>
  Object.entries(origins).map(([name, origin]) => {
    const figures: readonly OriginFigure[] = isGroup(origin) ? origin.origins : [origin];
    const answeredBy = figures.flatMap((each) =>
      "stack" in each ? [{ stack: each.stack, service: each.service }] : [],
    );
    return { kind: "origin", name, answeredBy, elsewhere: answeredBy.length < figures.length };
  });

const originBlock = (name: string, figure: OriginFigure): Block => {
  if ("stack" in figure) return remote(figure.stack, figure.service);
  const { availability, meanOutageHours, source } = figure;
  return component(
    `origin/${name}`,
    { availability, meanOutageHours },
    { label: name, kind: "assumed", source },
  );
};
