import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { describeOnCluster } from "../e2e/on-cluster";
import { Deployment, jpRegion, ORIGIN, Testbed, until, type VirtualHost } from "../testbed";
import { Caller } from "../testbed/cluster/caller";
import { type Cluster } from "../testbed/cluster/cluster";
import { madeImage } from "../testbed/cluster/made-image";
import { programFile } from "../testbed/cluster/program-file";
import { WorkloadsDeployment } from "../testbed/cluster/workloads-deployment";
import { ip } from "../testbed/network";
import { UK_CLUSTER, UK_ORIGIN, ukRegion } from "../testbed/uk-region";

/** Where the cluster's servers are joined: in the subnet of its nodes. */
const JOIN_ADDRESS = "10.30.0.100";
const PORT = 8081;
const SEARCH = "search.service.uk.consul";
const FOUND_WITHIN_MS = 120_000;

interface Pods {
  readonly items: readonly { readonly status: { readonly podIP?: string } }[];
}

describeOnCluster("JP's virtual hosts and a cluster in UK, federated by Consul", () => {
  let testbed: Testbed;
  let workloads: WorkloadsDeployment;
  let inJp: VirtualHost;
  let inUk: Caller;

  beforeAll(async () => {
    testbed = await Testbed.boot({
      hosts: ["jp-1", "jp-2", "jp-3"],
      far: { names: [ORIGIN, UK_ORIGIN] },
      cluster: UK_CLUSTER,
    });
    const { cluster, network } = testbed;
    const jp: DedicatedRegionInput = jpRegion(testbed);
    const servers = jp.servers.map(({ address }) => address);
    // What stands in for Consul's chart knows neither TLS nor access control, and both must agree.
    const closed = { tls: false, acl: false };
    const jpFederated = { ...jp, consul: { ...jp.consul, ...closed, peers: { uk: [JOIN_ADDRESS] } } };
    workloads = await WorkloadsDeployment.create(testbed);
    workloads.writeRegion(jpFederated);
    workloads.write({
      ...{ name: "search", image: await searchImage(cluster, join(testbed.directory, "search")) },
      ...{ port: PORT, health: { path: "/healthz" }, in: { uk: {} } },
    });
    await workloads.deploy({
      consul: { ...ukRegion(testbed).consul, peers: { jp: servers } },
      consulWanNetworks: [network.cidr],
      consulJoinAddress: JOIN_ADDRESS,
    });
    await balance(testbed, "consul", "consul-join", JOIN_ADDRESS);
    const deployment = new Deployment(join(testbed.directory, "jp-deployment"));
    deployment.write(jpFederated);
    const { code, output } = await deployment.deploy("jp", {
      env: { TF_VAR_consul_gossip_key: workloads.gossipKey },
    });
    if (code !== 0) throw new Error(output);
    inJp = testbed.host("jp-3");
    inUk = await Caller.create(cluster, "caller");
  }, 1_200_000);

  afterAll(async () => {
    workloads?.close();
    await testbed?.stop();
  }, 60_000);

  const podsOf = async (namespace: string, name: string): Promise<string[]> => {
    const label = `app.kubernetes.io/name=${name}`;
    const { items } = await testbed.cluster.get<Pods>("-n", namespace, "pods", "-l", label);
    return items.map(({ status }) => status.podIP ?? "").sort();
  };
  const addressesOf = (...hosts: string[]) => hosts.map((name) => testbed.host(name).address).sort();
  /** Waits until a name is found to be at these addresses. */
  const untilFound = (
    name: string,
    addresses: readonly string[],
    ask: () => Promise<{ readonly stdout: string }>,
  ) =>
    until(`${name} leads to ${addresses.join(", ")}`, FOUND_WITHIN_MS, async () => {
      const found = (await ask()).stdout.trim().split("\n");
      return [...new Set(found)].sort().join() === addresses.join() || undefined;
    });
  const fromJp = (name: string) => () => inJp.attempt(`getent ahostsv4 ${name} | awk '{ print $1 }'`);
  const fromUk = (name: string) => () => inUk.attempt("dig", "+short", name);
  const callFromJp = (url: string) =>
    inJp.attempt(`curl -s -m 5 -o /dev/null -w '%{http_code}' ${url}`).then(({ stdout }) => stdout);

  it("has the servers of both know each other", async () => {
    const members = await until("all servers are members", FOUND_WITHIN_MS, async () => {
      const { stdout } = await testbed.host("jp-1").attempt("consul members -wan");
      const alive = stdout.split("\n").filter((line) => / alive /.test(line));
      return alive.length >= 6 ? alive : undefined;
    });
    expect(members.filter((line) => / jp /.test(line))).toHaveLength(3);
    expect(members.filter((line) => / uk /.test(line))).toHaveLength(3);
  });

  it("finds a service of the cluster's on a host, which calls it once it is let in", async () => {
    // GIVEN the name of pods that let nobody in but the cluster's own
    await untilFound(SEARCH, await podsOf("app", "search"), fromJp(SEARCH));
    expect(await callFromJp(`http://${SEARCH}:${PORT}/`)).toBe("000");
    // WHEN the other region's network may come in
    await testbed.cluster.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "from-jp", namespace: "app" },
      spec: {
        podSelector: { matchLabels: { "app.kubernetes.io/name": "search" } },
        policyTypes: ["Ingress"],
        ingress: [{ from: [{ ipBlock: { cidr: testbed.network.cidr } }] }],
      },
    });
    // THEN
    await until(`${SEARCH} answers`, 30_000, async () => {
      const { stdout } = await inJp.attempt(`curl -s -m 5 http://${SEARCH}:${PORT}/`);
      return stdout === "version uk uk\n" || undefined;
    });
  });

  it("calls through the cluster's proxies from a host", async () => {
    const name = `${UK_ORIGIN}.ccnproxy-https.uk`;
    await untilFound(name, await podsOf("tricloud", "proxy"), fromJp(name));
    expect(await callFromJp(`http://${name}/hc`)).toBe("200");
  });

  it("finds a service of the hosts' in a pod, which calls through it", async () => {
    const proxies = addressesOf("jp-1", "jp-2");
    await untilFound("proxy.service.jp.consul", proxies, fromUk("proxy.service.jp.consul"));
    const url = `http://${ORIGIN}.ccnproxy-https.jp/hc`;
    const { calls, errors } = await inUk.during(
      url,
      20,
      () => new Promise((ended) => setTimeout(ended, 5000)),
    );
    expect(errors).toEqual({});
    expect(calls).toBeGreaterThan(50);
  });

  it("goes on finding the cluster's service after its servers have got other addresses", async () => {
    // WHEN
    await testbed.cluster.kubectl("-n", "consul", "rollout", "restart", "statefulset/consul-server");
    await testbed.cluster.rollout("consul", "statefulset/consul-server", 300);
    // THEN
    await untilFound(SEARCH, await podsOf("app", "search"), fromJp(SEARCH));
    expect(await callFromJp(`http://${SEARCH}:${PORT}/`)).toBe("200");
  });
});

function searchImage(cluster: Cluster, directory: string): Promise<string> {
  mkdirSync(directory);
  return madeImage(cluster, {
    ...{ name: "search", directory, command: ["node", "/srv/web.cjs"] },
    files: { "srv/web.cjs": readFileSync(programFile("web.cjs"), "utf8"), "srv/version": "version uk" },
  });
}

/**
 * What Google's internal load balancer does for a Service: whoever comes to its address is led to a node, which takes
 * the address for its own.
 */
async function balance(
  { cluster, network }: Testbed,
  namespace: string,
  service: string,
  address: string,
): Promise<void> {
  const status = { loadBalancer: { ingress: [{ ip: address }] } };
  await cluster.kubectl(
    ...["-n", namespace, "patch", "service", service, "--subresource=status", "--type=merge"],
    ...["-p", JSON.stringify({ status })],
  );
  await ip(network.rack, ["route", "add", `${address}/32`, "via", cluster.nodes[0]!.address]);
}
