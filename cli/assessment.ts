import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** This project's app, from where this file lies once compiled. The package that others install has none. */
const APP = join(__dirname, "../main.js");

/**
 * Has the app write what reports are made of, availability.json and topology.json in cdktf.out, from the regions as
 * they are now. What the app says goes to standard error: standard output is the report's alone.
 *
 * In another project there is nothing to run: its own app has written them.
 *
 * @returns whether it did
 */
export const assessStacks = (): boolean => runApp("--availability");

/** Has the app write the configuration of every stack, from the regions as they are now. @returns whether it did */
export const synthesise = (): boolean => runApp();

function runApp(...args: readonly string[]): boolean {
  if (!existsSync(APP)) return true;
  const { status, error } = spawnSync(process.execPath, [APP, ...args], {
    stdio: ["ignore", process.stderr.fd, "inherit"],
  });
  if (error !== undefined) throw error;
  return status === 0;
}
