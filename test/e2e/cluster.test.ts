import { setTimeout as delay } from "node:timers/promises";
import { until } from "../testbed";
import { ip } from "../testbed/network";
import { Caller } from "../testbed/cluster/caller";
import { clusterDnsAddress, NODE_DNS_ADDRESS } from "../testbed/cluster/system-objects";
import { UK_CLUSTER, UK_ORIGIN } from "../testbed/uk-region";
import { ClusterLab } from "./cluster-lab";

const SUFFIXED = `${UK_ORIGIN}.ccnproxy-https`;
const PRIVATE_NAME = "db.shop.example";

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly phase: string; readonly podIP: string };
  }[];
}

const obstacle = ClusterLab.obstacle();
const describeOnCluster = obstacle === undefined ? describe : describe.skip;

describeOnCluster(
  `uk-workloads in three zones${obstacle === undefined ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    let lab: ClusterLab;
    let caller: Caller;

    beforeAll(async () => {
      lab = await ClusterLab.boot();
      lab.cluster.setRecords({ [PRIVATE_NAME]: ["10.30.48.3"] });
      await lab.deploy();
      caller = await Caller.create(lab.cluster, "caller");
    }, 900_000);
    afterAll(async () => {
      await lab?.testbed.stop();
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
        expect(await caller.lookUp(100, NODE_DNS_ADDRESS, Object.keys(expected))).toEqual(
          each(expected, 100),
        );
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
    }, 480_000);

    it("takes everything away in the opposite order, the cluster's DNS first", async () => {
      lab.steps.splice(0);
      await lab.applier.destroy();
      const at = (part: string) => lab.steps.findIndex((step) => step.startsWith(part));
      expect(at("kubernetes_config_map_v1_data")).toBeLessThan(at("kubernetes_daemon_set_v1"));
      const { data } = await lab.cluster.get<{ data?: unknown }>(
        "-n",
        "kube-system",
        "configmap",
        "kube-dns",
      );
      expect(data ?? {}).toEqual({});
      const namespaces = await lab.cluster.kubectl("get", "namespaces", "-o", "name");
      expect(namespaces).not.toMatch(/tricloud|consul/);
    }, 240_000);
  },
);
