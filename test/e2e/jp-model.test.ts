import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { type Outcome, outcome, type Service } from "../../constructs/availability";
import { type DedicatedRegion, validateRegions } from "../../stacks/values/regions";
import { JpStack } from "../../stacks/jp";
import { Deployment, jpRegion, JP_ROLES, ORIGIN, run, Testbed, until } from "../testbed";
import { SERVERS_HEALTH } from "../testbed/consul-commands";
import { describeOnVirtualHosts } from "./virtual-hosts";

const SITE = "dedicated/sakura/jp";
const URL = `http://${ORIGIN}.ccnproxy-https/hc`;

/** A part of the model taken down for real, and put back. */
interface Failure {
  readonly what: string;
  /** Components of the model that are down then. */
  readonly components: readonly string[];
  readonly begin: (testbed: Testbed) => Promise<unknown>;
  readonly end: (testbed: Testbed) => Promise<unknown>;
}

const program = (host: string, unit: string, name: string): Failure => ({
  what: `${name} on ${host}`,
  components: [`jp/${host}/${name}`],
  begin: (testbed) => testbed.host(host).run(`systemctl stop ${unit}`),
  end: (testbed) => testbed.host(host).run(`systemctl start ${unit}`),
});
const proxyOn = (host: string) => program(host, "tricloud-proxy", "proxy");
const consulOn = (host: string) => program(host, "consul", "consul");
const unboundOn = (host: string) => program(host, "unbound", "unbound");

const machine = (host: string): Failure => ({
  what: `machine ${host}`,
  components: [`${SITE}/${host}`],
  begin: (testbed) => testbed.host(host).cutPower(),
  end: (testbed) => testbed.host(host).start(),
});

const inFarSite = (testbed: Testbed, ...command: string[]) =>
  run("ip", ["netns", "exec", testbed.far.namespace, ...command]);

/** Packets are dropped: a stopped process would refuse connections, which is another failure. */
const origin: Failure = {
  what: "the origin",
  components: [`origin/${ORIGIN}`],
  begin: (testbed) =>
    inFarSite(
      testbed,
      "nft",
      "add table ip away; add chain ip away input { type filter hook input priority 0; policy drop; }",
    ),
  end: (testbed) => inFarSite(testbed, "nft", "delete table ip away"),
};

const all = (...failures: Failure[]): Failure => ({
  what: failures.map(({ what }) => what).join(" and "),
  components: failures.flatMap(({ components }) => components),
  begin: (testbed) => Promise.all(failures.map((failure) => failure.begin(testbed))),
  end: (testbed) => Promise.all(failures.map((failure) => failure.end(testbed))),
});

const FAILURES: readonly Failure[] = [
  proxyOn("jp-1"),
  all(proxyOn("jp-1"), proxyOn("jp-2")),
  machine("jp-1"),
  all(machine("jp-1"), machine("jp-2")),
  consulOn("jp-2"),
  all(consulOn("jp-1"), consulOn("jp-2")),
  all(consulOn("jp-1"), consulOn("jp-2"), consulOn("jp-3")),
  unboundOn("jp-3"),
  all(unboundOn("jp-3"), unboundOn("jp-1")),
  origin,
];

/** As often as it takes for what was seen to be no moment between two states. */
const EQUAL_OBSERVATIONS = 8;
const SETTLING_MS = 120_000;

describeOnVirtualHosts("the availability model of JP against reality", () => {
  let testbed: Testbed;
  let service: Service;
  const rows: { down: string; model: Outcome; reality: Outcome }[] = [];

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(JP_ROLES), far: { names: [ORIGIN] } });
    const value = {
      ...jpRegion(testbed),
      origins: { [ORIGIN]: { availability: 0.9995, source: "assumed" } },
    };
    service = modelOf(value);
    const deployment = new Deployment(join(testbed.directory, "deployment"));
    deployment.write(value);
    const { code, output } = await deployment.deploy("jp");
    if (code !== 0) throw new Error(output);
    await recovered(testbed);
  });

  afterAll(async () => {
    await testbed?.stop();
    const width = Math.max(...rows.map(({ down }) => down.length));
    const lines = rows.map(
      ({ down, model, reality }) => `${down.padEnd(width)}  ${model.padEnd(8)}  ${reality}`,
    );
    console.log([`${"down".padEnd(width)}  ${"model".padEnd(8)}  reality`, ...lines].join("\n"));
  });

  it.each(FAILURES)("is right about the loss of $what", async (failure) => {
    // GIVEN what the model says
    const model = outcome(service, failure.components);
    // WHEN the components are taken down and things have settled
    await failure.begin(testbed);
    const reality = await settled(testbed).finally(async () => {
      await failure.end(testbed);
      await recovered(testbed);
    });
    // THEN an application sees just that
    rows.push({ down: failure.what, model, reality });
    expect(reality).toBe(model);
  });
});

function modelOf(value: unknown): Service {
  const [region] = validateRegions([{ file: "jp", value }]);
  const outdir = mkdtempSync(join(tmpdir(), "tricloud-model-"));
  try {
    const { services } = new JpStack(new App({ outdir }), region as DedicatedRegion);
    return services.find(({ name }) => name === "calls-to-other-clouds")!;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/**
 * What an application on jp-3 has: down when a call fails, degraded when calls succeed but its agent knows of no leader,
 * so that it would hear of no change.
 */
async function observed(testbed: Testbed): Promise<Outcome> {
  const app = testbed.host("jp-3");
  const call = await app.attempt(`curl -s -m 8 -o /dev/null -w '%{http_code}' ${URL}`);
  if (call.stdout !== "200") return "down";
  const leader = await app.attempt("curl -s -m 2 http://127.0.0.1:8500/v1/status/leader");
  return /"[^"]+"/.test(leader.stdout) ? "full" : "degraded";
}

/** Calls succeed, and every Consul server has caught up: one that has not is no part of a quorum. */
async function recovered(testbed: Testbed): Promise<void> {
  await until("all is well again", SETTLING_MS, async () => {
    if ((await observed(testbed)) !== "full") return undefined;
    const { stdout } = await testbed.host("jp-3").attempt(SERVERS_HEALTH);
    return /"FailureTolerance":\s*1\b/.test(stdout) ? true : undefined;
  });
}

async function settled(testbed: Testbed): Promise<Outcome> {
  const seen: Outcome[] = [];
  // Detection first: a check's interval and time-out, and what resolvers may hold on to.
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  return until(
    "the state of things is steady",
    SETTLING_MS,
    async () => {
      seen.push(await observed(testbed));
      const last = seen.slice(-EQUAL_OBSERVATIONS);
      return last.length === EQUAL_OBSERVATIONS && new Set(last).size === 1 ? last[0] : undefined;
    },
    1000,
  );
}
