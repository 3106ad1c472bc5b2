export type { FrontedService, FrontLimits } from "./front-config";
export * from "./public-front";
