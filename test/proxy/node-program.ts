/** The Node.js that programs of the proxy's engine are run with: TRICLOUD_NODE, or that of the tests. */
export const NODE = process.env["TRICLOUD_NODE"] ?? process.execPath;
