/** What an unbound does, as a value; {@link unboundConf} turns it into its configuration file. */
export interface UnboundOptions {
  /**
   * The oldest unbound release the text must suit, 1.17 or later. Options that came later are written only when
   * this says they are understood.
   * @default "1.17"
   */
  readonly release?: string;
  /** Addresses to answer on, each with an optional `@port`. @default ["127.0.0.1"] */
  readonly interfaces?: readonly string[];
  /** Port of the addresses that name none. @default 53 */
  readonly port?: number;
  /** Who may ask, most specific netblock first to last in no order. Loopback may always ask. @default [] */
  readonly accessControl?: readonly AccessRule[];
  /** Zones that are asked of particular servers. @default [] */
  readonly forwardZones?: readonly ForwardZone[];
  /**
   * Resolvers for everything else, as `address`, `address@port` or a host name.
   * @default - names are resolved from the root servers
   */
  readonly upstreams?: readonly string[];
  /** Proxy suffixes and the service each leads to. @default [] */
  readonly proxySuffixes?: readonly ProxySuffix[];
  /** Records this resolver answers by itself. @default [] */
  readonly staticRecords?: readonly StaticRecord[];
  /**
   * Check DNSSEC signatures. Behind upstreams that do not hand them on no public name would resolve, so that it is for
   * you to say that yours do.
   * @default - whether names are resolved from the root servers
   */
  readonly validate?: boolean;
  /**
   * File with the root's trust anchors, read when `validate` is on. Debian's dns-root-data keeps this one current.
   * @default "/usr/share/dns/root.key"
   */
  readonly trustAnchorFile?: string;
  /** Old answers while a zone's servers do not answer; false for none. @default - one hour, see {@link StaleAnswers} */
  readonly staleAnswers?: StaleAnswers | false;
  /**
   * How long a server that did not answer is left alone before it is asked again: the time a zone stays down
   * after its servers came back.
   * @default 1
   */
  readonly deadServerRetrySeconds?: number;
  /**
   * Refuse to send queries to loopback addresses, unbound's own default. It cannot be on when a zone is forwarded
   * to an agent on this machine.
   * @default false
   */
  readonly doNotQueryLocalhost?: boolean;
  /** Networks whose addresses only internal zones may answer (protection against rebinding). @default - RFC 1918, 6598, 4193 and link-local */
  readonly privateNetworks?: readonly string[];
  /** Worker threads: the machine's cores. @default 2 */
  readonly threads?: number;
  /** Memory for records; messages take half as much again. @default 32 */
  readonly cacheMegabytes?: number;
  /** Unix socket for unbound-control and metrics exporters; false for none. @default "/run/unbound/control.sock" */
  readonly controlSocket?: string | false;
  /** User to become after the sockets are open; "" to stay as started. @default "" */
  readonly user?: string;
}

export interface AccessRule {
  /** For example `10.0.0.0/8`. */
  readonly netblock: string;
  /** Answer, say no, or stay silent. */
  readonly action: "allow" | "refuse" | "deny";
}

export interface ForwardZone {
  /** For example `consul`. */
  readonly name: string;
  /** Servers of the zone, as `address`, `address@port` or a host name, in no order. */
  readonly forwarders: readonly string[];
  /** The zone exists only inside: nobody in the public DNS vouches for it. @default true */
  readonly internal?: boolean;
  /** Its answers may hold private addresses. @default - whether it is internal */
  readonly privateDomain?: boolean;
  /** Its answers carry no DNSSEC chain from the root. @default - whether it is internal */
  readonly domainInsecure?: boolean;
  /** Speak TCP only, for servers whose answers do not fit a datagram. @default false */
  readonly tcpOnly?: boolean;
}

export interface ProxySuffix {
  /** What host names end in, for example `ccnproxy-https` or `ccnproxy-https.us`. */
  readonly suffix: string;
  /** Name whose addresses every such host name gets, for example `proxy.service.consul`. */
  readonly target: string;
}

export interface StaticRecord {
  /** Full name. */
  readonly name: string;
  /** Type of the record. */
  readonly type: "A" | "AAAA" | "CNAME" | "TXT" | "SRV" | "PTR" | "MX";
  /** The record's data as in a zone file. */
  readonly value: string;
  /** How long others may keep it. @default 60 */
  readonly ttlSeconds?: number;
}

/** How long names outlive the servers that know them. */
export interface StaleAnswers {
  /** An answer may be served for so long after it expired. @default 3600 */
  readonly maximumAgeSeconds?: number;
  /** Time to live of such an answer. @default 5 */
  readonly replyTtlSeconds?: number;
  /**
   * The servers get so long to give a fresh answer before the old one is used. With 0 the first question after a
   * quiet spell always gets the old one, and with it perhaps a dead instance.
   * @default 200
   */
  readonly patienceMilliseconds?: number;
}
