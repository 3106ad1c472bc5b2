import { Lazy } from "cdktf";
import { parse } from "yaml";
import { ConsulChart, type ConsulChartProps } from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { CONSUL_CHART } from "./consul-chart-props";
import { chartErrors } from "./consul-chart-values";
import { schemaErrors } from "./kubernetes-schema";
import { manifestOf, manifestsOf, podsOf } from "./manifests";
import { restrictedViolations } from "./pod-security";
import { WORKERS } from "./workers";

afterAll(removeSynthesised);

const released = (changes: Partial<ConsulChartProps> = {}) => {
  let chart: ConsulChart | undefined;
  const stack = synthesise(
    (scope) => (chart = new ConsulChart(scope, "consul", { ...CONSUL_CHART, ...changes })),
  );
  const values = JSON.parse((stack.one("helm_release")["values"] as [string])[0]) as Record<
    string,
    Attributes
  >;
  const extra = JSON.parse(values["server"]?.["extraConfig"] as string) as Attributes;
  return { chart: chart!, stack, values, extra };
};

const FEDERATED = { peers: { jp: ["10.10.0.11"], us: ["10.20.0.9"] }, wanNetworks: ["10.10.0.0/16"] };
const EVERYTHING = { tls: true, acl: true, failoverTo: ["jp", "us"], primaryDatacenter: "jp" };

describe("ConsulChart", () => {
  it("is HashiCorp's chart in exactly the version asked for", () => {
    expect(released().stack.one("helm_release")).toMatchObject({
      repository: "https://helm.releases.hashicorp.com",
      chart: "consul",
      version: "1.9.11",
      namespace: "consul",
    });
  });

  it("answers DNS at the address that the resolver is told, for services alone", () => {
    const { values, chart } = released();
    expect(values).toMatchObject({
      global: { datacenter: "uk", domain: "consul" },
      dns: { enabled: true, clusterIP: "10.30.16.54" },
      connectInject: { enabled: false },
      syncCatalog: { enabled: true, default: false, toConsul: true, toK8S: false },
    });
    expect(chart.dnsAddresses).toEqual(["10.30.16.54@53"]);
  });

  it("has its servers find room when a zone is lost, and its catalog go on within seconds", () => {
    // GIVEN values that the chart takes as texts
    const { server, syncCatalog } = released().values;
    // THEN a zone whose nodes are lost is none that servers must be even with
    expect(parse(server!["topologySpreadConstraints"] as string)).toEqual([
      expect.objectContaining({ topologyKey: "topology.kubernetes.io/zone", nodeTaintsPolicy: "Honor" }),
    ]);
    // AND the one pod that writes the catalog leaves a lost node
    expect(parse(syncCatalog!["tolerations"] as string)).toEqual(
      ["not-ready", "unreachable"].map((taint) => ({
        ...{ key: `node.kubernetes.io/${taint}`, operator: "Exists" },
        ...{ effect: "NoExecute", tolerationSeconds: 5 },
      })),
    );
  });

  it("leaves none of the chart's own limits, which stop a busy server and end a busy catalog sync", () => {
    // GIVEN what the chart limits where nothing is said, which Helm puts together with what is
    const DEFAULT = { server: { cpu: "100m", memory: "200Mi" }, syncCatalog: { cpu: "50m", memory: "50Mi" } };
    const values = released().values;
    for (const part of ["server", "syncCatalog"] as const) {
      const { limits } = values[part]!["resources"] as { limits: Attributes };
      // WHEN put together THEN no processor time is held back, and memory is ours
      const together = Object.entries({ ...DEFAULT[part], ...limits }).filter(([, limit]) => limit !== null);
      expect([part, together]).toEqual([part, [["memory", limits["memory"]]]]);
      expect(limits["memory"]).not.toBe(DEFAULT[part].memory);
    }
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

  it.each<[string, Partial<ConsulChartProps>]>([
    ["nothing more", {}],
    ["TLS", { tls: true }],
    ["access control", { acl: true }],
    ["all of it in a datacenter that is not the primary one", { ...FEDERATED, ...EVERYTHING }],
  ])("gives the chart only values that it has, of the kind that it takes: %s", (_what, changes) => {
    // GIVEN / WHEN
    const { values, stack } = released({
      controlPlaneImage: "docker.io/example/control-plane:1",
      ...changes,
    });
    const set = (stack.one("helm_release")["set_sensitive"] ?? []) as { name: string; value: string }[];
    // THEN
    expect(chartErrors(values)).toEqual([]);
    for (const { name, value } of set) expect(chartErrors({ [name]: value })).toEqual([]);
  });

  it.each<[string, Partial<ConsulChartProps>]>([
    ["tokens", { acl: true }],
    ["failover", { ...FEDERATED, failoverTo: ["jp"] }],
    ["all", { ...FEDERATED, ...EVERYTHING }],
  ])("adds only what Kubernetes knows, and only restricted pods: %s", (_what, changes) => {
    // GIVEN / WHEN
    const manifests = manifestsOf(released(changes).stack);
    // THEN
    for (const manifest of manifests)
      expect([manifest.kind, schemaErrors(manifest)]).toEqual([manifest.kind, []]);
    const pods = manifests.flatMap(podsOf);
    expect(pods).toHaveLength(2);
    for (const pod of pods) expect(restrictedViolations(pod)).toEqual([]);
  });
});

describe("ConsulChart with TLS", () => {
  it("has the servers show the region's certificate, from sensitive variables, and closes what is not encrypted", () => {
    // GIVEN / WHEN
    const { stack, values } = released({ tls: true });
    // THEN
    expect(values["global"]?.["tls"]).toMatchObject({
      enabled: true,
      httpsOnly: true,
      verify: true,
      caCert: { secretKey: "tls.crt" },
    });
    expect(manifestOf(stack, "Secret", "consul-authority").metadata["namespace"]).toBe("consul");
    expect(secretData(stack, "consul-authority")).toEqual({ "tls.crt": "${var.consul_ca_certificate}" });
    expect(secretData(stack, "consul-server-certificate")).toEqual({
      "tls.crt": "${var.consul_server_certificate}",
      "tls.key": "${var.consul_server_key}",
    });
    for (const name of ["consul_ca_certificate", "consul_server_certificate", "consul_server_key"]) {
      expect(stack.json["variable"]).toMatchObject({ [name]: { sensitive: true } });
    }
    const metrics = (manifestOf(stack, "NetworkPolicy", "consul")["spec"] as { ingress: Attributes[] })
      .ingress[2];
    expect(metrics).toMatchObject({ ports: [{ port: 8501 }] });
  });

  it("starts pods anew when a certificate changes, and shows nobody more than a digest of it", () => {
    // GIVEN / WHEN
    const set = released({ tls: true }).stack.one("helm_release")["set_sensitive"] as Attributes[];
    // THEN
    expect(set.map(({ name }) => name)).toEqual(["server.annotations", "syncCatalog.annotations"]);
    for (const { value } of set)
      expect(value).toMatch(/^tricloud\/secrets: "\$\{sha256\(.*consul_server_key.*\)\}"$/);
    expect(released().stack.one("helm_release")["set_sensitive"]).toBeUndefined();
  });
});

describe("ConsulChart with access control", () => {
  it("gives servers and sync the tokens of the other platforms, by Secrets alone", () => {
    // GIVEN / WHEN
    const { stack, values } = released({ acl: true });
    // THEN
    expect(values["global"]?.["acls"]).toEqual({ manageSystemACLs: false });
    const { "acl.json": config } = secretData(stack, "consul-access-control");
    expect(config).toContain('"default_policy" = "deny"');
    expect(config).toContain('"initial_management" = var.consul_management_token');
    expect(config).toContain('"default" = var.consul_dns_token');
    expect(config).not.toContain("null");
    expect(values["server"]?.["extraVolumes"]).toEqual([
      expect.objectContaining({ type: "secret", load: true, items: [{ key: "acl.json", path: "acl.json" }] }),
    ]);
    expect(values["syncCatalog"]?.["aclSyncToken"]).toMatchObject({ secretKey: "agent" });
  });

  it("waits with the servers until the tokens that they are to use may be used", () => {
    // GIVEN / WHEN
    const { stack } = released({ acl: true });
    // THEN
    const [upkeep] = Object.keys(stack.resources("kubernetes_deployment_v1"));
    expect(stack.one("helm_release")["depends_on"]).toEqual([`kubernetes_deployment_v1.${upkeep}`]);
    const [pod] = podsOf(manifestOf(stack, "Deployment", "consul-upkeep"));
    expect((pod!["containers"] as [Attributes])[0]["readinessProbe"]).toMatchObject({
      exec: { command: ["sh", "/etc/tricloud/upkeep.sh", "ready"] },
    });
    expect(stack.one("kubernetes_deployment_v1")["wait_for_rollout"]).not.toBe(false);
  });

  it("leaves making tokens to the primary datacenter, and fetches them from there", () => {
    // GIVEN / WHEN
    const { stack, extra } = released({ ...FEDERATED, acl: true, primaryDatacenter: "jp" });
    // THEN
    const { "acl.json": config } = secretData(stack, "consul-access-control");
    expect(config).toContain('"replication" = var.consul_management_token');
    expect(config).toContain('"enable_token_replication" = true');
    expect(config).not.toContain("initial_management");
    expect(extra["primary_datacenter"]).toBe("jp");
    expect(stack.resources("kubernetes_deployment_v1")).toEqual({});
  });

  it("mounts each task the tokens that it uses, and no other", () => {
    // GIVEN / WHEN
    const { stack } = released({ acl: true });
    const secretsOf = (kind: string, name: string) =>
      podsOf(manifestOf(stack, kind, name)).flatMap((pod) =>
        (pod["volumes"] as { secret?: { items: { key: string }[]; defaultMode: number } }[]).flatMap(
          ({ secret }) => (secret ? [[secret.items[0]!.key, secret.defaultMode]] : []),
        ),
      );
    // THEN
    expect(secretsOf("CronJob", "consul-snapshots")).toEqual([["management", 0o440]]);
    expect(secretsOf("Deployment", "consul-upkeep").map(([key]) => key)).toEqual([
      "management",
      "agent",
      "dns",
    ]);
  });

  it("refuses a token that anybody could read, without showing it", () => {
    // GIVEN one literal among expressions
    const hidden = (value: string) => Lazy.stringValue({ produce: () => value });
    const acl = { managementToken: hidden("m"), agentToken: hidden("a"), dnsToken: "3fa3-secret" };
    // WHEN / THEN
    expect(() => released({ acl })).toThrow(
      "consul uk: dnsToken must be a Terraform expression, got: a literal",
    );
  });
});

describe("ConsulChart's upkeep", () => {
  it("keeps the query for failover when other datacenters may stand in", () => {
    // GIVEN / WHEN
    const { chart, stack } = released({ ...FEDERATED, failoverTo: ["jp"] });
    const files = manifestOf(stack, "ConfigMap", /^consul-upkeep-/)["data"] as Record<string, string>;
    // THEN
    expect(chart.failsOver).toBe(true);
    expect(JSON.parse(files["failover-query.json"]!)).toMatchObject({
      Service: { OnlyPassing: true, Failover: { NearestN: 1, Datacenters: ["jp"] } },
    });
    expect(released().chart.failsOver).toBe(false);
    expect(released().stack.resources("kubernetes_deployment_v1")).toEqual({});
  });

  it("refuses failover to a datacenter that is not federated", () => {
    expect(() => released({ ...FEDERATED, failoverTo: ["de"] })).toThrow(
      "consul uk: failoverTo names de, which is not federated, expected some of: jp, us",
    );
  });

  it("makes snapshots on a disk that outlives a zone and its own claim, unless told not to", () => {
    // GIVEN / WHEN
    const { stack } = released({ snapshots: { intervalMinutes: 30, keep: 7 } });
    // THEN
    expect(manifestOf(stack, "CronJob", "consul-snapshots")["spec"]).toMatchObject({
      schedule: "*/30 * * * *",
      concurrencyPolicy: "Forbid",
    });
    expect(manifestOf(stack, "StorageClass", "consul-snapshots")).toMatchObject({
      reclaimPolicy: "Retain",
      parameters: { "replication-type": "regional-pd" },
    });
    expect(released({ snapshots: false }).stack.resources("kubernetes_cron_job_v1")).toEqual({});
  });

  it.each([
    [60, "0 * * * *"],
    [1, "*/1 * * * *"],
    [120, "0 */2 * * *"],
    [1440, "0 0 * * *"],
  ])("makes a snapshot every %d minutes", (intervalMinutes, schedule) => {
    const { stack } = released({ snapshots: { intervalMinutes } });
    expect(manifestOf(stack, "CronJob", "consul-snapshots")["spec"]).toMatchObject({ schedule });
  });

  it.each([
    [{ intervalMinutes: 90 }, /must divide an hour, or be hours that divide a day, got: 90/],
    [{ intervalMinutes: 7 }, /got: 7/],
    [{ intervalMinutes: 2880 }, /got: 2880/],
    [{ keep: 0 }, /keep must be a whole number above 0, got: 0/],
  ])("refuses snapshots with %j", (snapshots, message) => {
    expect(() => released({ snapshots })).toThrow(message);
  });
});

/** What a Secret holds, as the expressions that Terraform is given. */
function secretData(stack: ReturnType<typeof released>["stack"], name: string): Record<string, string> {
  const secret = Object.values(stack.resources("kubernetes_secret_v1")).find(
    ({ metadata }) => (metadata as Attributes)["name"] === name,
  );
  return secret?.["data"] as Record<string, string>;
}
