/* Types for those who write values of regions, services, gateways and names in TypeScript. */
export type { GatewayInput, GatewayMonolith, GatewayPlacementInput } from "./gateways/gateway-value";
export type { NamesInput } from "./names/names-value";
export type { DedicatedRegionInput, HostRole } from "./regions/dedicated-region";
export type { Ec2RegionInput } from "./regions/ec2-region";
export type { GkeRegionInput } from "./regions/gke-region";
export type {
  ServiceHealthInput,
  ServiceInput,
  ServicePlacementInput,
  ServicePublicInput,
  ServiceReleases,
  ServiceTaskInput,
} from "./services/service-value";
