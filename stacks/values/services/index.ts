export * from "./load-services";
export type { ServiceProblem } from "./service-problem";
export type {
  ServiceHealthInput,
  ServiceInput,
  ServicePlacement,
  ServicePlacementInput,
  ServicePublicInput,
  ServiceReleases,
  ServiceTaskInput,
  ServiceTaskValue,
  ServiceValue,
} from "./service-value";
export * from "./validate-services";
