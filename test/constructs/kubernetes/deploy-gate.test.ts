import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type IncomingMessage, type Server, createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, LocalBackend, TerraformStack, TerraformVariable } from "cdktf";
import { textContent } from "../../../constructs/host";
import { type Awaited, ConfigFiles, DeployGate, PublicGateway } from "../../../constructs/kubernetes";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { type ExecAnswer, type ExecRefusal, servePodExec } from "./pod-exec-server";

jest.setTimeout(120_000);

const TOKEN = "a-token-that-nobody-may-see";

/** What the API holds, by path with its query. */
type Objects = Record<string, unknown>;

/** Answers as Kubernetes' API does: the objects it holds to whoever shows the token, and a Status for all else. */
class Api {
  readonly objects: Objects = {};
  readonly asked: string[] = [];
  /** What is done to pods, by what they are called: changed, or a program run in them. */
  onChange: (pod: string) => void = () => undefined;
  onExec: (pod: string, command: readonly string[]) => ExecAnswer | ExecRefusal = () => ({ code: 0 });
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const [status, body] = this.answer(request);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    servePodExec(this.server, TOKEN, (pod, command) => this.onExec(pod, command));
  }

  async listen(): Promise<void> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
  }

  get host(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer({ method, url = "", headers }: IncomingMessage): [number, unknown] {
    this.asked.push(url);
    if (headers.authorization !== `Bearer ${TOKEN}`)
      return [401, { kind: "Status", message: "Unauthorized" }];
    const path = decodeURIComponent(url);
    if (method === "PATCH") {
      if (headers["content-type"] !== "application/merge-patch+json") return [415, { kind: "Status" }];
      this.onChange(path.split("/").at(-1)!);
      return [200, {}];
    }
    const held = this.objects[path];
    if (held !== undefined) return [200, held];
    if (path.includes("/events?")) return [200, { items: [] }];
    return [404, { kind: "Status", message: `"${path}" not found` }];
  }
}

const condition = (type: string, status: string, reason: string, message = "", observedGeneration = 2) => ({
  type,
  status,
  reason,
  message,
  observedGeneration,
});
const READY_POD = {
  metadata: { name: "app-1" },
  status: { conditions: [{ type: "Ready", status: "True" }] },
};

/** Paths that a gateway's deploy waits for, as the construct tells them. */
function gatewayAwaits(): readonly Awaited[] {
  const stack = new TerraformStack(new App(), "test");
  new KubernetesProvider(stack, "kubernetes", {});
  return new PublicGateway(stack, "gateway", {
    namespace: "app",
    hosts: ["www.uk.example.com"],
    addressName: "uk-public",
    certificateMapName: "uk-public",
    securityPolicyName: "uk-public",
    backend: { service: "app", port: 80, podPort: 8080, healthPath: "/healthz", podLabels: { app: "app" } },
  }).awaited;
}

const GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/app/gateways/public";
const ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/app/httproutes";
const PODS = "/api/v1/namespaces/app/pods?labelSelector=app=app";

function programmed(): Objects {
  const parents = [
    {
      conditions: [
        condition("Accepted", "True", "Accepted"),
        condition("ResolvedRefs", "True", "ResolvedRefs"),
      ],
    },
  ];
  return {
    [GATEWAY]: {
      metadata: { generation: 2 },
      status: {
        conditions: [
          condition("Accepted", "True", "Accepted"),
          condition("Programmed", "True", "Programmed"),
        ],
      },
    },
    [`${ROUTES}/app`]: { metadata: { generation: 2 }, status: { parents } },
    [`${ROUTES}/to-https`]: { metadata: { generation: 2 }, status: { parents } },
    [PODS]: { items: [READY_POD] },
  };
}

describe("DeployGate", () => {
  let api: Api;
  let outdir: string;
  beforeEach(async () => {
    api = new Api();
    await api.listen();
    outdir = mkdtempSync(join(tmpdir(), "tricloud-gate-"));
  });
  afterEach(() => {
    api.close();
    rmSync(outdir, { recursive: true });
  });

  /** Synthesises a gate and applies it with Terraform. */
  async function deploy(awaited: readonly Awaited[], boundSeconds = 1) {
    const app = new App({ outdir });
    const stack = new TerraformStack(app, "test");
    new LocalBackend(stack, { path: join(outdir, "terraform.tfstate") });
    const token = new TerraformVariable(stack, "token", { type: "string", sensitive: true }).stringValue;
    const access = { host: api.host, token };
    new DeployGate(stack, "gate", { access, awaited, boundSeconds, forms: ["first"], dependsOn: [] });
    app.synth();
    const cwd = join(outdir, "stacks/test");
    const run = async (...args: string[]) => {
      const child = spawn("terraform", args, {
        cwd,
        env: {
          PATH: process.env["PATH"],
          HOME: outdir,
          TF_VAR_token: TOKEN,
          CHECKPOINT_DISABLE: "1",
          TF_IN_AUTOMATION: "1",
        },
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += String(data)));
      const [code] = (await once(child, "close")) as [number];
      return { code, said };
    };
    await run("init", "-no-color");
    return run("apply", "-auto-approve", "-no-color");
  }

  it("ends a deploy when gateway, routes, certificate and a pod are all ready, of their newest form", async () => {
    // GIVEN a gateway whose conditions are those of an earlier form for a while
    const old = programmed();
    (old[GATEWAY] as { metadata: { generation: number } }).metadata.generation = 3;
    const certificate = `${api.host}/v1/projects/example-uk/locations/global/certificates/uk-public`;
    Object.assign(api.objects, old, {
      "/v1/projects/example-uk/locations/global/certificates/uk-public": { managed: { state: "ACTIVE" } },
    });
    const become = setInterval(() => {
      if (api.asked.length > 5) Object.assign(api.objects, programmed());
    }, 50);

    // WHEN deployed
    const { code, said } = await deploy([...gatewayAwaits(), { what: "certificate", certificate }], 60);
    clearInterval(become);

    // THEN it is done when it is, and not before
    expect([code, code === 0 ? "" : said]).toEqual([0, ""]);
    expect(api.asked.filter((path) => path === GATEWAY).length).toBeGreaterThan(1);
    expect(said).not.toContain(TOKEN);
  });

  it("fails a deploy with the reasons that objects and pods give themselves", async () => {
    // GIVEN all that can be in the way
    const certificate = `${api.host}/v1/projects/example-uk/locations/global/certificates/uk-public`;
    const pod = (name: string, status: object) => ({ metadata: { name }, status });
    const waiting = (reason: string, message: string) => ({
      containerStatuses: [{ name: "app", state: { waiting: { reason, message } } }],
    });
    Object.assign(api.objects, programmed(), {
      [GATEWAY]: {
        metadata: { generation: 2 },
        status: {
          conditions: [
            condition("Accepted", "True", "Accepted"),
            condition("Programmed", "False", "Invalid", "certificate map uk-public does not exist"),
          ],
        },
      },
      [`${ROUTES}/app`]: {
        metadata: { generation: 2 },
        status: {
          parents: [
            {
              conditions: [
                condition("Accepted", "True", "Accepted"),
                condition("ResolvedRefs", "False", "BackendNotFound", "Service app/app does not exist"),
              ],
            },
          ],
        },
      },
      "/v1/projects/example-uk/locations/global/certificates/uk-public": {
        managed: {
          state: "PROVISIONING",
          authorizationAttemptInfo: [
            {
              domain: "uk.example.com",
              state: "FAILED",
              failureReason: "CONFIG",
              details: "no CNAME record",
            },
          ],
        },
      },
      [PODS]: {
        items: [
          pod("app-1", waiting("ErrImagePull", "app:2 not found")),
          pod("app-2", waiting("ErrImagePull", "app:2 not found")),
          pod("app-3", {
            conditions: [
              {
                type: "PodScheduled",
                status: "False",
                reason: "Unschedulable",
                message: "0/3 nodes are available",
              },
            ],
          }),
          pod("app-4", { phase: "Running", containerStatuses: [{ name: "app", state: { running: {} } }] }),
          pod("app-5", {
            containerStatuses: [
              {
                name: "app",
                state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 5m0s" } },
                lastState: { terminated: { exitCode: 1, reason: "Error", message: "no database\n" } },
              },
            ],
          }),
        ],
      },
      "/api/v1/namespaces/app/events?fieldSelector=involvedObject.name=app-4,type=Warning": {
        items: [
          {
            metadata: {},
            lastTimestamp: "2026-01-01T00:00:00Z",
            reason: "Unhealthy",
            message: "Readiness probe failed: HTTP probe failed with statuscode: 503",
          },
        ],
      },
    });

    // WHEN deployed
    const { code, said } = await deploy([...gatewayAwaits(), { what: "certificate", certificate }]);

    // THEN each is said once, to whoever deploys, and the token is not
    expect(code).toBe(1);
    for (const reason of [
      "gateway app/public is not ready after 1 s:",
      "Programmed is False: Invalid, certificate map uk-public does not exist",
      "ResolvedRefs is False: BackendNotFound, Service app/app does not exist",
      "it is PROVISIONING",
      "uk.example.com is FAILED, CONFIG, no CNAME record",
      "pod app-1 and 1 more: container app waits, ErrImagePull, app:2 not found",
      "pod app-3: Unschedulable: 0/3 nodes are available",
      "pod app-4: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503",
      "pod app-5: container app waits, CrashLoopBackOff, back-off 5m0s, container app ended with 1, Error, no database",
    ]) {
      expect(said).toContain(reason);
    }
    expect(said).not.toContain(TOKEN);
  });

  it("waits for pods of the new form alone, and says what is refused when there are none", async () => {
    const rollout = "/apis/apps/v1/namespaces/tricloud/deployments/proxy";
    const deployment = (status: object) => ({
      metadata: { name: "proxy", namespace: "tricloud", generation: 4 },
      spec: { replicas: 3, selector: { matchLabels: { app: "proxy" } } },
      status,
    });
    // GIVEN a Deployment whose controller has not seen the new form, WHEN deployed THEN it is not done
    const done = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
    api.objects[rollout] = deployment({ observedGeneration: 3, ...done });
    api.objects["/api/v1/namespaces/tricloud/pods?labelSelector=app=proxy"] = { items: [] };
    api.objects["/api/v1/namespaces/tricloud/events?fieldSelector=reason=FailedCreate,type=Warning"] = {
      items: [
        {
          metadata: {},
          involvedObject: { name: "proxy-5d8" },
          reason: "FailedCreate",
          message: "exceeded quota: compute",
        },
      ],
    };
    const early = await deploy([{ what: "proxy", rollout }]);
    expect(early.code).toBe(1);
    expect(early.said).toContain("FailedCreate: exceeded quota: compute");

    // WHEN it has and all pods are new THEN the next deploy, which waits again, is done
    api.objects[rollout] = deployment({ observedGeneration: 4, ...done });
    expect((await deploy([{ what: "proxy", rollout }])).code).toBe(0);

    // AND it is not done where more are wanted than an autoscaler has asked for yet
    const more = await deploy([{ what: "proxy", rollout, atLeast: 4 }]);
    expect(more.code).toBe(1);
    expect(more.said).toContain("3 of 4 pods are of the new form, 3 are ready");
  });

  it("waits no longer once a pod of the new form has ended so often, and for one of another form it does", async () => {
    // GIVEN a pod that has ended three times, of a form that is replaced
    const at = (path: string) => `/apis/apps/v1/namespaces/app/${path}`;
    const REVISION = "deployment.kubernetes.io/revision";
    const FORM = "pod-template-hash";
    const rollout = at("deployments/web");
    const deployment = (observedGeneration: number) => ({
      metadata: { name: "web", namespace: "app", generation: 2, annotations: { [REVISION]: "7" } },
      spec: { replicas: 3, selector: { matchLabels: { app: "web" } } },
      status: { observedGeneration, replicas: 4, updatedReplicas: 1, availableReplicas: 3 },
    });
    const form = (revision: string, hash: string) => ({
      metadata: { annotations: { [REVISION]: revision }, labels: { [FORM]: hash } },
    });
    const pod = (hash: string, restartCount: number) => ({
      metadata: { name: `web-${hash}`, labels: { [FORM]: hash } },
      status: {
        containerStatuses: [
          {
            name: "web",
            restartCount,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 1, reason: "Error", message: "no settings\n" } },
          },
        ],
      },
    });
    const pods = (...items: object[]) => ({
      "/api/v1/namespaces/app/pods?labelSelector=app=web": { items },
    });
    Object.assign(api.objects, {
      [rollout]: deployment(2),
      [at("replicasets?labelSelector=app=web")]: { items: [form("6", "old"), form("7", "new")] },
    });
    const awaited = { what: "web", rollout, maxEnds: 3 };
    const outcome = async (bound: number, ...items: object[]) => {
      Object.assign(api.objects, pods(...items));
      const { code, said } = await deploy([awaited], bound);
      expect(code).toBe(1);
      return said;
    };
    const GIVEN_UP = "has ended 3 times: it is waited for no longer";
    // AND one of the new form that has not ended as often
    expect(await outcome(1, pod("old", 2), pod("new", 1))).not.toContain(GIVEN_UP);
    // WHEN it has THEN nobody waits for the bound, which would outlast this test
    const said = await outcome(3600, pod("old", 2), pod("new", 2));
    expect(said).toMatch(/web is not ready after \d s:/);
    expect(said).toContain(`pod web-new ${GIVEN_UP}`);
    expect(said).toContain("container web ended with 1, Error, no settings");
    // AND a form that the cluster has not taken up yet is waited for, whatever became of the one before
    api.objects[rollout] = deployment(1);
    expect(await outcome(1, pod("new", 2))).not.toContain(GIVEN_UP);
  });

  describe("with pods that are to serve by other files", () => {
    const FOLDER = "/etc/tricloud";
    const COMMAND = ["node", "proxy.js", "reload", "--config", `${FOLDER}/proxy.json`];
    const rollout = "/apis/apps/v1/namespaces/tricloud/deployments/proxy";
    const folderOf = (pod: string) => join(outdir, pod);

    /** Pods whose folders hold the old file, of a Deployment that has rolled out, and what is to be in them. */
    function given(...names: readonly string[]): Awaited {
      const stack = new TerraformStack(new App({ outdir: join(outdir, "files") }), "files");
      new KubernetesProvider(stack, "kubernetes", {});
      const files = { "proxy.json": textContent("new"), "shop.binpb": textContent("same") };
      const { digest } = new ConfigFiles(stack, "files", {
        name: "f",
        namespace: "n",
        files,
        readAtStart: [],
      });
      for (const name of names) deliver(name, "old");
      const items = names.map((name) => ({
        metadata: { name, uid: `uid-${name}` },
        status: { conditions: [{ type: "Ready", status: "True" }] },
      }));
      const going = { ...items[0], metadata: { name: "proxy-0", deletionTimestamp: "2026-01-01T00:00:00Z" } };
      Object.assign(api.objects, {
        [rollout]: {
          metadata: { name: "proxy", namespace: "tricloud", generation: 4 },
          spec: { replicas: names.length, selector: { matchLabels: { app: "proxy" } } },
          status: {
            observedGeneration: 4,
            ...{ replicas: names.length, updatedReplicas: names.length, availableReplicas: names.length },
          },
        },
        "/api/v1/namespaces/tricloud/pods?labelSelector=app=proxy": { items: [going, ...items] },
      });
      return { what: "proxy", rollout, reload: { folder: FOLDER, digest, command: COMMAND } };
    }

    /** As the kubelet does: in a folder of its own, to which a link leads, as one does to each file in it. */
    function deliver(pod: string, text: string) {
      const folder = folderOf(pod);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(join(folder, "..data"), { recursive: true });
      for (const [file, content] of Object.entries({ "proxy.json": text, "shop.binpb": "same" })) {
        writeFileSync(join(folder, "..data", file), content);
        symlinkSync(join("..data", file), join(folder, file));
      }
    }

    /** Runs what is no reload on this machine, with the pod's folder; reloads answer as they are told to. */
    const running = (pod: string, command: readonly string[], reloads: () => ExecAnswer | ExecRefusal) => {
      if (command.includes("reload")) return reloads();
      const words = command.map((word) => (word === FOLDER ? folderOf(pod) : word));
      const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), { encoding: "utf8" });
      return { code: status!, stdout, stderr };
    };

    it("has one take them first, then the others, each once it holds them, and shows what they say", async () => {
      // GIVEN three pods that stay, each of which gets its files when it is changed, the second at the second time only
      const awaited = given("proxy-1", "proxy-2", "proxy-3");
      const done: string[] = [];
      let changes = 0;
      api.onChange = (pod) => {
        if (pod !== "proxy-2" || ++changes > 1) deliver(pod, "new");
      };
      api.onExec = (pod, command) =>
        running(pod, command, () => {
          done.push(`${pod} ${readFileSync(join(folderOf(pod), "proxy.json"), "utf8")}`);
          return {
            code: 0,
            stdout: `${"x".repeat(70_000)}\ntricloud-proxy: runs with configuration 00c0ffee\n`,
          };
        });
      // WHEN deployed
      const { code, said } = await deploy([awaited], 60);
      // THEN
      expect([code, code === 0 ? "" : said]).toEqual([0, ""]);
      expect(done[0]).toBe("proxy-1 new");
      expect(done.sort()).toEqual(["proxy-1 new", "proxy-2 new", "proxy-3 new"]);
      expect(said).toContain("proxy: 3 of 3 pods: tricloud-proxy: runs with configuration 00c0ffee");
      expect(said).not.toContain(TOKEN);
    });

    it("asks no other pod, nor waits, once the first has refused them", async () => {
      const awaited = given("proxy-1", "proxy-2");
      const asked: string[] = [];
      api.onChange = (pod) => deliver(pod, "new");
      api.onExec = (pod, command) =>
        running(pod, command, () => {
          asked.push(pod);
          return { code: 1, stderr: "tricloud-proxy: allow: expected a host name, got: 1\n" };
        });
      // WHEN deployed, with a bound that would outlast this test
      const { code, said } = await deploy([awaited], 3600);
      // THEN
      expect([code, asked]).toEqual([1, ["proxy-1"]]);
      expect(said).toMatch(
        /proxy is not ready after \d s:\n.*pod proxy-1: tricloud-proxy: allow: expected a host name, got: 1/,
      );
    });

    it.each<[string, ExecAnswer | ExecRefusal, string]>([
      [
        "a restart would be needed",
        { code: 100, stderr: "a restart is needed to change port" },
        "a restart is needed to change port",
      ],
      ["it says nothing", { code: 137 }, "it has ended with 137 and said nothing"],
      ["it cannot be run", { failed: "container not found" }, "container not found"],
      ["nobody may", { refused: { status: 403, message: "pods is forbidden" } }, "pods is forbidden"],
    ])("fails where %s, and says so", async (_, answer, reason) => {
      const awaited = given("proxy-1");
      api.onChange = (pod) => deliver(pod, "new");
      api.onExec = (pod, command) => running(pod, command, () => answer);
      const { code, said } = await deploy([awaited], 0);
      expect(code).toBe(1);
      expect(said).toContain(`pod proxy-1: ${reason}`);
    });

    it("says of a pod that its files do not come", async () => {
      const awaited = given("proxy-1");
      api.onExec = (pod, command) =>
        running(pod, command, () => {
          throw new Error("nothing may be reloaded");
        });
      const { code, said } = await deploy([awaited]);
      expect(code).toBe(1);
      expect(said).toContain(
        `pod proxy-1: the files in ${folderOf("proxy-1")} are not those of this deploy yet`,
      );
    });
  });

  it("says what is wrong with the access rather than wait in silence", async () => {
    const { code, said } = await deploy([
      {
        what: "gateway",
        conditions: "/apis/gateway.networking.k8s.io/v1/namespaces/app/gateways/none",
        types: [],
      },
    ]);
    expect(code).toBe(1);
    expect(said).toMatch(/gateway is not ready after 1 s:[\s\S]*gateways\/none" not found/);
  });
});
