import { ClusterResolver, type ClusterResolverProps, StubDomains } from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { schemaErrors } from "./kubernetes-schema";
import { manifestOf, manifestsOf } from "./manifests";
import { restrictedViolations } from "./pod-security";
import { WORKERS } from "./workers";

afterAll(removeSynthesised);

const PROPS: ClusterResolverProps = {
  namespace: "tricloud",
  image: "docker.io/klutchell/unbound:v1.26.1",
  workers: WORKERS,
  address: "10.30.16.53",
  clients: ["10.30.0.0/20", "10.30.128.0/17"],
  consul: { domain: "consul", dnsAddresses: ["10.30.16.54@53"], peerDatacenters: ["us"] },
  proxy: { serviceName: "proxy" },
  forwarders: ["169.254.169.254"],
  records: { "db.example.internal": "10.30.40.5" },
};

const resolver = (changes: Partial<ClusterResolverProps> = {}) =>
  synthesise((scope) => new ClusterResolver(scope, "resolver", { ...PROPS, ...changes }));

const podOf = (stack: ReturnType<typeof resolver>) =>
  (manifestOf(stack, "DaemonSet", "resolver")["spec"] as { template: { spec: Attributes } }).template.spec;

describe("ClusterResolver", () => {
  it.each([{}, { metricsImage: "docker.io/library/node:24.21.0-trixie-slim" }])(
    "is made of objects that Kubernetes' schema knows and the restricted profile lets in, with %j",
    (changes) => {
      const stack = resolver(changes);
      for (const manifest of manifestsOf(stack)) expect(schemaErrors(manifest)).toEqual([]);
      expect(restrictedViolations(podOf(stack))).toEqual([]);
    },
  );

  it("lets nobody in but who asks for names, where nobody collects its metrics", () => {
    const stack = resolver();
    expect(podOf(stack)["containers"]).toHaveLength(1);
    expect((manifestOf(stack, "NetworkPolicy", "resolver")["spec"] as Attributes)["ingress"]).toHaveLength(1);
  });

  it("runs on every node, tainted ones too, and never stops answering during a release", () => {
    const stack = resolver();
    expect(podOf(stack)["tolerations"]).toEqual([{ operator: "Exists" }]);
    expect(manifestOf(stack, "DaemonSet", "resolver")["spec"]).toMatchObject({
      updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
  });

  it("answers by UDP and TCP at an address that is known beforehand", () => {
    expect(manifestOf(resolver(), "Service", "resolver")["spec"]).toMatchObject({
      clusterIP: "10.30.16.53",
      ports: [
        { port: 53, protocol: "UDP", targetPort: "dns" },
        { port: 53, protocol: "TCP", targetPort: "dns-tcp" },
      ],
    });
  });

  it("asks Consul for services, leads proxy suffixes to the proxies, and forwards the rest", () => {
    const conf = (manifestOf(resolver(), "ConfigMap", /^resolver-/)["data"] as Attributes)[
      "unbound.conf"
    ] as string;
    expect(conf).toMatch(/forward-zone:\n {2}name: "consul\."\n {2}forward-addr: 10\.30\.16\.54\n/);
    expect(conf).toMatch(/forward-zone:\n {2}name: "\."\n {2}forward-addr: 169\.254\.169\.254\n/);
    for (const suffix of [
      "ccnproxy",
      "ccnproxy-https",
      "ccnproxy-ssl",
      "ccnproxy-secure",
      "ccnproxy-service",
    ]) {
      expect(conf).toContain(`local-data: "${suffix}. 60 IN CNAME proxy.service.consul."`);
      expect(conf).toContain(`local-data: "${suffix}.us. 60 IN CNAME proxy.service.us.consul."`);
    }
    expect(conf).toContain("access-control: 10.30.128.0/17 allow");
    expect(conf).toContain('local-data: "db.example.internal. 60 IN A 10.30.40.5"');
  });

  it("is what the cluster's own DNS asks, for Tricloud's names first of all and for others too", () => {
    const data = resolver().one("kubernetes_config_map_v1_data");
    expect(data["metadata"]).toEqual({ name: "kube-dns", namespace: "kube-system" });
    const { stubDomains, upstreamNameservers } = data["data"] as Record<string, string>;
    expect(JSON.parse(stubDomains!)).toEqual(
      Object.fromEntries(
        [
          "consul",
          "ccnproxy",
          "ccnproxy-https",
          "ccnproxy-ssl",
          "ccnproxy-secure",
          "ccnproxy-service",
          "db.example.internal",
        ].map((name) => [name, ["10.30.16.53"]]),
      ),
    );
    expect(JSON.parse(upstreamNameservers!)).toEqual(["10.30.16.53"]);
  });

  it("answers as the machine's own resolver would: private addresses and their names too", () => {
    const conf = (manifestOf(resolver(), "ConfigMap", /^resolver-/)["data"] as Attributes)[
      "unbound.conf"
    ] as string;
    expect(conf).not.toContain("private-address");
    for (const zone of ["10.in-addr.arpa", "20.172.in-addr.arpa", "254.169.in-addr.arpa"]) {
      expect(conf).toContain(`local-zone: "${zone}." nodefault`);
      expect(conf).toContain(`name: "${zone}."\n  forward-addr: 169.254.169.254\n`);
    }
  });

  it("is named to the cluster's DNS while it answers, neither before nor after", () => {
    const { depends_on: needs } = resolver().one("kubernetes_config_map_v1_data");
    expect(needs).toEqual([
      expect.stringMatching(/^kubernetes_daemon_set_v1\./),
      expect.stringMatching(/^kubernetes_service_v1\./),
    ]);
  });

  it("is asked on the node that the question comes from", () => {
    expect(manifestOf(resolver(), "Service", "resolver")["spec"]).toMatchObject({
      internalTrafficPolicy: "Local",
    });
  });

  it("may be asked by pods and nodes alike, and for nothing but names", () => {
    expect(manifestOf(resolver(), "NetworkPolicy", "resolver")["spec"]).toMatchObject({
      ingress: [
        {
          ports: [
            { protocol: "TCP", port: 5353 },
            { protocol: "UDP", port: 5353 },
          ],
        },
      ],
    });
  });

  it("works while any zone's nodes do", () => {
    let built: ClusterResolver | undefined;
    synthesise((scope) => (built = new ClusterResolver(scope, "resolver", PROPS)));
    expect(built?.availability).toMatchObject({
      type: "parallel",
      blocks: WORKERS.zones.map((zone) => zone.availability),
    });
  });
});

describe("StubDomains", () => {
  it.each([
    [[], ["10.0.0.1"]],
    [["consul"], []],
  ])("refuses domains %j with resolvers %j", (domains, resolvers) => {
    expect(() => synthesise((scope) => new StubDomains(scope, "stubs", { domains, resolvers }))).toThrow(
      /stub domains need at least one domain and one resolver/,
    );
  });
});
