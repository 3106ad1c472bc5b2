import { isIP } from "node:net";
import { Construct } from "constructs";
import { type Block, parallel } from "../availability";
import {
  type HostFile,
  type HostProfilePart,
  type HostService,
  type IHost,
  processesOn,
  processOn,
  textContent,
} from "../host";
import type { HasTopology, TopologyElement } from "../topology";
import { dnsEndpoint, domainName, isWithin } from "./dns-name";
import type { IConsul } from "./iconsul";
import { PROXY_SUFFIXES, proxySuffixTargets, resolverNames } from "./proxy-suffixes";
import { resolverClientFiles } from "./resolv-conf";
import { unboundConf } from "./unbound-conf";
import {
  CHECK_NAME,
  CONFINEMENT,
  MAIN_RESOLVER,
  type ResolverInstance,
  SPARE_RESOLVER,
} from "./unbound-files";
import type { ForwardZone, ProxySuffix, StaleAnswers, StaticRecord } from "./unbound-options";
import { checksSignatures } from "./unbound-plan";
import { unboundConfinement, unboundGuard, unboundUnit, unboundWatchUnit } from "./unbound-unit";

/** What a resolver needs to know of a proxy that host names with a suffix lead to. */
export interface IProxySuffixTarget {
  /** Name under which service discovery knows the proxies. */
  readonly serviceName: string;
}

export interface LocalResolverProps {
  /** Machines that get a resolver of their own. */
  readonly hosts: readonly IHost[];
  /** Service discovery whose names are to resolve; each host must run one of its agents. @default - none */
  readonly consul?: IConsul;
  /** Where host names under the proxy suffixes lead; needs `consul`. @default - suffixes do not resolve */
  readonly proxy?: IProxySuffixTarget;
  /** The labels that send a request through the proxy. @default - ccnproxy, -https, -ssl, -secure and -service */
  readonly proxySuffixes?: readonly string[];
  /** Resolvers for all other names. @default - names are resolved from the root servers */
  readonly forwarders?: readonly string[];
  /** Names with a fixed IPv4 address. @default {} */
  readonly records?: Readonly<Record<string, string>>;
  /** Fixed records of any type. @default [] */
  readonly staticRecords?: readonly StaticRecord[];
  /** Further zones asked of particular servers. @default [] */
  readonly zones?: readonly ForwardZone[];
  /** How long names outlive the servers that know them. @default - one hour */
  readonly staleAnswers?: StaleAnswers | false;
  /**
   * Check DNSSEC signatures of public names. All forwarders must hand signatures on, or none of these names resolves.
   * @default - whether names are resolved from the root servers
   */
  readonly validate?: boolean;
  /**
   * Resolvers for when a host's own does not answer; they must know the same names.
   * @default - for a host with a fixed address, the resolver of the next such host; where there is none, a second
   * process on the host itself
   */
  readonly fallbackResolvers?: readonly string[];
  /** Worker threads: the machines' cores. @default 2 */
  readonly threads?: number;
  /** The oldest unbound release of the hosts. @default "1.22", that of Debian 13 */
  readonly unboundRelease?: string;
}

/** A caching resolver on every host, which goes on answering while the servers it asks do not. */
export class LocalResolver extends Construct implements HasTopology {
  /** @throws Error for options with which names would not resolve, each with its reason */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: LocalResolverProps,
  ) {
    super(scope, id);
    if (props.hosts.length === 0) {
      throw new Error(`local resolver ${this.node.path}: expected at least one host, got: none`);
    }
    if (props.proxy !== undefined && props.consul === undefined) {
      throw new Error(
        `local resolver ${this.node.path}: proxy ${props.proxy.serviceName} is found through service discovery, ` +
          "expected consul to be given too",
      );
    }
    this.refuseMulticastNames();
    for (const host of props.hosts) host.addToProfile(this.part(host));
  }

  get topology(): readonly TopologyElement[] {
    const { hosts, records = {}, forwarders = ["the root servers"], consul } = this.props;
    return [
      { kind: "workload", role: "resolver", on: hosts.map(({ hostName }) => hostName) },
      ...resolverNames(this.suffixes(), records, forwarders, consul),
    ];
  }

  /**
   * Names resolve for an application on this host, the host itself being up: its own resolver answers, or the one
   * that its resolv.conf names second, on another host or a process of its own.
   */
  answersOn(host: IHost): Block {
    const own = processOn(host, host.hostName, "unbound");
    if (this.hasSpare(host)) return parallel(own, processOn(host, host.hostName, SPARE_RESOLVER.name));
    const second = this.fallbacks(host);
    const others = this.props.hosts.filter((other) => second.includes(other.bindAddress));
    return parallel(own, ...others.flatMap((other) => processesOn(other, "unbound")));
  }

  private part(host: IHost): HostProfilePart {
    const spare = this.hasSpare(host) ? [SPARE_RESOLVER] : [];
    const instances = [MAIN_RESOLVER, ...spare].map((instance) => this.instancePart(host, instance));
    const second = [...this.fallbacks(host), ...spare.map(({ address }) => address)];
    return {
      packages: [...(this.checksSignatures ? ["dns-root-data"] : []), "unbound"],
      files: [
        ...instances.flatMap(({ files }) => files),
        { path: CONFINEMENT, content: textContent(unboundConfinement()) },
        ...resolverClientFiles([MAIN_RESOLVER.address, ...second]),
      ],
      services: instances.flatMap(({ services }) => services),
    };
  }

  private instancePart(
    host: IHost,
    instance: ResolverInstance,
  ): { files: HostFile[]; services: HostService[] } {
    const { name, conf, unit, guard } = instance;
    const forwarders = (this.props.forwarders ?? []).map((one) => dnsEndpoint(one, "forwarder"));
    const watch = forwarders.length > 0 ? watchPart(instance) : { files: [], services: [] };
    return {
      files: [
        { path: conf, content: textContent(this.conf(host, instance)) },
        { path: unit, content: textContent(unboundUnit(instance)) },
        { path: guard, content: textContent(unboundGuard(instance, forwarders)), mode: "0755" },
        ...watch.files,
      ],
      services: [
        {
          name: `${name}.service`,
          reads: [conf, unit, guard, CONFINEMENT],
          verify: `unbound-checkconf "$STAGED${conf}"`,
          reload: `${guard} apply`,
          health: { command: `${guard} ready` },
        },
        ...watch.services,
      ],
    };
  }

  private conf(host: IHost, { address, socket }: ResolverInstance): string {
    const { props } = this;
    const askers = address === MAIN_RESOLVER.address ? this.askersOf(host) : [];
    return unboundConf({
      release: props.unboundRelease ?? "1.22",
      interfaces: [address, ...(askers.length > 0 ? [host.bindAddress] : [])],
      accessControl: askers.map((asker) => ({ netblock: hostBlock(asker), action: "allow" })),
      forwardZones: [...this.consulZones(host), ...(props.zones ?? [])],
      upstreams: props.forwarders,
      proxySuffixes: this.suffixes(),
      staticRecords: [
        { name: CHECK_NAME, type: "A", value: "127.0.0.1" },
        ...Object.entries(props.records ?? {}).map(([name, value]): StaticRecord => ({
          name,
          type: "A",
          value,
        })),
        ...(props.staticRecords ?? []),
      ],
      staleAnswers: props.staleAnswers,
      validate: props.validate,
      threads: props.threads,
      controlSocket: socket,
    });
  }

  private get checksSignatures(): boolean {
    const { validate, forwarders } = this.props;
    return checksSignatures({ validate, upstreams: forwarders });
  }

  private consulZones(host: IHost): ForwardZone[] {
    const { consul } = this.props;
    if (consul === undefined) return [];
    const others = consul.dnsAddresses.filter((address) => !address.startsWith(`${host.bindAddress}@`));
    return [{ name: consul.domain, forwarders: ["127.0.0.1@8600", ...others] }];
  }

  private suffixes(): ProxySuffix[] {
    const { proxy, consul, proxySuffixes = PROXY_SUFFIXES } = this.props;
    if (proxy === undefined || consul === undefined) return [];
    return proxySuffixTargets(proxySuffixes, proxy.serviceName, consul);
  }

  /** Whether a second process of the host itself has to stand in, for want of another host to ask. */
  private hasSpare(host: IHost): boolean {
    return this.fallbacks(host).length === 0;
  }

  private fallbacks(host: IHost): readonly string[] {
    if (this.props.fallbackResolvers !== undefined) return this.props.fallbackResolvers;
    const next = this.neighbour(host, 1);
    return next === undefined ? [] : [next];
  }

  /** Hosts whose second resolver this host is. */
  private askersOf(host: IHost): readonly string[] {
    if (this.props.fallbackResolvers !== undefined) return [];
    const previous = this.neighbour(host, -1);
    return previous === undefined ? [] : [previous];
  }

  /** In the ring of hosts with a known address, the address of the one so many places further on. */
  private neighbour(host: IHost, distance: number): string | undefined {
    const ring = this.props.hosts.map((one) => one.bindAddress).filter((address) => isIP(address) !== 0);
    const place = ring.indexOf(host.bindAddress);
    const neighbour = place < 0 ? undefined : ring[(place + distance + ring.length) % ring.length];
    return neighbour === host.bindAddress ? undefined : neighbour;
  }

  private refuseMulticastNames(): void {
    const { records = {}, staticRecords = [], zones = [], consul } = this.props;
    const names = [
      ...Object.keys(records),
      ...staticRecords.map((record) => record.name),
      ...zones.map((zone) => zone.name),
      ...(consul === undefined ? [] : [consul.domain]),
    ];
    const multicast = names.find((name) => isWithin(domainName(name, "name"), "local"));
    if (multicast !== undefined) {
      throw new Error(
        `local resolver ${this.node.path}: ${multicast} lies under .local, which hosts with nss-mdns look for by ` +
          "multicast and never ask a resolver for (RFC 6762). Expected another name",
      );
    }
  }
}

function watchPart(instance: ResolverInstance): { files: HostFile[]; services: HostService[] } {
  const unit = `/etc/systemd/system/${instance.watch}.service`;
  return {
    files: [{ path: unit, content: textContent(unboundWatchUnit(instance)) }],
    services: [{ name: `${instance.watch}.service`, reads: [unit, instance.guard] }],
  };
}

const hostBlock = (address: string): string => `${address}/${isIP(address) === 6 ? 128 : 32}`;
