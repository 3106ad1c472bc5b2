import { TerraformVariable, Token } from "cdktf";
import { type Block } from "../../../constructs/availability";
import {
  ClusterService,
  type ClusterServiceProps,
  ConsulChart,
  PublicGateway,
} from "../../../constructs/kubernetes";
import { type Attributes, removeSynthesised, synthesise } from "../google/synthesised-stack";
import { CONSUL_CHART } from "./consul-chart-props";
import { schemaErrors } from "./kubernetes-schema";
import { type Manifest, manifestOf, manifestsOf, podsOf } from "./manifests";
import { restrictedViolations } from "./pod-security";
import { WORKERS } from "./workers";

afterAll(removeSynthesised);

const DIGEST = "a".repeat(64);
const IMAGE = `registry.example.com/shop/web@sha256:${DIGEST}`;

const props = (changes: Partial<ClusterServiceProps> = {}): ClusterServiceProps => ({
  name: "web",
  namespace: "app",
  access: { host: "https://cluster.example.com", token: Token.asString({ token: true }) },
  workers: WORKERS,
  region: "uk",
  image: IMAGE,
  port: 8080,
  health: { path: "/healthz" },
  ...changes,
});

const deployed = (changes: Partial<ClusterServiceProps> = {}) =>
  synthesise((scope) => {
    const token = new TerraformVariable(scope, "token", { type: "string", sensitive: true }).stringValue;
    new ClusterService(scope, "web", {
      ...props(changes),
      access: { host: "https://cluster.example.com", token },
    });
  });

type Stack = ReturnType<typeof deployed>;

const deploymentOf = (stack: Stack) =>
  Object.values(stack.resources("kubernetes_manifest"))
    .map(({ manifest }) => manifest as Manifest)
    .find(({ kind }) => kind === "Deployment")!;
const templateOf = (stack: Stack) =>
  (deploymentOf(stack)["spec"] as { template: { metadata: Attributes; spec: Attributes } }).template;
const podOf = (stack: Stack) => templateOf(stack).spec;
const containerOf = (stack: Stack) => (podOf(stack)["containers"] as [Attributes])[0];
const variablesOf = (stack: Stack) =>
  Object.fromEntries(
    (containerOf(stack)["env"] as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
  );
/** What the deploy waits for, and what makes it wait anew. */
const gateOf = (stack: Stack) => {
  const gate = Object.values(stack.resources("terraform_data")).find((each) => "provisioner" in each)!;
  const [{ "local-exec": command }] = gate["provisioner"] as [
    { "local-exec": { environment: Record<string, string> } },
  ];
  return {
    task: JSON.parse(command.environment["TRICLOUD_AWAIT"]!) as Attributes,
    forms: (gate["triggers_replace"] as { forms: [string] }).forms,
    after: gate["depends_on"],
  };
};

describe("ClusterService", () => {
  const whole = () =>
    synthesise((scope) => {
      const key = new TerraformVariable(scope, "key", { type: "string", sensitive: true }).stringValue;
      new ClusterService(scope, "web", {
        ...props({ env: { LOG_LEVEL: "info" }, metricsPath: "/metrics", atMost: 12 }),
        secrets: { "session-key": key, certificate: { secretName: "web-tls", secretKey: "tls.crt" } },
      });
    });

  it("is made of objects that Kubernetes' schema knows", () => {
    const stack = whole();
    for (const manifest of [deploymentOf(stack), ...manifestsOf(stack)])
      expect([manifest.kind, schemaErrors(manifest)]).toEqual([manifest.kind, []]);
  });

  it("runs pods that the restricted profile lets in, with nothing of theirs writable but /tmp", () => {
    const stack = whole();
    expect(restrictedViolations(podOf(stack))).toEqual([]);
    expect(podOf(stack)).toMatchObject({ automountServiceAccountToken: false, serviceAccountName: "web" });
    expect(containerOf(stack)).toMatchObject({
      securityContext: { readOnlyRootFilesystem: true },
      volumeMounts: [{ mountPath: "/tmp" }, { mountPath: "/run/secrets", readOnly: true }],
    });
  });

  it("tells the service its port and region, and each variable as it was written", () => {
    const env = { GREETING: "costs $(PORT) ${PORT} %{if}", LOG_LEVEL: "info" };
    expect(variablesOf(deployed({ env }))).toEqual({
      PORT: "8080",
      TRICLOUD_REGION: "uk",
      // Kubernetes makes $( of $$(, Terraform ${ of $${.
      GREETING: "costs $$(PORT) $${PORT} %%{if}",
      LOG_LEVEL: "info",
    });
  });

  it("takes what only Terraform knows for what it is", () => {
    const stack = synthesise((scope) => {
      const text = (name: string) => new TerraformVariable(scope, name, { type: "string" }).stringValue;
      const number = (name: string) => new TerraformVariable(scope, name, { type: "number" }).numberValue;
      const known = { image: text("image"), port: number("port"), env: { GREETING: text("greeting") } };
      new ClusterService(scope, "web", props({ ...known, memoryMib: number("memory") }));
    });
    expect(containerOf(stack)).toMatchObject({
      image: "${var.image}",
      ports: [{ containerPort: "${var.port}" }],
      resources: { limits: { memory: "${tostring(var.memory)}Mi" } },
    });
    expect(variablesOf(stack)).toMatchObject({
      PORT: "${tostring(var.port)}",
      GREETING: '${replace(var.greeting, "$(", "$$(")}',
    });
  });

  it("hands secrets over as files, and says nowhere what is in them", () => {
    const stack = whole();
    expect(podOf(stack)["volumes"]).toContainEqual({
      name: "secrets",
      projected: {
        defaultMode: 0o440,
        sources: [
          {
            secret: {
              name: expect.stringMatching(/^\$\{kubernetes_secret_v1\..*name\}$/) as string,
              items: [{ key: "session-key", path: "session-key" }],
            },
          },
          { secret: { name: "web-tls", items: [{ key: "tls.crt", path: "certificate" }] } },
        ],
      },
    });
    expect(stack.one("kubernetes_secret_v1")["data"]).toEqual({ "session-key": "${var.key}" });
  });

  it("replaces its pods when a secret changes, and waits for that", () => {
    const stack = whole();
    const version = (templateOf(stack).metadata["annotations"] as Attributes)["tricloud/secrets-version"];
    const [, address] = /^\$\{terraform_data\.([\w-]+)\.id\}$/.exec(String(version))!;
    expect(stack.resources("terraform_data")[address!]).toMatchObject({
      triggers_replace: { secrets: [expect.stringContaining("var.key")] },
    });
    expect(gateOf(stack).forms[0]).toContain(String(version));
  });

  it("goes on taking requests after it is told to stop, without any help of its image", () => {
    const stack = deployed({ drainSeconds: 20, finishSeconds: 25 });
    expect(containerOf(stack)["lifecycle"]).toEqual({ preStop: { sleep: { seconds: 20 } } });
    expect(podOf(stack)["terminationGracePeriodSeconds"]).toBe(45);
  });

  it("is released one more at a time, never one fewer, and stays with the autoscaler's number", () => {
    const stack = deployed({ instances: 4, atMost: 9 });
    expect(deploymentOf(stack)["spec"]).toMatchObject({
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    expect(deploymentOf(stack)["spec"]).not.toHaveProperty("replicas");
    expect(manifestOf(stack, "HorizontalPodAutoscaler", "web")["spec"]).toMatchObject({
      ...{ minReplicas: 4, maxReplicas: 9, scaleTargetRef: { kind: "Deployment", name: "web" } },
    });
    expect(manifestOf(stack, "PodDisruptionBudget", "web")["spec"]).toMatchObject({ maxUnavailable: 1 });
  });

  it("keeps the number of instances when it is told no other", () => {
    expect(manifestOf(deployed({ instances: 2 }), "HorizontalPodAutoscaler", "web")["spec"]).toMatchObject({
      minReplicas: 2,
      maxReplicas: 2,
    });
  });

  it("is waited for until all instances are of the new version", () => {
    const stack = deployed({ boundSeconds: 120 });
    const { task, forms, after } = gateOf(stack);
    expect(task).toMatchObject({
      boundSeconds: 120,
      await: [{ what: "web", rollout: "/apis/apps/v1/namespaces/app/deployments/web", atLeast: 3 }],
    });
    expect(forms[0]).toContain(IMAGE);
    expect(after).toEqual([expect.stringMatching(/^kubernetes_manifest\./)]);
  });

  it("writes amounts as the API gives them back", () => {
    const resources = (changes: Partial<ClusterServiceProps>) => containerOf(deployed(changes))["resources"];
    expect(resources({ cpuMillicores: 2000, memoryMib: 1024 })).toEqual({
      requests: { cpu: "2", memory: "1Gi" },
      limits: { memory: "1Gi" },
    });
    expect(resources({ cpuMillicores: 1500, memoryMib: 1000 })).toMatchObject({
      requests: { cpu: "1500m", memory: "1000Mi" },
    });
  });

  it("is spread over zones, and leaves a lost node in seconds", () => {
    const pod = podOf(deployed());
    expect(pod["topologySpreadConstraints"]).toEqual([
      expect.objectContaining({ topologyKey: "topology.kubernetes.io/zone", nodeTaintsPolicy: "Honor" }),
      expect.objectContaining({ topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" }),
    ]);
    expect(pod["tolerations"]).toHaveLength(2);
  });

  const ingressOf = (stack: Stack) =>
    (manifestOf(stack, "NetworkPolicy", "web")["spec"] as { ingress?: unknown }).ingress;

  it("takes calls from those it is told, and from the collectors where it has metrics", () => {
    const ports = [{ protocol: "TCP", port: 8080 }];
    const from = (namespace: string) => [
      { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
    ];
    expect(ingressOf(deployed())).toEqual([{ from: [{ namespaceSelector: {} }], ports }]);
    expect(ingressOf(deployed({ clients: [{ namespace: "shop" }], metricsPath: "/metrics" }))).toEqual([
      { from: from("shop"), ports },
      { from: from("gmp-system"), ports },
    ]);
  });

  it("takes calls from certain pods of a namespace alone", () => {
    const podLabels = { app: "cart" };
    expect(ingressOf(deployed({ clients: [{ namespace: "shop", podLabels }] }))).toMatchObject([
      {
        from: [
          {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } },
            podSelector: { matchLabels: podLabels },
          },
        ],
      },
    ]);
  });

  it("lets in nobody where nobody is named, and none but who collects its metrics", () => {
    // GIVEN two ways of naming nobody
    for (const clients of [[], [{ networks: [] }]]) {
      // WHEN / THEN
      expect(ingressOf(deployed({ clients })) ?? []).toEqual([]);
      expect(ingressOf(deployed({ clients, metricsPath: "/metrics" }))).toMatchObject([
        { from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "gmp-system" } } }] },
      ]);
    }
  });

  it("has its metrics collected where they are", () => {
    const monitored = (stack: Stack) =>
      Object.values(stack.resources("kubernetes_manifest"))
        .map(({ manifest }) => manifest as Manifest)
        .filter(({ kind }) => kind === "PodMonitoring");
    expect(monitored(deployed())).toEqual([]);
    expect(monitored(deployed({ metricsPath: "/stats" }))).toMatchObject([
      { spec: { endpoints: [{ port: "http", path: "/stats" }] } },
    ]);
  });

  it("is found by service discovery once registered, instance by instance", () => {
    const stack = synthesise((scope) =>
      new ClusterService(scope, "web", props()).registerWith(new ConsulChart(scope, "consul", CONSUL_CHART)),
    );
    expect(manifestOf(stack, "Service", "web").metadata["annotations"]).toEqual({
      "consul.hashicorp.com/service-sync": "true",
      "consul.hashicorp.com/service-name": "web",
      "consul.hashicorp.com/service-port": "http",
    });
  });

  it("stands behind a gateway", () => {
    const stack = synthesise((scope) => {
      const { backend } = new ClusterService(scope, "web", props());
      const names = { addressName: "public", certificateMapName: "public", securityPolicyName: "public" };
      new PublicGateway(scope, "gateway", {
        namespace: "app",
        hosts: ["www.example.com"],
        ...names,
        backend,
      });
    });
    expect(manifestOf(stack, "NetworkPolicy", "web-public")["spec"]).toMatchObject({
      podSelector: { matchLabels: deploymentOf(stack).metadata["labels"] },
    });
  });

  it("works while one zone with an instance does, less the time that a lost one is still called", () => {
    let before: Block | undefined;
    let service: ClusterService | undefined;
    synthesise((scope) => {
      service = new ClusterService(scope, "web", props({ instances: 2 }));
      before = service.availability;
      service.registerWith(new ConsulChart(scope, "consul", CONSUL_CHART));
    });
    expect(before).toEqual(
      expect.objectContaining({
        type: "parallel",
        blocks: WORKERS.zones.slice(0, 2).map((zone) => zone.availability),
      }),
    );
    expect(service?.failover?.switching.seconds).toBe(40 + 2 + 5);
  });

  it.each<[Partial<ClusterServiceProps>, string]>([
    [{ name: "Web" }, 'name must be lower-case letters, digits and hyphens, at most 50, got: "Web"'],
    [{ image: "web:1.4" }, "image must be named by digest, NAME@sha256:DIGEST (a tag may name another image"],
    [{ image: `web@sha256:${"a".repeat(63)}` }, "image must be named by digest"],
    [{ port: 0 }, "port must be a whole number from 1 to 65535, got: 0"],
    [{ health: { path: "healthz" } }, 'health.path must begin with / and hold no space, got: "healthz"'],
    [{ metricsPath: "metrics" }, 'metricsPath must begin with / and hold no space, got: "metrics"'],
    [{ instances: 0 }, "instances must be a whole number from 1 to 1000, got: 0"],
    [{ instances: 4, atMost: 3 }, "atMost must be a whole number from instances 4 to 1000, got: 3"],
    [{ memoryMib: 0.5 }, "memoryMib must be a whole number from 4 to 1048576, got: 0.5"],
    [{ cpuMillicores: 0 }, "cpuMillicores must be a whole number from 1 to 256000, got: 0"],
    [{ drainSeconds: 0 }, "drainSeconds must be a whole number from 1 to 600, got: 0"],
    [{ finishSeconds: -1 }, "finishSeconds must be a whole number from 1 to 3600, got: -1"],
    [{ startSeconds: 0 }, "startSeconds must be a whole number from 1 to 3600, got: 0"],
    [{ boundSeconds: 0 }, "boundSeconds must be a whole number from 1 to 86400, got: 0"],
    [{ env: { "LOG-LEVEL": "info" } }, "name of a variable must be letters, digits and underscores"],
    [{ env: { PORT: "80" } }, 'env must not hold what every service is given, got: "PORT"'],
    [{ secrets: { "a/b": Token.asString({}) } }, "name of a secret must be letters, digits, dots, hyphens"],
    [
      { secrets: { key: "hunter2" } },
      "secret key must be a Terraform expression or an entry of a Secret, got: a literal",
    ],
  ])("refuses %j", (changes, message) => {
    const refused = () => deployed(changes);
    expect(refused).toThrow(`cluster service ${changes.name ?? "web"}: ${message}`);
    expect(refused).not.toThrow("hunter2");
  });

  describe("with tasks", () => {
    const tasks: ClusterServiceProps["tasks"] = {
      migrate: { command: ["migrate", "$(HOME)"], when: "before-release" },
      report: { command: ["report"], every: "03:30 Asia/Tokyo", timeoutSeconds: 60 },
    };
    const manifests = (stack: Stack) =>
      Object.entries(stack.resources("kubernetes_manifest")).map(([id, resource]) => ({
        id: `kubernetes_manifest.${id}`,
        manifest: resource["manifest"] as Manifest,
        after: resource["depends_on"] as string[] | undefined,
      }));
    const named = (stack: Stack, name: string) =>
      manifests(stack).find(({ manifest }) => manifest.metadata["name"] === name)!;
    const runOf = (stack: Stack) =>
      Object.entries(stack.resources("terraform_data")).find(([id]) => id.includes("migrate-run"))!;
    const jobOf = (stack: Stack) => (runOf(stack)[1]["triggers_replace"] as { job: string }).job;

    it("makes CronJobs that Kubernetes' schema knows, of pods with no more rights than the service's", () => {
      const stack = deployed({ tasks });
      const cronJobs = manifests(stack).filter(({ manifest }) => manifest.kind === "CronJob");
      expect(cronJobs.map(({ manifest }) => manifest.metadata["name"])).toEqual([
        "web--migrate",
        "web--report",
      ]);
      for (const { manifest } of cronJobs) {
        expect([manifest.metadata["name"], schemaErrors(manifest)]).toEqual([manifest.metadata["name"], []]);
        for (const pod of podsOf(manifest)) {
          expect(restrictedViolations(pod)).toEqual([]);
          const [container] = pod["containers"] as [Attributes];
          const own = containerOf(stack);
          for (const field of ["image", "env", "resources", "securityContext", "volumeMounts"])
            expect([field, container[field]]).toEqual([field, own[field]]);
          expect(pod).toMatchObject({ serviceAccountName: "web", restartPolicy: "Never" });
          expect(container).not.toHaveProperty("readinessProbe");
        }
      }
      expect(named(stack, "web--report").manifest["spec"]).toMatchObject({
        ...{ schedule: "30 3 * * *", timeZone: "Asia/Tokyo", suspend: false, concurrencyPolicy: "Forbid" },
        jobTemplate: { spec: { backoffLimit: 0, activeDeadlineSeconds: 60 } },
      });
      expect(named(stack, "web--migrate").manifest["spec"]).toMatchObject({ suspend: true });
    });

    it("runs what comes before a release before the pods and all other tasks change", () => {
      const stack = deployed({ tasks });
      const [id, run] = runOf(stack);
      expect(run["depends_on"]).toEqual([named(stack, "web--migrate").id]);
      for (const name of ["web", "web--report"])
        expect(named(stack, name).after).toContain(`terraform_data.${id}`);
      const [{ "local-exec": step }] = run["provisioner"] as [
        { "local-exec": { environment: { TRICLOUD_JOB: string } } },
      ];
      expect(JSON.parse(step.environment.TRICLOUD_JOB)).toEqual({
        ...{ host: "https://cluster.example.com", namespace: "app", cronJob: "web--migrate" },
        job: jobOf(stack),
      });
    });

    it("runs it again for another image, environment or command, and for nothing else", () => {
      const first = jobOf(deployed({ tasks }));
      expect(first).toMatch(/^web--migrate-[0-9a-f]{8}$/);
      expect(jobOf(deployed({ tasks, memoryMib: 64, instances: 2 }))).toBe(first);
      const others = [
        deployed({ tasks, image: IMAGE.replaceAll("a".repeat(64), "b".repeat(64)) }),
        deployed({ tasks, env: { A: "1" } }),
        deployed({ tasks: { ...tasks, migrate: { ...tasks["migrate"]!, command: ["other"] } } }),
      ];
      expect(new Set([first, ...others.map(jobOf)]).size).toBe(4);
    });

    it("lets nobody reach a task, and no request come to one", () => {
      const stack = deployed({ tasks });
      const [pod] = podsLabels(named(stack, "web--report").manifest);
      expect(manifestOf(stack, "NetworkPolicy", "web--tasks")["spec"]).toMatchObject({
        podSelector: { matchLabels: { "tricloud/task-of": "web" } },
        policyTypes: ["Ingress"],
      });
      expect(pod).toMatchObject({ "tricloud/task-of": "web", "tricloud/task": "report" });
      expect(pod).not.toHaveProperty(["app.kubernetes.io/name"]);
    });

    it("is refused when one is malformed", () => {
      expect(() => deployed({ tasks: { report: { command: ["report"], every: "noon" } } })).toThrow(
        "service web: task report: every: expected a time",
      );
      const name = "a".repeat(45);
      expect(() => deployed({ name, tasks })).toThrow(
        `cluster service ${name}: task migrate must have with its service a name of at most 52, got: ${name}--migrate`,
      );
    });
  });
});

const podsLabels = ({ spec }: Manifest) => [
  (spec as { jobTemplate: { spec: { template: { metadata: { labels: Attributes } } } } }).jobTemplate.spec
    .template.metadata.labels,
];
