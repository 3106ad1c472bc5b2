/** Name of the proxies' Deployment, and their pods' label. */
export const PROXY_NAME = "proxy";

const FILES = "/etc/tricloud";
const PROGRAM = "/usr/local/lib/tricloud";

/** Where a proxy's pod has what it runs with. */
export const PROXY_POD_PATHS = {
  files: FILES,
  config: `${FILES}/proxy.json`,
  program: PROGRAM,
  bundle: `${PROGRAM}/tricloud-proxy.js`,
  authorities: `${PROGRAM}/proxy-ca.pem`,
  /** Certificate, key and authorities by which it and other regions' proxies know one another. */
  peers: "/etc/tricloud-peers",
  /** Which origins operators have drained from this pod, and the socket by which they do; gone with the pod. */
  state: "/var/lib/tricloud-proxy",
  /** A file for each origin that is drained when the pod starts. */
  drained: "/etc/tricloud-drained",
} as const;

/** ConfigMap that operators' commands keep, for pods that start later: no deploy makes or changes it. */
export const DRAINED_MAP = "proxy-drained";
