import { basename } from "node:path";
import { type Construct } from "constructs";
import { checkCertificates } from "../host/check-certificates";
import { textContent } from "../host";
import {
  DEFAULT_ADMIN_PORT,
  DEFAULT_PROXY_PORT,
  type IProxy,
  namedOrigins,
  proxyBundle,
  proxyConfig,
  type ProxyGroups,
  type ProxySettings,
} from "../proxy";
import { configReadAtStart } from "../proxy/proxy-config";
import { type ProxyPeers, refuseLiteralPeers } from "../proxy/proxy-peers";
import { type HasTopology, type TopologyElement } from "../topology";
import { EngineDeployment, type EnginePods } from "./engine-deployment";
import { DRAINED_MAP, PROXY_NAME, PROXY_POD_PATHS } from "./proxy-pods";

export interface ProxyDeploymentProps extends EnginePods {
  /** Pods at most, when there is much to do. @default - four times `minPods` */
  readonly maxPods?: number;
  /** Networks outside the cluster whose machines may send requests. @default - none: pods only */
  readonly clientNetworks?: readonly string[];
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
  /** Networks of other regions' proxies that may call, where `peers` has them do so. @default - none */
  readonly peerNetworks?: readonly string[];
  /** Other options of the proxy's, by their names in docs/proxy.md. @default - the proxy's own */
  readonly settings?: ProxySettings;
  /** Name under which service discovery knows the proxies. @default "proxy" */
  readonly serviceName?: string;
  /** Path of the bundled proxy. @default - the one that `npm run build` makes */
  readonly bundlePath?: string;
}

/**
 * The aggregation proxy on Kubernetes: the bundle from a ConfigMap on a stock Node image. Other origins and limits reach
 * its pods as they run.
 */
export class ProxyDeployment extends EngineDeployment implements IProxy, HasTopology {
  readonly topology: readonly TopologyElement[];

  /** @throws Error when there are too few pods to survive a zone, or the proxy has not been bundled */
  constructor(scope: Construct, id: string, props: ProxyDeploymentProps) {
    const { minPods = 3, maxPods = 4 * minPods, clientNetworks = [], caCertificate } = props;
    const owner = `proxy deployment ${id}`;
    checkCertificates(`${owner}: caCertificate`, caCertificate);
    const { peers, peerNetworks = [] } = props;
    refuseLiteralPeers(owner, peers);
    const port = props.port ?? DEFAULT_PROXY_PORT;
    const config = configOf(props, port);
    super(scope, id, {
      ...{ owner, minPods, maxPods, port, name: PROXY_NAME, serviceName: props.serviceName ?? "proxy" },
      ...{ namespace: props.namespace, image: props.image, workers: props.workers },
      drainSeconds: props.drainSeconds,
      adminPort: DEFAULT_ADMIN_PORT,
      bundle: AT.bundle,
      config: AT.config,
      flags: ({ drain, shutdown }) => [`--drain-delay=${drain}s`, `--shutdown-timeout=${shutdown}s`],
      program: {
        name: "proxy-program",
        mountPath: AT.program,
        files: {
          [basename(AT.bundle)]: proxyBundle(props.bundlePath),
          ...(caCertificate === undefined ? {} : { [basename(AT.authorities)]: textContent(caCertificate) }),
        },
      },
      configuration: {
        ...{ name: "proxy", mountPath: AT.files, readAtStart: configReadAtStart(config) },
        files: { [basename(AT.config)]: textContent(config) },
      },
      own: peers && { mountPath: AT.peers, files: podFilesOf(peers) },
      besides: peers?.listen && {
        ...{ name: "peers", port: peers.listen.port },
        clients: [{ networks: peerNetworks }],
      },
      kept: { configMap: DRAINED_MAP, mountPath: AT.drained },
      state: AT.state,
      clients: [{ pods: "all" }, { networks: clientNetworks }],
    });
    const origins = namedOrigins(props);
    this.topology = [{ kind: "workload", role: "proxy", on: [], copies: minPods, port, origins }];
  }
}

/** By their names below `AT.peers`. */
const podFilesOf = ({ certificate, key, authorities }: ProxyPeers): Readonly<Record<string, string>> => ({
  [CERTIFICATE]: certificate,
  [KEY]: key,
  [AUTHORITIES]: authorities,
});

const [CERTIFICATE, KEY, AUTHORITIES] = ["certificate.pem", "key.pem", "authorities.pem"] as const;

function configOf(
  { allow, groups, warm, caCertificate, peers, settings }: ProxyDeploymentProps,
  port: number,
) {
  const caFile = caCertificate === undefined ? undefined : AT.authorities;
  // The kubelet asks for health on the pod's address; a NetworkPolicy keeps everybody else away.
  const adminListen = `0.0.0.0:${DEFAULT_ADMIN_PORT}`;
  const kept = { stateDir: AT.state, drainedDir: AT.drained };
  return proxyConfig({
    ...{ allow, groups, warm, port, adminListen, ...kept, caFile, settings },
    peers: peers && {
      certFile: `${AT.peers}/${CERTIFICATE}`,
      keyFile: `${AT.peers}/${KEY}`,
      caFile: `${AT.peers}/${AUTHORITIES}`,
      listen: peers.listen,
    },
  });
}

const AT = PROXY_POD_PATHS;
