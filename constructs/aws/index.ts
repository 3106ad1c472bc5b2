// First: what is missing is named before anything asks for it.
import "./providers";

export * from "./access-log-bucket";
export * from "./asset-bucket";
export * from "./cache";
export * from "./consul-firewall";
export * from "./data-key";
export * from "./debian-image";
export * from "./dns-zone";
export * from "./health-check";
export * from "./edge-policy";
export * from "./firewall";
export * from "./flow-log";
export * from "./image-repository";
export * from "./internal-load-balancer";
export type { LoadBalancerRoute } from "./listener-rules";
export * from "./machine-log";
export * from "./mysql-database";
export * from "./network";
export * from "./pager";
export type { PolicyStatement } from "./policy";
export * from "./public-load-balancer";
export * from "./public-name";
export * from "./secret-store";
export * from "./server-group";
export * from "./tls-certificate";
