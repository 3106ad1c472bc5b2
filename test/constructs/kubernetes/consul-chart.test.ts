import { ConsulChart, type ConsulChartProps } from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { schemaErrors } from "./kubernetes-schema";
import { manifestOf } from "./manifests";
import { WORKERS } from "./workers";

afterAll(removeSynthesised);

const PROPS: ConsulChartProps = {
  namespace: "consul",
  datacenter: "uk",
  chartVersion: "1.9.3",
  dnsAddress: "10.30.16.54",
  workers: WORKERS,
};

const released = (changes: Partial<ConsulChartProps> = {}) => {
  let chart: ConsulChart | undefined;
  const stack = synthesise((scope) => (chart = new ConsulChart(scope, "consul", { ...PROPS, ...changes })));
  const values = JSON.parse((stack.one("helm_release")["values"] as [string])[0]) as Record<
    string,
    Attributes
  >;
  const extra = JSON.parse(values["server"]?.["extraConfig"] as string) as Attributes;
  return { chart: chart!, stack, values, extra };
};

describe("ConsulChart", () => {
  it("is HashiCorp's chart in exactly the version asked for", () => {
    expect(released().stack.one("helm_release")).toMatchObject({
      repository: "https://helm.releases.hashicorp.com",
      chart: "consul",
      version: "1.9.3",
      namespace: "consul",
    });
  });

  it("answers DNS at the address that the resolver is told, for services alone", () => {
    const { values, chart } = released();
    expect(values).toMatchObject({
      global: { datacenter: "uk", domain: "consul", installK8sNetworkingCRDs: false },
      dns: { enabled: true, clusterIP: "10.30.16.54" },
      connectInject: { enabled: false },
      syncCatalog: { enabled: true, default: false, toConsul: true, toK8S: false },
    });
    expect(chart.dnsAddresses).toEqual(["10.30.16.54@53"]);
  });

  it("gives its servers the options of the other platforms, and nothing that the chart says itself", () => {
    const { extra } = released();
    expect(extra).toMatchObject({
      dns_config: { service_ttl: { "*": "5s" }, allow_stale: true, max_stale: "87600h", use_cache: true },
      performance: { raft_multiplier: 1 },
    });
    // The chart's own processes talk to the servers by gRPC, and it names joiners, ports and addresses itself.
    for (const key of ["ports", "bind_addr", "client_addr", "retry_join", "server", "data_dir", "services"]) {
      expect(extra).not.toHaveProperty(key);
    }
    expect(extra).not.toHaveProperty("retry_join_wan");
  });

  it("joins the other datacenters when their addresses are given, and not itself", () => {
    const { extra, chart } = released({
      peers: { jp: ["10.10.0.11", "10.10.0.12"], us: ["10.20.0.9"], uk: ["10.30.0.1"] },
    });
    expect(extra["retry_join_wan"]).toEqual(["10.10.0.11", "10.10.0.12", "10.20.0.9"]);
    expect(chart.peerDatacenters).toEqual(["jp", "us"]);
  });

  it("keeps its API to itself: others get names, and other datacenters what federation takes", () => {
    const policy = (changes: Partial<ConsulChartProps>) =>
      manifestOf(released(changes).stack, "NetworkPolicy", "consul")["spec"] as { ingress: Attributes[] };
    const alone = policy({}).ingress;
    expect(alone[0]).toMatchObject({
      from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "consul" } } }],
    });
    expect(alone[1]).toMatchObject({
      from: [{ namespaceSelector: {} }],
      ports: [{ port: 8600 }, { port: 8600 }],
    });
    expect(alone).toHaveLength(3);
    expect(policy({ wanNetworks: ["10.10.0.0/16"] }).ingress[3]).toEqual({
      from: [{ ipBlock: { cidr: "10.10.0.0/16" } }],
      ports: [
        { protocol: "TCP", port: 8300 },
        { protocol: "TCP", port: 8302 },
        { protocol: "UDP", port: 8302 },
      ],
    });
  });

  it("can be joined at an address that stays, by whom its policy lets in", () => {
    const { stack } = released({ joinAddress: "10.30.0.53", wanNetworks: ["10.10.0.0/16"] });
    const service = manifestOf(stack, "Service", "consul-join");
    expect(schemaErrors(service)).toEqual([]);
    expect(service).toMatchObject({
      metadata: { annotations: { "networking.gke.io/load-balancer-type": "Internal" } },
      spec: {
        type: "LoadBalancer",
        loadBalancerIP: "10.30.0.53",
        externalTrafficPolicy: "Local",
        ports: [{ port: 8302, targetPort: 8302, protocol: "TCP" }],
      },
    });
    expect(released().stack.resources("kubernetes_service_v1")).toEqual({});
  });

  it("takes the gossip key from a sensitive variable, and no value of it is written", () => {
    const { stack, values } = released();
    expect(stack.json["variable"]).toMatchObject({ consul_gossip_key: { sensitive: true, type: "string" } });
    expect(stack.one("kubernetes_secret_v1")["data"]).toEqual({ key: "${var.consul_gossip_key}" });
    expect(values["global"]?.["gossipEncryption"]).toMatchObject({ secretKey: "key" });
  });

  it("keeps a quorum while more than half of its servers' zones work", () => {
    const { chart, values } = released({ servers: 5 });
    expect(values["server"]).toMatchObject({ replicas: 5, bootstrapExpect: 5 });
    const [a, b, c] = WORKERS.zones.map((zone) => zone.availability);
    expect(chart.quorum).toMatchObject({ type: "atLeast", k: 3, blocks: [a, b, c, a, b] });
  });

  it.each([
    [{ servers: 2 }, /consul uk: expected 3 or 5 servers, got: 2/],
    [{ servers: 1 }, /one server is no quorum/],
    [{ datacenter: "UK" }, /got: "UK"/],
  ])("refuses %j", (changes, message) => {
    expect(() => released(changes)).toThrow(message);
  });

  it("takes one server when told that this is meant", () => {
    expect(released({ servers: 1, singleServer: true }).values["server"]).toMatchObject({ replicas: 1 });
  });
});
