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
import { type HostProfilePart, type IHost, processesOn, textContent, type TextContent } from "../host";
import type { HasTopology, TopologyElement } from "../topology";
import { proxyBundle } from "./proxy-bundle";
import { BUNDLE_PATH, CONFIG_PATH } from "./host-paths";
import { DEFAULT_ADMIN_PORT, DEFAULT_PROXY_PORT, proxyConfig } from "./proxy-config";
import { type ProxyGroups } from "./proxy-groups";
import { type ProxySettings } from "./proxy-settings";
import { proxyUnit } from "./proxy-unit";
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
  /**
   * Who can collect `/metrics`, on port 9300: the host itself, or whoever reaches the host. Nothing there asks who asks.
   * @default "host"
   */
  readonly metrics?: "host" | "network";
  /** Other options of the proxy's, by their names in docs/proxy.md. @default - 64 idle connections for each origin */
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

  /** @throws Error when there is no host or no allowed origin, a group or setting is none, or the proxy has not been bundled */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: AggregationProxyProps,
  ) {
    super(scope, id);
    if (props.hosts.length === 0) {
      throw new Error(`aggregation proxy ${this.node.path}: expected at least one host, got: none`);
    }
    this.serviceName = props.serviceName ?? "proxy";
    this.port = props.port ?? DEFAULT_PROXY_PORT;
    this.instances = props.hosts.flatMap((host) => processesOn(host, "proxy"));
    const part = this.profilePart();
    for (const host of props.hosts) host.addToProfile(part);
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

  /** A proxy on its way out serves for as long as anybody may be told its name. */
  private get drainSeconds(): number {
    return CHECK_SECONDS.interval + CHECK_SECONDS.timeout + this.namedSeconds;
  }

  private profilePart(): HostProfilePart {
    const { allow, groups, warm, caCertificate, metrics, settings } = this.props;
    const authorities =
      caCertificate === undefined ? [] : [{ path: CA_PATH, content: textContent(caCertificate) }];
    const config = () =>
      proxyConfig({
        allow,
        groups,
        warm,
        port: this.port,
        // Its own health is asked for on the loopback address all the same.
        adminListen: metrics === "network" ? `0.0.0.0:${DEFAULT_ADMIN_PORT}` : undefined,
        settings,
        drainSeconds: this.drainSeconds,
        finishSeconds: FINISH_SECONDS,
        stateDir: `/var/lib/${STATE_DIRECTORY}`,
        caFile: authorities[0]?.path,
      });
    const stagedAuthorities = authorities.map(({ path }) => ` --ca-file "$STAGED${path}"`).join("");
    const unit = () =>
      proxyUnit({
        bundle: BUNDLE_PATH,
        config: CONFIG_PATH,
        state: STATE_DIRECTORY,
        stopSeconds: this.drainSeconds + FINISH_SECONDS + KILL_SECONDS,
      });
    // Refused here, and not when the stack is synthesised.
    config();
    return {
      packages: ["curl", "nodejs"],
      files: [
        { path: BUNDLE_PATH, content: proxyBundle(this.props.bundlePath) },
        { path: CONFIG_PATH, content: lateText(config) },
        { path: UNIT_PATH, content: lateText(unit) },
        ...authorities,
      ],
      services: [
        {
          name: "tricloud-proxy.service",
          reads: [BUNDLE_PATH, CONFIG_PATH, UNIT_PATH, ...authorities.map(({ path }) => path)],
          reload: `exec node ${BUNDLE_PATH} reload --config ${CONFIG_PATH}`,
          reloadsFor: [CONFIG_PATH],
          verify: `node "$STAGED${BUNDLE_PATH}" --check --config "$STAGED${CONFIG_PATH}"${stagedAuthorities}`,
          health: { command: `curl -fsS -m 2 http://127.0.0.1:${DEFAULT_ADMIN_PORT}/readyz` },
        },
      ],
    };
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

/** How Consul finds out that a proxy is not ready. */
const CHECK_SECONDS = { interval: 2, timeout: 1 };

/** How long requests under way may take to end once no new ones are taken. */
const FINISH_SECONDS = 30;

/** What systemd waits for longer than that: the proxy ends by itself. */
const KILL_SECONDS = 12;

/** A file's text that what is wired to the proxy later has a say in. */
const lateText = (produce: () => string): TextContent => ({
  kind: "text",
  get text() {
    return produce();
  },
});

const STATE_DIRECTORY = "tricloud-proxy";
const CA_PATH = "/etc/tricloud/proxy-ca.pem";
const UNIT_PATH = "/etc/systemd/system/tricloud-proxy.service";
