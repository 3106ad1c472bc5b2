import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { App, TerraformStack } from "cdktf";
import { type Awaited, PublicGateway } from "../../constructs/kubernetes";
import uk from "../../regions/uk";
import { type ServiceInput } from "../../stacks/values/services";
import { ClusterLab } from "../e2e/cluster-lab";
import { deployGate } from "../e2e/gate-on-cluster";
import { describeOnCluster } from "../e2e/on-cluster";
import { until } from "../testbed";
import { Caller } from "../testbed/cluster/caller";
import { METADATA_ADDRESS } from "../testbed/cluster/cluster-network";
import { GoogleLoadBalancer } from "../testbed/cluster/google-load-balancer";
import { madeImage } from "../testbed/cluster/made-image";
import { programFile } from "../testbed/cluster/program-file";
import { Recorder } from "../testbed/cluster/recorder";
import { type CallsOutcome } from "../testbed/cluster/steady-calls";
import { NODE_DNS_ADDRESS } from "../testbed/cluster/system-objects";
import { ip } from "../testbed/network";
import { UK_CLUSTER, UK_ORIGIN, ukRegion } from "../testbed/uk-region";

/*
 * Prints the table of docs/gke.md.
 */

const NAME = `${UK_ORIGIN}.ccnproxy-https`;
const URL = `http://${NAME}/hc`;
const CALLS_PER_SECOND = 200;
/** How long calls go out before anything happens. */
const BEFORE_MS = 3000;
const PROXIES = "app.kubernetes.io/name=proxy";
const WEB = "app.kubernetes.io/name=web";
const WEB_URL = `https://${uk.entrance!.hosts[0]!}/`;

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

/** One line of the table in docs/gke.md. */
interface Row extends CallsOutcome {
  readonly what: string;
  /** From the beginning of what happens until all is as it was. */
  readonly wholeMs: number;
}

describeOnCluster("calls of a pod through the proxies to a far origin", () => {
  const rows: Row[] = [];
  let lab: ClusterLab;
  let caller: Caller;
  let second: Caller;

  beforeAll(async () => {
    lab = await ClusterLab.boot();
    await lab.workloads.deploy();
    // Where no node is drained or lost.
    caller = await Caller.create(lab.cluster, "caller", "node-a");
    second = await Caller.create(lab.cluster, "second", "node-a");
    await until("the proxies are in the catalog", 60_000, async () => {
      const { stdout } = await caller.attempt("dig", "+short", NAME);
      return stdout.includes("10.30.") || undefined;
    });
  }, 900_000);

  afterAll(async () => {
    console.log(tableOf(rows));
    await lab?.stop();
  }, 60_000);

  const restarted = async (namespace: string, workload: string): Promise<void> => {
    await lab.cluster.kubectl("-n", namespace, "rollout", "restart", workload);
    await lab.cluster.rollout(namespace, workload, 300);
  };

  /** Proxies that take requests, each with the node it is on. */
  async function readyProxies(): Promise<string[]> {
    const { items } = await lab.cluster.get<Pods>("-n", "tricloud", "pods", "-l", PROXIES);
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .filter(({ status }) =>
        status.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
      )
      .map(({ spec }) => spec.nodeName ?? "");
  }

  /** Calls for as long as something happens, and some seconds before and after. */
  async function during(
    what: string,
    happens: () => Promise<void>,
    calls = (work: () => Promise<void>) => caller.during(URL, CALLS_PER_SECOND, work),
  ): Promise<CallsOutcome> {
    let wholeMs = 0;
    const outcome = await calls(async () => {
      await delay(BEFORE_MS);
      const began = Date.now();
      await happens();
      wholeMs = Date.now() - began;
      await delay(3000);
    });
    rows.push({ what, wholeMs, ...outcome });
    return outcome;
  }

  /** For longer than its records live. */
  async function withoutGooglesResolver(): Promise<void> {
    const { rack } = lab.testbed.network;
    const address = [`${METADATA_ADDRESS}/32`, "dev", "cluster"];
    await ip(rack, ["address", "delete", ...address]);
    try {
      await delay(40_000);
      const answers = await caller.lookUp(20, NODE_DNS_ADDRESS, [UK_ORIGIN]);
      expect(answers).toEqual({ [UK_ORIGIN]: { [lab.testbed.far.address]: 20 } });
    } finally {
      await ip(rack, ["address", "add", ...address]);
    }
  }

  it.each<[string, () => Promise<void>]>([
    [
      "the proxies go over to another configuration, by a deploy",
      () => {
        const { proxy } = ukRegion(lab.testbed);
        return lab.workloads.deploy({ proxy: { ...proxy, warm: [`${UK_ORIGIN}:443=3`] } });
      },
    ],
    ["the resolver's pods are replaced", () => restarted("tricloud", "daemonset/resolver")],
    ["Consul's servers are replaced", () => restarted("consul", "statefulset/consul-server")],
    ["Google's resolver says nothing for 40 s", withoutGooglesResolver],
    [
      "a zone's only node is drained",
      async () => {
        const how = ["--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout=300s"];
        await lab.cluster.kubectl("drain", "node-c", ...how);
        await lab.cluster.rollout("tricloud", "deployment/proxy", 120);
      },
    ],
  ])("fail for none while %s", async (what, happens) => {
    try {
      // GIVEN 200 calls a second WHEN it happens
      const { calls, errors } = await during(what, happens);
      // THEN
      expect(errors).toEqual({});
      expect(calls).toBeGreaterThan(1000);
    } finally {
      await lab.cluster.kubectl("uncordon", "node-c");
    }
  });

  it("go on when a zone is lost, also with twice as many of them", async () => {
    // GIVEN a proxy in each zone, and as many calls again from another pod
    await restarted("tricloud", "deployment/proxy");
    const nodes = await until("no proxy is there that goes", 120_000, async () => {
      const found = await readyProxies();
      return found.length === UK_CLUSTER.zones.length ? found.sort() : undefined;
    });
    expect(nodes).toEqual(lab.cluster.nodes.map(({ name }) => name).sort());
    const lost = lab.cluster.node(UK_CLUSTER.zones[2]!);
    const wanted = nodes.length;
    const inOthers = async () =>
      (await readyProxies()).filter((node) => node !== lost.name).length === wanted;
    const nodeIsLost = async () => {
      await lost.cutPower();
      await until(
        "as many proxies as ever are ready in the other zones",
        600_000,
        async () => (await inOthers()) || undefined,
      );
    };
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    // WHEN the zone's node loses its power, and load doubles meanwhile
    const doubled = delay(10_000).then(() => second.during(URL, CALLS_PER_SECOND, () => ended));
    const { calls } = await during("a zone's node loses its power, and load doubles", nodeIsLost).finally(
      end,
    );
    const onTop = await doubled;
    rows.push({ what: "those calls that came on top of that", wholeMs: 0, ...onTop });
    expect([calls, onTop.calls].filter((each) => each < 1000)).toEqual([]);
    // THEN all is well in the two zones that are left
    expect((await during("two zones are left", () => delay(5000))).errors).toEqual({});
    // AND when the third is back
    const isBack = async () => {
      await lost.start();
      await lab.cluster.untilReady(lost);
      await lab.cluster.rollout("tricloud", "daemonset/resolver", 300);
    };
    expect((await during("the zone comes back", isBack)).errors).toEqual({});
  });

  it("fail for none from outside while what is behind the entrance goes over to another version", async () => {
    // GIVEN a service behind the entrance, as the internet reaches it
    const { testbed, cluster, workloads } = lab;
    const directory = join(testbed.directory, "web");
    mkdirSync(directory);
    const image = await madeImage(cluster, {
      ...{ name: "web", directory, command: ["node", "/srv/web.cjs"] },
      files: { "srv/web.cjs": readFileSync(programFile("web.cjs"), "utf8"), "srv/version": "1" },
    });
    const recorder = await Recorder.start(testbed, directory);
    const release = async (version: string) => {
      workloads.write(webIs(image, { RECORDER: recorder.address, VERSION: version }));
      await workloads.deploy({ entrance: ENTRANCE });
    };
    await release("1");
    const loadBalancer = await GoogleLoadBalancer.start(testbed, workloads.out, ENTRANCE.hosts);
    const { code, stdout, stderr } = await deployGate(lab, await cluster.token(), entranceAwaited(), 60);
    expect([code, stdout + stderr]).toEqual([0, expect.any(String)]);
    await loadBalancer.untilAnswering(WEB_URL);
    const { items: before } = await cluster.get<Pods>("-n", "app", "pods", "-l", WEB);
    // WHEN
    const rolls = async () => {
      await release("2");
      await until("no pod of before is there", 120_000, async () => {
        const { items } = await cluster.get<Pods>("-n", "app", "pods", "-l", WEB);
        const names = items.map(({ metadata }) => metadata.name);
        return before.every(({ metadata }) => !names.includes(metadata.name)) || undefined;
      });
    };
    const { calls, posts, errors } = await during(
      "what is behind the entrance goes over to another version, called from outside",
      rolls,
      (work) => loadBalancer.during(WEB_URL, CALLS_PER_SECOND, work, 3),
    );
    // THEN nothing failed, and all that was posted was so once
    expect(errors).toEqual({});
    expect(calls).toBeGreaterThan(1000);
    const posted = recorder.posted();
    expect(posted).toHaveLength(posts);
    expect(new Set(posted).size).toBe(posts);
  });
});

/** Of the region's own value. The gate that waits for it asks Google about its certificate. */
const ENTRANCE = {
  ...uk.entrance!,
  waitSeconds: 0,
  backend: { ...uk.entrance!.backend, service: "web", port: 8080, podPort: 8080 },
};

const webIs = (image: string, env: ServiceInput["env"]): ServiceInput => ({
  ...{ name: "web", image, port: 8080, health: { path: ENTRANCE.backend.healthPath }, env },
  in: { uk: {} },
});

/** What that gate waits for but for the certificate. */
function entranceAwaited(): readonly Awaited[] {
  const names = { addressName: "public", certificateMapName: "public", securityPolicyName: "public" };
  const { backend, hosts } = ENTRANCE;
  const podLabels = { "app.kubernetes.io/name": "web" };
  const stack = new TerraformStack(new App(), "entrance");
  return new PublicGateway(stack, "gateway", {
    ...{ namespace: "app", hosts, backend: { ...backend, podLabels }, ...names },
  }).awaited;
}

function tableOf(rows: readonly Row[]): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [
    "| while | calls | failed | last of them after | slowest call | until whole |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows.map(
      ({ what, calls, failed, lastFailureMs, slowestMs, wholeMs }) =>
        `| ${what} | ${calls} | ${failed} | ${lastFailureMs === undefined ? "" : seconds(lastFailureMs - BEFORE_MS)} | ` +
        `${seconds(slowestMs)} | ${wholeMs === 0 ? "" : seconds(wholeMs)} |`,
    ),
    ...rows
      .filter(({ failed }) => failed > 0)
      .map(({ what, errors }) => `${what}: ${JSON.stringify(errors)}`),
  ].join("\n");
}
