import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../testbed";
import { type CommandResult } from "../testbed/command";
import { ip } from "../testbed/network";
import { Caller } from "../testbed/cluster/caller";
import { imageTag } from "../testbed/cluster/images";
import { clusterDnsAddress, NODE_DNS_ADDRESS } from "../testbed/cluster/system-objects";
import { UK_CLUSTER, UK_ORIGIN } from "../testbed/uk-region";
import { ClusterLab } from "./cluster-lab";
import { deployGate } from "./gate-on-cluster";
import { describeOnCluster } from "./on-cluster";
import { ServiceOnCluster } from "./service-on-cluster";

const SUFFIXED = `${UK_ORIGIN}.ccnproxy-https`;
const PRIVATE_NAME = "db.shop.example";

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly phase: string; readonly podIP: string };
  }[];
}

describeOnCluster("uk-workloads in three zones", () => {
  let lab: ClusterLab;
  let caller: Caller;

  beforeAll(async () => {
    lab = await ClusterLab.boot();
    lab.cluster.setRecords({ [PRIVATE_NAME]: ["10.30.48.3"] });
    await lab.workloads.deploy();
    caller = await Caller.create(lab.cluster, "caller");
  }, 900_000);
  afterAll(async () => {
    await lab?.stop();
  }, 60_000);

  const podsOf = async (namespace: string, selector: string) =>
    (await lab.cluster.get<Pods>("-n", namespace, "pods", "-l", selector)).items;

  it("runs proxies, resolvers and Consul's servers, one in each zone", async () => {
    for (const [namespace, selector] of [
      ["tricloud", "app.kubernetes.io/name=proxy"],
      ["tricloud", "app.kubernetes.io/name=resolver"],
      ["consul", "component=server"],
    ] as const) {
      const nodes = (await podsOf(namespace, selector)).map(({ spec }) => spec.nodeName).sort();
      expect([selector, nodes]).toEqual([selector, ["node-a", "node-b", "node-c"]]);
    }
  });

  it("leads a pod's call of a name under a proxy suffix to the far origin", async () => {
    await until("the proxies are in the catalog", 30_000, async () => {
      const { stdout } = await caller.attempt("dig", "+short", SUFFIXED);
      return stdout.includes("10.30.") || undefined;
    });
    expect(await caller.run("curl", "-sS", "-m", "10", `http://${SUFFIXED}/hc`)).toBe(
      `ok from ${UK_ORIGIN}\n`,
    );
  });

  it("names the resolver to the cluster's DNS once it answers, and not before", () => {
    const at = (part: string) => lab.steps.findIndex((step) => step.startsWith(part));
    expect(at("kubernetes_config_map_v1_data")).toBeGreaterThan(at("kubernetes_daemon_set_v1"));
    expect(at("kubernetes_config_map_v1_data")).toBeGreaterThan(at("kubernetes_service_v1.resolver"));
  });

  /** Every kind of name that pods ask for, and what is to come. */
  const names = async (): Promise<Record<string, string>> => {
    const proxies = (await podsOf("tricloud", "app.kubernetes.io/name=proxy")).map(
      ({ status }) => status.podIP,
    );
    const servers = (await podsOf("consul", "component=server")).map(({ status }) => status.podIP);
    return {
      "metadata.google.internal": "169.254.169.254",
      [`node-b.${UK_CLUSTER.zones[1]}.c.${UK_CLUSTER.project}.internal`]: "10.30.0.12",
      [PRIVATE_NAME]: "10.30.48.3",
      [UK_ORIGIN]: lab.testbed.far.address,
      "kubernetes.default.svc.cluster.local": "10.30.16.1",
      "consul-server.consul.svc.cluster.local": servers.sort().join(" "),
      "proxy.service.consul": proxies.sort().join(" "),
      [SUFFIXED]: proxies.sort().join(" "),
    };
  };

  const each = (expected: Record<string, string>, times: number) =>
    Object.fromEntries(Object.entries(expected).map(([name, answer]) => [name, { [answer]: times }]));

  it("answers every kind of name a thousand times in a row, from the node's cache and from kube-dns", async () => {
    const expected = await names();
    for (const server of [NODE_DNS_ADDRESS, clusterDnsAddress(UK_CLUSTER.ranges.services)]) {
      expect(await caller.lookUp(1000, server, Object.keys(expected))).toEqual(each(expected, 1000));
    }
  }, 180_000);

  it("answers all of them while the resolver's pods are replaced", async () => {
    const expected = await names();
    const rolled = async () => {
      await lab.cluster.kubectl("-n", "tricloud", "rollout", "restart", "daemonset/resolver");
      await lab.cluster.rollout("tricloud", "daemonset/resolver");
    };
    let rolling = true;
    const done = rolled().finally(() => (rolling = false));
    let rounds = 0;
    while (rolling) {
      expect(await caller.lookUp(100, NODE_DNS_ADDRESS, Object.keys(expected))).toEqual(each(expected, 100));
      rounds++;
    }
    await done;
    expect(rounds).toBeGreaterThan(0);
  }, 240_000);

  it("goes on answering public names while the servers that know them say nothing", async () => {
    const { rack } = lab.testbed.network;
    const before = await caller.lookUp(1, NODE_DNS_ADDRESS, [UK_ORIGIN]);
    // WHEN Google's resolver is cut off from every node
    await ip(rack, ["address", "delete", "169.254.169.254/32", "dev", "cluster"]);
    try {
      // THEN what was known is known still, after its time to live of 30 s too
      await delay(35_000);
      const answer = Object.keys(before[UK_ORIGIN]!)[0]!;
      expect(await caller.lookUp(20, NODE_DNS_ADDRESS, [UK_ORIGIN])).toEqual({
        [UK_ORIGIN]: { [answer]: 20 },
      });
    } finally {
      await ip(rack, ["address", "add", "169.254.169.254/32", "dev", "cluster"]);
    }
  }, 120_000);

  it("fails no call while the proxy's pods are replaced", async () => {
    const outcome = await caller.during(`http://${SUFFIXED}/hc`, 50, async () => {
      await lab.cluster.kubectl("-n", "tricloud", "rollout", "restart", "deployment/proxy");
      await lab.cluster.rollout("tricloud", "deployment/proxy");
    });
    expect(outcome.errors).toEqual({});
    expect(outcome.calls).toBeGreaterThan(100);
  }, 240_000);

  it("fails no call, GET or POST, while a service is released and while a bad version of it is refused", async () => {
    // GIVEN a service of somebody's own
    const service = await ServiceOnCluster.create(lab.cluster, join(lab.testbed.directory, "service"));
    try {
      const { code, stdout, stderr } = await service.deploy("1", "first");
      expect([code, code === 0 ? "" : stdout.slice(-4000) + stderr]).toEqual([0, ""]);
      const url = `http://web.app.svc.cluster.local:${service.port}/`;
      const said = async () => (await caller.run("curl", "-sS", "-m", "10", "-d", "posted", url)).trim();
      expect(await said()).toBe("1 uk first posted");
      const pods = await podsOf("app", "app.kubernetes.io/name=web");
      expect(pods.map(({ spec }) => spec.nodeName).sort()).toEqual(["node-a", "node-b", "node-c"]);
      // WHEN its second version goes out with another secret, and then one that cannot start
      const seen: CommandResult[] = [];
      const outcome = await caller.during(
        url,
        50,
        async () => {
          seen.push(await service.deploy("2", "second"));
          expect((await service.deploy("broken", "second", 5)).code).toBe(1);
          await until("its container has ended", 180_000, async () => {
            const pods = JSON.stringify(await podsOf("app", "app.kubernetes.io/name=web"));
            return pods.includes('"exitCode":1') || undefined;
          });
          // The next deploy waits again.
          seen.push(await service.deploy("broken", "second", 5));
        },
        3,
      );
      // THEN the first is out, and the second fails with what it said itself
      const [release, refusal] = seen;
      expect([release!.code, release!.code === 0 ? "" : release!.stderr]).toEqual([0, ""]);
      expect(refusal!.code).toBe(1);
      expect(refusal!.stdout + refusal!.stderr).toMatch(
        /web is not ready after 5 s:\n.*\n.*pod web-\S+: container web .*ended with 1, Error, cannot read \/srv\/settings\.json/,
      );
      // AND no caller has noticed either
      expect(outcome.errors).toEqual({});
      expect(outcome.posts).toBeGreaterThan(100);
      expect(await said()).toBe("2 uk second posted");
      // AND it is known to service discovery by the pods that serve
      const serving = (await podsOf("app", "app.kubernetes.io/name=web"))
        .filter(({ status }) => status.phase === "Running")
        .map(({ status }) => status.podIP);
      const { stdout: answered } = await caller.attempt("dig", "+short", "web.service.consul");
      expect(answered.trim().split("\n")).toHaveLength(3);
      expect(serving).toEqual(expect.arrayContaining(answered.trim().split("\n")));
      // AND deploying the old value takes the bad version back
      expect((await service.deploy("2", "second")).code).toBe(0);
      await service.destroy();
    } finally {
      service.close();
    }
  }, 480_000);

  it("says of a deploy why its pods are not ready, within the bound", async () => {
    // GIVEN a pod whose image is not to be had, one whose probe fails, and one for which the quota has no room
    const metadata = (name: string) => ({ name, namespace: "default" });
    const workload = (name: string, container: object) => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata(name),
      spec: {
        selector: { matchLabels: { name } },
        template: {
          metadata: { labels: { name } },
          spec: {
            terminationGracePeriodSeconds: 0,
            containers: [{ name, image: imageTag("base"), imagePullPolicy: "IfNotPresent", ...container }],
          },
        },
      },
    });
    const room = { resources: { requests: { memory: "1Mi" } } };
    await lab.cluster.apply(
      {
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: metadata("room"),
        spec: { hard: { "requests.memory": "64Mi" } },
      },
      workload("lost", { ...room, image: "registry.invalid/lost:1" }),
      workload("ill", {
        ...room,
        readinessProbe: { exec: { command: ["sh", "-c", "echo no heart; false"] }, periodSeconds: 1 },
      }),
      workload("large", { resources: { requests: { memory: "1Gi" } } }),
    );
    const warned = async (reason: string) =>
      (await lab.cluster.get<{ items: unknown[] }>("events", "--field-selector", `reason=${reason}`)).items;
    for (const reason of ["Failed", "Unhealthy", "FailedCreate"])
      await until(
        `the cluster warns of ${reason}`,
        180_000,
        async () => (await warned(reason)).length || undefined,
      );
    // WHEN
    const token = await lab.cluster.token();
    const { code, stdout, stderr } = await deployGate(lab, token, ["lost", "ill", "large"], 5);
    // THEN
    const said = stdout + stderr;
    expect(code).toBe(1);
    expect(said).toMatch(
      /lost is not ready after 5 s:\n.*\n.*pod lost-\S+: container lost waits, (ErrImagePull|ImagePullBackOff), .*registry\.invalid\/lost:1/,
    );
    expect(said).toMatch(
      /ill is not ready after 5 s:\n.*\n.*pod ill-\S+: Unhealthy: Readiness probe failed: no heart/,
    );
    expect(said).toMatch(/large is not ready after 5 s:\n.*\n.*FailedCreate: .*exceeded quota: room/);
    expect(said).not.toContain(token);
    await lab.cluster.kubectl("delete", "deployment", "lost", "ill", "large");
  }, 300_000);

  it("places pods of a zone whose only node is drained in the others", async () => {
    await lab.cluster.kubectl(
      "drain",
      "node-c",
      "--ignore-daemonsets",
      "--force",
      "--delete-emptydir-data",
      "--timeout=120s",
    );
    try {
      await lab.cluster.rollout("tricloud", "deployment/proxy", 60);
      const nodes = (await podsOf("tricloud", "app.kubernetes.io/name=proxy"))
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ spec }) => spec.nodeName);
      expect(nodes).toHaveLength(3);
      expect(nodes).not.toContain("node-c");
      // AND more of them, when more are wanted
      await lab.cluster.kubectl("-n", "tricloud", "scale", "deployment/proxy", "--replicas=6");
      await lab.cluster.rollout("tricloud", "deployment/proxy", 60);
    } finally {
      await lab.cluster.kubectl("uncordon", "node-c");
    }
  }, 240_000);

  it("goes on with as many pods as are wanted when a zone is lost", async () => {
    // GIVEN a caller in a zone that stays
    const staying = await Caller.create(lab.cluster, "staying", "node-a");
    const lost = lab.cluster.node(UK_CLUSTER.zones[2]!);
    // WHEN a zone's node is gone, and more pods are wanted
    await lost.cutPower();
    await until(
      "the node is found lost",
      120_000,
      async () => !(await lab.cluster.isReady(lost.name)) || undefined,
      500,
    );
    await lab.cluster.kubectl("-n", "tricloud", "scale", "deployment/proxy", "--replicas=8");
    // THEN they run in the other two zones
    await until("eight proxies are ready", 120_000, async () => {
      const pods = await podsOf("tricloud", "app.kubernetes.io/name=proxy");
      const ready = pods.filter(
        ({ spec, status }) => spec.nodeName !== lost.name && status.phase === "Running",
      );
      return ready.length === 8 || undefined;
    });
    // AND so does the one pod that keeps the catalog, and the lost ones leave it
    await until("the catalog holds none of the lost zone", 120_000, async () => {
      const { stdout } = await staying.attempt("dig", "+short", "proxy.service.consul");
      return (/^10\.30\./m.test(stdout) && !stdout.includes("10.30.131.")) || undefined;
    });
    const outcome = await staying.during(`http://${SUFFIXED}/hc`, 20, () => delay(5000));
    expect(outcome.errors).toEqual({});
    // AND the node can come back
    await lost.start();
    await lab.cluster.untilReady(lost);
    // AND runs again what every node runs, by the images that it had
    await lab.cluster.rollout("tricloud", "daemonset/resolver", 180);
  }, 480_000);

  it("takes everything away in the opposite order, the cluster's DNS first", async () => {
    lab.steps.splice(0);
    await lab.workloads.destroy();
    const at = (part: string) => lab.steps.findIndex((step) => step.startsWith(part));
    expect(at("kubernetes_config_map_v1_data")).toBeLessThan(at("kubernetes_daemon_set_v1"));
    const { data } = await lab.cluster.get<{ data?: unknown }>("-n", "kube-system", "configmap", "kube-dns");
    expect(data ?? {}).toEqual({});
    const namespaces = await lab.cluster.kubectl("get", "namespaces", "-o", "name");
    expect(namespaces).not.toMatch(/tricloud|consul/);
  }, 240_000);
});
