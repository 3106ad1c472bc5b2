import { setTimeout as sleep } from "node:timers/promises";
import { tokenUpkeep } from "../../constructs/dns/consul-acl";
import { failoverQuery, failoverUpkeep } from "../../constructs/dns/consul-failover";
import { CONSUL_PATHS } from "../../constructs/dns/consul-files";
import type { ConsulOptions } from "../../constructs/dns/consul-options";
import { serviceDefinition } from "../../constructs/dns/consul-service";
import { until } from "../testbed/command";
import { ADDRESS, DATACENTERS, type Datacenter, DnsLab, LOST_REPORT_MS } from "./dns-lab";

const TOKENS = {
  [CONSUL_PATHS.managementToken]: "11111111-1111-1111-1111-111111111111",
  [CONSUL_PATHS.agentToken]: "22222222-2222-2222-2222-222222222222",
  [CONSUL_PATHS.dnsToken]: "33333333-3333-3333-3333-333333333333",
};
const MANAGEMENT = TOKENS[CONSUL_PATHS.managementToken]!;
const AGENT = TOKENS[CONSUL_PATHS.agentToken]!;
const DNS = TOKENS[CONSUL_PATHS.dnsToken]!;
const PRIMARY = "jp";
const APP = ADDRESS.app("jp");
const [JP_PROXY] = ADDRESS.proxies("jp") as [string];
const [US_PROXY] = ADDRESS.proxies("us") as [string];

const obstacle = DnsLab.obstacle();
const describeInLab = obstacle === undefined ? describe : describe.skip;

/** Three real datacenters with everything on: access control, TLS, gossip encryption, failover. */
describeInLab(`a closed federation${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, () => {
  let lab: DnsLab;
  let tls: Awaited<ReturnType<DnsLab["makeCertificates"]>>;

  // As ConsulCluster gives them to servers of a region, and to other agents.
  const server = (dc: Datacenter): Partial<ConsulOptions> => ({
    primaryDatacenter: PRIMARY,
    acl: {
      agentToken: AGENT,
      defaultToken: DNS,
      ...(dc === PRIMARY ? { managementToken: MANAGEMENT } : { replicationToken: MANAGEMENT }),
    },
    tls: { caFile: tls.authority, ...tls.servers[dc] },
    logLevel: "info",
  });
  const client = (): Partial<ConsulOptions> => ({
    primaryDatacenter: PRIMARY,
    acl: { agentToken: AGENT, defaultToken: DNS },
    tls: { caFile: tls.authority },
  });
  const startProxy = async (dc: Datacenter, address: string): Promise<void> => {
    const check = { http: `http://${address}:9300/`, intervalSeconds: 2, timeoutSeconds: 1 };
    const service = { ...serviceDefinition({ name: "proxy", port: 80, checks: [check] }), token: AGENT };
    lab.host(address).write(CONSUL_PATHS.service("proxy"), JSON.stringify({ service }));
    await lab.startAgent(dc, address, client());
    await lab.startInstance(address);
  };

  beforeAll(async () => {
    lab = await DnsLab.create();
    tls = await lab.makeCertificates();
    await lab.startServers(DATACENTERS, server);
    const failover = failoverQuery(["us", "uk"]);
    for (const address of ADDRESS.servers(PRIMARY)) {
      const host = lab.host(address);
      for (const [path, token] of Object.entries(TOKENS)) host.write(path, token);
      host.install([...tokenUpkeep().files, ...failoverUpkeep(failover, CONSUL_PATHS.managementToken).files]);
    }
    const [first] = ADDRESS.servers(PRIMARY) as [string];
    await until("the hosts' script to make the tokens", 30_000, async () => {
      return (await lab.runOn(first, "consul-tokens")).code === 0 || undefined;
    });
    const queries = await Promise.all(
      ADDRESS.servers(PRIMARY).map((address) => lab.runOn(address, "consul-failover")),
    );
    expect(queries.map(({ code }) => code)).toEqual([0, 0, 0]);
    await lab.startAgent("jp", APP, client());
    await startProxy("jp", JP_PROXY);
    await startProxy("us", US_PROXY);
    await lab.startUpstream(60);
    await lab.startResolver("jp", APP);
  });

  afterAll(() => lab?.stop());

  it("has a server told its token anew once that is known, since what it said before was refused", () => {
    // GIVEN servers whose tokens nobody knew at first
    expect(lab.written("consul")).toMatch(/failed to sync remote state: error="ACL not found"/);
    // WHEN the hosts' script has made them THEN the server need not find that out by itself
    expect(lab.written("consul")).toMatch(/Updated agent's ACL token: token=agent/);
  });

  it("resolves names of this region and of the others", async () => {
    await lab.untilResolves(APP, "proxy.service.consul", [JP_PROXY]);
    await lab.untilResolves(APP, "proxy.service.us.consul", [US_PROXY]);
    await lab.untilResolves(APP, "api.example.com.ccnproxy-https.us", [US_PROXY]);
  });

  it.each(["jp", "us", "uk"] as const)("shows a request without a token in %s names alone", async (dc) => {
    // GIVEN a key in each region
    const [address] = ADDRESS.servers(dc) as [string];
    await lab.put(address, "kv/secret", "value", MANAGEMENT);
    // A server that is not the leader, or not in the primary datacenter, passes a refusal on as an error of its own.
    const outcome = async (method: string, path: string, body?: unknown): Promise<string> => {
      const ask = () => lab.anonymously(address, method, path, body);
      let { status, text } = await ask();
      // A leader that refuses a snapshot hangs up, which may overtake what it says.
      for (let lost = 0; lost < 20 && /connection reset by peer/.test(text); lost++) {
        ({ status, text } = await ask());
      }
      const refused = status === 403 || (status === 500 && /permission denied/i.test(text));
      return `${method} ${path}: ${refused ? "refused" : status === 500 ? `500, ${text}` : status}`;
    };
    // A new server knows no lists of tokens until it has seen that all others do.
    await until(`${address} to answer for its tokens`, 60_000, async () => {
      return !(await outcome("GET", "acl/tokens")).includes(": 500") || undefined;
    });
    // WHEN / THEN what DNS gives is there to read
    for (const path of ["catalog/nodes", "health/service/proxy"]) {
      expect(await outcome("GET", path)).toBe(`GET ${path}: 200`);
    }
    // AND nothing else is, not even to list, nor is there anything to write
    expect(await lab.api(address, "kv/?keys")).not.toContain("secret");
    for (const [method, path, body] of [
      ["GET", "kv/secret"],
      ["GET", "acl/tokens"],
      ["GET", "acl/policies"],
      ["GET", "agent/self"],
      ["GET", "operator/raft/configuration"],
      ["GET", "snapshot"],
      ["PUT", "kv/other", "value"],
      ["PUT", "agent/service/register", { Name: "intruder", Port: 80 }],
      ["PUT", "catalog/register", { Node: "intruder", Address: "10.9.9.9" }],
      ["POST", "query", { Name: "intruder", Service: { Service: "proxy" } }],
    ] as const) {
      expect(await outcome(method, path, body)).toBe(`${method} ${path}: refused`);
    }
  });

  it("serves no agent that speaks without TLS, and knows none that has another gossip key", async () => {
    // GIVEN agents with the right token
    const [bare, stranger] = ["10.1.0.41", "10.1.0.42"];
    await lab.startAgent("jp", bare, { ...client(), tls: undefined });
    await lab.startAgent("jp", stranger, { ...client(), gossipKey: Buffer.alloc(32, 9).toString("base64") });
    await sleep(2_000);
    // WHEN they ask a server
    const answers = await Promise.all(
      [bare, stranger].map((address) => lab.anonymously(address, "GET", "catalog/nodes")),
    );
    // THEN neither gets an answer
    expect(answers.map(({ status }) => status)).toEqual([500, 500]);
    expect(await lab.api(APP, "agent/members")).not.toContain(stranger);
  });

  it("leads to another region when this one's proxies are gone, without a failed look-up", async () => {
    // GIVEN
    await lab.untilResolves(APP, "proxy.query.consul", [JP_PROXY]);
    const stop = await lab.load([APP], ["proxy.query.consul"]);
    // WHEN
    await lab.signal(`proxy ${JP_PROXY}`, "SIGKILL");
    await lab.untilResolves(APP, "proxy.query.consul", [US_PROXY], LOST_REPORT_MS);
    const lookUps = await stop();
    // THEN
    expect(lookUps.filter(({ ok }) => !ok)).toEqual([]);
    expect(lookUps.at(-1)!.addresses).toEqual([US_PROXY]);
  });
});
