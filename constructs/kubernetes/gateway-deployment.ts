import { type Construct } from "constructs";
import { DEFAULT_GATEWAY_ADMIN_PORT, DEFAULT_GATEWAY_PORT, type IApiGateway } from "../gateway";
import { gatewayConfig, type GatewayRouting } from "../gateway/gateway-config";
import { assetContent, textContent } from "../host";
import { checkCertificates } from "../host/check-certificates";
import { programBundle } from "../proxy/proxy-bundle";
import { configReadAtStart } from "../proxy/proxy-config";
import { type HasTopology, type TopologyElement } from "../topology";
import type { ConsulChart } from "./consul-chart";
import { GATEWAY_HEALTH_PATH } from "../gateway/gateway-ports";
import { EngineDeployment, type EnginePods, engineSeconds } from "./engine-deployment";
import type { Peers } from "./ingress-policy";
import type { GatewayBackend } from "./public-gateway";

export interface GatewayDeploymentProps extends EnginePods, GatewayRouting {
  /** Name of its objects, and DNS label under which service discovery knows it. */
  readonly name: string;
  /** Service discovery that knows a gateway for as long as it is ready. */
  readonly consul: ConsulChart;
  /** Pods at most, when there is much to do: each keeps to its part of `limits`, of which they have as many as `minPods`. @default - `minPods` */
  readonly maxPods?: number;
  /** Who may send requests, besides a `PublicGateway` in front of it, which lets itself in. @default - nobody */
  readonly clients?: readonly Peers[];
  /** Port that takes requests. @default 8090 */
  readonly port?: number;
  /** Port of its health and metrics. @default 9302 */
  readonly adminPort?: number;
  /** PEM certificates of authorities trusted for services besides the public ones. @default - none */
  readonly caCertificate?: string;
  /** Path of the bundled gateway. @default - the one that `npm run build` makes */
  readonly bundlePath?: string;
}

/**
 * The API gateway on Kubernetes, which sends each request to a service by host, path, method and header, and to the
 * monolith whatever no route takes. Other routes reach its pods as they run, without a lost request.
 */
export class GatewayDeployment extends EngineDeployment implements IApiGateway, HasTopology {
  readonly topology: readonly TopologyElement[];
  /** For a `PublicGateway` in front of it. */
  readonly backend: GatewayBackend;

  /**
   * @throws Error when there are too few pods to survive a zone, the gateway would not start with its routes, or it has
   *   not been bundled
   */
  constructor(scope: Construct, id: string, props: GatewayDeploymentProps) {
    const { name, consul, minPods = 3, maxPods = minPods, clients = [] } = props;
    const { port = DEFAULT_GATEWAY_PORT, adminPort = DEFAULT_GATEWAY_ADMIN_PORT } = props;
    const { apis = {}, caCertificate, drainSeconds } = props;
    const owner = `gateway ${name}`;
    checkCertificates(`${owner}: caCertificate`, caCertificate);
    const { services, monolith, routes, issuers, limits, trustedHops, settings } = props;
    const openTelemetry = props.openTelemetry && { serviceName: name, ...props.openTelemetry };
    const { drain, shutdown } = engineSeconds(drainSeconds, consul.serviceTtlSeconds(name));
    const config = gatewayConfig(name, {
      ...{ services, monolith, routes, issuers, limits, trustedHops, settings, port, openTelemetry },
      gateways: minPods,
      apis: Object.fromEntries(Object.keys(apis).map((api) => [api, descriptorsOf(api)])),
      // The kubelet asks for health on the pod's address; a NetworkPolicy keeps everybody else away.
      adminListen: `0.0.0.0:${adminPort}`,
      drainSeconds: drain,
      finishSeconds: shutdown - drain,
      stateDir: STATE,
      caFile: caCertificate === undefined ? undefined : `${PROGRAM}/${CA_FILE}`,
    });
    super(scope, id, {
      ...{ name, owner, minPods, maxPods, port, adminPort, clients, drainSeconds, serviceName: name },
      callsPort: callsPortBeside(port),
      ...{ namespace: props.namespace, image: props.image, workers: props.workers },
      bundle: `${PROGRAM}/${BUNDLE_FILE}`,
      config: `${FILES}/${CONFIG_FILE}`,
      program: {
        name: `${name}-program`,
        mountPath: PROGRAM,
        files: {
          [BUNDLE_FILE]: programBundle("gateway", props.bundlePath),
          ...(caCertificate === undefined ? {} : { [CA_FILE]: textContent(caCertificate) }),
        },
      },
      configuration: {
        ...{ name, mountPath: FILES, readAtStart: configReadAtStart(config) },
        files: { [CONFIG_FILE]: textContent(config) },
        binary: Object.fromEntries(
          Object.entries(apis).map(([api, path]) => [
            descriptorsOf(api),
            assetContent(path, `${owner}: apis.${api}`),
          ]),
        ),
      },
      state: STATE,
    });
    this.topology = [{ kind: "workload", role: "gateway", name, on: [], copies: minPods, port }];
    this.backend = {
      service: name,
      port,
      healthPath: GATEWAY_HEALTH_PATH,
      healthPort: adminPort,
      callsPort: callsPortBeside(port),
      podLabels: this.podLabels,
    };
    this.registerWith(consul);
  }
}

/** Port of its Service that takes calls of gRPC: their usual one, or the next. */
const callsPortBeside = (port: number): number => (port === 50_051 ? 50_052 : 50_051);

/** Name of a descriptor set's file, beside the configuration. */
const descriptorsOf = (api: string): string => `${api}.binpb`;

const FILES = "/etc/tricloud";
const PROGRAM = "/usr/local/lib/tricloud";
/** Issuers' keys and the socket by which it is told things; gone with the pod. */
const STATE = "/var/lib/tricloud-gateway";
const BUNDLE_FILE = "tricloud-gateway.js";
const CONFIG_FILE = "gateway.json";
const CA_FILE = "gateway-ca.pem";
