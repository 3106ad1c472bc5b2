/** The program, on a host. */
export const BUNDLE_PATH = "/usr/local/lib/tricloud/tricloud-proxy.js";
/** Its configuration. */
export const CONFIG_PATH = "/etc/tricloud/proxy.json";
