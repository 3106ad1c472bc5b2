import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";

/** The proxy of this tree, bundled into a file of its own. */
export interface BundleFile {
  readonly path: string;
  remove(): void;
}

export function bundleProxy(): BundleFile {
  const folder = mkdtempSync(join(tmpdir(), "tricloud-bundle-"));
  const path = join(folder, "tricloud-proxy.js");
  buildSync({
    entryPoints: [join(__dirname, "../../../proxy/main.ts")],
    outfile: path,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "warning",
  });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}
