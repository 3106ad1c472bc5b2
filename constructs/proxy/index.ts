export * from "./aggregation-proxy";
export * from "./proxy-bundle";
export * from "./proxy-config";
