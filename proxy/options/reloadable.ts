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

/** Options that are different and need a restart. */
export function needingRestart(before: Options, after: Options): OptionName[] {
  return OPTION_NAMES.filter(
    (name) => !RELOADABLE.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
}

/** By which a proxy shows which configuration it runs with. */
export function configurationHash(options: Options): string {
  return createHash("sha256").update(JSON.stringify(options)).digest("hex").slice(0, 16);
}
