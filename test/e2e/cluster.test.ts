import { setTimeout as delay } from "node:timers/promises";
import { until } from "../testbed";
import { type CommandResult } from "../testbed/command";
import { ip } from "../testbed/network";
import { Caller } from "../testbed/cluster/caller";
import { imageTag } from "../testbed/cluster/images";
import { clusterDnsAddress, NODE_DNS_ADDRESS } from "../testbed/cluster/system-objects";
import { UK_CLUSTER, UK_ORIGIN, ukRegion } from "../testbed/uk-region";
import { ClusterLab } from "./cluster-lab";
import { deployGate } from "./gate-on-cluster";
import { describeOnCluster } from "./on-cluster";
import { ReloadsOnCluster } from "./reloads-on-cluster";
import { ServicesOnCluster } from "./services-on-cluster";

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
  let services: ServicesOnCluster;

  beforeAll(async () => {
    lab = await ClusterLab.boot();
    lab.cluster.setRecords({ [PRIVATE_NAME]: ["10.30.48.3"] });
    services = await ServicesOnCluster.create(lab);
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

  it("has the proxy's pods take other origins as they run, without a failed call, and refuses a bad file", async () => {
    const reloads = new ReloadsOnCluster(lab);
    const before = await reloads.pods();
    const status = (name: string) =>
      caller.run("curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", `http://${name}/hc`);
    const SECOND = "second.example.com.ccnproxy-https";
    // GIVEN an origin that is not allowed WHEN it is, by a deploy under calls
    expect(await status(SECOND)).toBe("403");
    let said = "";
    const { proxy } = ukRegion(lab.testbed);
    const changes = { proxy: { ...proxy!, allow: [...proxy!.allow!, "second.example.com"] } };
    const outcome = await caller.during(`http://${SUFFIXED}/hc`, 50, async () => {
      said = await reloads.deploy(changes);
    });
    // THEN the pods are the same, and have not begun anew: each serves by what the deploy shows
    const after = await reloads.pods();
    const [, hash] = /proxy: 3 of 3 pods: tricloud-proxy: runs with configuration (\w+)/.exec(said)!;
    expect(after).toEqual(before.map((pod) => ({ ...pod, configuration: hash })));
    expect(hash).not.toBe(before[0]!.configuration);
    expect(await status(SECOND)).not.toBe("403");
    expect(outcome.errors).toEqual({});
    expect(outcome.calls).toBeGreaterThan(100);
    // WHEN they are to take what is no configuration
    const bad = '{ "allow": ["http://"] }\n';
    const good = await reloads.write(bad);
    const refusal = await reloads.gate(bad, 120);
    // THEN the first says why, the others are not asked, and all serve by what they did
    expect(refusal.code).toBe(1);
    expect(refusal.stderr).toMatch(
      /^proxy is not ready after \d+ s:\n {2}pod proxy-\S+: .*allow.*http:.*\n$/,
    );
    expect(await reloads.pods()).toEqual(after);
    // AND they take the file that was there again, which changes nothing
    await reloads.write(good);
    expect((await reloads.gate(good, 120)).stdout).toContain(`runs with configuration ${hash}`);
  }, 300_000);

  it("keeps an origin drained that an operator has taken out of its group, in pods that come later too", async () => {
    const reloads = new ReloadsOnCluster(lab);
    const [{ origin } = { origin: "none" }] = (await reloads.origins())[0]!;
    const statesOf = async () =>
      (await reloads.origins()).map((own) => own.find((each) => each.origin === origin)!.state);
    // WHEN it is drained, and one of the pods replaced THEN no pod asks it
    const drained = await reloads.operator("drain", origin);
    expect([drained.code, drained.code === 0 ? "" : drained.stdout + drained.stderr]).toEqual([0, ""]);
    await reloads.replace((await reloads.pods())[0]!.name);
    expect(await statesOf()).toEqual(["drained", "drained", "drained"]);
    // WHEN it is let back THEN all do, and so does a pod that comes later
    expect((await reloads.operator("undrain", origin)).code).toBe(0);
    await reloads.replace((await reloads.pods())[0]!.name);
    expect(await statesOf()).not.toContain("drained");
    // AND what no group has is refused
    const unknown = await reloads.operator("drain", "https://nobody.example.com");
    expect([unknown.code, unknown.stdout]).toEqual([
      1,
      expect.stringContaining("no group has https://nobody.example.com:443"),
    ]);
  }, 300_000);

  it("lets a service be reached by those alone that say that they call it", async () => {
    const [web, search] = [await services.from("web"), await services.from("search")];
    // GIVEN two services, one of which calls the other by name: WHEN it does THEN it gets its answer
    const own = ["curl", "-sS", "-m", "10", "http://127.0.0.1:8080/"];
    await until("search is in the catalog", 60_000, async () => {
      const { stdout } = await web.attempt(...own);
      return stdout === "1 uk first\n" || undefined;
    });
    // AND by the URL that it has wherever it runs, through the proxies
    expect(await web.run("curl", "-sS", "-m", "10", "http://search.ccnproxy-service/")).toBe("1 uk first\n");
    const nodes = (await services.pods("web")).map(({ node }) => node);
    expect(nodes.sort()).toEqual(["node-a", "node-b", "node-c"]);
    // WHEN a pod of nobody's calls it, and it the one that calls it THEN neither gets through
    const call = ["curl", "-sS", "-m", "4"];
    const refused = { code: 28, stdout: "", stderr: expect.not.stringMatching(/resolv/i) as string };
    expect(
      await Promise.all([caller.attempt(...call, services.search), search.attempt(...call, services.web)]),
    ).toMatchObject([refused, refused]);
  }, 120_000);

  it("has a service's tasks run at their times and when one asks, with what the service may reach", async () => {
    // GIVEN a task of every minute WHEN a minute has begun THEN its Job succeeds
    const done = await until("a Job of the minute has succeeded", 120_000, async () =>
      (await services.jobs("web", "report")).find(({ ends }) => ends.includes("Complete")),
    );
    const report = await lab.cluster.kubectl("-n", "app", "logs", `job/${done.name}`);
    expect(report).toBe("1 uk first\n\n");
    // WHEN somebody asks for one that fails, and for one that there is not
    const [failing, unknown] = [await services.run("web", "check"), await services.run("web", "sweep")];
    // THEN it is shown what it prints, and how it ends
    expect([failing.code, failing.stdout]).toEqual([7, "not in order\n"]);
    expect(failing.stderr).toMatch(/web--check: Job web--check-\w+ has failed: BackoffLimitExceeded: /);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      'run: service web has no task "sweep" in region "uk": expected one of check, report\n',
    ]);
  }, 240_000);

  it("replaces no pod of a service while the task before its release fails, and runs it anew", async () => {
    const before = await services.pods("search");
    // WHEN its second version goes out, which cannot be migrated to
    const failed = await services.release("2", "first", 3);
    // THEN the deploy fails with what the task has printed, and what runs stays
    expect(failed.code).toBe(1);
    expect(failed.stdout + failed.stderr).toMatch(
      /migrated to 2 in uk with first\n(.|\n)*search--migrate: Job search--migrate-\w{8} has failed: BackoffLimitExceeded/,
    );
    expect(await services.pods("search")).toEqual(before);
    // AND the next deploy of the same runs it once more
    const again = await services.release("2", "first", 3);
    expect(again.stdout).toContain("migrated to 2 in uk with first");
    expect(await services.pods("search")).toEqual(before);
  }, 240_000);

  it("fails no call, GET or POST, while a service is released, a bad version is refused and a secret changes", async () => {
    const web = await services.from("web");
    const said = async () =>
      (await web.run("curl", "-sS", "-m", "10", "-d", "one more", services.search)).trim();
    /** Waits: those that go answer for as long as somebody may still have their name. */
    const untilSaid = (answer: string) =>
      until(`search answers ${answer}`, 60_000, async () => (await said()) === answer || undefined);
    // WHEN its second version goes out with another secret, then one that cannot start, then the second with a third
    const seen: CommandResult[] = [];
    let between = "";
    let refused: Awaited<ReturnType<typeof services.shown>> | undefined;
    const outcome = await web.during(
      services.search,
      50,
      async () => {
        seen.push(await services.release("2", "second"));
        await untilSaid("2 uk second one more");
        seen.push(await services.release("broken", "second"));
        between = await said();
        refused = await services.shown();
        seen.push(await services.release("2", "third"));
      },
      3,
    );
    // THEN the first is out, and the second fails with what it said itself, long before the bound
    const [release, refusal, return_] = seen;
    for (const deploy of [release!, return_!])
      expect([deploy.code, deploy.code === 0 ? "" : deploy.stdout.slice(-4000) + deploy.stderr]).toEqual([
        0,
        "",
      ]);
    expect(refusal!.code).toBe(1);
    expect(refusal!.stdout + refusal!.stderr).toMatch(
      /search is not ready after \d+ s:\n.*\n.*pod search-\S+: container search .*ended with 1, Error, cannot read \/srv\/settings\.json/,
    );
    expect(refusal!.stdout + refusal!.stderr).toMatch(
      /pod search-\S+ has ended 3 times: it is waited for no longer/,
    );
    // AND each has been migrated to first: the same again, and with another secret, need not be
    expect(seen.map(({ stdout }) => stdout.match(/migrated to \w+/g) ?? [])).toEqual([
      ["migrated to 2"],
      ["migrated to broken"],
      [],
    ]);
    expect(return_!.stdout + return_!.stderr).toContain("search--migrate: it has run for this release");
    // AND what was there went on serving, until the old value with another secret took its place
    expect(between).toBe("2 uk second one more");
    // AND operators were shown that the pods which served were not of the version that they had asked for
    const { instances, ...rest } = refused!.services.find(({ service }) => service === "search")!;
    const healthy = instances.filter(({ state }) => state === "healthy");
    expect([refused!.code, rest]).toEqual([
      1,
      {
        service: "search",
        version: services.digest("broken"),
        healthy: healthy.length,
        wanted: expect.any(Number),
      },
    ]);
    expect(healthy.length).toBeGreaterThanOrEqual(2);
    expect([...new Set(healthy.map(({ version }) => version))]).toEqual([services.digest("2")]);
    await untilSaid("2 uk third one more");
    // AND no caller has noticed any of it, nor was anything posted twice
    expect(outcome.errors).toEqual({});
    expect(outcome.posts).toBeGreaterThan(100);
    const posted = services.posted().filter((line) => line !== "one more");
    expect([posted.length, new Set(posted).size]).toEqual([outcome.posts, outcome.posts]);
    // AND service discovery knows the pods that serve
    const serving = (await services.pods("search"))
      .filter(({ ready }) => ready)
      .map(({ address }) => address);
    await until("the catalog holds the pods that serve", 60_000, async () => {
      const { stdout } = await web.attempt("dig", "+short", "search.service.consul");
      return stdout.trim().split("\n").sort().join() === serving.sort().join() || undefined;
    });
    // AND operators are shown where it runs, and since when
    const search = await until("all of it is healthy", 60_000, async () => {
      const { code, services: all } = await services.shown();
      return code === 0 ? all.find(({ service }) => service === "search") : undefined;
    });
    expect([search.version, search.healthy]).toEqual([services.digest("2"), search.wanted]);
    for (const instance of search.instances) {
      expect(instance).toMatchObject({
        ...{ host: expect.stringMatching(/^node-[abc]$/), version: services.digest("2"), state: "healthy" },
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
    }
    expect(search.instances.map(({ pod }) => pod).sort()).toEqual(
      (await services.pods("search")).map(({ name }) => name).sort(),
    );
  }, 600_000);

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
    const awaited = ["lost", "ill", "large"].map((what) => ({
      what,
      rollout: `/apis/apps/v1/namespaces/default/deployments/${what}`,
    }));
    const { code, stdout, stderr } = await deployGate(lab, token, awaited, 5);
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
