import { setTimeout as delay } from "node:timers/promises";
import { type Outcome, outcome, serviceOfRun } from "../../constructs/availability";
import { until } from "../testbed";
import { UK_CLUSTER } from "../testbed/uk-region";
import { describeOnCluster } from "../e2e/on-cluster";
import {
  ANSWER_SECONDS,
  type Call,
  cutOff,
  FAR_ENTRANCE,
  IN_JP,
  IN_UK,
  ORIGIN_URL,
  SEARCH_UNIT,
  SEARCH_URL,
  TwoCloudsLab,
} from "./jp-and-uk/two-clouds-lab";

/*
 * A service on JP's virtual hosts and on a Kubernetes cluster, called through the proxies' group by one that needs it.
 * Prints the table of docs/availability.md.
 */

const PROXY_UNIT = "tricloud-proxy.service";
const SITE = "dedicated/sakura/jp";

/** A part of the model taken away for real, and given back. */
interface Failure {
  readonly what: string;
  /** Components of the model that are down then. */
  readonly components: readonly string[];
  /** Those of the model's failovers by which its callers are served again. */
  readonly by: readonly string[];
  /** @returns what ends it */
  readonly begin: (lab: TwoCloudsLab) => Promise<() => Promise<unknown>>;
}

/** A crash that no restart mends. A mask would not do: quadlets are generated units, which cannot be masked. */
const crashed = (unit: string): string =>
  `mkdir -p /run/systemd/system/${unit}.d && ` +
  `printf '[Service]\\nRestart=no\\n' >/run/systemd/system/${unit}.d/stays-down.conf && ` +
  `systemctl daemon-reload && systemctl kill -s KILL ${unit}`;
/** Does not wait: the first start of a container whose monitor was killed fails, and the unit's own restart follows. */
const mended = (unit: string): string =>
  `rm -r /run/systemd/system/${unit}.d && systemctl daemon-reload && systemctl start --no-block ${unit}`;

const search = (...hosts: string[]): Failure => ({
  what: `search on ${hosts.join(" and ")}`,
  components: hosts.map((host) => `jp/${host}/search`),
  by: [hosts.length > 1 ? "origins of search.ccnproxy-service in jp" : "search of jp"],
  begin: async ({ testbed }) => {
    const all = hosts.map((host) => testbed.host(host));
    await Promise.all(all.map((host) => host.run(crashed(SEARCH_UNIT))));
    return () => Promise.all(all.map((host) => host.run(mended(SEARCH_UNIT))));
  },
});

const proxyOn = (host: string): Failure => ({
  what: `proxy on ${host}`,
  components: [`jp/${host}/proxy`],
  by: ["proxy of jp"],
  begin: async ({ testbed }) => {
    await testbed.host(host).run(crashed(PROXY_UNIT));
    return () => testbed.host(host).run(mended(PROXY_UNIT));
  },
});

const machine = (host: string): Failure => ({
  what: `machine ${host}`,
  components: [`${SITE}/${host}`],
  by: ["search of jp"],
  begin: async ({ testbed }) => {
    await testbed.host(host).cutPower();
    return () => testbed.host(host).start();
  },
});

const nodes = (zones: readonly string[], by: Failure["by"] = []): Failure => ({
  what: zones.length === UK_CLUSTER.zones.length ? "the whole cluster" : "one node of the cluster",
  components: zones.map((zone) => `google/europe-west2/${zone}/uk-nodes-0`),
  by,
  begin: async ({ testbed: { cluster } }) => {
    const all = zones.map((zone) => cluster.node(zone));
    await Promise.all(all.map((node) => node.cutPower()));
    return () =>
      Promise.all(
        all.map(async (node) => {
          await node.start();
          await cluster.untilReady(node);
        }),
      );
  },
});

const far = (what: string, component: string, address: (lab: TwoCloudsLab) => string): Failure => ({
  what,
  components: [component],
  by: [],
  begin: (lab) => cutOff(lab.testbed, address(lab)),
});
const entrance = far("the way into UK", "google/load-balancing", () => FAR_ENTRANCE);
const origin = far("the shop's origin", "origin/api.example.test", ({ testbed }) => testbed.far.address);

const all = (...failures: Failure[]): Failure => ({
  what: failures.map(({ what }) => what).join(", "),
  components: failures.flatMap(({ components }) => components),
  by: failures.flatMap(({ by }) => by),
  begin: async (lab) => {
    const ends = await Promise.all(failures.map((failure) => failure.begin(lab)));
    return () => Promise.all(ends.map((end) => end()));
  },
});

const JP = search("jp-3", "jp-4");
const ONE_NODE = UK_CLUSTER.zones.slice(0, 1);
const CLUSTER = nodes(UK_CLUSTER.zones);
/** Those that the cluster takes long to recover from come last. */
const FAILURES: readonly Failure[] = [
  search("jp-4"),
  machine("jp-4"),
  JP,
  entrance,
  all(JP, entrance),
  proxyOn("jp-1"),
  all(proxyOn("jp-1"), proxyOn("jp-2")),
  origin,
  all(origin, JP),
  nodes(ONE_NODE),
  // The pods there meet calls only where nobody else answers.
  all(JP, nodes(ONE_NODE, ["search of uk-workloads"])),
  CLUSTER,
  all(JP, CLUSTER),
];

interface Row {
  readonly down: string;
  readonly model: Outcome;
  readonly reality: Outcome;
  /** What the model's failovers take at the most, in milliseconds. */
  readonly saysMs: number;
  /** How long it took to take it all away. */
  readonly beganMs: number;
  readonly before: readonly Call[];
  readonly after: readonly Call[];
  /** The longest that anybody waited for an answer; none where there is none to wait for. */
  readonly waitedMs: number | undefined;
  /** How long after the failure began the last call that failed had begun; none where none failed. */
  readonly lastFailedMs: number | undefined;
}

const HEADINGS = [
  "taken away",
  "model",
  "reality",
  "all served after",
  "last failed after",
  "failed calls",
  "longest wait",
];

/** A row of the table in docs/availability.md. */
function cellsOf({ down, model, reality, saysMs, after, waitedMs, lastFailedMs }: Row): string[] {
  const seconds = (milliseconds = 0) => `${(milliseconds / 1000).toFixed(1)} s`;
  const served =
    waitedMs === undefined
      ? ["never", "-"]
      : [seconds(saysMs), lastFailedMs === undefined ? "none" : seconds(lastFailedMs)];
  const waited = waitedMs === undefined ? "-" : seconds(waitedMs);
  return [down, model, reality, ...served, `${failedOf(after).length} of ${after.length}`, waited];
}

const failedOf = (calls: readonly Call[]) => calls.filter(({ status }) => status !== 200);

/** Printed at once: the whole takes half an hour. */
const printed = (cells: readonly string[]) => process.stdout.write(`| ${cells.join(" | ")} |\n`);

/** As often as it takes for what was seen to be no moment between two states. */
const EQUAL_OBSERVATIONS = 8;
const SETTLING_MS = 180_000;
/** All nodes at once lose their pods' addresses, and pods wait for the cluster's names and for one another's restarts. */
const CLUSTER_RECOVERY_MS = 600_000;
/** Of calls before the failure. */
const WELL_MS = 3000;
/** Of calls after it, the longest failover included. */
const FAILED_MS = 20_000;

describeOnCluster("a service in two clouds, the model against reality", () => {
  let lab: TwoCloudsLab;

  beforeAll(async () => {
    lab = await TwoCloudsLab.boot({ ...IN_JP, ...IN_UK });
    await recovered();
    printed(HEADINGS);
    printed(HEADINGS.map(() => "---"));
  }, 1_800_000);

  afterAll(async () => {
    await lab?.stop();
  }, 120_000);

  it.each(FAILURES)("is right about the loss of $what, and about how long it takes", async (failure) => {
    // GIVEN what the model says of the shop, and how soon its callers are served again, and calls
    const model = outcome(serviceOfRun(lab.availability, "jp", "shop"), failure.components);
    const says = secondsOf(failure);
    const calls = await lab.call();
    await delay(WELL_MS);
    // WHEN
    const began = Date.now();
    const end = await failure.begin(lab);
    const gone = Date.now();
    let row: Row;
    try {
      await delay(FAILED_MS);
      const reality = await settled();
      const seen = await calls.end();
      const after = seen.filter((call) => call.ended >= began);
      row = {
        ...{ down: failure.what, model, reality, saysMs: says * 1000, beganMs: gone - began },
        before: seen.filter(({ ended }) => ended < began),
        after,
        waitedMs: model === "down" ? undefined : longestWait(after),
        lastFailedMs: failedOf(after).at(-1) && failedOf(after).at(-1)!.began - began,
      };
      printed(cellsOf(row));
    } finally {
      await end();
      await recovered();
    }
    // THEN the shop is as the model says
    const { before, reality, waitedMs, lastFailedMs, saysMs, beganMs } = row;
    expect(before.map(({ status }) => status)).toEqual(before.map(() => 200));
    expect(reality).toBe(model);
    if (waitedMs === undefined) return;
    // AND no call fails that begins later than it says
    expect(lastFailedMs ?? 0).toBeLessThanOrEqual(saysMs + beganMs);
    // AND who asks again until there is an answer waits no longer, beside what an answer may take anyway
    expect(waitedMs).toBeLessThanOrEqual(saysMs + beganMs + ANSWER_SECONDS * 1000);
  });

  /** The longest of those failovers; 0 where none takes part. */
  function secondsOf({ by }: Failure): number {
    const failovers = lab.availability.stacks.flatMap(({ services }) =>
      services.flatMap(({ failovers: own = [] }) => own),
    );
    return Math.max(
      0,
      ...by.map((name) => {
        const found = failovers.find((one) => one.name === name);
        if (found === undefined)
          throw new Error(`no failover ${name}: there are ${failovers.map((one) => one.name).join(", ")}`);
        return found.recoverySeconds;
      }),
    );
  }

  /** Down when search has no answer, degraded when it has and the other one that the shop calls has none. */
  async function observed(): Promise<Outcome> {
    if ((await lab.status(SEARCH_URL)) !== "200") return "down";
    return (await lab.status(ORIGIN_URL)) === "200" ? "full" : "degraded";
  }

  /** All is as it was, in both clouds. */
  async function recovered(): Promise<void> {
    const { cluster, hosts } = lab.testbed;
    for (const [namespace, whole] of [
      ["app", "deployment/search"],
      // Each is ready once the servers have a leader, whatever addresses they have now.
      ["consul", "statefulset/consul-server"],
    ] as const) {
      await until(`the cluster's ${whole} is whole`, CLUSTER_RECOVERY_MS, async () => {
        const ready = "jsonpath={.status.readyReplicas}";
        const { stdout } = await cluster.attempt("-n", namespace, "get", whole, "-o", ready);
        return stdout === "3" || undefined;
      });
    }
    await until("UK answers by its own name", SETTLING_MS, async () => {
      const { stdout } = await lab.testbed
        .host("jp-3")
        .attempt(
          `for i in 1 2 3 4 5 6; do curl -sk -m 2 -o /dev/null -w '%{http_code} ' https://${FAR_ENTRANCE}/; done`,
        );
      return stdout === "200 ".repeat(6) || undefined;
    });
    await until("all that JP runs is known", SETTLING_MS, async () => {
      const known = async (name: string) =>
        (
          await hosts[2]!.attempt(`getent ahostsv4 ${name}.service.consul | awk '{ print $1 }' | sort -u`)
        ).stdout
          .trim()
          .split("\n").length;
      return ((await known("search")) === 2 && (await known("proxy")) === 2) || undefined;
    });
    // What was left alone is asked again a moment later, and has all of its requests 10 s after that.
    await delay(12_000);
    await until("all is well again", SETTLING_MS, async () => (await observed()) === "full" || undefined);
  }

  async function settled(): Promise<Outcome> {
    const seen: Outcome[] = [];
    return until(
      "the state of things is steady",
      SETTLING_MS,
      async () => {
        seen.push(await observed());
        const last = seen.slice(-EQUAL_OBSERVATIONS);
        return last.length === EQUAL_OBSERVATIONS && new Set(last).size === 1 ? last[0] : undefined;
      },
      1000,
    );
  }
});

/**
 * How long somebody waited at the most, in milliseconds, who asked again until there was an answer: from a call's
 * beginning to the first answer to it or to one that began after it.
 */
function longestWait(calls: readonly Call[]): number {
  const answered = calls.filter(({ status }) => status === 200);
  const waits = calls.map(({ began }) =>
    Math.min(...answered.filter((call) => call.began >= began).map(({ ended }) => ended - began)),
  );
  return Math.max(0, ...waits.filter(Number.isFinite));
}
