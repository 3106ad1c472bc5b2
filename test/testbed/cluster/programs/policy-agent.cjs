// policy-agent.cjs KUBECONFIG NETWORKS PIPE...: enforces NetworkPolicies, ingress only, as GKE's Dataplane V2 does:
// what no policy of a pod allows is dropped, whoever runs on the pod's own node may always connect, and an ipBlock names
// neither pods nor nodes, whose NETWORKS (a list with commas) these are. A policy is in force a moment after it is made.
// Rules are nftables', for where packets to pods are forwarded; each node reads them from a PIPE of its own.
const { open } = require("node:fs/promises");
const { clearTimeout, setTimeout } = require("node:timers");
const { clusterApi } = require("./cluster-api.cjs");
const { Followed, keyOf } = require("./followed.cjs");

const [kubeconfig, networks, ...pipes] = process.argv.slice(2);
const api = clusterApi(kubeconfig);

/** Whether labels are as a selector wants them; one that says nothing wants nothing. */
function matches({ matchLabels = {}, matchExpressions = [] }, labels = {}) {
  if (matchExpressions.length > 0) throw new Error("matchExpressions are not known here");
  return Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
}

const followed = (path) => new Followed(api, path, () => enforceSoon());
const all = {
  policies: followed("/apis/networking.k8s.io/v1/networkpolicies"),
  pods: followed("/api/v1/pods"),
  namespaces: followed("/api/v1/namespaces"),
};

/** Pods with an address of their own. */
const addressed = () =>
  all.pods.items.filter(
    ({ spec, status }) =>
      spec.hostNetwork !== true &&
      status.podIP !== undefined &&
      !["Succeeded", "Failed"].includes(status.phase),
  );

const setOf = (values) => `{ ${[...new Set(values)].join(", ")} }`;

/** What a peer of a policy is as the source of a packet; undefined where that is nobody at present. */
function sourceOf({ ipBlock, namespaceSelector, podSelector = {} }, policy) {
  if (ipBlock !== undefined) {
    const but = [networks.split(","), ipBlock.except ?? []].flat();
    return `ip saddr ${ipBlock.cidr} ip saddr != ${setOf(but)}`;
  }
  const spaces = all.namespaces.items
    .filter(({ metadata }) =>
      namespaceSelector === undefined
        ? metadata.name === policy.metadata.namespace
        : matches(namespaceSelector, metadata.labels),
    )
    .map(({ metadata }) => metadata.name);
  const pods = addressed().filter(
    ({ metadata }) => spaces.includes(metadata.namespace) && matches(podSelector, metadata.labels),
  );
  return pods.length === 0 ? undefined : `ip saddr ${setOf(pods.map(({ status }) => status.podIP))}`;
}

/** Number of a pod's port: policies may say its name. */
function numberOf(port, protocol, { spec }) {
  if (typeof port === "number") return port;
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find((each) => each.name === port && (each.protocol ?? "TCP") === protocol)?.containerPort;
}

/** Rules that accept what a policy allows its pods. */
function accepting(policy, pods) {
  return (policy.spec.ingress ?? []).flatMap(({ from, ports }) => {
    const sources = from === undefined ? [""] : from.flatMap((peer) => sourceOf(peer, policy) ?? []);
    return pods.flatMap((pod) => {
      const services =
        ports === undefined
          ? [""]
          : ports.flatMap(({ protocol = "TCP", port }) => {
              const number = numberOf(port, protocol, pod);
              return number === undefined ? [] : [`${protocol.toLowerCase()} dport ${number}`];
            });
      return sources.flatMap((source) =>
        services.map((service) => `${source} ip daddr ${pod.status.podIP} ${service} accept`),
      );
    });
  });
}

function ruleset() {
  const isolated = new Map();
  const rules = all.policies.items.flatMap((policy) => {
    const { policyTypes, podSelector } = policy.spec;
    if (policyTypes.join() !== "Ingress") throw new Error(`${keyOf(policy)}: only ingress is known here`);
    const pods = addressed().filter(
      ({ metadata }) =>
        metadata.namespace === policy.metadata.namespace && matches(podSelector, metadata.labels),
    );
    for (const { status } of pods) isolated.set(status.podIP, true);
    return accepting(policy, pods);
  });
  const drop = isolated.size === 0 ? [] : [`ip daddr ${setOf(isolated.keys())} drop`];
  return `table inet policies
delete table inet policies
table inet policies {
  chain forward {
    type filter hook forward priority filter + 10; policy accept;
    ct state established,related accept
    ${[...rules, ...drop].join("\n    ")}
  }
}
`;
}

let rules;
let timer;

function enforceSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (Object.values(all).some(({ objects }) => objects === undefined)) return;
    rules = ruleset();
    pipes.forEach(tell);
  }, 50);
}

const busy = new Set();
/** What each node was given last. */
const given = new Map();

/** Gives a node the rules, and once more if they have changed by the time it takes them: it may be down. */
async function tell(pipe) {
  if (busy.has(pipe)) return;
  busy.add(pipe);
  while (given.get(pipe) !== rules) {
    const node = await open(pipe, "w");
    given.set(pipe, rules);
    await node.writeFile(rules).catch((error) => console.error(`${pipe}: ${error.message}`));
    await node.close();
  }
  busy.delete(pipe);
}
