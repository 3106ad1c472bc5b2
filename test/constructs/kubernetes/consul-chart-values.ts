/**
 * The values of HashiCorp's chart `consul`, 1.9, that this project gives, and what each takes; from the chart's
 * values.yaml and templates. "text" is YAML or JSON that the chart reads from a string; "none" takes the
 * chart's default away.
 */
export const CHART_VALUES: Readonly<
  Record<string, "string" | "boolean" | "number" | "text" | "volumes" | "none">
> = {
  "global.name": "string",
  "global.datacenter": "string",
  "global.domain": "string",
  "global.image": "string",
  "global.imageK8S": "string",
  "global.gossipEncryption.secretName": "string",
  "global.gossipEncryption.secretKey": "string",
  "global.tls.enabled": "boolean",
  "global.tls.httpsOnly": "boolean",
  "global.tls.verify": "boolean",
  "global.tls.caCert.secretName": "string",
  "global.tls.caCert.secretKey": "string",
  "global.acls.manageSystemACLs": "boolean",
  "global.metrics.enabled": "boolean",
  "global.metrics.enableAgentMetrics": "boolean",
  "global.metrics.agentMetricsRetentionTime": "string",
  "server.replicas": "number",
  "server.bootstrapExpect": "number",
  "server.storage": "string",
  "server.storageClass": "string",
  "server.resources.requests.cpu": "string",
  "server.resources.requests.memory": "string",
  "server.resources.limits.cpu": "none",
  "server.resources.limits.memory": "string",
  "server.topologySpreadConstraints": "text",
  "server.extraConfig": "text",
  // Its Secret holds tls.crt and tls.key; with it the chart makes no certificates of its own.
  "server.serverCert.secretName": "string",
  // Of type "secret" or "configMap"; `load` makes the servers read its .json files as configuration.
  "server.extraVolumes": "volumes",
  "server.annotations": "text",
  "client.enabled": "boolean",
  "connectInject.enabled": "boolean",
  "connectInject.apiGateway.manageExternalCRDs": "boolean",
  "connectInject.apiGateway.manageNonStandardCRDs": "boolean",
  "ui.enabled": "boolean",
  "dns.enabled": "boolean",
  "dns.clusterIP": "string",
  "syncCatalog.enabled": "boolean",
  "syncCatalog.default": "boolean",
  "syncCatalog.toConsul": "boolean",
  "syncCatalog.toK8S": "boolean",
  "syncCatalog.consulWriteInterval": "string",
  "syncCatalog.consulNodeName": "string",
  "syncCatalog.tolerations": "text",
  "syncCatalog.resources.requests.cpu": "string",
  "syncCatalog.resources.requests.memory": "string",
  "syncCatalog.resources.limits.cpu": "none",
  "syncCatalog.resources.limits.memory": "string",
  "syncCatalog.aclSyncToken.secretName": "string",
  "syncCatalog.aclSyncToken.secretKey": "string",
  "syncCatalog.annotations": "text",
};

/** What the chart would not understand of these values: names that it does not have, and values of another kind. */
export function chartErrors(values: object, path = ""): string[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    const name = path === "" ? key : `${path}.${key}`;
    const kind = CHART_VALUES[name];
    if (kind === undefined) {
      if (typeof value === "object" && value !== null && !Array.isArray(value)) {
        return chartErrors(value, name);
      }
      return [`${name} is not known`];
    }
    return isOf(kind, value) ? [] : [`${name} must be a ${kind}, got: ${JSON.stringify(value)}`];
  });
}

function isOf(kind: (typeof CHART_VALUES)[string], value: unknown): boolean {
  if (kind === "text") return typeof value === "string";
  if (kind === "none") return value === null;
  if (kind !== "volumes") return typeof value === kind;
  return Array.isArray(value) && value.every(isVolume);
}

function isVolume(value: unknown): boolean {
  const { type, name, load, items, ...unknown } = value as Record<string, unknown>;
  return (
    (type === "secret" || type === "configMap") &&
    typeof name === "string" &&
    typeof load === "boolean" &&
    (items as { key: string; path: string }[]).every(
      ({ key, path }) => key !== "" && /\.(json|hcl)$/.test(path),
    ) &&
    Object.keys(unknown).length === 0
  );
}
