// Keeps the ready pods of Services that ask for it in Consul's catalog, every INTERVAL_MS, as the chart's catalog sync
// does: on one node of its own, under a name and port that annotations give. What is no longer there is taken out.
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { setTimeout } = require("node:timers");

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const { CONSUL, NODE_NAME, INTERVAL_MS } = process.env;
const ANNOTATION = "consul.hashicorp.com";

/** One exchange; an answer other than 2xx is an error. */
function exchange(transport, options, body) {
  return new Promise((resolve, reject) => {
    const request = transport.request({ ...options, timeout: 5000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      answer.on("end", () => {
        if (answer.statusCode >= 300)
          return reject(new Error(`${options.path}: ${answer.statusCode} ${text}`));
        resolve(JSON.parse(text || "null"));
      });
    });
    request.on("timeout", () => request.destroy(new Error(`${options.path}: no answer`)));
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const cluster = (path) =>
  exchange(https, {
    host: process.env.KUBERNETES_SERVICE_HOST,
    port: process.env.KUBERNETES_SERVICE_PORT,
    path,
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, "utf8")}` },
  });

const [host, port] = CONSUL.split(":");
const consul = (method, path, body) => exchange(http, { host, port, method, path: `/v1${path}` }, body);

/** Instances that should be in the catalog, by id. */
async function wanted() {
  const [services, slices] = await Promise.all([
    cluster("/api/v1/services"),
    cluster("/apis/discovery.k8s.io/v1/endpointslices"),
  ]);
  const instances = new Map();
  for (const { metadata } of services.items) {
    const annotations = metadata.annotations ?? {};
    if (annotations[`${ANNOTATION}/service-sync`] !== "true") continue;
    const name = annotations[`${ANNOTATION}/service-name`] ?? metadata.name;
    for (const slice of slices.items) {
      if (slice.metadata.namespace !== metadata.namespace) continue;
      if (slice.metadata.labels?.["kubernetes.io/service-name"] !== metadata.name) continue;
      const { port } =
        (slice.ports ?? []).find((each) => each.name === annotations[`${ANNOTATION}/service-port`]) ?? {};
      for (const { addresses, conditions } of slice.endpoints ?? []) {
        if (!conditions.ready || port === undefined) continue;
        for (const address of addresses) {
          const ID = `${name}-${address}-${port}`;
          instances.set(ID, { ID, Service: name, Tags: ["k8s"], Address: address, Port: port });
        }
      }
    }
  }
  return instances;
}

async function sync() {
  const instances = await wanted();
  for (const Service of instances.values()) {
    await consul("PUT", "/catalog/register", {
      ...{ Node: NODE_NAME, Address: "127.0.0.1", NodeMeta: { "external-source": "kubernetes" } },
      Service,
    });
  }
  const known = (await consul("GET", `/catalog/node/${NODE_NAME}`))?.Services ?? {};
  for (const ServiceID of Object.keys(known)) {
    if (!instances.has(ServiceID)) await consul("PUT", "/catalog/deregister", { Node: NODE_NAME, ServiceID });
  }
}

async function main() {
  for (;;) {
    await sync().catch((error) => console.error(error.message));
    await new Promise((resolve) => setTimeout(resolve, Number(INTERVAL_MS)));
  }
}

process.on("SIGTERM", () => process.exit(0));
void main();
