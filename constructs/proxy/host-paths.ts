/** The program, on a host. */
export const BUNDLE_PATH = "/usr/local/lib/tricloud/tricloud-proxy.js";
/** Its configuration. */
export const CONFIG_PATH = "/etc/tricloud/proxy.json";
/** Name under which groups of machines keep which origins are drained, for machines to come. */
export const DRAINED = "drained";
