import { setTimeout as sleep } from "node:timers/promises";
import { AGENT_TOKEN_RULES } from "../../constructs/dns/consul-acl";
import { DNS_TOKEN_RULES } from "../../constructs/dns/consul-config";
import type { ConsulAclOptions } from "../../constructs/dns/consul-options";
import { until } from "../testbed";
import { ADDRESS, DnsLab } from "./dns-lab";

const MANAGEMENT = "11111111-1111-1111-1111-111111111111";
const DNS = "33333333-3333-3333-3333-333333333333";
const [SERVER] = ADDRESS.servers("jp") as [string];
const [APP, [PROXY]] = [ADDRESS.app("jp"), ADDRESS.proxies("jp") as [string]];
const NAME = "proxy.service.consul";

const obstacle = DnsLab.obstacle();
const describeInLab = obstacle === undefined ? describe : describe.skip;

/** Real Consul with access control: what the token for names can do, and what becomes of names without it. */
describeInLab(`names under access control${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`, () => {
  let lab: DnsLab;
  // The agent may do what it likes here: what is looked at is what requests without a token may.
  const acl = (more: ConsulAclOptions): ConsulAclOptions => ({ agentToken: MANAGEMENT, ...more });

  beforeAll(async () => {
    lab = await DnsLab.create();
    const servers = acl({ managementToken: MANAGEMENT, defaultToken: DNS });
    await lab.startServers(["jp"], () => ({ acl: servers }));
    for (const [name, rules] of [
      ["dns", DNS_TOKEN_RULES],
      ["agent", AGENT_TOKEN_RULES],
    ] as const) {
      // A new leader takes a moment before it lets tokens be made.
      await until(`policy ${name}`, 30_000, () =>
        lab.put(SERVER, "acl/policy", { Name: name, Rules: rules }, MANAGEMENT).catch(() => undefined),
      );
    }
    await lab.put(SERVER, "acl/token", { SecretID: DNS, Policies: [{ Name: "dns" }] }, MANAGEMENT);
    await lab.startAgent("jp", APP, { acl: acl({ defaultToken: DNS }) });
    await lab.startProxy("jp", PROXY, { acl: acl({ defaultToken: MANAGEMENT }) });
    await lab.startUpstream(60);
    await lab.startResolver("jp", APP);
  });

  afterAll(() => lab?.stop());

  it("resolves names with a token that can only read", async () => {
    // GIVEN an agent whose requests without a token use the one for names
    // WHEN / THEN
    await lab.untilResolves(APP, NAME, [PROXY]);
    await expect(lab.put(APP, "kv/key", "value", DNS)).rejects.toThrow("403");
    const service = { Name: "intruder", Port: 80 };
    await expect(lab.put(APP, "agent/service/register", service, DNS)).rejects.toThrow("403");
  });

  it("does not know the name where the token is missing", async () => {
    // GIVEN a resolver that asks only an agent without a token for names
    const bare = "10.1.0.41";
    await lab.startAgent("jp", bare, { acl: acl({}) });
    await lab.startResolver("jp", bare, {
      forwardZones: [{ name: "consul", forwarders: [`${bare}@8600`] }],
      proxySuffixes: [],
    });
    // WHEN
    const stop = await lab.load([bare], [NAME], 20);
    await sleep(1_000);
    const lookUps = await stop();
    // THEN
    expect(lookUps.filter((one) => one.ok)).toEqual([]);
    expect(lookUps.at(-1)!.why).toBe("no such name");
  });
});
