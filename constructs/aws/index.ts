export * from "./asset-bucket";
export * from "./consul-firewall";
export * from "./debian-image";
export * from "./firewall";
export * from "./internal-load-balancer";
export * from "./network";
export * from "./secret-store";
export * from "./server-group";
