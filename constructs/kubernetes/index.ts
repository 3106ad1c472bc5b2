// First: what is missing is named before anything asks for it.
import "./providers";

export * from "./cluster-resolver";
export * from "./cluster-service";
export * from "./config-files";
export * from "./consul-chart";
export type { SecretEntry } from "./consul-secrets";
export * from "./deploy-gate";
export type { EngineDeployment, EnginePods } from "./engine-deployment";
export type { ServedPods } from "./served-pods";
export * from "./gateway-deployment";
export * from "./ingress-policy";
export * from "./metrics-scrape";
export { LEAVES_LOST_NODE } from "./node-loss";
export * from "./pod-hardening";
export * from "./pod-identity";
export * from "./pod-scaling";
export * from "./proxy-deployment";
export * from "./public-gateway";
export * from "./resolver-daemon-set";
export * from "./service-address";
export * from "./stub-domains";
export * from "./worker-zones";
export * from "./workload-namespace";
export * from "./zone-spread";
