import { join } from "node:path";
import { buildSync } from "esbuild";
import type { ImageRegistry, Testbed } from "../../testbed";

/** Makes an image of `talk.Talk` and pushes it; returns `REPOSITORY@sha256:DIGEST`. */
export function pushTalk(registry: ImageRegistry, testbed: Testbed): Promise<string> {
  const program = join(testbed.directory, "talk.cjs");
  buildSync({
    ...{ entryPoints: [join(__dirname, "service.ts")], outfile: program, bundle: true },
    ...{ platform: "node", target: "node20", format: "cjs", logLevel: "warning" },
  });
  return registry.push("talk", { env: {}, program });
}
