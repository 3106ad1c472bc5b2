import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** This project's app, in one file that starts at once. The package that others install has none. */
const APP = join(__dirname, "../main.js");
/** The same from the package, in a project that has regions of its own. */
const PACKAGED = [join(__dirname, "main.js"), "synth"];

/**
 * Has the app write what reports are made of, availability.json and topology.json in cdktf.out, from the regions as
 * they are now. What the app says goes to standard error: standard output is the report's alone.
 *
 * In a project with an app of its own there is nothing to run: that has written them.
 *
 * @returns whether it did
 */
export const assessStacks = (): boolean => runApp("--availability");

/** Has the app write the configuration of every stack, from the regions as they are now. @returns whether it did */
export const synthesise = (): boolean => runApp();

function runApp(...args: readonly string[]): boolean {
  const app = existsSync(APP) ? [APP] : runsPackaged() ? PACKAGED : undefined;
  if (app === undefined) return true;
  const { status, error } = spawnSync(process.execPath, [...app, ...args], {
    stdio: ["ignore", process.stderr.fd, "inherit"],
  });
  if (error !== undefined) throw error;
  return status === 0;
}

/** Whether the project here synthesises by `tricloud synth`, as `tricloud init` writes it. */
function runsPackaged(): boolean {
  if (!existsSync("cdktf.json")) return false;
  const { app } = JSON.parse(readFileSync("cdktf.json", "utf8")) as { readonly app?: unknown };
  return typeof app === "string" && /\btricloud synth\b/.test(app);
}
