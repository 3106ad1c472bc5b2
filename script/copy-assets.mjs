// Files that the compiled program reads beside itself and that the compiler leaves behind.
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join, parse } from "node:path";

for (const folder of ["constructs", "planning"]) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (/\.(sh|mjs|proto)$/.test(name)) cpSync(join(folder, name), join("dist", folder, name));
  }
}

cpSync("docs/region.schema.json", "dist/region.schema.json");

// Every file in dist/regions is a region: those of the sources, and none that was there once.
const regions = readdirSync("regions").map(parse);
const sources = new Set(regions.map(({ name }) => name));
for (const built of readdirSync("dist/regions")) {
  if (!sources.has(built.split(".")[0])) rmSync(join("dist/regions", built));
}
for (const { base, ext } of regions) {
  if (ext === ".json") cpSync(join("regions", base), join("dist/regions", base));
}
