import { writeFileSync } from "node:fs";
import { Fn } from "cdktf";
import { ConsulChart, ProxyDeployment, type ProxyDeploymentProps } from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { CONSUL_CHART } from "./consul-chart-props";
import { schemaErrors } from "./kubernetes-schema";
import { manifestOf, manifestsOf } from "./manifests";
import { restrictedViolations } from "./pod-security";
import { type BundleFile, bundleProxy } from "./bundle-file";
import { WORKERS } from "./workers";

let bundle: BundleFile;
beforeAll(() => (bundle = bundleProxy()));
afterAll(() => {
  bundle.remove();
  removeSynthesised();
});

const props = (changes: Partial<ProxyDeploymentProps> = {}): ProxyDeploymentProps => ({
  namespace: "tricloud",
  image: "docker.io/library/node:24.21.0-trixie-slim",
  workers: WORKERS,
  allow: ["api.example.com"],
  bundlePath: bundle.path,
  ...changes,
});

const deployed = (changes: Partial<ProxyDeploymentProps> = {}) =>
  synthesise((scope) => new ProxyDeployment(scope, "proxy", props(changes)));

const podOf = (stack: ReturnType<typeof deployed>) =>
  (manifestOf(stack, "Deployment", "proxy")["spec"] as { template: { spec: Attributes } }).template.spec;

const containerOf = (stack: ReturnType<typeof deployed>) => (podOf(stack)["containers"] as [Attributes])[0];

/** Name of the ConfigMap with the configuration. */
const CONFIGURATION = /^proxy-[0-9a-f]{10}$/;

describe("ProxyDeployment", () => {
  it("is made of objects that Kubernetes' schema knows", () => {
    const stack = deployed({
      caCertificate: "-----BEGIN CERTIFICATE-----\n",
      warm: ["api.example.com:443=2"],
    });
    for (const manifest of manifestsOf(stack)) expect(schemaErrors(manifest)).toEqual([]);
  });

  it("runs pods that the restricted profile lets in, with nothing of theirs writable", () => {
    const stack = deployed();
    expect(restrictedViolations(podOf(stack))).toEqual([]);
    expect(podOf(stack)).toMatchObject({ automountServiceAccountToken: false });
    expect(containerOf(stack)["securityContext"]).toMatchObject({ readOnlyRootFilesystem: true });
  });

  it("is asked for its health where the proxy answers it", () => {
    const stack = deployed();
    expect(containerOf(stack)).toMatchObject({
      livenessProbe: { httpGet: { path: "/healthz", port: "admin" } },
      readinessProbe: { httpGet: { path: "/readyz", port: "admin" } },
      ports: [
        { name: "http", containerPort: 80 },
        { name: "admin", containerPort: 9300 },
      ],
    });
    const config = JSON.parse(
      (manifestOf(stack, "ConfigMap", CONFIGURATION)["data"] as Attributes)["proxy.json"] as string,
    );
    expect(config).toMatchObject({ port: 80, adminListen: "0.0.0.0:9300", allow: ["api.example.com"] });
  });

  const formOf = (changes: Partial<ProxyDeploymentProps>) => {
    let proxy: ProxyDeployment;
    const stack = synthesise((scope) => (proxy = new ProxyDeployment(scope, "proxy", props(changes))));
    const names = manifestsOf(stack).flatMap(({ kind, metadata }) =>
      kind === "ConfigMap" ? [String(metadata["name"])] : [],
    );
    return { names: names.sort(), pod: podOf(stack), awaited: proxy!.awaited };
  };

  it.each<[string, Partial<ProxyDeploymentProps>]>([
    ["another origin", { allow: ["api.example.com", "other.example.com"] }],
    ["another group", { groups: { search: { origins: ["https://search.example.com"] } } }],
    ["another limit", { settings: { maxConnsPerHost: 9 } }],
  ])("takes %s in the pods that run", (_, changes) => {
    // THEN nothing of the pods is another, the files are, and a deploy has the pods read them
    const [before, after] = [formOf({}), formOf(changes)];
    expect([after.names, after.pod]).toEqual([before.names, before.pod]);
    expect(after.awaited).not.toEqual(before.awaited);
    expect(after.awaited).toMatchObject({
      reload: {
        folder: "/etc/tricloud",
        command: [
          ...(containerOf(deployed())["command"] as string[]).slice(0, 2),
          "reload",
          "--config",
          "/etc/tricloud/proxy.json",
        ],
      },
    });
  });

  it.each<[string, Partial<ProxyDeploymentProps>, RegExp]>([
    ["what only a start reads", { settings: { workers: 2 } }, CONFIGURATION],
    ["another port", { port: 8080 }, CONFIGURATION],
    ["authorities", { caCertificate: "-----BEGIN CERTIFICATE-----\n" }, /^proxy-/],
  ])("gets other pods for %s, with files of their own", (_, changes, changed) => {
    // THEN those that run never see files that they would not start with
    const [before, after] = [formOf({}), formOf(changes)];
    expect(after.pod).not.toEqual(before.pod);
    for (const name of before.names.filter((each) => changed.test(each)))
      expect(after.names).not.toContain(name);
  });

  it("is spread over zones, and over nodes where it can be", () => {
    expect(podOf(deployed())["topologySpreadConstraints"]).toEqual([
      expect.objectContaining({
        topologyKey: "topology.kubernetes.io/zone",
        whenUnsatisfiable: "DoNotSchedule",
        maxSkew: 1,
        nodeTaintsPolicy: "Honor",
      }),
      expect.objectContaining({ topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" }),
    ]);
  });

  it("leaves a lost node in seconds", () => {
    const tolerated = (key: string) => ({
      key,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 5,
    });
    expect(podOf(deployed())["tolerations"]).toEqual(
      ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(tolerated),
    );
  });

  it("loses at most one pod at a time to maintenance, and none to a release", () => {
    const stack = deployed();
    expect(manifestOf(stack, "PodDisruptionBudget", "proxy")["spec"]).toMatchObject({ maxUnavailable: 1 });
    expect(manifestOf(stack, "Deployment", "proxy")["spec"]).toMatchObject({
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
  });

  it("gives a pod that goes the time to finish what it has begun", () => {
    const stack = deployed();
    const command = containerOf(stack)["command"] as string[];
    const seconds = (flag: string) =>
      Number(/=(\d+)s$/.exec(command.find((arg) => arg.startsWith(flag)) ?? "")?.[1]);
    expect(seconds("--drain-delay")).toBeGreaterThan(0);
    expect(seconds("--shutdown-timeout")).toBeGreaterThan(seconds("--drain-delay"));
    expect(podOf(stack)["terminationGracePeriodSeconds"]).toBeGreaterThan(seconds("--shutdown-timeout"));
  });

  it("lets a pod that goes serve for longer than its name lives", () => {
    const stack = synthesise((scope) => {
      const proxy = new ProxyDeployment(scope, "proxy", props());
      proxy.registerWith(
        new ConsulChart(scope, "consul", { ...CONSUL_CHART, dns: { serviceTtlSeconds: 60 } }),
      );
    });
    const command = containerOf(stack)["command"] as string[];
    expect(command).toEqual(expect.arrayContaining(["--drain-delay=70s", "--shutdown-timeout=105s"]));
    expect(podOf(stack)["terminationGracePeriodSeconds"]).toBe(115);
  });

  it("needs no right to bind a low port", () => {
    const sysctls = (port: number) => (podOf(deployed({ port }))["securityContext"] as Attributes)["sysctls"];
    expect(sysctls(80)).toEqual([{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }]);
    expect(sysctls(8080)).toBeUndefined();
  });

  /** Of whatever value: known when Terraform runs. */
  const expression = (name: string): string => Fn.file(`${name}.pem`);
  const PEERS = {
    certificate: expression("certificate"),
    key: expression("key"),
    authorities: expression("authorities"),
    listen: { port: 443, names: ["proxy.jp.consul"] },
  };

  it("lets in other regions' proxies from their networks alone, on a port of its own, a low one too", () => {
    // GIVEN / WHEN
    const peerNetworks = ["10.10.0.0/16"];
    const stack = deployed({ port: 8080, clientNetworks: ["10.20.0.0/16"], peers: PEERS, peerNetworks });
    // THEN
    for (const manifest of manifestsOf(stack)) expect(schemaErrors(manifest)).toEqual([]);
    const { ingress } = manifestOf(stack, "NetworkPolicy", "proxy")["spec"] as { ingress: unknown[] };
    expect(ingress[1]).toEqual({
      from: [{ ipBlock: { cidr: "10.10.0.0/16" } }],
      ports: [{ protocol: "TCP", port: 443 }],
    });
    expect(podOf(stack)["securityContext"]).toMatchObject({
      sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
    });
    // AND whoever only calls lets in nobody
    const caller = deployed({ peers: { ...PEERS, listen: undefined }, peerNetworks });
    expect((manifestOf(caller, "NetworkPolicy", "proxy")["spec"] as { ingress: unknown[] }).ingress).toEqual(
      (manifestOf(deployed(), "NetworkPolicy", "proxy")["spec"] as { ingress: unknown[] }).ingress,
    );
  });

  it("refuses a key that would stand in what is synthesised", () => {
    expect(() => deployed({ peers: { ...PEERS, key: "-----BEGIN PRIVATE KEY-----" } })).toThrow(
      "proxy deployment proxy: peers.key must be a Terraform expression, got: a literal",
    );
  });

  it("is found by service discovery once registered, pod by pod", () => {
    const stack = synthesise((scope) => {
      const proxy = new ProxyDeployment(scope, "proxy", props());
      proxy.registerWith(new ConsulChart(scope, "consul", CONSUL_CHART));
    });
    const service = manifestOf(stack, "Service", "proxy");
    expect(service.metadata["annotations"]).toEqual({
      "consul.hashicorp.com/service-sync": "true",
      "consul.hashicorp.com/service-name": "proxy",
      "consul.hashicorp.com/service-port": "http",
    });
    expect(service["spec"]).toMatchObject({
      type: "ClusterIP",
      ports: [{ name: "http", port: 80, targetPort: "http" }],
    });
  });

  it("works while one zone with a pod does", () => {
    let proxy: ProxyDeployment | undefined;
    synthesise((scope) => (proxy = new ProxyDeployment(scope, "proxy", props({ minPods: 2 }))));
    // Two pods stand in two of the three zones.
    expect(proxy?.availability).toEqual(
      expect.objectContaining({
        type: "parallel",
        blocks: WORKERS.zones.slice(0, 2).map((zone) => zone.availability),
      }),
    );
  });

  it("refuses a bundle that no ConfigMap can hold, before anything is written", () => {
    writeFileSync(bundle.path.replace("proxy.js", "large.js"), "x".repeat(1024 * 1024));
    expect(() => deployed({ bundlePath: bundle.path.replace("proxy.js", "large.js") })).toThrow(
      "config map proxy-program: files must come to at most 1048576 bytes, got: 1048593 (tricloud-proxy.js 1048593)",
    );
  });

  it("grows with its work between the numbers given, and Terraform leaves the number to it", () => {
    const stack = deployed({ minPods: 3, maxPods: 9 });
    const autoscaler = manifestOf(stack, "HorizontalPodAutoscaler", "proxy");
    expect(schemaErrors(autoscaler)).toEqual([]);
    expect(autoscaler["spec"]).toMatchObject({
      minReplicas: 3,
      maxReplicas: 9,
      scaleTargetRef: { kind: "Deployment", name: manifestOf(stack, "Deployment", "proxy").metadata["name"] },
    });
    expect(stack.one("kubernetes_deployment_v1")).toMatchObject({
      lifecycle: { ignore_changes: ["spec[0].replicas"] },
    });
  });

  it("takes requests from pods and the networks named, and shows its health to the collectors only", () => {
    const policy = manifestOf(deployed({ clientNetworks: ["10.10.0.0/16"] }), "NetworkPolicy", "proxy");
    expect(policy["spec"]).toEqual({
      podSelector: {
        matchLabels: { "app.kubernetes.io/name": "proxy", "app.kubernetes.io/part-of": "tricloud" },
      },
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [{ namespaceSelector: {} }, { ipBlock: { cidr: "10.10.0.0/16" } }],
          ports: [{ protocol: "TCP", port: 80 }],
        },
        {
          from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "gmp-system" } } }],
          ports: [{ protocol: "TCP", port: 9300 }],
        },
      ],
    });
  });

  it.each([
    [{ minPods: 1 }, "minPods must be at least 2, got: 1"],
    [{ minPods: 2.5 }, "minPods must be at least 2, got: 2.5"],
    [{ minPods: 4, maxPods: 3 }, "maxPods must be at least minPods 4, got: 3"],
  ])("refuses %j", (changes, message) => {
    expect(() => deployed(changes)).toThrow(`proxy deployment proxy: ${message}`);
  });
});
