import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AGENT_TOKEN_RULES } from "../../../constructs/dns/consul-acl";
import { aclSettings, consulConfig, DNS_TOKEN_RULES } from "../../../constructs/dns/consul-config";
import { ConsulChart, type ConsulChartProps } from "../../../constructs/kubernetes";
import { type Certificates, makeCertificates } from "../../testbed/certificates";
import { consul, findProgram } from "../dns/real-binaries";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { CONSUL_CHART } from "./consul-chart-props";
import { podAndFiles } from "./manifests";
import { canRunPods, eventually, type PodProcess, type PodProcessOptions, startPod } from "./pod-process";

const TOKENS = {
  management: "11111111-1111-1111-1111-111111111111",
  agent: "22222222-2222-2222-2222-222222222222",
  dns: "33333333-3333-3333-3333-333333333333",
};
const SERVER = "10.30.40.1";
/** A server on a host, in the primary datacenter. */
const PRIMARY = "10.10.0.11";
const folders: string[] = [];
const running: PodProcess[] = [];
let certificates: Certificates;

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "tricloud-consul-"));
  folders.push(made);
  return made;
};

/** A datacenter's objects, and what its secrets hold in the tests. */
function datacenter(changes: Partial<ConsulChartProps>) {
  const stack = synthesise(
    (scope) =>
      new ConsulChart(scope, "consul", {
        ...CONSUL_CHART,
        servers: 1,
        singleServer: true,
        peers: { jp: [PRIMARY] },
        ...changes,
      }),
  );
  const [values] = stack.one("helm_release")["values"] as [string];
  const { extraConfig } = (JSON.parse(values) as { server: { extraConfig: string } }).server;
  const start = (kind: string, name: string, more: Partial<PodProcessOptions> = {}): PodProcess => {
    const pod = startPod({
      ...podAndFiles(stack, kind, name),
      secrets: {
        "consul-authority": { "tls.crt": readFileSync(certificates.authority, "utf8") },
        "consul-tokens": TOKENS,
      },
      programs: [consul!],
      addresses: [SERVER, PRIMARY],
      hosts: [`${SERVER} consul-server`],
      ...more,
    });
    running.push(pod);
    return pod;
  };
  return { extraConfig: JSON.parse(extraConfig) as Attributes, start };
}

interface Security {
  readonly tls?: boolean;
  readonly acl?: boolean;
}

/** Starts a server beside a pod: configured by what the stack gives the chart, and by what the chart's templates say. */
function startServer(pod: PodProcess, extraConfig: Attributes, { tls, acl }: Security): void {
  const data = folder();
  const write = (name: string, value: object) => writeFileSync(join(data, name), JSON.stringify(value));
  write("extra.json", extraConfig);
  write("server.json", {
    datacenter: "uk",
    data_dir: data,
    server: true,
    bootstrap_expect: 1,
    bind_addr: SERVER,
    client_addr: SERVER,
    ports: tls ? { http: -1, https: 8501 } : {},
    ...(tls ? serverTls() : {}),
  });
  const primaryDatacenter = extraConfig["primary_datacenter"] as string | undefined;
  const tokens = {
    [primaryDatacenter === undefined ? "managementToken" : "replicationToken"]: TOKENS.management,
    agentToken: TOKENS.agent,
    defaultToken: TOKENS.dns,
  };
  if (acl) write("acl.json", { acl: aclSettings({ datacenter: "uk", primaryDatacenter, acl: tokens }) });
  pod.beside([consul!, "agent", `-config-dir=${data}`]);
}

/** What the chart says of TLS with `verify`, in the words of Consul 1.8. */
const serverTls = () => ({
  ca_file: certificates.authority,
  cert_file: certificates.certificate,
  key_file: certificates.key,
  verify_incoming_rpc: true,
  verify_outgoing: true,
  verify_server_hostname: true,
});

/** Starts the primary datacenter's server beside a pod, configured as on a host. */
function startPrimary(pod: PodProcess): void {
  const dataDir = folder();
  const { authority, certificate, key } = certificates;
  const config = consulConfig({
    datacenter: "jp",
    primaryDatacenter: "jp",
    dataDir,
    server: { expect: 1, single: true },
    bindAddress: PRIMARY,
    httpAddresses: [PRIMARY],
    dnsAddresses: [PRIMARY],
    retryJoin: [PRIMARY],
    tls: { caFile: authority, certFile: certificate, keyFile: key },
    acl: { managementToken: TOKENS.management, agentToken: TOKENS.agent, defaultToken: TOKENS.dns },
  });
  writeFileSync(join(dataDir, "agent.json"), config);
  pod.beside([consul!, "agent", `-config-file=${join(dataDir, "agent.json")}`]);
}

/** Asks the server as whoever has that token. @returns the answer's text @throws Error for an error status */
const asking = (pod: PodProcess, { tls }: Security, address = SERVER) => {
  const base = tls
    ? ["--cacert", certificates.authority, "--resolve", `consul-server:8501:${address}`]
    : ["--resolve", `consul-server:8500:${address}`];
  const url = tls ? "https://consul-server:8501" : "http://consul-server:8500";
  return (what: string, token?: string, ...more: string[]): string =>
    pod.inNetwork([
      ...[
        "curl",
        "-sS",
        "-f",
        "-m",
        "5",
        ...base,
        ...(token ? ["-H", `X-Consul-Token: ${token}`] : []),
        ...more,
      ],
      `${url}/v1/${what}`,
    ]);
};

/** Asks for a name as a resolver does. @returns the last address, or the response code when there is none */
const LOOK_UP = `
const resolver = new (require("dns").promises.Resolver)({ timeout: 2000, tries: 1 });
resolver.setServers(["${SERVER}:8600"]);
resolver.resolve4(process.argv[1]).then((all) => console.log(all.at(-1)), (error) => console.log(error.code));`;
const lookUp = (pod: PodProcess, name: string): string => pod.inNetwork(["node", "-e", LOOK_UP, name]).trim();

const proxyAt = (address: string): string =>
  JSON.stringify({
    Node: "others",
    Address: address,
    Service: { Service: "proxy", Address: address, Port: 80 },
  });
const PROXY = proxyAt("10.30.128.7");

beforeAll(async () => {
  certificates = await makeCertificates(folder(), [
    "server.uk.consul",
    "server.jp.consul",
    "consul-server",
    "localhost",
  ]);
});
afterEach(async () => {
  for (const pod of running.splice(0)) await pod.remove();
});
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true });
  removeSynthesised();
});

const able = consul !== undefined && findProgram("openssl") !== undefined && canRunPods("curl", "node");

(able ? describe : describe.skip)("Consul's upkeep on a cluster, with a real server", () => {
  const READY = ["sh", "/etc/tricloud/upkeep.sh", "ready"];

  it("makes tokens and query over TLS, with which names resolve and nothing can be written", async () => {
    // GIVEN the pod before there is any server: who needs a new token need not wait
    const security = { tls: true, acl: true };
    const { extraConfig, start } = datacenter({ ...security, failoverTo: ["jp"] });
    const pod = start("Deployment", "consul-upkeep");
    await eventually(() => pod.exec(READY) === 0, pod.output);

    // WHEN the datacenter has a server
    startServer(pod, extraConfig, security);
    const ask = asking(pod, security);

    // THEN the tokens become known, with the rights they are to have
    await eventually(() => ask("acl/token/self", TOKENS.agent).includes("tricloud-agent"), pod.output, 40);
    await eventually(() => ask("acl/token/self", TOKENS.dns).includes("tricloud-dns"), pod.output);
    await eventually(() => pod.exec(READY) === 0, pod.output);
    expect(() => ask("catalog/register", TOKENS.dns, "-X", "PUT", "--data-binary", PROXY)).toThrow("403");
    ask("catalog/register", TOKENS.agent, "-X", "PUT", "--data-binary", PROXY);
    // AND names resolve, those that fail over among them, for whoever has no token
    await eventually(() => lookUp(pod, "proxy.service.consul") === "10.30.128.7", pod.output);
    await eventually(() => lookUp(pod, "proxy.query.consul") === "10.30.128.7", pod.output);

    // WHEN somebody deletes both
    const { AccessorID } = JSON.parse(ask("acl/token/self", TOKENS.dns)) as { AccessorID: string };
    const queries = JSON.parse(ask("query", TOKENS.management)) as { ID: string }[];
    expect(queries).toHaveLength(1);
    ask(`acl/token/${AccessorID}`, TOKENS.management, "-X", "DELETE");
    ask(`query/${queries[0]!.ID}`, TOKENS.management, "-X", "DELETE");
    // THEN new users of the token would have to wait, and both come back, once
    expect(pod.exec(READY)).not.toBe(0);
    await eventually(() => pod.exec(READY) === 0, pod.output, 40);
    await eventually(() => lookUp(pod, "proxy.query.consul") === "10.30.128.7", pod.output);
    expect(JSON.parse(ask("query", TOKENS.management))).toHaveLength(1);

    // AND it ends when it is told to stop
    expect(await pod.terminate()).toBe(0);
  }, 120_000);

  it("federates with a primary datacenter on hosts: its tokens hold here, its instances stand in", async () => {
    // GIVEN the primary datacenter, which has its tokens and a proxy
    const security = { tls: true, acl: true };
    const { extraConfig, start } = datacenter({ ...security, failoverTo: ["jp"], primaryDatacenter: "jp" });
    const pod = start("Deployment", "consul-upkeep");
    startPrimary(pod);
    const there = asking(pod, {}, PRIMARY);
    const put = (what: string, value: object | string) =>
      there(
        what,
        TOKENS.management,
        "-X",
        "PUT",
        "--data-binary",
        typeof value === "string" ? value : JSON.stringify(value),
      );
    await eventually(
      () => there("acl/token/self", TOKENS.management).includes("global-management"),
      pod.output,
      40,
    );
    for (const [name, rules] of [
      ["agent", AGENT_TOKEN_RULES],
      ["dns", DNS_TOKEN_RULES],
    ] as const) {
      put("acl/policy", { Name: name, Rules: rules });
      put("acl/token", { SecretID: TOKENS[name], Policies: [{ Name: name }] });
    }
    put("catalog/register", proxyAt("10.10.0.31"));

    // WHEN the cluster's servers join, with nothing but the replication token, the authority and an address
    startServer(pod, extraConfig, security);

    // THEN names of the other datacenter resolve here, and those that fail over lead to its instances
    await eventually(() => lookUp(pod, "proxy.service.jp.consul") === "10.10.0.31", pod.output, 60);
    await eventually(() => lookUp(pod, "proxy.query.consul") === "10.10.0.31", pod.output, 60);
    // AND the token that agents register with does so here, once it has come over, whereupon names stay at home
    const here = asking(pod, security);
    const register = (token: string) => here("catalog/register", token, "-X", "PUT", "--data-binary", PROXY);
    await eventually(() => register(TOKENS.agent).includes("true"), pod.output);
    expect(() => register(TOKENS.dns)).toThrow("403");
    await eventually(() => lookUp(pod, "proxy.query.consul") === "10.30.128.7", pod.output);
  }, 150_000);

  it("lets servers take tokens first while access control is being turned on", async () => {
    // GIVEN a running server that knows no access control yet
    const { extraConfig, start } = datacenter({ acl: true });
    const pod = start("Deployment", "consul-upkeep");
    startServer(pod, extraConfig, {});
    await eventually(() => asking(pod, {})("status/leader").includes(":8300"), pod.output, 40);
    // THEN the pod does not hold up what would turn it on
    expect(pod.exec(READY)).toBe(0);
  }, 60_000);

  it("keeps the query alone where there are no tokens", async () => {
    // GIVEN / WHEN
    const { extraConfig, start } = datacenter({ failoverTo: ["jp"] });
    const pod = start("Deployment", "consul-upkeep");
    startServer(pod, extraConfig, {});
    const ask = asking(pod, {});
    // THEN
    await eventually(() => ask("query").includes('"jp"'), pod.output, 40);
    ask("catalog/register", undefined, "-X", "PUT", "--data-binary", PROXY);
    await eventually(() => lookUp(pod, "proxy.query.consul") === "10.30.128.7", pod.output);
  }, 60_000);
});

(able ? describe : describe.skip)("Consul's snapshots on a cluster, with a real server", () => {
  it("are made and checked, and the newest are kept", async () => {
    // GIVEN a pod that stays, and a disk
    const security = { tls: true, acl: true };
    const { extraConfig, start } = datacenter({ ...security, snapshots: { keep: 2 } });
    const server = start("Deployment", "consul-upkeep");
    const disk = folder();
    const take = () =>
      start("CronJob", "consul-snapshots", { disks: { "consul-snapshots": disk }, network: server });

    // WHEN there is no server THEN the job fails, for Kubernetes to try again, and leaves nothing that counts
    expect(await take().ended()).not.toBe(0);
    expect(readdirSync(disk)).toEqual([]);

    // WHEN there is one, and the job runs three times
    startServer(server, extraConfig, security);
    const ask = asking(server, security);
    await eventually(
      () => ask("acl/token/self", TOKENS.management).includes("global-management"),
      server.output,
      40,
    );
    const kept: string[][] = [];
    for (let run = 1; run <= 3; run++) {
      const job = take();
      expect([await job.ended(), job.output()]).toEqual([
        0,
        expect.stringContaining("Saved and verified snapshot"),
      ]);
      kept.push(readdirSync(disk).sort());
      await sleep(1_100); // They are named for the second they are made in.
    }
    // THEN the first went when the third came
    expect(kept.map((names) => names.length)).toEqual([1, 2, 2]);
    expect(kept[2]).not.toContain(kept[0]![0]);
    for (const name of kept[2]!) {
      expect(name).toMatch(/^\d{8}T\d{6}Z\.snap$/);
      expect(statSync(join(disk, name)).mode & 0o777).toBe(0o600);
    }
  }, 120_000);
});
