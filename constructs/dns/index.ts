export * from "./unbound-conf";
export * from "./unbound-options";
export * from "./consul-config";
export * from "./consul-options";
