// Stops a command that runs what `npm run build` made when that is missing or older than the sources: it would tell of,
// and deploy, what was there before.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
// The build writes it last.
const built = join(root, "dist/main.js");
const SOURCES = [
  "main.ts",
  "regions",
  "services",
  "gateways",
  "names",
  "stacks",
  "constructs",
  "planning",
  "certificates",
  "proxy",
  "gateway",
  "cli",
].filter((source) => existsSync(join(root, source)));

const modified = (path) => statSync(path).mtimeMs;

/** A file, or a folder, whose time tells that a file came or went, and all in it. */
function* filesAndFolders(path) {
  yield path;
  if (statSync(path).isDirectory()) {
    for (const name of readdirSync(path)) yield* filesAndFolders(join(path, name));
  }
}

function problem() {
  if (!existsSync(built)) return "dist/main.js is missing";
  const time = modified(built);
  for (const source of SOURCES) {
    for (const file of filesAndFolders(join(root, source))) {
      if (modified(file) > time) return `${file.slice(root.length + 1)} has changed since the last build`;
    }
  }
  return undefined;
}

const found = problem();
if (found !== undefined) {
  console.error(`error: ${found}: run "npm run build" first`);
  process.exitCode = 1;
}
