import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AssetContent } from "../host";

/** Beside the compiled library, or in `dist` when the library runs from its sources. */
const PLACES = [join(__dirname, "../../tricloud-proxy.js"), join(__dirname, "../../dist/tricloud-proxy.js")];

/**
 * The proxy as the single file that every platform runs.
 *
 * @param source path of the bundle. @default - the one that `npm run build` makes
 * @throws Error when it has not been built
 */
export function proxyBundle(
  source: string | undefined = PLACES.find((place) => existsSync(place)),
): AssetContent {
  if (source === undefined || !existsSync(source)) {
    throw new Error(`proxy bundle: expected a file at ${source ?? PLACES[0]}, got: none; run npm run build`);
  }
  return { kind: "asset", source, sha256: createHash("sha256").update(readFileSync(source)).digest("hex") };
}
