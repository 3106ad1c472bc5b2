// First: what is missing is named before anything asks for it.
import "./providers";

export * from "./cloud-sql-mysql";
export * from "./edge-policy";
export * from "./enabled-apis";
export * from "./gke-access";
export * from "./gke-cluster";
export * from "./google-network";
export * from "./image-mirror";
export { ImageRepository, type ImageRepositoryProps } from "./image-repository";
export type { MaintenanceWindow, Weekday } from "./maintenance-window";
export * from "./memorystore-cache";
export * from "./node-pool";
export * from "./node-service-account";
export * from "./private-services";
export * from "./public-entrance";
export * from "./workload-account";
