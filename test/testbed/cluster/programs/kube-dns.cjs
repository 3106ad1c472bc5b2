// kube-dns as GKE runs it, to who asks it: names of the cluster from its API, those of stub domains from the servers
// that the ConfigMap kube-dns names for them, all others from any of its upstream servers, chosen anew each time.
// It keeps nothing, asks nobody twice, and takes 1,000 questions at a time.
const { readFileSync } = require("node:fs");
const https = require("node:https");
const { setTimeout } = require("node:timers");
const { TYPES, questionOf, answerTo, serve, ask } = require("./dns-messages.cjs");

const IN_FLIGHT = 1000;
const ANSWER_WITHIN_MS = 5000;
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const api = { host: process.env.API_HOST, port: process.env.API_PORT };
const ca = readFileSync(`${ACCOUNT}/ca.crt`);

/** Keeps `objects` (by namespace/name) as the API has them; calls back when they are complete for the first time. */
function follow(path, objects, onComplete) {
  const token = readFileSync(`${ACCOUNT}/token`, "utf8");
  const options = { ...api, ca, headers: { authorization: `Bearer ${token}` } };
  const again = () => setTimeout(follow, 500, path, objects, onComplete);
  const keyOf = ({ metadata }) => `${metadata.namespace}/${metadata.name}`;
  const listing = https.get({ ...options, path }, (answer) => {
    let text = "";
    answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    answer.on("end", () => {
      if (answer.statusCode !== 200) return again();
      const list = JSON.parse(text);
      objects.clear();
      for (const item of list.items) objects.set(keyOf(item), item);
      onComplete();
      const query = `${path.includes("?") ? "&" : "?"}watch=1&resourceVersion=${list.metadata.resourceVersion}`;
      const watching = https.get({ ...options, path: path + query }, (events) => {
        let held = "";
        events.setEncoding("utf8").on("data", (chunk) => {
          const lines = (held + chunk).split("\n");
          held = lines.pop();
          for (const line of lines) {
            const { type, object } = JSON.parse(line);
            if (type === "ERROR") return events.destroy();
            if (type === "DELETED") objects.delete(keyOf(object));
            else objects.set(keyOf(object), object);
          }
        });
        events.on("close", again);
      });
      watching.on("error", again);
    });
  });
  listing.on("error", again);
}

const services = new Map();
const slices = new Map();
const configMaps = new Map();

/** Addresses of NAME.NAMESPACE.svc.cluster.local, or of one pod of a headless one; undefined when there is none. */
function addressesOf(name) {
  const labels = name.slice(0, -".svc.cluster.local".length).split(".");
  const [service, namespace] = labels.slice(-2);
  const host = labels.slice(0, -2).join(".");
  const found = services.get(`${namespace}/${service}`);
  if (found === undefined) return undefined;
  const { clusterIP, publishNotReadyAddresses } = found.spec;
  if (clusterIP !== undefined && clusterIP !== "None") return host === "" ? [clusterIP] : undefined;
  const endpoints = [...slices.values()]
    .filter(({ metadata }) => metadata.namespace === namespace)
    .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service)
    .flatMap((slice) => slice.endpoints ?? [])
    .filter(({ conditions }) => conditions.ready !== false || publishNotReadyAddresses)
    .filter(({ hostname }) => host === "" || hostname === host);
  return endpoints.length === 0 && host !== "" ? undefined : endpoints.flatMap(({ addresses }) => addresses);
}

/** Servers to ask for a name outside the cluster. */
function serversFor(name) {
  const data = configMaps.get("kube-system/kube-dns")?.data ?? {};
  const stubs = Object.entries(JSON.parse(data.stubDomains ?? "{}"))
    .filter(([domain]) => name === domain || name.endsWith(`.${domain}`))
    .sort(([a], [b]) => b.length - a.length);
  if (stubs.length > 0) return stubs[0][1];
  return data.upstreamNameservers === undefined ? ["169.254.169.254"] : JSON.parse(data.upstreamNameservers);
}

let inFlight = 0;

async function answer(query, transport) {
  const { name, type } = questionOf(query);
  if (name.endsWith(".cluster.local") || name === "cluster.local") {
    const addresses = name.endsWith(".svc.cluster.local") ? addressesOf(name) : undefined;
    if (addresses === undefined) return answerTo(query, { rcode: "NXDOMAIN" });
    return answerTo(query, { addresses: type === TYPES.A ? addresses : [] });
  }
  if (inFlight >= IN_FLIGHT) return answerTo(query, { rcode: "REFUSED" });
  inFlight++;
  try {
    const servers = serversFor(name);
    const server = servers[Math.floor(Math.random() * servers.length)].replace(/:53$/, "");
    return await ask(server, query, transport, ANSWER_WITHIN_MS);
  } finally {
    inFlight--;
  }
}

let complete = 0;
const begin = () => {
  // Also called whenever a watch begins anew.
  if (++complete === 3) serve(process.env.LISTEN, 53, answer);
};
follow("/api/v1/services", services, begin);
follow("/apis/discovery.k8s.io/v1/endpointslices", slices, begin);
follow("/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dkube-dns", configMaps, begin);
process.on("SIGTERM", () => process.exit(0));
