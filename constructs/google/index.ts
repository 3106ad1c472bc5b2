export * from "./enabled-apis";
export * from "./gke-access";
export * from "./gke-cluster";
export * from "./google-network";
export * from "./maintenance-window";
export * from "./node-pool";
export * from "./node-service-account";
