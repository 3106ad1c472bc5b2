import type { IConstruct } from "constructs";
import type { Block } from "../availability";
import type { IHost } from "../host";
import type { LockAccess } from "./consul-locks";
import type { ConsulCheck } from "./consul-options";
import type { MaxUnavailable } from "./max-unavailable";

/** The service discovery of one region, as whoever looks names up needs to know it. */
export interface IServiceDiscovery extends IConstruct {
  /** The region's name in Consul, for example `jp`. */
  readonly datacenter: string;
  /** Zone under which services are found, for example `consul`. */
  readonly domain: string;
  /** Agents that answer DNS questions for the whole region, as `address@port`. */
  readonly dnsAddresses: readonly string[];
  /** The other datacenters, whose services are found under `NAME.service.DATACENTER.DOMAIN`. */
  readonly peerDatacenters: readonly string[];
  /** Whether `NAME.query.DOMAIN` leads to another region's instances when this one has none. @default false */
  readonly failsOver?: boolean;
  /** How long an answer that names a service's instances may be kept. */
  serviceTtlSeconds(service: string): number;
  /** Works while enough servers do to change what is known. */
  readonly quorum: Block;
  /** The control plane: while there is no leader, names go on resolving but nothing new becomes known. */
  readonly leader: Block;
}

/** Service discovery with an agent on each host, which keeps that host's services known. */
export interface IConsul extends IServiceDiscovery {
  /**
   * File with a token for what a host does with its own services, on hosts of services that leave.
   * @default - none is needed
   */
  readonly agentTokenFile?: string;
  /**
   * Makes a service known on each of its hosts for as long as its checks pass there.
   *
   * @throws Error when a host has no agent, or the service is malformed or registered already.
   */
  addService(service: ServiceRegistration): void;
  /**
   * Lets programs of these hosts take locks, each of which one program of the datacenter has at a time.
   *
   * @throws Error when a host has no agent.
   */
  allowLocks(hosts: readonly IHost[]): LockAccess;
}

export interface ServiceRegistration {
  /** Lower-case letters, digits and hyphens: found as `NAME.service.DOMAIN`. */
  readonly name: string;
  /** Port that it takes requests on. */
  readonly port: number;
  /** Machines the service runs on. */
  readonly hosts: readonly IHost[];
  /**
   * Hosts that may change at once: a number, or a share such as "10%", rounded down to no less than one. The next ones
   * change once all of these are healthy. A group of machines counts as one host.
   * @default "25%"
   */
  readonly maxUnavailable?: MaxUnavailable;
  /** What must hold for an instance to be given out. @default - always healthy while the machine is */
  readonly checks?: readonly ConsulCheck[];
  /**
   * Whether its hosts take an instance out of service discovery, and back, by themselves: they get the token for that.
   * @default false
   */
  readonly leaves?: boolean;
  /** Words by which instances can be told apart in a look-up. @default [] */
  readonly tags?: readonly string[];
  /** Further facts about the instances, by key. @default {} */
  readonly meta?: Readonly<Record<string, string>>;
}
