import { existsSync } from "node:fs";
import { join } from "node:path";
import { type AssetContent, assetContent } from "../host";

/** Beside the compiled library, or in `dist` when the library runs from its sources. */
const PLACES = [join(__dirname, "../.."), join(__dirname, "../../dist")];

/**
 * The proxy as the single file that every platform runs.
 *
 * @param source path of the bundle. @default - the one that `npm run build` makes
 * @throws Error when it has not been built
 */
export const proxyBundle = (source?: string): AssetContent => programBundle("proxy", source);

/** A program of the engine as the same: the proxy, or the gateway. */
export function programBundle(program: "proxy" | "gateway", source?: string): AssetContent {
  const places = PLACES.map((place) => join(place, `tricloud-${program}.js`));
  const path = source ?? places.find((place) => existsSync(place));
  if (path === undefined || !existsSync(path)) {
    throw new Error(
      `${program} bundle: expected a file at ${path ?? places[0]}, got: none; run npm run build`,
    );
  }
  return assetContent(path, `${program} bundle`);
}
