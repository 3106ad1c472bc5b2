import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { AssetContent } from "./host-profile";

/**
 * A file of this machine, to be delivered byte for byte.
 *
 * @param what it is, for messages
 * @throws Error when there is none
 */
export function assetContent(source: string, what: string): AssetContent {
  if (!existsSync(source)) throw new Error(`${what}: expected a file at ${source}, got: none`);
  const sha256 = createHash("sha256").update(readFileSync(source)).digest("hex");
  return { kind: "asset", source, sha256 };
}
