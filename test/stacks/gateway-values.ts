import type { Region } from "../../stacks/values/regions";
import { type GatewayInput, type GatewayValue, validateGateways } from "../../stacks/values/gateways";
import type { ServiceInput } from "../../stacks/values/services";
import { validated } from "./service-values";

/** A gateway that says only what it must, in that region. */
export const gatewayIn = (region: string, changes: Partial<GatewayInput> = {}): GatewayInput => ({
  name: "api",
  hosts: ["api.example.com"],
  in: { [region]: {} },
  ...changes,
});

/** Gateways with the routes of these services. */
export const validatedGateways = (
  gateways: readonly GatewayInput[],
  services: readonly ServiceInput[],
  regions: readonly Region[],
): readonly GatewayValue[] =>
  validateGateways(
    gateways.map((value) => ({ file: `${value.name}.ts`, value })),
    regions,
    validated(services, regions),
  );
