// Bundles the programs that serve, each into the one file that every platform runs.
import { build } from "esbuild";

for (const [entry, program] of [
  ["proxy/main.ts", "tricloud-proxy"],
  ["gateway/main.ts", "tricloud-gateway"],
]) {
  await build({
    entryPoints: [entry],
    outfile: `dist/${program}.js`,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    banner: { js: "#!/usr/bin/env node" },
    legalComments: "none",
    // Beside the bundle, whose content is the same with it and without: node --enable-source-maps reads it.
    sourcemap: "external",
    logLevel: "warning",
  });
}
