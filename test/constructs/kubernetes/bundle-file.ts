import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";

/** A program of this tree, bundled into a file of its own. */
export interface BundleFile {
  readonly path: string;
  remove(): void;
}

export const bundleProxy = (): BundleFile => bundled("proxy");

/** Without needless spaces, as it is shipped: with them it fits no ConfigMap. */
export const bundleGateway = (): BundleFile => bundled("gateway", { minifyWhitespace: true });

function bundled(program: "proxy" | "gateway", manner: { minifyWhitespace?: boolean } = {}): BundleFile {
  const folder = mkdtempSync(join(tmpdir(), "tricloud-bundle-"));
  const path = join(folder, `tricloud-${program}.js`);
  buildSync({
    entryPoints: [join(__dirname, `../../../${program}/main.ts`)],
    outfile: path,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    legalComments: "none",
    logLevel: "warning",
    ...manner,
  });
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}
