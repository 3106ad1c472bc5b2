export * from "./load-names";
export * from "./named-hosts";
export * from "./names-value";
