export * from "./consul-apt-source";
export * from "./consul-cluster";
export * from "./consul-config";
export * from "./consul-options";
export * from "./iconsul";
export * from "./local-resolver";
export * from "./unbound-conf";
export * from "./unbound-options";
