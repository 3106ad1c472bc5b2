// google-load-balancer.cjs SETTINGS: stands in for Google's global load balancers and for the controller that makes them
// of the Gateways, routes and policies of a cluster. Says of each Gateway and route what becomes of it, takes HTTPS and
// HTTP at the Gateway's address, and has pods answer. Left out: Cloud Armor's rules, TLS policies, HTTP/2, matches by
// anything but host, path and whole values of headers, more than one backend of a rule.
//
// SETTINGS: { kubeconfig, from, certificate, key, project: { addresses, certificateMaps, securityPolicies, sslPolicies } }
// in JSON: the address from which pods are asked, PEM files, and what the project has: addresses by name, other names.
const { readFileSync } = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { clearTimeout, setTimeout } = require("node:timers");
const { BackendService } = require("./backend-service.cjs");
const { clusterApi } = require("./cluster-api.cjs");
const { Followed, keyOf } = require("./followed.cjs");

const { kubeconfig, from, certificate, key, project } = JSON.parse(process.argv[2]);
const api = clusterApi(kubeconfig);
const CLASS = "gke-l7-global-external-managed";
const CONTROLLER = "networking.gke.io/gateway";
/** From when a Gateway is seen in its present form until its load balancer is there. */
const PROGRAMMED_AFTER_MS = 5000;
const GATEWAY_API = "/apis/gateway.networking.k8s.io/v1";
const POLICIES = "/apis/networking.gke.io/v1";

const followed = (path) => new Followed(api, path, () => soon(100));
const all = {
  gateways: followed(`${GATEWAY_API}/gateways`),
  routes: followed(`${GATEWAY_API}/httproutes`),
  gatewayPolicies: followed(`${POLICIES}/gcpgatewaypolicies`),
  backendPolicies: followed(`${POLICIES}/gcpbackendpolicies`),
  healthChecks: followed(`${POLICIES}/healthcheckpolicies`),
  services: followed("/api/v1/services"),
  slices: followed("/apis/discovery.k8s.io/v1/endpointslices"),
};

let timer;

function soon(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (Object.values(all).some(({ objects }) => objects === undefined)) return;
    all.routes.items.forEach(takeRoute);
    for (const gateway of all.gateways.items)
      if (gateway.spec.gatewayClassName === CLASS) takeGateway(gateway);
  }, ms);
}

/** What a policy of that list says of an object. */
const saidOf = (policies, kind, { namespace, name }) =>
  policies.items.find(
    ({ metadata, spec }) =>
      metadata.namespace === namespace && spec.targetRef.kind === kind && spec.targetRef.name === name,
  )?.spec.default;

/** By namespace, name and port of the Service. */
const backends = new Map();

/** The pods behind a port of a Service; undefined where there is no such port. */
function backendOf({ name, port }, namespace) {
  const service = all.services.objects.get(`${namespace}/${name}`);
  const found = service?.spec.ports.find((each) => each.port === port);
  if (found === undefined) return undefined;
  const id = `${namespace}/${name}:${port}`;
  if (!backends.has(id)) backends.set(id, new BackendService(from));
  const backend = backends.get(id);
  backend.follow(
    saidOf(all.healthChecks, "Service", service.metadata),
    saidOf(all.backendPolicies, "Service", service.metadata),
  );
  backend.tell(
    all.slices.items
      .filter(
        ({ metadata }) =>
          metadata.namespace === namespace && metadata.labels?.["kubernetes.io/service-name"] === name,
      )
      .flatMap(({ endpoints, ports }) => {
        const number = ports?.find((each) => (each.name ?? "") === (found.name ?? ""))?.port;
        return (endpoints ?? [])
          .filter(({ conditions }) => conditions.ready && !conditions.terminating && number !== undefined)
          .map(({ addresses }) => `${addresses[0]}:${number}`);
      }),
  );
  return backend;
}

const refsOf = ({ spec }) => spec.rules.flatMap(({ backendRefs = [] }) => backendRefs);

function takeRoute(route) {
  const { namespace, generation } = route.metadata;
  const lost = refsOf(route).filter((ref) => backendOf(ref, namespace) === undefined);
  const parents = route.spec.parentRefs.flatMap((parentRef) => {
    const gateway = all.gateways.objects.get(`${namespace}/${parentRef.name}`);
    if (gateway?.spec.gatewayClassName !== CLASS) return [];
    const listens = gateway.spec.listeners.some(({ name }) => name === parentRef.sectionName);
    const conditions = [
      condition(
        "Accepted",
        generation,
        listens ? [] : [`no listener ${parentRef.sectionName}`],
        "NoMatchingParent",
      ),
      condition(
        "ResolvedRefs",
        generation,
        lost.map(({ name, port }) => `no port ${port} of a Service ${name}`),
        "BackendNotFound",
      ),
    ];
    return [{ parentRef, controllerName: CONTROLLER, conditions }];
  });
  say("httproutes", route, { parents });
}

/** What a Gateway names that the project does not have. */
function lacksOf({ metadata, spec }) {
  const backendsOf = routesOf(metadata).flatMap((route) =>
    refsOf(route).map(({ name }) => ({ namespace: metadata.namespace, name })),
  );
  const named = [
    ...(spec.addresses ?? []).map(({ type, value }) => [
      "address",
      type === "NamedAddress" ? Object.keys(project.addresses) : [],
      value,
    ]),
    ["certificate map", project.certificateMaps, metadata.annotations?.["networking.gke.io/certmap"]],
    ["SSL policy", project.sslPolicies, saidOf(all.gatewayPolicies, "Gateway", metadata)?.sslPolicy],
    ...backendsOf.map((backend) => [
      "security policy",
      project.securityPolicies,
      saidOf(all.backendPolicies, "Service", backend)?.securityPolicy,
    ]),
  ];
  return named
    .filter(([, known, name]) => name !== undefined && !known.includes(name))
    .map(([what, , name]) => `the project has no ${what} ${name}`);
}

const routesOf = ({ namespace, name }) =>
  all.routes.items.filter(
    ({ metadata, spec }) =>
      metadata.namespace === namespace && spec.parentRefs.some((parent) => parent.name === name),
  );

/** By namespace and name of a Gateway: its form, and when that was seen first. */
const seen = new Map();
/** Addresses at which there is a load balancer. */
const taken = new Set();

function takeGateway(gateway) {
  const { generation } = gateway.metadata;
  const id = keyOf(gateway);
  if (seen.get(id)?.generation !== generation) seen.set(id, { generation, at: Date.now() });
  const lacks = lacksOf(gateway);
  const conditions = [condition("Accepted", generation, [], "Accepted")];
  const left = seen.get(id).at + PROGRAMMED_AFTER_MS - Date.now();
  if (left > 0) {
    soon(left);
    say("gateways", gateway, { conditions });
    return;
  }
  conditions.push(condition("Programmed", generation, lacks, "Invalid"));
  const address = project.addresses[gateway.spec.addresses?.[0]?.value];
  const isProgrammed = lacks.length === 0;
  say("gateways", gateway, {
    conditions,
    addresses: isProgrammed ? [{ type: "IPAddress", value: address }] : [],
    listeners: gateway.spec.listeners.map(({ name }) => ({
      name,
      supportedKinds: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute" }],
      attachedRoutes: routesOf(gateway.metadata).filter(({ spec }) =>
        spec.parentRefs.some(({ sectionName }) => sectionName === name),
      ).length,
      conditions: [condition("Programmed", generation, lacks, "Invalid")],
    })),
  });
  if (isProgrammed && !taken.has(address)) listenAt(address, id);
}

/** A condition of a Gateway or route: true where nothing stands against it. */
const condition = (type, observedGeneration, against, reason) => ({
  ...{ type, observedGeneration, status: against.length === 0 ? "True" : "False" },
  reason: against.length === 0 ? type : reason,
  message: against.join("; "),
});

/** What was said last of an object. */
const said = new Map();

function say(plural, { metadata: { namespace, name, uid } }, status) {
  const text = JSON.stringify(status);
  if (said.get(uid) === text) return;
  said.set(uid, text);
  const stamped = JSON.parse(text, (_, value) =>
    value?.observedGeneration === undefined
      ? value
      : { ...value, lastTransitionTime: new Date().toISOString().replace(/\.\d+/, "") },
  );
  const request = https.request(
    {
      ...api,
      method: "PATCH",
      path: `${GATEWAY_API}/namespaces/${namespace}/${plural}/${name}/status`,
      headers: { "content-type": "application/merge-patch+json" },
    },
    (answer) => {
      answer.resume();
      if (answer.statusCode !== 200) unsaid(`${answer.statusCode}`);
    },
  );
  const unsaid = (why) => {
    console.error(`${plural} ${namespace}/${name}: ${why}`);
    said.delete(uid);
    soon(1000);
  };
  request.on("error", (error) => unsaid(error.message));
  request.end(JSON.stringify({ status: stamped }));
}

function listenAt(address, id) {
  taken.add(address);
  const by = (protocol) => (request, response) => {
    const gateway = all.gateways.objects.get(id);
    const listener = gateway?.spec.listeners.find((each) => each.protocol === protocol);
    const host = request.headers.host?.split(":")[0];
    const rule = listener && ruleFor(gateway.metadata, listener.name, host, request);
    if (rule === undefined) return response.writeHead(404).end("fault filter abort");
    const redirect = rule.filters?.find(({ type }) => type === "RequestRedirect")?.requestRedirect;
    if (redirect !== undefined)
      return response
        .writeHead(redirect.statusCode ?? 302, { location: `${redirect.scheme}://${host}${request.url}` })
        .end();
    const backend = backendOf(rule.backendRefs[0], gateway.metadata.namespace);
    if (backend === undefined) return response.writeHead(500).end();
    backend.forward(request, response);
  };
  // As long as Google's keep them.
  const kept = { keepAliveTimeout: 610_000 };
  const files = { cert: readFileSync(certificate), key: readFileSync(key) };
  https.createServer({ ...files, ...kept }, by("HTTPS")).listen(443, address);
  http.createServer(kept, by("HTTP")).listen(80, address);
}

/** Of the rules that fit, the one with the longest path, and of these the one that asks for most headers. */
function ruleFor(gateway, listener, host, { url, headers }) {
  const path = url.split("?")[0];
  const isBelow = (prefix) =>
    prefix === "/" || path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
  const fitting = routesOf(gateway)
    .filter(
      ({ spec }) =>
        spec.parentRefs.some(({ sectionName }) => sectionName === listener) && spec.hostnames.includes(host),
    )
    .flatMap(({ spec }) => spec.rules)
    .flatMap((rule) =>
      (rule.matches ?? [{}]).map((match) => ({
        rule,
        prefix: match.path?.value ?? "/",
        asked: match.headers ?? [],
      })),
    )
    .filter(
      ({ prefix, asked }) =>
        isBelow(prefix) && asked.every(({ name, value }) => headers[name.toLowerCase()] === value),
    );
  return fitting.sort(
    (one, other) => other.prefix.length - one.prefix.length || other.asked.length - one.asked.length,
  )[0]?.rule;
}
