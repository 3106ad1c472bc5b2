export * from "./dedicated-region";
export * from "./ec2-region";
export * from "./gke-region";
export * from "./load-regions";
export * from "./origins";
export * from "./region";
export * from "./region-errors";
export * from "./validate-regions";
