export * from "./unbound-conf";
export * from "./unbound-options";
