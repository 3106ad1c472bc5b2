import { existsSync } from "node:fs";
import { readValues, type Region } from "../regions";
import type { ServiceValue } from "./service-value";
import type { NamedZones } from "../public-hosts";
import { validateServices } from "./validate-services";

/**
 * Reads and validates all services of a directory: each `.json` file, and each `.js` file's default export, is one.
 * Where there is no such directory there are no services.
 *
 * @param names zones whose names lead to all regions that run a service. @default - none
 *
 * @throws Error when a file cannot be read; InvalidServicesError when a value is wrong.
 */
export const loadServices = (
  directory: string,
  regions: readonly Region[],
  names?: NamedZones,
): readonly ServiceValue[] =>
  validateServices(existsSync(directory) ? readValues("service", directory) : [], regions, names);
