/*
 * The library's public face, by subject: a name that is not here is the house's own and may change with any release.
 * Each platform's constructs (tricloud/aws, tricloud/google, tricloud/kubernetes) are loaded when they are used;
 * what computes availability is tricloud/availability.
 */

// Dedicated servers, over SSH.
export { DedicatedServer, type DedicatedServerProps } from "./dedicated/dedicated-server";
export { RetiredServer, type RetiredServerProps } from "./dedicated/retired-server";
export { type RosterEntry, ServerRoster, type ServerRosterProps } from "./dedicated/server-roster";
export type { SshAccess, SshBastion, SshTargetProps } from "./dedicated/ssh-connection";

// Hosts, whoever provides them: what is to be on one.
export type { IHost, RunBeforeActivation } from "./host/host";
export {
  type AptSource,
  type AssetContent,
  type FileContent,
  type HealthCheck,
  type HostFile,
  type HostProfile,
  type HostProfilePart,
  type HostService,
  secretContent,
  type SecretContent,
  textContent,
  type TextContent,
} from "./host/host-profile";
export { UNIT_HARDENING } from "./host/unit-hardening";

// The aggregation proxy.
export { AggregationProxy, type AggregationProxyProps, type IProxy } from "./proxy/aggregation-proxy";
export { proxyBundle } from "./proxy/proxy-bundle";
export type { PeerListen } from "./proxy/proxy-config";
export type { ProxyGroup, ProxyGroups, ProxyOrigin } from "./proxy/proxy-groups";
export { peerName, type ProxyPeers } from "./proxy/proxy-peers";
export type { ProxySettings } from "./proxy/proxy-settings";

// The API gateway.
export { ApiGateway, type ApiGatewayProps, type IApiGateway } from "./gateway/api-gateway";
export type { GatewayRouting, GatewaySettings, RoutedRoute } from "./gateway/gateway-config";
export type {
  GatewayCors,
  GatewayGrpc,
  GatewayIssuer,
  GatewayJwt,
  GatewayLimit,
  GatewayPart,
  GatewayRoute,
  GatewayShadow,
  GatewayTracing,
  GatewayUpstream,
} from "./gateway/gateway-route";

// Names: Consul and unbound.
export { HASHICORP_APT_SOURCE } from "./dns/consul-apt-source";
export { ConsulCluster, type ConsulClusterProps } from "./dns/consul-cluster";
export type {
  ConsulAclOptions,
  ConsulCheck,
  ConsulDnsOptions,
  ConsulOptions,
  ConsulPorts,
  ConsulServerOptions,
  ConsulService,
  ConsulTlsOptions,
  TlsVerification,
} from "./dns/consul-options";
export type { ConsulAclSecrets, ConsulTlsSecrets } from "./dns/consul-secrets";
export type { LockAccess } from "./dns/consul-locks";
export type { HostSnapshotOptions, SnapshotOptions } from "./dns/consul-snapshot";
export type { IConsul, IServiceDiscovery, ServiceRegistration } from "./dns/iconsul";
export { type IProxySuffixTarget, LocalResolver, type LocalResolverProps } from "./dns/local-resolver";
export type { MaxUnavailable } from "./dns/max-unavailable";
export type { BucketKey, SnapshotBucket } from "./dns/snapshot-bucket";
export type {
  AccessRule,
  ForwardZone,
  ProxySuffix,
  StaleAnswers,
  StaticRecord,
  UnboundOptions,
} from "./dns/unbound-options";

// Services: what people deploy, and how the internet reaches it.
export type {
  AcmeCertificate,
  AcmeDns,
  DynamicUpdates,
  Route53Access,
  TsigAlgorithm,
} from "./front/acme-certificate";
export type { FrontedService, FrontLimits } from "./front/front-config";
export { PublicFront, type PublicFrontProps } from "./front/public-front";
export type { RegistryAccess } from "./service/container-runtime";
export { ContainerService, type ContainerServiceProps } from "./service/container-service";
export type { DatabaseAccess, DatabaseEngine } from "./service/database-access";
export { ExistingDatabase, type ExistingDatabaseProps } from "./service/existing-database";
export type { ServiceTask, ServiceTasks } from "./service/service-task";

// What one stack tells another.
export {
  RegionOutputs,
  type RegionOutputsProps,
  type RegionState,
  type StateBackend,
} from "./region/region-outputs";

// What constructs tell of themselves to the picture of a region.
export type {
  Call,
  Entrance,
  Federation,
  HasTopology,
  Machines,
  NameRule,
  OriginRule,
  OriginService,
  Store,
  TopologyElement,
  Workload,
  WorkloadRole,
} from "./topology/elements";

// The way to what a construct neither tells nor takes.
export { resourcesOf } from "./resources-of";
