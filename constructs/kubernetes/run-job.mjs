// Makes a Job of a CronJob's template, prints what it prints and ends as it ends. Runs where Terraform runs, and for
// `tricloud run`, as `node run-job.mjs`, with the task in the environment: TRICLOUD_JOB (JSON), TRICLOUD_TOKEN.
//
// Task: { host, namespace, cronJob, job? }. With `job` there is one Job of that name: where it has succeeded, nothing
// runs; where it has failed, it is made anew; where it is under way, it is waited for. Without, it is a Job of its own,
// which is refused while another one of the CronJob's is under way.
//
// Exit status: that of the container; 1 where there is none.

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 1000;
/** For the last that a container has said. */
const LAST_WORDS_MS = 5000;
const MARK = "tricloud/task";

const { host, namespace, cronJob, job: wanted } = JSON.parse(process.env["TRICLOUD_JOB"]);
const token = process.env["TRICLOUD_TOKEN"];
const CRON_JOBS = `/apis/batch/v1/namespaces/${namespace}/cronjobs`;
const JOBS = `/apis/batch/v1/namespaces/${namespace}/jobs`;
const CORE = `/api/v1/namespaces/${namespace}`;

/** An answer of the API; undefined where there is nothing. @throws Error that says what was asked and answered */
async function ask(path, { method = "GET", body } = {}) {
  const response = await fetch(`${host}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  if (response.status === 404) return undefined;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.message ?? `${path} answers ${response.status}`);
}

const say = (text) => process.stderr.write(`${cronJob}: ${text}\n`);

const conditionOf = (job, type) =>
  (job.status?.conditions ?? []).find((each) => each.type === type && each.status === "True");

/** Makes a Job of the CronJob's template, which goes when the CronJob does. */
async function make(name) {
  const found = await ask(`${CRON_JOBS}/${cronJob}`);
  if (found === undefined) throw new Error(`there is no CronJob ${cronJob} in namespace ${namespace}`);
  const { metadata = {}, spec } = found.spec.jobTemplate;
  if (wanted === undefined) await refuseSecond(metadata.labels ?? {});
  const owner = { apiVersion: "batch/v1", kind: "CronJob", name: cronJob, uid: found.metadata.uid };
  return ask(JOBS, {
    method: "POST",
    body: {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { ...metadata, name, ownerReferences: [owner] },
      spec,
    },
  });
}

async function refuseSecond(labels) {
  const query = encodeURIComponent(`tricloud/task-of=${labels["tricloud/task-of"]},${MARK}=${labels[MARK]}`);
  const { items } = await ask(`${JOBS}?labelSelector=${query}`);
  const running = items.find((job) => (job.status?.active ?? 0) > 0);
  if (running !== undefined) throw new Error(`it is under way as Job ${running.metadata.name}`);
}

/** The Job of that name, made anew where it has failed. */
async function theOne(name) {
  const found = await ask(`${JOBS}/${name}`);
  if (found === undefined) return make(name);
  if (conditionOf(found, "Failed") === undefined) return found;
  await ask(`${JOBS}/${name}?propagationPolicy=Background`, { method: "DELETE" });
  while ((await ask(`${JOBS}/${name}`))?.metadata.uid === found.metadata.uid) await sleep(POLL_MS);
  return make(name);
}

/** Passes on what a container prints, until it ends. */
async function follow(pod) {
  const response = await fetch(`${host}${CORE}/pods/${pod}/log?follow=true`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`what pod ${pod} prints cannot be read: status ${response.status}`);
  for await (const chunk of response.body) process.stdout.write(chunk);
}

/** Why a pod has not begun, or how it has ended. */
function reasonsOf({ metadata, status = {} }) {
  const unplaced = (status.conditions ?? []).filter(
    ({ type, status: value }) => type === "PodScheduled" && value === "False",
  );
  const containers = (status.containerStatuses ?? []).flatMap(({ state = {} }) => {
    const { waiting, terminated } = state;
    if (terminated !== undefined && terminated.exitCode !== 0) {
      return [`ended with ${terminated.exitCode}${terminated.reason ? `, ${terminated.reason}` : ""}`];
    }
    return waiting === undefined || waiting.reason === "ContainerCreating"
      ? []
      : [[waiting.reason, waiting.message].filter(Boolean).join(": ")];
  });
  return [...unplaced.map(({ reason, message }) => `${reason}: ${message}`), ...containers].map(
    (reason) => `pod ${metadata.name}: ${reason}`,
  );
}

/** What was warned of the Job: that it may make no pod, for one. */
async function warnings(name) {
  const query = encodeURIComponent(`involvedObject.name=${name},type=Warning`);
  const { items } = await ask(`${CORE}/events?fieldSelector=${query}`);
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

/** Waits for the Job's end. @returns the exit status */
async function watch(name) {
  const said = new Set();
  const sayOnce = (reason) => {
    if (!said.has(reason)) say(reason);
    said.add(reason);
  };
  let [following, exit] = [undefined, undefined];
  for (;;) {
    const job = await ask(`${JOBS}/${name}`);
    if (job === undefined) throw new Error(`Job ${name} was taken away`);
    const { items } = await ask(`${CORE}/pods?labelSelector=${encodeURIComponent(`job-name=${name}`)}`);
    for (const pod of items) {
      for (const reason of reasonsOf(pod)) sayOnce(reason);
      const { state = {} } = pod.status?.containerStatuses?.[0] ?? {};
      exit = state.terminated?.exitCode ?? exit;
      if (following === undefined && (state.running ?? state.terminated) !== undefined) {
        following = follow(pod.metadata.name).catch((error) => say(error.message));
      }
    }
    const failed = conditionOf(job, "Failed");
    if (failed !== undefined || conditionOf(job, "Complete") !== undefined) {
      await Promise.race([following, sleep(LAST_WORDS_MS)]);
      if (failed === undefined) return 0;
      if (items.length === 0) for (const reason of await warnings(name)) sayOnce(reason);
      say(`Job ${name} has failed: ${failed.reason}: ${failed.message}`);
      return exit || 1;
    }
    await sleep(POLL_MS);
  }
}

async function main() {
  const name = wanted ?? `${cronJob}-${randomBytes(4).toString("hex")}`;
  const job = await (wanted === undefined ? make(name) : theOne(name));
  if (conditionOf(job, "Complete") !== undefined) {
    say("it has run for this release");
    return 0;
  }
  return watch(name);
}

main().then(
  // What still follows a pod's output must not hold this up.
  (code) => process.stdout.write("", () => process.exit(code)),
  (error) => {
    say(error.cause?.message ?? error.message);
    process.exit(1);
  },
);
