/** What one Consul agent does, as a value; {@link consulConfig} turns it into its configuration file. */
export interface ConsulOptions {
  /**
   * The oldest Consul release the text must suit, 1.8 or later. What came later is written only when this says it
   * is understood; the default is understood by all.
   * @default "1.8"
   */
  readonly release?: string;
  /** Lower-case letters, digits and hyphens, for example `jp`. */
  readonly datacenter: string;
  /** @default - the machine's host name */
  readonly nodeName?: string;
  /** @default "/var/lib/consul/tricloud" */
  readonly dataDir?: string;
  /** Makes the agent one of the datacenter's servers. @default - a client agent */
  readonly server?: ConsulServerOptions;
  /** Address for cluster traffic: an IP address, a go-sockaddr template or a Terraform expression. */
  readonly bindAddress: string;
  /** Address other datacenters reach this server at. @default - the bind address */
  readonly advertiseWanAddress?: string;
  /** Addresses the HTTP API answers on. @default ["127.0.0.1"] */
  readonly httpAddresses?: readonly string[];
  /** Addresses DNS answers on. @default ["127.0.0.1"] */
  readonly dnsAddresses?: readonly string[];
  /** Servers of this datacenter to join: addresses, names or cloud auto-join expressions. */
  readonly retryJoin: readonly string[];
  /** Servers of other datacenters to federate with; servers only. @default [] */
  readonly retryJoinWan?: readonly string[];
  /** The datacenter that holds ACLs for all. @default - this one */
  readonly primaryDatacenter?: string;
  /** Base64 of 16, 24 or 32 bytes, or a Terraform expression. @default - gossip in the clear */
  readonly gossipKey?: string;
  readonly ports?: ConsulPorts;
  readonly dns?: ConsulDnsOptions;
  readonly acl?: ConsulAclOptions;
  readonly tls?: ConsulTlsOptions;
  /** Services of this machine, with their checks. @default [] */
  readonly services?: readonly ConsulService[];
  /**
   * Leave the cluster when stopped, so that this machine's services go from DNS at once. A server must not: a
   * restart would count as a departure.
   * @default - true for client agents
   */
  readonly leaveOnTerminate?: boolean;
  /** How long metrics are kept for a Prometheus scrape of the HTTP API; 0 for none. @default 60 */
  readonly metricsRetentionSeconds?: number;
  /** @default "info" */
  readonly logLevel?: "trace" | "debug" | "info" | "warn" | "err";
}

export interface ConsulServerOptions {
  /** Number of servers that must meet before the first leader is elected: 3 or 5. */
  readonly expect: number;
  /** Accept an `expect` of 1: a datacenter that one machine can take down. @default false */
  readonly single?: boolean;
}

/** TCP and UDP ports; 0 keeps Consul's own default, -1 closes the port where Consul allows it. */
export interface ConsulPorts {
  /** DNS, UDP and TCP. @default 8600 */
  readonly dns?: number;
  /** HTTP API, on loopback. @default 8500 */
  readonly http?: number;
  /** HTTP API over TLS. @default -1 */
  readonly https?: number;
  /** Calls of agents to servers. @default 8300 */
  readonly server?: number;
  /** Gossip in the datacenter, UDP and TCP. @default 8301 */
  readonly serfLan?: number;
  /** Gossip between datacenters, UDP and TCP. @default 8302 */
  readonly serfWan?: number;
}

export interface ConsulDnsOptions {
  /** Zone under which services are found. @default "consul" */
  readonly domain?: string;
  /** Time to live of answers for services. With 0 nothing downstream may keep one. @default 5 */
  readonly serviceTtlSeconds?: number;
  /** Other times to live by service name; a trailing `*` stands for any rest. @default {} */
  readonly serviceTtlSecondsByName?: Readonly<Record<string, number>>;
  /** Time to live of answers for nodes. @default 30 */
  readonly nodeTtlSeconds?: number;
  /**
   * Age at which the agent asks the servers again for what it keeps; services' answers are kept up to date beside it
   * and go on when all servers are gone. A prepared query's answer can be that old. 0 for no copy.
   * @default 2
   */
  readonly cacheMaxAgeSeconds?: number;
  /** Time to live of "no such name". @default 1 */
  readonly negativeTtlSeconds?: number;
  /** Answer with instances whose checks warn. @default false */
  readonly includeWarning?: boolean;
}

export interface ConsulAclOptions {
  /** What a request without a right may do. @default "deny" */
  readonly defaultPolicy?: "allow" | "deny";
  /** Token with which the agent registers itself; a Terraform expression in a file of secret content. */
  readonly agentToken?: string;
  /**
   * Token for requests without one, DNS questions among them. With `deny` it must allow reading nodes, services
   * and prepared queries, or every name is NXDOMAIN: see {@link DNS_TOKEN_RULES}.
   */
  readonly defaultToken?: string;
  /** Token for DNS questions alone; releases from 1.17 on. */
  readonly dnsToken?: string;
  /** Token that may do everything, made when the first leader is elected; servers of the primary datacenter only. */
  readonly managementToken?: string;
  /** Token with which servers outside the primary datacenter fetch tokens. */
  readonly replicationToken?: string;
}

export interface ConsulTlsOptions {
  /** Path of the private authority's certificate on the machine. */
  readonly caFile: string;
  /**
   * Path of a server's certificate; it must name `server.DATACENTER.DOMAIN`. A client agent without one gets its
   * certificate from a server.
   */
  readonly certFile?: string;
  /** Path of the certificate's key. */
  readonly keyFile?: string;
  /** Whose certificates are asked for. @default "all" */
  readonly verification?: TlsVerification;
}

/**
 * Whose certificates are asked for: servers' and callers' (`all`), servers' alone (`outgoing`), or nobody's (`none`). Agents
 * that run without come to `all` by way of the others, each of which understands the one before and the one after.
 */
export type TlsVerification = "all" | "outgoing" | "none";

export interface ConsulService {
  readonly name: string;
  /** @default - the name */
  readonly id?: string;
  readonly port: number;
  /** @default - the agent's own */
  readonly address?: string;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly checks?: readonly ConsulCheck[];
}

/** One health check; exactly one of `http`, `tcp` and `command`. */
export interface ConsulCheck {
  /** Name of the check, as Consul shows it. @default - made from what is checked */
  readonly name?: string;
  /** Healthy while a GET of this URL gives 2xx. @default - not asked */
  readonly http?: string;
  /** Healthy while `host:port` accepts a connection. @default - not tried */
  readonly tcp?: string;
  /** Healthy while this command exits 0; the agent must allow local script checks. @default - not run */
  readonly command?: readonly string[];
  /** Time from one try to the next. @default 2 */
  readonly intervalSeconds?: number;
  /** Time after which a try has failed. @default 1 */
  readonly timeoutSeconds?: number;
  /** Successes in a row before it counts as healthy again. @default 1 */
  readonly successesBeforePassing?: number;
  /** Failures in a row before it counts as failed. @default 1 */
  readonly failuresBeforeCritical?: number;
  /** State before the first result. @default "critical" */
  readonly initialStatus?: "passing" | "critical";
}
