export * from "./aggregation-proxy";
export * from "./origin-group";
export * from "./proxy-bundle";
export * from "./proxy-config";
export { peerName, type ProxyPeers } from "./proxy-peers";
export { type ProxyGroup, type ProxyGroups, type ProxyOrigin } from "./proxy-groups";
export { type ProxySettings } from "./proxy-settings";
export { type CalledService, type PeeredProxies, peerGroups, serviceGroups } from "./service-groups";
