import { existsSync } from "node:fs";
import type { NamedZones } from "../public-hosts";
import { readValues, type Region } from "../regions";
import type { ServiceValue } from "../services";
import type { GatewayValue } from "./gateway-value";
import { validateGateways } from "./validate-gateways";

/**
 * Reads and validates all gateways of a directory: each `.json` file, and each `.js` file's default export, is one. Where
 * there is no such directory there are no gateways.
 *
 * @throws Error when a file cannot be read; InvalidGatewaysError when a value is wrong.
 */
export const loadGateways = (
  directory: string,
  regions: readonly Region[],
  services: readonly ServiceValue[],
  names?: NamedZones,
): readonly GatewayValue[] =>
  validateGateways(existsSync(directory) ? readValues("gateway", directory) : [], regions, services, names);
