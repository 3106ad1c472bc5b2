export type { RegistryAccess } from "./container-runtime";
export * from "./container-service";
