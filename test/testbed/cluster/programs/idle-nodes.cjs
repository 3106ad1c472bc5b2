// idle-nodes.cjs KUBECONFIG: what a kubelet says of its node and of its pods, for all nodes with the label testbed/idle=yes,
// on which nothing runs: they are ready, a pod runs and is ready once it is placed, and is gone once it is deleted.
// A node whose label is taken away is silent from then on, and so are its pods: it is lost.
const https = require("node:https");
const { setInterval } = require("node:timers");
const { clusterApi } = require("./cluster-api.cjs");
const { Followed } = require("./followed.cjs");

const [kubeconfig] = process.argv.slice(2);
const api = clusterApi(kubeconfig);

/** As often as a kubelet; a node is found lost when it has said nothing for a while. */
const HEARTBEAT_MS = 10_000;
/** Of each node: more than any test places on it. */
const ROOM = { cpu: "8", memory: "32Gi", pods: "110" };

function send(method, path, body, type = "application/json") {
  const text = JSON.stringify(body);
  // Said, since Node leaves it out of a DELETE.
  const headers = { "content-type": type, "content-length": Buffer.byteLength(text) };
  const request = https.request({ ...api, method, path, headers }, (answer) => {
    let said = "";
    answer.setEncoding("utf8").on("data", (chunk) => (said += chunk));
    answer.on("end", () => {
      // Somebody else was first: what has come of it is followed.
      const expected = answer.statusCode < 300 || [404, 409].includes(answer.statusCode);
      if (!expected) console.error(`${method} ${path}: ${answer.statusCode} ${said}`);
    });
  });
  request.on("error", (error) => console.error(`${method} ${path}: ${error.message}`));
  request.end(text);
}

const setStatus = (path, status) =>
  send("PATCH", `${path}/status`, { status }, "application/merge-patch+json");

const isTrue = (type, at) => ({ type, status: "True", lastTransitionTime: at });

function beat(node) {
  const now = new Date().toISOString();
  setStatus(`/api/v1/nodes/${node.metadata.name}`, {
    ...{ capacity: ROOM, allocatable: ROOM },
    conditions: [{ ...isTrue("Ready", now), lastHeartbeatTime: now, reason: "RunsNothing" }],
  });
}

let addresses = 0;
/** One of a range that is nobody's. */
const address = () => `198.18.${Math.floor(++addresses / 250)}.${1 + (addresses % 250)}`;

function run({ metadata, spec }) {
  const now = new Date().toISOString();
  const podIP = address();
  setStatus(`/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`, {
    phase: "Running",
    startTime: now,
    ...{ podIP, podIPs: [{ ip: podIP }] },
    conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => isTrue(type, now)),
    containerStatuses: spec.containers.map(({ name, image }) => ({
      ...{ name, image, imageID: "", ready: true, started: true, restartCount: 0 },
      state: { running: { startedAt: now } },
    })),
  });
}

const end = ({ metadata }) =>
  send("DELETE", `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`, { gracePeriodSeconds: 0 });

const alive = () => nodes.items.filter(({ metadata }) => metadata.labels["testbed/idle"] === "yes");

/** Nodes that have spoken, and what was done to pods: an event of one's own doing is no reason to do it again. */
const spoken = new Set();
const done = new Set();

function once(known, key, act) {
  if (known.has(key)) return;
  known.add(key);
  act();
}

function attend() {
  if (nodes.objects === undefined || pods.objects === undefined) return;
  const names = new Set(alive().map(({ metadata }) => metadata.name));
  for (const name of spoken) if (!names.has(name)) spoken.delete(name);
  for (const node of alive()) once(spoken, node.metadata.name, () => beat(node));
  for (const pod of pods.items) {
    const { uid, deletionTimestamp } = pod.metadata;
    if (!names.has(pod.spec.nodeName)) continue;
    if (deletionTimestamp !== undefined) once(done, `${uid} ends`, () => end(pod));
    else if (pod.status.phase === "Pending") once(done, `${uid} runs`, () => run(pod));
  }
}

const nodes = new Followed(api, "/api/v1/nodes", attend);
const pods = new Followed(api, "/api/v1/pods", attend);
setInterval(() => nodes.objects !== undefined && alive().forEach(beat), HEARTBEAT_MS);
