export * from "./aggregation-proxy";
export * from "./proxy-bundle";
export * from "./proxy-config";
export { type ProxySettings } from "./proxy-settings";
