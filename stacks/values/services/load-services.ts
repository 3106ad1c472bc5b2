import { existsSync } from "node:fs";
import { readValues, type Region } from "../regions";
import type { ServiceValue } from "./service-value";
import { validateServices } from "./validate-services";

/**
 * Reads and validates all services of a directory: each `.json` file, and each `.js` file's default export, is one.
 * Where there is no such directory there are no services.
 *
 * @throws Error when a file cannot be read; InvalidServicesError when a value is wrong.
 */
export const loadServices = (directory: string, regions: readonly Region[]): readonly ServiceValue[] =>
  validateServices(existsSync(directory) ? readValues("service", directory) : [], regions);
