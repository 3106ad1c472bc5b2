import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SECRET_FILES } from "../../stacks/secrets/secret-files";
import type { DedicatedRegionInput, Ec2RegionInput } from "../../stacks/values/regions";
import type { ServiceInput } from "../../stacks/values/services";
import {
  type LoadReport,
  placeLoad,
  postsRun,
  startServiceLoad,
  tellLoadDuring,
} from "../e2e/calls-to-services";
import { succeeded } from "../e2e/succeeded";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";
import { Deployment, ImageRegistry, jpRegion, until, type VirtualHost } from "../testbed";
import { type GroupPlan } from "../testbed/ec2/cloud";
import { Ec2Laboratory, usRegion } from "../testbed/ec2/region";

/*
 * A server in Japan calls a service of the region us on EC2 that the internet does not reach: from proxy to proxy, the
 * ones found by Consul, which the two regions have federated. Prints a table of what failed.
 */

const CALLER = "jp-1";
const PROXIES = "us-proxy";
const APPS = "us-app";
const PEER_PORT = 8443;
const SEARCH = { host: "search.ccnproxy-service", port: 80 };
const URL = `http://${SEARCH.host}/`;
const CALLS_PER_SECOND = 100;
/** Of calls before and after what happens. */
const BESIDE_MS = 3000;

describeOnVirtualHosts("a service on EC2 that dedicated servers call from proxy to proxy", () => {
  let lab: Ec2Laboratory;
  let jp: DedicatedRegionInput;
  let us: Ec2RegionInput;
  let services: ServiceInput[];
  let registry: ImageRegistry;
  let caller: VirtualHost;

  beforeAll(async () => {
    // GIVEN a server in jp, and us, which joins the Consul of jp
    lab = await Ec2Laboratory.open(undefined, [CALLER]);
    const { testbed } = lab;
    caller = testbed.host(CALLER);
    registry = await ImageRegistry.start(testbed);
    const images = {
      address: registry.address,
      caCertificate: readFileSync(registry.authority, "utf8"),
      credentials: true,
    };
    const consul = { aptSource: testbed.consulSource, singleServer: true, primaryDatacenter: "jp" };
    const shared = { registry: images, peered: { port: PEER_PORT } };
    const region = jpRegion(testbed);
    jp = {
      ...{ ...region, ...shared, cidr: testbed.network.otherCidr, consul },
      servers: region.servers.map((server) => ({ ...server, roles: ["consul-server", "proxy", "app"] })),
      proxy: { ...region.proxy, warm: [] },
    };
    us = {
      ...{ ...usRegion(testbed), ...shared },
      servers: { "consul-server": { count: 1 }, proxy: { count: 2 }, app: { count: 1 } },
      consul: { ...consul, peers: { jp: [caller.address] } },
      consulWanNetworks: [testbed.network.otherCidr],
    };
    const health = { path: "/healthz", startSeconds: 20 };
    const image = (env: Readonly<Record<string, string>>) => registry.push("web", { env });
    services = [
      { ...{ name: "search", port: 8080, health, in: { us: {} } }, image: await image({ VERSION: "us" }) },
      {
        ...{ name: "shop", port: 8081, health, in: { jp: {} }, calls: ["search"] },
        image: await image({ VERSION: "jp", ASKS: "search" }),
      },
    ];
    const deployment = new Deployment(join(testbed.directory, "deployment"));
    for (const value of [jp, us]) deployment.write(value);
    for (const service of services) deployment.writeService(service);
    succeeded(await deployment.tricloud(["secrets"]));
    Object.assign(lab.variables, secretsOf(deployment), { registry_credentials: registry.credentials });
    // WHEN jp, whose tokens hold for both, and then us are deployed
    const env = { TF_VAR_registry_credentials: registry.credentials };
    succeeded(await deployment.deploy("jp", { env }));
    await lab.deploy(await lab.plan(us, services, [jp]));
    placeLoad(caller);
  }, 1_200_000);

  afterAll(() => lab?.close(), 120_000);

  /** What `us` is given, as `tricloud secrets` has made it. */
  const secretsOf = ({ directory, gossipKey }: Deployment): Record<string, string> => {
    const files = [
      ...[SECRET_FILES.authority, SECRET_FILES.tokens],
      ...[SECRET_FILES.certificate("us"), SECRET_FILES.proxies("us")],
    ];
    const made = files.map(
      (path) => JSON.parse(readFileSync(join(directory, "secrets", path), "utf8")) as Record<string, string>,
    );
    return Object.assign({ consul_gossip_key: gossipKey }, ...made) as Record<string, string>;
  };

  const addressesOf = (group: string): string[] =>
    lab
      .group(group)
      .inService.map(({ host }) => host.address)
      .sort();

  it("answers by the one URL that it has everywhere, through proxies found by name", async () => {
    // GIVEN the proxies that Consul tells jp of
    const name = "proxy.service.us.consul";
    await until(`${name} leads to them`, 120_000, async () => {
      const { stdout } = await caller.attempt(`getent ahostsv4 ${name} | awk '{ print $1 }' | sort -u`);
      return stdout.trim().split("\n").sort().join() === addressesOf(PROXIES).join() || undefined;
    });
    // WHEN the service is called THEN it answers, and so does what calls it
    await until("search answers", 60_000, async () => {
      const { stdout } = await caller.attempt(`curl -s -m 5 ${URL}`);
      return stdout.includes("version us") || undefined;
    });
    expect(await caller.run("curl -sS -m 5 http://127.0.0.1:8081/")).toContain("version us");
    // AND the proxies of us say whose calls these were
    const counted = await Promise.all(
      lab
        .group(PROXIES)
        .inService.map(({ host }) =>
          host.run(
            "curl -s http://127.0.0.1:9300/metrics | grep '^tricloud_proxy_peer_requests_total' || true",
          ),
        ),
    );
    expect(counted.join("")).toMatch(/\{peer="proxy\.jp\.consul"\} [1-9]/);
  }, 300_000);

  it("answers nobody who shows no certificate", async () => {
    // GIVEN a proxy of us
    const [address] = addressesOf(PROXIES);
    const call = (more = "") =>
      caller.attempt(`curl -sS -k -m 5 ${more} -H 'Host: ${SEARCH.host}' https://${address}:${PEER_PORT}/`);
    // WHEN it is called without THEN there is no answer; the proxies' own would have one
    expect((await call()).code).not.toBe(0);
    const own = "/etc/tricloud/proxy-peers";
    const { stdout } = await call(`--cert ${own}/certificate.pem --key ${own}/key.pem`);
    expect(stdout).toContain("version us");
  });

  const during = (what: string, happens: () => Promise<unknown>): Promise<LoadReport> =>
    tellLoadDuring(startServiceLoad(caller, CALLS_PER_SECOND, [SEARCH]), what, BESIDE_MS, happens);

  it("loses no call while all proxies of us are replaced", async () => {
    const before = addressesOf(PROXIES);
    // GIVEN calls WHEN the proxies get another setting, for which each machine is replaced
    const { posts, failures } = await during("all proxies of us replaced", async () => {
      const changed = { ...us, proxy: { ...us.proxy, settings: { clientIdleTimeout: "50s" } } };
      const plans = await lab.plan(changed, services, [jp]);
      await lab.deploy(plans.filter(({ name }) => name === PROXIES));
    });
    // THEN
    const after = addressesOf(PROXIES);
    expect([after.length, after.filter((address) => before.includes(address))]).toEqual([before.length, []]);
    expect(failures).toEqual([]);
    expect(posts.length).toBeGreaterThan(1000);
    // AND each POST was run, and once
    const apps = lab.group(APPS).inService.map(({ host }) => host);
    const ran = await postsRun(apps, "tricloud-service-search.service");
    expect(posts.filter((id) => !ran.includes(id))).toEqual([]);
    expect(ran.filter((id, index) => ran.indexOf(id) !== index)).toEqual([]);
  }, 1_200_000);

  /** The group's machines as they are to be with another image of search. */
  const withSearch = async (env: Readonly<Record<string, string>>): Promise<GroupPlan[]> => {
    const image = await registry.push("web", { env });
    const others = services.map((service) => (service.name === "search" ? { ...service, image } : service));
    return (await lab.plan(us, others, [jp])).filter(({ name }) => name === APPS);
  };

  it("loses no call while a bad version is given up, and the next one is released", async () => {
    const group = lab.group(APPS);
    const [before, seen] = [addressesOf(APPS), group.events.length];
    let [between, stayed] = ["", [] as string[]];
    // GIVEN calls WHEN a version goes out that ends as soon as it is started, and then one that does not
    const { failures, versions } = await during("a bad version, and a release", async () => {
      const bad = lab.deploy(await withSearch({ VERSION: "bad", BEHAVIOUR: "crashes" }));
      bad.catch(() => undefined);
      await until("a machine is given up", 900_000, async () =>
        group.events.slice(seen).find(({ what }) => what === "given up"),
      );
      [between, stayed] = [await caller.run(`curl -sS -m 5 ${URL}`), addressesOf(APPS)];
      await Promise.all([lab.deploy(await withSearch({ VERSION: "us-2" })), bad]);
    });
    // THEN what served went on, until others took its place
    expect([between.includes("version us "), stayed]).toEqual([true, before]);
    expect(addressesOf(APPS).filter((address) => before.includes(address))).toEqual([]);
    expect(await caller.run(`curl -sS -m 5 ${URL}`)).toContain("version us-2");
    // AND no caller has noticed
    expect(failures).toEqual([]);
    expect(Object.keys(versions).sort()).toEqual(["us", "us-2"]);
  }, 2_400_000);
});
