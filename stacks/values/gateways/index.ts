export type { GatewayProblem } from "./gateway-problem";
export type {
  GatewayInput,
  GatewayMonolith,
  GatewayPlacement,
  GatewayPlacementInput,
  GatewayValue,
} from "./gateway-value";
export * from "./load-gateways";
export * from "./validate-gateways";
