export type { RegistryAccess } from "./container-runtime";
export * from "./container-service";
export * from "./load-services";
export type {
  ServiceHealthInput,
  ServiceInput,
  ServicePlacement,
  ServicePlacementInput,
  ServiceValue,
} from "./service-value";
export * from "./validate-services";
