import { Construct, type IConstruct } from "constructs";
import {
  type Block,
  type Failover,
  type HasFailover,
  type HasInstances,
  servicePool,
  type Switching,
} from "../availability";
import type { IConsul, MaxUnavailable } from "../dns";
import { checkSwitching } from "../dns/check-switching";
import { DEFAULT_SERVICE_TTL_SECONDS } from "../dns/service-ttl";
import { checkCertificates } from "../host/check-certificates";
import { type HostProfilePart, type IHost, processesOn } from "../host";
import type { HasTopology, TopologyElement } from "../topology";
import { CHECK_SECONDS, drainedWithin, engineOnHost, FINISH_SECONDS, handedOver } from "./engine-on-host";
import { proxyBundle } from "./proxy-bundle";
import { BUNDLE_PATH, CONFIG_PATH, DRAINED } from "./host-paths";
import { peerFiles, type ProxyPeers, refuseLiteralPeers } from "./proxy-peers";
import { DEFAULT_ADMIN_PORT, DEFAULT_PROXY_PORT, proxyConfig } from "./proxy-config";
import { type ProxyGroups } from "./proxy-groups";
import { type ProxySettings } from "./proxy-settings";
import { isServiceName } from "./service-groups";

/** The aggregation proxies of one region, as what others need to know of them. */
export interface IProxy extends IConstruct, HasInstances, HasFailover {
  /** Name under which service discovery knows the proxies. */
  readonly serviceName: string;
  /** Port that takes requests. */
  readonly port: number;
}

export interface AggregationProxyProps {
  /** Where it runs: one proxy on each host. */
  readonly hosts: readonly IHost[];
  /**
   * Those of `hosts` that have nothing else of weight to do: the proxy uses all of their cores, and leaves one to the
   * others' work elsewhere. Its `settings.workers` takes the place of both.
   * @default - none
   */
  readonly alone?: readonly IHost[];
  /** Origins it may forward to besides `groups`: host names, or patterns with a leading `*.`. At least one of either. */
  readonly allow: readonly string[];
  /** Names that stand for several origins, the next of which answers when one fails (docs/proxy.md). @default - none */
  readonly groups?: ProxyGroups;
  /** Origins with open connections ahead of need: `HOST:PORT=CONNECTIONS`. @default - none */
  readonly warm?: readonly string[];
  /** Port that takes requests. @default 80 */
  readonly port?: number;
  /** PEM certificates of authorities trusted for origins besides the public ones. @default - none */
  readonly caCertificate?: string;
  /** How they and other regions' proxies know one another, and whether those may call here. @default - they do not */
  readonly peers?: ProxyPeers;
  /**
   * Who can collect `/metrics`, on port 9300: the host itself, or whoever reaches the host. Nothing there asks who asks.
   * @default "host"
   */
  readonly metrics?: "host" | "network";
  /** Other options of the proxy's, by their names in docs/proxy.md. @default - the proxy's own */
  readonly settings?: ProxySettings;
  /** Name under which service discovery knows the proxies. @default "proxy" */
  readonly serviceName?: string;
  /**
   * Hosts whose proxies may be replaced at once: a number, or a share such as "10%", rounded down to no less than one.
   * The next ones follow once all of these are ready. A group of machines counts as one host.
   * @default "25%"
   */
  readonly maxUnavailable?: MaxUnavailable;
  /** Path of the bundled proxy. @default - the one that `npm run build` makes */
  readonly bundlePath?: string;
}

/** Forwards requests to origins in other clouds over connections that are already open. */
export class AggregationProxy extends Construct implements IProxy, HasTopology {
  readonly serviceName: string;
  readonly port: number;
  readonly instances: readonly Block[];
  private switching: Switching | undefined;
  /** How long resolvers go on naming a proxy that Consul names no more. */
  private namedSeconds = DEFAULT_SERVICE_TTL_SECONDS;

  /** @throws Error when there is no host, the proxy would refuse to start with what it is given, or has not been bundled */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: AggregationProxyProps,
  ) {
    super(scope, id);
    if (props.hosts.length === 0) {
      throw new Error(`aggregation proxy ${this.node.path}: expected at least one host, got: none`);
    }
    checkCertificates(`aggregation proxy ${this.node.path}: caCertificate`, props.caCertificate);
    refuseLiteralPeers(`aggregation proxy ${this.node.path}`, props.peers);
    this.serviceName = props.serviceName ?? "proxy";
    this.port = props.port ?? DEFAULT_PROXY_PORT;
    this.instances = props.hosts.flatMap((host) => processesOn(host, "proxy"));
    const { hosts, alone = [] } = props;
    const stray = alone.find((host) => !hosts.includes(host));
    if (stray !== undefined) {
      throw new Error(
        `aggregation proxy ${this.node.path}: alone: expected one of its hosts, got: ${stray.hostName}`,
      );
    }
    const beside = hosts.filter((host) => !alone.includes(host));
    this.addTo(alone, "auto");
    this.addTo(beside, "spare");
  }

  /** One of them is enough; service discovery, once they are registered, takes its time to name a failed one no more. */
  get availability(): Block {
    return this.pool.availability;
  }

  get failover(): Failover | undefined {
    return this.pool.failover;
  }

  private get pool() {
    return servicePool(this, this.instances, this.switching);
  }

  get topology(): readonly TopologyElement[] {
    const on = this.props.hosts.map(({ hostName }) => hostName);
    return [{ kind: "workload", role: "proxy", on, port: this.port, origins: namedOrigins(this.props) }];
  }

  /** Makes the proxies known to service discovery for as long as they are ready. */
  registerWith(consul: IConsul): void {
    const ttl = consul.serviceTtlSeconds(this.serviceName);
    this.namedSeconds = ttl;
    this.switching = {
      ...checkSwitching(CHECK_SECONDS, ttl),
      // Whatever counts as a failure here makes the check fail.
      coverage: 1,
    };
    consul.addService({
      name: this.serviceName,
      port: this.port,
      hosts: this.props.hosts,
      maxUnavailable: this.props.maxUnavailable,
      checks: [
        {
          http: `http://127.0.0.1:${DEFAULT_ADMIN_PORT}/readyz`,
          intervalSeconds: CHECK_SECONDS.interval,
          timeoutSeconds: CHECK_SECONDS.timeout,
        },
      ],
    });
  }

  private addTo(hosts: readonly IHost[], workers: "auto" | "spare"): void {
    if (hosts.length === 0) return;
    const part = this.profilePart(workers);
    for (const host of hosts)
      host.addToProfile(
        host.findKept === undefined ? part : this.profilePart(workers, host.findKept(DRAINED)),
      );
  }

  /** @param drainedDir of what is drained on a machine that is new. @default - nothing is */
  private profilePart(workers: "auto" | "spare", drainedDir?: string): HostProfilePart {
    const { allow, groups, warm, caCertificate, peers, metrics } = this.props;
    const settings = { workers, ...this.props.settings };
    const drainSeconds = () => drainedWithin(this.namedSeconds);
    const authorities =
      caCertificate === undefined ? undefined : { path: CA_PATH, certificates: caCertificate };
    const own = peers === undefined ? [] : peerFiles(peers);
    const [certFile, keyFile, caFile] = own.map(({ file }) => handedOver(PROGRAM, file.path));
    return engineOnHost({
      name: PROGRAM,
      description: "Tricloud aggregation proxy",
      bundle: { path: BUNDLE_PATH, content: proxyBundle(this.props.bundlePath) },
      config: {
        path: CONFIG_PATH,
        text: () =>
          proxyConfig({
            allow,
            groups,
            warm,
            port: this.port,
            // Its own health is asked for on the loopback address all the same.
            adminListen: metrics === "network" ? `0.0.0.0:${DEFAULT_ADMIN_PORT}` : undefined,
            settings,
            drainSeconds: drainSeconds(),
            finishSeconds: FINISH_SECONDS,
            stateDir: `/var/lib/${PROGRAM}`,
            drainedDir,
            caFile: authorities?.path,
            peers: peers && { certFile: certFile!, keyFile: keyFile!, caFile: caFile!, listen: peers.listen },
          }),
      },
      own,
      authorities,
      adminPort: DEFAULT_ADMIN_PORT,
      drainSeconds,
    });
  }
}

/** Names by which callers ask a proxy for origins; services are none. */
export const namedOrigins = ({
  allow,
  groups = {},
}: Pick<AggregationProxyProps, "allow" | "groups">): string[] => [
  ...allow,
  ...Object.keys(groups).filter((name) => !isServiceName(name)),
];

const PROGRAM = "tricloud-proxy";
const CA_PATH = "/etc/tricloud/proxy-ca.pem";
