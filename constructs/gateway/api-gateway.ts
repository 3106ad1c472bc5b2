import { Construct, type IConstruct } from "constructs";
import { dirname, join } from "node:path";
import {
  type Block,
  type Failover,
  type HasFailover,
  type HasInstances,
  series,
  servicePool,
} from "../availability";
import type { IConsul, MaxUnavailable } from "../dns";
import { checkSwitching } from "../dns/check-switching";
import { checkCertificates } from "../host/check-certificates";
import { assetContent, type HostProfilePart, type IHost, processesOn } from "../host";
import { CHECK_SECONDS, drainedWithin, engineOnHost, FINISH_SECONDS } from "../proxy/engine-on-host";
import { programBundle } from "../proxy/proxy-bundle";
import type { HasTopology, TopologyElement } from "../topology";
import { gatewayConfig, type GatewayRouting } from "./gateway-config";
import { DEFAULT_GATEWAY_ADMIN_PORT, DEFAULT_GATEWAY_PORT, GATEWAY_HEALTH_PATH } from "./gateway-ports";

/** The API gateways of one region, as what others need to know of them. */
export interface IApiGateway extends IConstruct, HasInstances, HasFailover {
  /** Name under which service discovery knows the gateways. */
  readonly serviceName: string;
  /** Port that takes requests. */
  readonly port: number;
}

export interface ApiGatewayProps extends GatewayRouting {
  /** DNS label under which service discovery knows it. */
  readonly name: string;
  /** Where it runs: one gateway on each host. */
  readonly hosts: readonly IHost[];
  /** Service discovery that knows a gateway for as long as it is ready. */
  readonly consul: IConsul;
  /** Port that takes requests. @default 8090 */
  readonly port?: number;
  /** Port of its health and metrics. @default 9302 */
  readonly adminPort?: number;
  /** Gateways of the region, each of which keeps to its part of a limit. @default - one for each machine of `hosts` */
  readonly gateways?: number;
  /** PEM certificates of authorities trusted for services besides the public ones. @default - none */
  readonly caCertificate?: string;
  /**
   * Who can collect `/metrics`: the host itself, or whoever reaches the host. Nothing there asks who asks.
   * @default "host"
   */
  readonly metrics?: "host" | "network";
  /**
   * Hosts whose gateways may be replaced at once: a number, or a share such as "10%", rounded down to no less than one.
   * The next ones follow once all of these are ready.
   * @default "25%"
   */
  readonly maxUnavailable?: MaxUnavailable;
  /** What a gateway cannot do without on its host, besides the host: its resolver. @default - nothing */
  readonly needsOn?: (host: IHost) => Block;
  /** Path of the bundled gateway. @default - the one that `npm run build` makes */
  readonly bundlePath?: string;
}

/**
 * The API gateway on hosts, which sends each request to a service by host, path, method and header, and to the monolith
 * whatever no route takes. Other routes reach it by a reload, without a lost request.
 */
export class ApiGateway extends Construct implements IApiGateway, HasTopology {
  readonly serviceName: string;
  readonly port: number;
  /** Port of its health and metrics. */
  readonly adminPort: number;
  readonly instances: readonly Block[];

  /** @throws Error when there is no host, the gateway would not start with its routes, or it has not been bundled */
  constructor(
    scope: Construct,
    id: string,
    private readonly props: ApiGatewayProps,
  ) {
    super(scope, id);
    const { name, hosts, consul, needsOn } = props;
    if (hosts.length === 0) throw new Error(`gateway ${name}: expected at least one host, got: none`);
    checkCertificates(`gateway ${name}: caCertificate`, props.caCertificate);
    this.serviceName = name;
    this.port = props.port ?? DEFAULT_GATEWAY_PORT;
    this.adminPort = props.adminPort ?? DEFAULT_GATEWAY_ADMIN_PORT;
    this.instances = hosts.flatMap((host) =>
      processesOn(host, name).map((process) =>
        needsOn === undefined ? process : series(process, needsOn(host)),
      ),
    );
    const part = this.profilePart();
    consul.addService({
      name,
      port: this.port,
      hosts,
      maxUnavailable: props.maxUnavailable,
      checks: [
        {
          http: `http://127.0.0.1:${this.adminPort}${GATEWAY_HEALTH_PATH}`,
          intervalSeconds: CHECK_SECONDS.interval,
          timeoutSeconds: CHECK_SECONDS.timeout,
        },
      ],
    });
    for (const host of hosts) host.addToProfile(part);
  }

  /** One of them is enough; service discovery takes its time to name a failed one no more. */
  get availability(): Block {
    return this.pool.availability;
  }

  get failover(): Failover | undefined {
    return this.pool.failover;
  }

  get topology(): readonly TopologyElement[] {
    const on = this.props.hosts.map(({ hostName }) => hostName);
    return [{ kind: "workload", role: "gateway", name: this.serviceName, on, port: this.port }];
  }

  private get namedSeconds(): number {
    return this.props.consul.serviceTtlSeconds(this.serviceName);
  }

  private get pool() {
    return servicePool(this, this.instances, {
      ...checkSwitching(CHECK_SECONDS, this.namedSeconds),
      // Whatever counts as a failure here makes the check fail.
      coverage: 1,
    });
  }

  private profilePart(): HostProfilePart {
    const { name, hosts, services, monolith, routes, issuers, limits, trustedHops, settings } = this.props;
    const openTelemetry = this.props.openTelemetry && { serviceName: name, ...this.props.openTelemetry };
    const {
      gateways = hosts.flatMap(({ machines }) => machines).length,
      caCertificate,
      metrics,
    } = this.props;
    const program = `tricloud-gateway-${name}`;
    const drainSeconds = () => drainedWithin(this.namedSeconds);
    const authorities =
      caCertificate === undefined
        ? undefined
        : { path: `/etc/tricloud/gateways/${name}-ca.pem`, certificates: caCertificate };
    const configPath = `/etc/tricloud/gateways/${name}.json`;
    const apis = apisOnHost(name, this.props.apis ?? {});
    return engineOnHost({
      name: program,
      description: `Tricloud API gateway ${name}`,
      bundle: { path: BUNDLE_PATH, content: programBundle("gateway", this.props.bundlePath) },
      config: {
        path: configPath,
        text: () =>
          gatewayConfig(name, {
            ...{
              services,
              monolith,
              routes,
              issuers,
              limits,
              trustedHops,
              settings,
              gateways,
              openTelemetry,
            },
            apis: Object.fromEntries(apis.map(({ api, path }) => [api, path])),
            port: this.port,
            // Its own health is asked for on the loopback address all the same.
            adminListen: `${metrics === "network" ? "0.0.0.0" : "127.0.0.1"}:${this.adminPort}`,
            drainSeconds: drainSeconds(),
            finishSeconds: FINISH_SECONDS,
            stateDir: `/var/lib/${program}`,
            caFile: authorities?.path,
          }),
      },
      files: apis.map(({ path, content }) => ({ path: join(dirname(configPath), path), content })),
      authorities,
      adminPort: this.adminPort,
      drainSeconds,
    });
  }
}

/** What tells APIs, by paths seen from the configuration: it is looked at once where it is, and once before it gets there. */
const apisOnHost = (gateway: string, apis: Readonly<Record<string, string>>) =>
  Object.entries(apis).map(([api, source]) => ({
    api,
    path: `${gateway}/${api}.binpb`,
    content: assetContent(source, `gateway ${gateway}: apis.${api}`),
  }));

/** The program, on a host; several gateways there are several units of it. */
const BUNDLE_PATH = "/usr/local/lib/tricloud/tricloud-gateway.js";
