import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** This project's own, from where this file lies once compiled. The package that others install has none. */
const OWN = join(__dirname, "../regions");

/** Where region values are read from. */
export const regionsDirectory = (): string =>
  process.env["TRICLOUD_REGIONS"] ?? (existsSync(OWN) ? OWN : resolve("regions"));
