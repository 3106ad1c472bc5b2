// Bundles the programs that serve, each into the one file that every platform runs.
import { build } from "esbuild";

for (const [entry, program, manner] of [
  ["proxy/main.ts", "tricloud-proxy", {}],
  // A ConfigMap of Kubernetes holds 1 MiB, which it would come to with all its spaces. Names stay as they are.
  ["gateway/main.ts", "tricloud-gateway", { minifyWhitespace: true }],
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
    ...manner,
    // Beside the bundle, whose content is the same with it and without: node --enable-source-maps reads it.
    sourcemap: "external",
    logLevel: "warning",
  });
}
