/** Kubernetes calls a node lost that has been silent for so long, and then names its pods no more. */
export const LOST_AFTER_SECONDS = 40;

/** How long pods stay on a node that was found lost, in seconds: it was given `LOST_AFTER_SECONDS` already. */
const LOST_NODE_SECONDS = 5;

const LOST = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/** For pods whose loss matters: a lost node's are replaced at once, where Kubernetes by itself waits five minutes. */
export const LEAVES_LOST_NODE = LOST.map((key) => ({
  key,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: String(LOST_NODE_SECONDS),
}));

/** The same as text of a chart's value. */
export const LEAVES_LOST_NODE_TEXT = LOST.map(
  (key) => `- key: ${key}
  operator: Exists
  effect: NoExecute
  tolerationSeconds: ${LOST_NODE_SECONDS}
`,
).join("");
