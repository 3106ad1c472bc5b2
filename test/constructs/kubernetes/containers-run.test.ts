import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fn } from "cdktf";
import { type Identity, issueServer, makeAuthority } from "../../../certificates/x509";
import { ClusterResolver, ProxyDeployment, type ProxyDeploymentProps } from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { podAndFiles } from "./manifests";
import { canRunPods, eventually, type PodProcess, type PodProcessOptions, startPod } from "./pod-process";
import { type BundleFile, bundleProxy } from "./bundle-file";
import { WORKERS } from "./workers";

const running: PodProcess[] = [];
const start = (...args: Parameters<typeof startPod>): PodProcess => {
  const pod = startPod(...args);
  running.push(pod);
  return pod;
};

afterEach(async () => {
  for (const pod of running.splice(0)) await pod.remove();
});
afterAll(removeSynthesised);

const GET = `
const [url, host] = process.argv.slice(1);
require("http").get(url, { headers: host ? { host } : {} }, (response) => {
  let body = "";
  response.on("data", (chunk) => (body += chunk)).on("end", () => console.log(response.statusCode, body.trim()));
}).on("error", (error) => { console.log(error.message); process.exit(1); });`;

const ORIGIN = `require("http").createServer((request, response) => response.end(request.headers.host + request.url))
  .listen(8080, "10.30.40.1");`;

const CALL_AS_PEER = `
const { get } = require("https");
const asked = { host: "127.0.0.1", port: 8443, servername: "proxy.uk.consul", path: "/v1/foo", headers: { host: "search.ccnproxy-service" } };
get({ ...asked, ...JSON.parse(process.argv[1]) }, (response) => {
  let body = "";
  response.on("data", (chunk) => (body += chunk)).on("end", () => console.log(response.statusCode, body.trim()));
}).on("error", (error) => console.log(error.message));`;

(canRunPods("node") ? describe : describe.skip)("the proxy's container", () => {
  let bundle: BundleFile;
  beforeAll(() => (bundle = bundleProxy()));
  afterAll(() => bundle.remove());

  const startProxy = (
    changes: Partial<ProxyDeploymentProps> = {},
    more: Pick<PodProcessOptions, "secrets"> = {},
  ): PodProcess => {
    const stack = synthesise(
      (scope) =>
        new ProxyDeployment(scope, "proxy", {
          namespace: "tricloud",
          image: "docker.io/library/node:24.21.0-trixie-slim",
          workers: WORKERS,
          allow: ["api.example.com"],
          drainSeconds: 2,
          bundlePath: bundle.path,
          ...changes,
        }),
    );
    return start({
      ...podAndFiles(stack, "Deployment", "proxy"),
      addresses: ["10.30.40.1"],
      hosts: ["10.30.40.1 api.example.com"],
      ...more,
    });
  };
  const get = (pod: PodProcess, ...args: string[]) => pod.inNetwork(["node", "-e", GET, ...args]).trim();

  it("becomes ready without any right, and forwards to the origins it may forward to", async () => {
    // GIVEN the container's command with its ConfigMap's files, and an origin it may reach
    const pod = startProxy();

    // THEN it becomes ready
    await eventually(() => get(pod, "http://127.0.0.1:9300/readyz").startsWith("200"), pod.output);
    expect(get(pod, "http://127.0.0.1:9300/healthz")).toMatch(/^200/);

    // AND a request by its suffix arrives there under the origin's own name
    pod.beside(["node", "-e", ORIGIN]);
    await eventually(() => get(pod, "http://10.30.40.1:8080/").startsWith("200"), pod.output);
    expect(get(pod, "http://127.0.0.1/v1/foo", "api.example.com.ccnproxy:8080")).toBe(
      "200 api.example.com:8080/v1/foo",
    );

    // AND no other origin is called
    expect(get(pod, "http://127.0.0.1/", "other.example.com.ccnproxy:8080")).toMatch(/^403/);
  }, 60_000);

  it("goes on serving for a while when told to stop, says it is not ready, then ends by itself", async () => {
    // GIVEN a ready container
    const pod = startProxy();
    await eventually(() => get(pod, "http://127.0.0.1:9300/readyz").startsWith("200"), pod.output);

    // WHEN it is told to stop
    const ended = pod.terminate();

    // THEN it says so, and still takes requests from those whose names are out of date
    await eventually(() => get(pod, "http://127.0.0.1:9300/readyz").startsWith("503"), pod.output);
    expect(get(pod, "http://127.0.0.1/", "other.example.com.ccnproxy")).toMatch(/^403/);
    // AND it ends on its own account
    expect(await ended).toBe(0);
  }, 60_000);

  it("answers other regions' proxies by what its Secret holds, and nobody else", async () => {
    // GIVEN the region's certificate and that of another one's proxies
    const [from, until] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000)];
    const authority = makeAuthority({ name: "regions", from, until });
    const identity = (name: string) => issueServer(authority, { name, dnsNames: [name], from, until });
    const [uk, jp] = [identity("proxy.uk.consul"), identity("proxy.jp.consul")];
    const secret = (name: string): string => Fn.file(`${name}.pem`);
    const pod = startProxy(
      {
        groups: { "search.ccnproxy-peer": ["http://api.example.com:8080"] },
        peers: {
          ...{ certificate: secret("certificate"), key: secret("key"), authorities: secret("authorities") },
          listen: { port: 8443, names: ["proxy.jp.consul"] },
        },
      },
      {
        secrets: {
          "proxy-secrets": {
            "certificate.pem": uk.certificate,
            "key.pem": uk.key,
            "authorities.pem": authority.certificate,
          },
        },
      },
    );
    pod.beside(["node", "-e", ORIGIN]);
    await eventually(() => get(pod, "http://127.0.0.1:9300/readyz").startsWith("200"), pod.output);
    await eventually(() => get(pod, "http://10.30.40.1:8080/").startsWith("200"), pod.output);
    const call = (own?: Identity) =>
      pod
        .inNetwork([
          ...["node", "-e", CALL_AS_PEER],
          JSON.stringify({ ca: authority.certificate, cert: own?.certificate, key: own?.key }),
        ])
        .trim();
    // WHEN it calls THEN an instance answers
    expect(call(jp)).toBe("200 api.example.com:8080/v1/foo");
    // AND who shows no certificate, or that of somebody else, gets nowhere
    expect(call()).not.toMatch(/^\d/);
    expect(call(identity("server.jp.consul"))).not.toMatch(/^\d/);
  }, 60_000);
});

/** Asks a DNS server over UDP or TCP and prints response code and answers' number. */
const ASK = `
const [transport, port, name] = process.argv.slice(1);
const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
const query = Buffer.concat([Buffer.from([7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])]);
const told = (answer) => {
  const last = [...answer.subarray(-4)].join(".");
  console.log("rcode", answer[3] & 15, "answers", answer.readUInt16BE(6), "last", last);
  process.exit(0);
};
setTimeout(() => process.exit(1), 3000);
if (transport === "udp") {
  const socket = require("dgram").createSocket("udp4").on("message", told);
  socket.send(query, Number(port), "127.0.0.1");
} else {
  const socket = require("net").connect(Number(port), "127.0.0.1", () => {
    socket.write(Buffer.concat([Buffer.from([0, query.length]), query]));
  });
  socket.on("data", (data) => told(data.subarray(2)));
}`;

/** Stands where the cluster has Consul's DNS Service. */
const CONSUL_STAND_IN = `server:
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  interface: 10.30.16.54
  access-control: 0.0.0.0/0 allow
  local-zone: "consul." static
  local-data: "proxy.service.consul. 5 IN A 10.30.128.7"
remote-control:
  control-enable: no
`;

/** Of all series that begin so. */
const sumOf = (text: string, name: string): number =>
  text
    .split("\n")
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);

(canRunPods("unbound", "promtool", "curl") ? describe : describe.skip)("the resolver's container", () => {
  const folder = mkdtempSync(join(tmpdir(), "tricloud-dns-"));
  const installedRelease = () =>
    /Version (\d+\.\d+)/.exec(execFileSync("unbound", ["-V"], { encoding: "utf8" }))![1]!;
  afterAll(() => rmSync(folder, { recursive: true }));

  it("answers by UDP and TCP where names under a proxy suffix lead, and its probe says it is well", async () => {
    // GIVEN the container's command with its ConfigMap's files, for the release on this machine, and a DNS server
    // that knows the proxies' service
    const stack = synthesise(
      (scope) =>
        new ClusterResolver(scope, "resolver", {
          namespace: "tricloud",
          image: "docker.io/klutchell/unbound:v1.26.1",
          unboundRelease: installedRelease(),
          metricsImage: "docker.io/library/node:24.21.0-trixie-slim",
          workers: WORKERS,
          address: "10.30.16.53",
          clients: ["10.30.128.0/17"],
          consul: { domain: "consul", dnsAddresses: ["10.30.16.54@53"], peerDatacenters: [] },
          proxy: { serviceName: "proxy" },
          forwarders: ["169.254.169.254"],
          records: { "db.example.internal": "10.30.40.5" },
        }),
    );
    const { pod: spec, configMaps } = podAndFiles(stack, "DaemonSet", "resolver");
    const pod = start({ pod: spec, configMaps, addresses: ["10.30.16.54"] });
    const [container, metrics] = spec["containers"] as [Attributes, Attributes];
    const probe = (container["readinessProbe"] as { exec: { command: string[] } }).exec.command;
    const port = String((container["ports"] as [{ containerPort: number }])[0].containerPort);
    await eventually(() => pod.exec(probe) === 0, pod.output);
    const conf = join(folder, "consul.conf");
    writeFileSync(conf, CONSUL_STAND_IN);
    pod.beside(["unbound", "-d", "-c", conf]);

    // THEN a name under the suffix leads to a proxy: the alias and its address
    const ask = (transport: string, name: string) =>
      pod.inNetwork(["node", "-e", ASK, transport, port, name]).trim();
    await eventually(
      () => ask("udp", "api.example.com.ccnproxy-https") === "rcode 0 answers 2 last 10.30.128.7",
      pod.output,
    );
    expect(ask("tcp", "api.example.com.ccnproxy-https")).toBe("rcode 0 answers 2 last 10.30.128.7");
    // AND fixed names have their address
    expect(ask("udp", "db.example.internal")).toBe("rcode 0 answers 1 last 10.30.40.5");

    // AND Prometheus is told of these questions, in words that it takes
    pod.alongside(metrics["command"] as string[]);
    const told = () => pod.inNetwork(["curl", "-sf", "http://127.0.0.1:9167/metrics"]);
    await eventually(() => told() !== "", pod.output);
    const text = told();
    expect(text).toContain("\nunbound_up 1\n");
    expect(sumOf(text, "unbound_queries_total")).toBeGreaterThanOrEqual(3);
    expect(sumOf(text, 'unbound_answer_rcodes_total{rcode="NOERROR"}')).toBeGreaterThanOrEqual(3);
    expect(text).toMatch(/^unbound_response_time_seconds_bucket\{le="\+Inf"\} \d+$/m);
    expect(() => execFileSync("promtool", ["check", "metrics"], { input: text })).not.toThrow();

    // AND it ends when it is told to stop
    expect(await pod.terminate()).toBe(0);
  }, 30_000);
});
