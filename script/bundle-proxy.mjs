// Bundles the aggregation proxy into the one file that every platform runs.
import { build } from "esbuild";

await build({
  entryPoints: ["proxy/main.ts"],
  outfile: "dist/tricloud-proxy.js",
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
