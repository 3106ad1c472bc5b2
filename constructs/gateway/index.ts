export * from "./api-gateway";
export * from "./gateway-config";
export * from "./gateway-ports";
export type * from "./gateway-route";
