import { createHash } from "node:crypto";
import { type OptionName, OPTION_NAMES, type Options } from "./options";

/** What may change while the proxy serves; everything else is looked at once, at start. */
const RELOADABLE: ReadonlySet<OptionName> = new Set<OptionName>([
  "allow",
  "allowAny",
  "warm",
  "groups",
  "keepaliveConns",
  "maxConnsPerHost",
  "readTimeout",
  "writeTimeout",
  "proxyReadTimeout",
  "connectTimeout",
  "clientIdleTimeout",
  "originIdleTimeout",
  "maxQueue",
  "queueTimeout",
  "tunnelIdleTimeout",
  "minBodyRate",
  "requestBuffering",
  "peerNames",
]);

const READ_AT_START = OPTION_NAMES.filter((name) => !RELOADABLE.has(name));

/** Of all that is told, as options or in a file's words, what only a start takes notice of; as a text to compare. */
export const readAtStart = (told: Readonly<Partial<Record<OptionName, unknown>>>): string =>
  JSON.stringify(READ_AT_START.map((name) => [name, told[name]]));

/** Options that are different and need a restart. */
export function needingRestart(before: Options, after: Options): OptionName[] {
  return READ_AT_START.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

/** By which a proxy shows which configuration it runs with. */
export function configurationHash(options: Options): string {
  return createHash("sha256").update(JSON.stringify(options)).digest("hex").slice(0, 16);
}
