// load-balancer.cjs ADDRESS CERTIFICATE KEY KUBECONFIG NAMESPACE SERVICE PORT HEALTH_PATH: stands in for a load balancer
// of Google's in front of a service's pods. Takes HTTPS at ADDRESS, asks one of the pods whose checks succeed, and says
// 503 where there is none, 502 where that one fails. A pod counts from its first good check, until two have failed.
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { setInterval } = require("node:timers");
const { clusterApi } = require("./cluster-api.cjs");

const [address, certificate, key, kubeconfig, namespace, service, port, healthPath] = process.argv.slice(2);
const api = clusterApi(kubeconfig);
/** Pods let in its own address alone. */
const from = { localAddress: address, agent: false };
const LIST_EVERY_MS = 1000;
const CHECK_EVERY_MS = 5000;
const CHECK_WITHIN_MS = 2000;
const FAILED_CHECKS = 2;

/** By address: how often its check has failed in a row; none yet where it is undefined. */
const pods = new Map();

function list() {
  const selector = encodeURIComponent(`app.kubernetes.io/name=${service}`);
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`;
  const request = https.get({ ...api, path, timeout: LIST_EVERY_MS }, (answer) => {
    let text = "";
    answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    answer.on("end", () => {
      if (answer.statusCode !== 200) return;
      const there = JSON.parse(text)
        .items.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.podIP)
        .map(({ status }) => status.podIP);
      for (const known of pods.keys()) if (!there.includes(known)) pods.delete(known);
      for (const ip of there) {
        if (pods.has(ip)) continue;
        pods.set(ip, undefined);
        check(ip);
      }
    });
  });
  // What is known stays known, as it does for a load balancer whose control plane is away.
  request.on("timeout", () => request.destroy()).on("error", () => undefined);
}

function check(ip) {
  const failed = () => pods.has(ip) && pods.get(ip) !== undefined && pods.set(ip, pods.get(ip) + 1);
  // As an option it counts from before there is a connection; set on the request it would from then on.
  const options = { ...from, host: ip, port, path: healthPath, timeout: CHECK_WITHIN_MS };
  const request = http.get(options, (answer) => {
    answer.resume();
    if (answer.statusCode === 200 && pods.has(ip)) pods.set(ip, 0);
    else failed();
  });
  request.on("timeout", () => request.destroy(new Error("no answer"))).on("error", failed);
}

function forward(request, response) {
  const healthy = [...pods].filter(([, failures]) => failures < FAILED_CHECKS).map(([ip]) => ip);
  if (healthy.length === 0) return response.writeHead(503).end("no healthy upstream\n");
  const host = healthy[Math.floor(Math.random() * healthy.length)];
  const { method, url: path, headers } = request;
  const asked = http.request({ ...from, host, port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode, { "content-type": "text/plain" });
    answer.pipe(response);
  });
  asked.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  request.pipe(asked);
}

setInterval(list, LIST_EVERY_MS);
setInterval(() => [...pods.keys()].forEach(check), CHECK_EVERY_MS);
https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, forward).listen(443, address);
