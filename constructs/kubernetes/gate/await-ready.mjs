// Waits until what a deploy has made does its work, and says why when it does not. Runs where Terraform runs, as
// `node await-ready.mjs`, with the task in the environment: TRICLOUD_AWAIT (JSON), TRICLOUD_TOKEN.
//
// Task: { host, boundSeconds, pollSeconds, certificates?, await: Awaited[] }, where each Awaited is one of
//   { what, conditions: PATH, types: [TYPE...] }   an object of Kubernetes with conditions, each to be True
//   { what, parents: PATH, types: [TYPE...] }      a route, with the conditions that each of its gateways gives it
//   { what, rollout: PATH, atLeast?, maxEnds?,     a Deployment, DaemonSet or StatefulSet, all of its pods the new ones,
//     reload?: { folder, digest, command } }       and at least so many; a Deployment whose new pods' containers end
//                                                  so often is waited for no longer; then each pod whose folder holds
//                                                  the files of that digest runs the command, by which it serves by
//                                                  them: one first, then all others
//   { what, pods: PATH }                           a list of pods, at least one of them ready
//   { what, certificate: URL }                     a certificate of Google's Certificate Manager

import { setTimeout as sleep } from "node:timers/promises";
import { execInPod } from "./pod-exec.cjs";

/** An answer of an API. @throws Error that says what was asked and what was answered */
async function exchange(url, token, { method = "GET", headers = {}, body } = {}) {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, accept: "application/json", ...headers },
    body,
    signal: AbortSignal.timeout(30_000),
  });
  if (response.ok) return response.json();
  const { message, error } = await response.json().catch(() => ({}));
  throw new Error(message ?? error?.message ?? `${new URL(url).pathname} answers ${response.status}`);
}

/** Conditions that are not True, or were found so for an earlier form of the object. */
function unmet(conditions, types, generation) {
  return types.flatMap((type) => {
    const found = conditions?.find((each) => each.type === type);
    if (found === undefined) return [`${type} is not told yet`];
    if ((found.observedGeneration ?? generation) < generation) return [`${type} is told of an earlier form`];
    if (found.status === "True") return [];
    return [`${type} is ${found.status}: ${[found.reason, found.message].filter(Boolean).join(", ")}`];
  });
}

async function conditionsOf({ conditions, types }, { ask }) {
  const { metadata, status } = await ask(conditions);
  const listeners = (status?.listeners ?? []).flatMap(({ name, conditions: own }) =>
    (own ?? [])
      .filter(
        (each) =>
          each.status === "False" && each.type !== "Conflicted" && each.type !== "OverlappingTLSConfig",
      )
      .map((each) => `listener ${name}: ${each.type} is False: ${each.reason}, ${each.message}`),
  );
  const own = unmet(status?.conditions, types, metadata.generation ?? 0);
  return own.length === 0 ? [] : [...own, ...listeners];
}

async function parentsOf({ parents: path, types }, { ask }) {
  const { metadata, status } = await ask(path);
  const parents = status?.parents ?? [];
  if (parents.length === 0) return ["no gateway has taken it yet"];
  return parents.flatMap(({ conditions }) => unmet(conditions, types, metadata.generation ?? 0));
}

async function rolloutOf(awaited, context) {
  const { rollout, atLeast = 0, maxEnds = Infinity } = awaited;
  const { ask } = context;
  const { metadata, spec, status = {} } = await ask(rollout);
  const scheduled = status.desiredNumberScheduled ?? spec.replicas ?? 1;
  const wanted = Math.max(scheduled, atLeast);
  const updated = status.updatedNumberScheduled ?? status.updatedReplicas ?? 0;
  const ready = status.numberAvailable ?? status.availableReplicas ?? status.readyReplicas ?? 0;
  const present = status.currentNumberScheduled ?? status.replicas ?? 0;
  const observed = (status.observedGeneration ?? 0) >= metadata.generation;
  const pods = `/api/v1/namespaces/${metadata.namespace}/pods?${selecting(spec)}`;
  if (observed && updated >= wanted && ready >= wanted && present <= wanted)
    return awaited.reload === undefined ? [] : await reloadsOf(awaited, pods, context);
  const { items } = await ask(pods);
  const unready = items.filter((pod) => !isReady(pod));
  // Until the new form is seen, the newest pods are those of the form before, which may be what is to be taken back.
  const ended = observed ? unready.filter((pod) => endsOf(pod) >= maxEnds) : [];
  const newest = ended.length === 0 ? undefined : await newestForm(metadata, spec, ask);
  const hopeless = ended.find((pod) => pod.metadata.labels?.[FORM] === newest);
  const reasons = [
    `${updated} of ${wanted} pods are of the new form, ${ready} are ready`,
    ...(await reasonsOf(unready, metadata.namespace, ask)),
    ...(items.length < wanted ? await refusals(metadata.namespace, metadata.name, ask) : []),
  ];
  if (hopeless === undefined) return reasons;
  const given = `pod ${hopeless.metadata.name} has ended ${endsOf(hopeless)} times: it is waited for no longer`;
  return Object.assign([...reasons, given], { hopeless: true });
}

/** What pods that have run a reload's command have said, by their uids. */
const reloaded = new Map();

/** Has all pods that are to stay serve by the newest files. One goes first: what it refuses no other is told. */
async function reloadsOf({ what, reload }, path, { ask, changePod, exec }) {
  const pods = (await ask(path)).items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const namespace = /\/namespaces\/([^/]+)\//.exec(path)[1];
  const take = async (pod) => {
    if (!isReady(pod)) return reasonsOf([pod], namespace, ask);
    const { name, uid } = pod.metadata;
    const at = `/api/v1/namespaces/${namespace}/pods/${name}`;
    try {
      // The kubelet looks whether a pod's files are the newest when the pod changes, and else once a minute or so.
      await changePod(at, { metadata: { annotations: { [ASKED]: new Date().toISOString() } } });
      const arrived = await exec(at, ["node", "-e", UNTIL_THERE, reload.folder, reload.digest]);
      if (arrived.code !== 0) return [`pod ${name}: ${lastLine(arrived)}`];
      const done = await exec(at, reload.command);
      if (done.code === 0) {
        reloaded.set(uid, lastLine(done));
        return [];
      }
      const refused = [`pod ${name}: ${lastLine(done)}`];
      return done.code === 1 ? Object.assign(refused, { hopeless: true }) : refused;
    } catch (error) {
      return [`pod ${name}: ${error.cause?.message ?? error.message}`];
    }
  };
  const waiting = pods.filter(({ metadata }) => !reloaded.has(metadata.uid));
  const isFirst = waiting.length === pods.length;
  const first = isFirst ? [waiting.find(isReady) ?? waiting[0]].filter(Boolean) : [];
  for (const together of [first, waiting.filter((pod) => !first.includes(pod))]) {
    const reasons = await Promise.all(together.map(take));
    const hopeless = reasons.some((each) => each.hopeless);
    if (reasons.flat().length > 0) return Object.assign(reasons.flat(), { hopeless });
  }
  const answers = pods.map(({ metadata }) => reloaded.get(metadata.uid));
  for (const answer of new Set(answers)) {
    const count = answers.filter((each) => each === answer).length;
    process.stdout.write(`${what}: ${count} of ${pods.length} pods: ${answer}\n`);
  }
  return [];
}

/** By which a pod is changed, and says when it was last asked to take other files. */
const ASKED = "tricloud/asked-to-reload";

/** Waits in a pod until the files of a folder have a digest, and fails when that does not come. */
const UNTIL_THERE = `
const { createHash } = require("node:crypto");
const { readdirSync, readFileSync } = require("node:fs");
const [folder, wanted] = process.argv.slice(1);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const line = (file) => file + " " + sha256(readFileSync(folder + "/" + file)) + "\\n";
const digest = () => sha256(readdirSync(folder).filter((name) => !name.startsWith("..")).map(line).sort().join(""));
const until = Date.now() + 5000;
const isThere = () => {
  try {
    return digest() === wanted;
  } catch (error) {
    // A file that goes at this moment.
    if (error.code === "ENOENT") return false;
    throw error;
  }
};
const look = () => {
  if (isThere()) return;
  if (Date.now() < until) return setTimeout(look, 50);
  console.error("the files in " + folder + " are not those of this deploy yet");
  process.exitCode = 1;
};
look();
`;

const lastLine = ({ code, stdout, stderr }) =>
  (code === 0 ? stdout : stderr).trim().split("\n").at(-1) || `it has ended with ${code} and said nothing`;

/** The query for what a workload selects. */
function selecting({ selector }) {
  const labels = Object.entries(selector.matchLabels).map(([name, value]) => `${name}=${value}`);
  return `labelSelector=${encodeURIComponent(labels.join(","))}`;
}

/** The label that tells a Deployment's pods of one form from those of another. */
const FORM = "pod-template-hash";

/** What the newest pods of a Deployment carry as `FORM`. */
async function newestForm({ namespace, annotations = {} }, spec, ask) {
  const REVISION = "deployment.kubernetes.io/revision";
  const { items } = await ask(`/apis/apps/v1/namespaces/${namespace}/replicasets?${selecting(spec)}`);
  const newest = items.find(({ metadata }) => metadata.annotations?.[REVISION] === annotations[REVISION]);
  return newest?.metadata.labels[FORM];
}

/** How often the container of a pod that did so most has ended. */
const endsOf = ({ status = {} }) =>
  Math.max(
    0,
    ...(status.containerStatuses ?? []).map(({ restartCount = 0, state, lastState }) => {
      const isOver =
        state?.running === undefined && (state?.terminated ?? lastState?.terminated) !== undefined;
      return restartCount + (isOver ? 1 : 0);
    }),
  );

async function podsAt({ pods }, { ask }) {
  const { items } = await ask(pods);
  if (items.some(isReady)) return [];
  const namespace = /\/namespaces\/([^/]+)\//.exec(pods)[1];
  if (items.length === 0) return ["there is none", ...(await refusals(namespace, undefined, ask))];
  return reasonsOf(items, namespace, ask);
}

async function certificateAt({ certificate }, { ask }) {
  const { managed = {} } = await ask(certificate);
  if (managed.state === "ACTIVE") return [];
  const attempts = (managed.authorizationAttemptInfo ?? []).filter(({ state }) => state !== "AUTHORIZED");
  return [
    `it is ${managed.state ?? "not told of yet"}`,
    ...(managed.provisioningIssue === undefined
      ? []
      : [`${managed.provisioningIssue.reason}: ${managed.provisioningIssue.details}`]),
    ...attempts.map(({ domain, state, failureReason, details }) =>
      [`${domain} is ${state}`, failureReason, details].filter(Boolean).join(", "),
    ),
  ];
}

const isReady = ({ status }) =>
  (status?.conditions ?? []).some(({ type, status: value }) => type === "Ready" && value === "True");

/** Why pods do not start: no place, no image, an end, a probe. One line for each reason, not for each pod. */
async function reasonsOf(pods, namespace, ask) {
  const reasons = new Map();
  for (const pod of pods) {
    for (const reason of await reasonsOfPod(pod, namespace, ask)) {
      reasons.set(reason, [...(reasons.get(reason) ?? []), pod.metadata.name]);
    }
  }
  return [...reasons].map(([reason, [first, ...others]]) =>
    others.length === 0 ? `pod ${first}: ${reason}` : `pod ${first} and ${others.length} more: ${reason}`,
  );
}

async function reasonsOfPod({ metadata, status = {} }, namespace, ask) {
  const unplaced = (status.conditions ?? []).filter(
    ({ type, status: value }) => type === "PodScheduled" && value === "False",
  );
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const waiting = containers.flatMap(({ name, state, lastState }) => {
    const ended = state?.terminated ?? lastState?.terminated;
    const end =
      ended === undefined || ended.exitCode === 0
        ? []
        : [`container ${name} ended with ${ended.exitCode}`, ended.reason, ended.message?.trim()];
    const wait = state?.waiting;
    if (wait === undefined && end.length === 0) return [];
    return [
      [wait && `container ${name} waits`, wait?.reason, wait?.message, ...end].filter(Boolean).join(", "),
    ];
  });
  const found = [...unplaced.map(({ reason, message }) => `${reason}: ${message}`), ...waiting];
  if (found.length > 0) return found;
  const told = await warnings(namespace, metadata.name, ask);
  return told.length > 0 ? told : [`it is ${status.phase ?? "not told of yet"} and not ready`];
}

/** What was warned of an object: for a pod, what its probes say. The newest first, each once. */
async function warnings(namespace, name, ask) {
  const query = encodeURIComponent(`involvedObject.name=${name},type=Warning`);
  const { items } = await ask(`/api/v1/namespaces/${namespace}/events?fieldSelector=${query}`);
  const at = ({ lastTimestamp, eventTime, metadata }) =>
    lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? "";
  const newest = items.sort((a, b) => String(at(b)).localeCompare(String(at(a))));
  return [...new Set(newest.map(({ reason, message }) => `${reason}: ${String(message).trim()}`))].slice(
    0,
    2,
  );
}

/** Why pods are not even made, as for a quota: told of the ReplicaSet, whose name begins with the Deployment's. */
async function refusals(namespace, owner, ask) {
  const query = encodeURIComponent("reason=FailedCreate,type=Warning");
  const { items } = await ask(`/api/v1/namespaces/${namespace}/events?fieldSelector=${query}`);
  const of = items.filter(
    ({ involvedObject }) => owner === undefined || involvedObject.name.startsWith(owner),
  );
  return [...new Set(of.map(({ reason, message }) => `${reason}: ${message}`))].slice(0, 2);
}

const CHECKS = [
  ["conditions", conditionsOf],
  ["parents", parentsOf],
  ["rollout", rolloutOf],
  ["pods", podsAt],
  ["certificate", certificateAt],
];

/** What one thing still lacks, as sentences; none when it is ready. */
async function lacks(awaited, context) {
  const [, check] = CHECKS.find(([kind]) => kind in awaited);
  try {
    return await check(awaited, context);
  } catch (error) {
    return [error.cause?.message ?? error.message];
  }
}

async function main() {
  const task = JSON.parse(process.env["TRICLOUD_AWAIT"]);
  const token = process.env["TRICLOUD_TOKEN"];
  const { host } = task;
  const context = {
    ask: (path) => exchange(/^https?:/.test(path) ? path : `${host}${path}`, token),
    changePod: (path, changes) =>
      exchange(`${host}${path}`, token, {
        method: "PATCH",
        headers: { "content-type": "application/merge-patch+json" },
        body: JSON.stringify(changes),
      }),
    exec: (path, command) => execInPod({ host, token }, path, command),
  };
  const begun = Date.now();
  const until = begun + task.boundSeconds * 1000;
  for (;;) {
    const pending = [];
    for (const awaited of task.await) {
      const reasons = await lacks(awaited, context);
      if (reasons.length > 0) pending.push({ what: awaited.what, reasons });
    }
    if (pending.length === 0) return 0;
    if (Date.now() >= until || pending.some(({ reasons }) => reasons.hopeless)) {
      const seconds = Math.min(task.boundSeconds, Math.round((Date.now() - begun) / 1000));
      for (const { what, reasons } of pending) {
        process.stderr.write(`${what} is not ready after ${seconds} s:\n`);
        for (const reason of reasons) process.stderr.write(`  ${reason}\n`);
      }
      return 1;
    }
    await sleep(task.pollSeconds * 1000);
  }
}

process.exitCode = await main();
