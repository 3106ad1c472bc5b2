// What the compiler leaves to be done: files that the compiled program reads beside itself, and what can be run.
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, parse } from "node:path";

for (const folder of ["constructs", "planning"]) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (/\.(sh|mjs|cjs|proto|py)$/.test(name)) cpSync(join(folder, name), join("dist", folder, name));
  }
}

cpSync("docs/region.schema.json", "dist/region.schema.json");

// Every file in dist/regions is a region, in dist/services a service, and so on: those of the sources, and none that was there once.
for (const folder of ["regions", "services", "gateways", "names"]) {
  const values = readdirSync(folder).map(parse);
  const sources = new Set(values.map(({ name }) => name));
  const built = join("dist", folder);
  for (const file of existsSync(built) ? readdirSync(built) : []) {
    if (!sources.has(file.split(".")[0])) rmSync(join(built, file));
  }
  for (const { base, ext } of values) {
    if (ext === ".json") cpSync(join(folder, base), join(built, base));
  }
}

// npm does this once, when it links them first; npx then finds the link, and after a build from scratch could not run them.
for (const program of Object.values(JSON.parse(readFileSync("package.json", "utf8")).bin))
  chmodSync(program, 0o755);
