import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Construct } from "constructs";
import { parse, stringify } from "yaml";
import {
  AvailabilityTarget,
  type AvailabilityRun,
  collectAvailability,
  component,
  type DeclaresServices,
  parallel,
  series,
  service,
  type Service,
} from "../../../constructs/availability";
import { run as command } from "../../../constructs/availability/cli";
import {
  gammaBelow,
  gammaQuantile,
  logGamma,
  poissonAtMost,
} from "../../../constructs/availability/calculus/gamma-distribution";
import { compared, type Comparison } from "../../../constructs/availability/measured/comparison";
import { measuredQuery, readMeasurements } from "../../../constructs/availability/measured/measurements";

class Stack extends Construct implements DeclaresServices {
  readonly services: Service[] = [];
}

const assumed = (id: string, mtbfHours: number, mttrHours: number) =>
  component(id, { mtbfHours, mttrHours }, { kind: "assumed", source: "assumed" });

/** `us/web` on two alike machines, a switch and a promised load balancer; `us/quiet`, of which nobody measures anything. */
function sample(): AvailabilityRun {
  const root = new Construct(undefined as unknown as Construct, "");
  const us = new Stack(root, "us");
  const balancer = component(
    "us/lb",
    { availability: 0.9999, meanOutageHours: 1 },
    { kind: "contractual", source: "agreement", effectiveDate: "2026" },
  );
  us.services.push(
    service("web", {
      requires: [
        balancer,
        assumed("us/switch", 2000, 1),
        parallel(assumed("us/m1", 500, 2), assumed("us/m2", 500, 2)),
      ],
    }),
    service("quiet", { requires: [series(balancer, assumed("us/switch", 2000, 1))] }),
    service("calm", { requires: [assumed("us/rack", 100, 1)] }),
  );
  new AvailabilityTarget(us, "target", { atLeast: 0.999, service: "web" });
  return collectAvailability(root);
}

describe("distributions", () => {
  test("agree with values that are known in closed form", () => {
    for (const [n, factorial] of [
      [1, 1],
      [5, 24],
      [11, 3628800],
    ] as const) {
      expect(Math.exp(logGamma(n)) / factorial).toBeCloseTo(1, 12);
    }
    expect(Math.exp(logGamma(0.5))).toBeCloseTo(Math.sqrt(Math.PI), 12);
    // shape 1 is exponential
    for (const x of [0.01, 1, 5, 40]) expect(gammaBelow(1, x)).toBeCloseTo(1 - Math.exp(-x), 13);
    expect(gammaQuantile(1, 0.95)).toBeCloseTo(-Math.log(0.05), 12);
    const two = Math.exp(-3) * (1 + 3 + 9 / 2);
    expect(poissonAtMost(2, 3)).toBeCloseTo(two, 13);
    expect(gammaBelow(50, gammaQuantile(50, 0.3))).toBeCloseTo(0.3, 12);
  });
});

/** As Prometheus answers, without one. */
const answer = (
  values: readonly (readonly [what: string, labels: Record<string, string>, value: number])[],
) => {
  const now = 1_800_000_000;
  return JSON.stringify({
    status: "success",
    data: {
      resultType: "vector",
      result: values.map(([tricloud_measured, labels, value]) => ({
        metric: { tricloud_measured, ...labels },
        value: [now, String(tricloud_measured.endsWith("_since") ? now - value * 3600 : value)],
      })),
    },
  });
};

const web = { stack: "us", service: "web" };
const probes = (labels: Record<string, string>, up: number, hours = 720, count = 43_200) =>
  [
    ["probes", labels, count],
    ["succeeded", labels, up * count],
    ["probes_since", labels, hours],
  ] as const;
const failing = (component: string, failures: number, hours: number, up = 1) =>
  [
    ["component_probes", { component }, 1000],
    ["component_succeeded", { component }, 1000 * up],
    ["component_failures", { component }, failures],
    ["component_since", { component }, hours],
  ] as const;

const run = sample();
const comparison = (...values: Parameters<typeof answer>[0]): Comparison =>
  compared(run, readMeasurements(answer(values), "test"));

describe("predicted beside measured", () => {
  test("what is as predicted speaks against nothing", () => {
    const { services, unmeasured } = comparison(...probes(web, 0.9994));
    expect(services).toMatchObject([{ promised: 0.999, differs: false, suspects: [] }]);
    expect(services[0]?.predicted).toBeCloseTo(1 - 1e-4 - 1 / 2001 - (2 / 502) ** 2, 6);
    expect(unmeasured).toEqual(["us/quiet", "us/calm"]);
  });

  test("a difference speaks against assumptions, the smallest error first, and not against what is promised", () => {
    // GIVEN 1 % down in 30 days where 0.06 % was predicted
    const [found] = comparison(...probes(web, 0.99)).services;
    expect(found?.differs).toBe(true);
    const suspects = found?.suspects ?? [];
    // THEN the switch must be 20 times as bad; either machine alone, being redundant, would have to be hundreds
    expect(suspects[0]).toMatchObject({ id: "us/switch", asPlausibleAsFirst: true });
    expect(suspects[0]?.factor).toBeGreaterThan(18);
    expect(suspects[0]?.factor).toBeLessThan(21);
    expect(suspects.map(({ id }) => id)).not.toContain("us/lb");
    expect(suspects.reduce((sum, { plausibility }) => sum + plausibility, 0)).toBeCloseTo(1, 3);
  });

  test("alike parts are not told apart, until they are probed themselves", () => {
    // GIVEN so much downtime that a machine alone would do
    const root = new Construct(undefined as unknown as Construct, "");
    const us = new Stack(root, "us");
    us.services.push(service("web", { requires: [assumed("us/m1", 500, 2), assumed("us/m2", 500, 2)] }));
    const alike = collectAvailability(root);
    const both = compared(alike, readMeasurements(answer([...probes(web, 0.95)]), "test"));
    expect(both.services[0]?.suspects.map(({ id, asPlausibleAsFirst }) => [id, asPlausibleAsFirst])).toEqual([
      ["us/m1", true],
      ["us/m2", true],
    ]);
    const probed = compared(
      alike,
      readMeasurements(
        answer([...probes(web, 0.95), ...failing("us/m1", 12, 720, 0.95), ...failing("us/m2", 1, 720)]),
        "test",
      ),
    );
    expect(probed.components.map(({ id, speaksAgainst }) => [id, speaksAgainst])).toEqual([
      ["us/m1", true],
      ["us/m2", false],
    ]);
  });

  test("the rate of failures is updated from its prior", () => {
    const [found] = comparison(...failing("us/switch", 3, 1000)).components;
    // gamma of shape 1 and 2000 h, with three failures in 1000 h
    expect(found?.assumedMtbfHours).toBeCloseTo(2000, 6);
    expect(found?.mtbfHours).toBeCloseTo(3000 / 4, 6);
    const { lower = 0, upper = 0 } = found?.credible95 ?? {};
    // quantiles of a gamma distribution of shape 4: 1.08987 and 8.76727
    expect(3000 / lower).toBeCloseTo(8.76727, 4);
    expect(3000 / upper).toBeCloseTo(1.08987, 4);
    // three where half of one was expected: 1.4 %, twice that is below 5 %
    expect(found?.speaksAgainst).toBe(true);
  });

  test("names what is not in the run, and refuses what is no answer to its query", () => {
    expect(comparison(...probes({ stack: "us", service: "old" }, 1)).unknown).toEqual(["us/old"]);
    const read = (text: string) => () => readMeasurements(text, "m.json");
    expect(read("{")).toThrow(/^m\.json: expected JSON/);
    expect(read('{"status":"error","error":"bad"}')).toThrow("m.json: Prometheus refused the query: bad");
    expect(read('{"status":"success","data":{"resultType":"matrix"}}')).toThrow('got "matrix"');
    expect(
      read(
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"1"]}]}}',
      ),
    ).toThrow(
      'expected values with the label tricloud_measured, as "--measured-query" asks for them, got {"a":"b"}',
    );
    expect(read(answer([["probes", web, 10]]))).toThrow(
      "m.json: nothing says since when service us/web was watched",
    );
    expect(() => measuredQuery("a month")).toThrow('for example 30d, got "a month"');
  });
});

const withPrometheus =
  spawnSync("promtool", ["--version"]).status === 0 && spawnSync("prometheus", ["--version"]).status === 0;
const here = withPrometheus ? describe : describe.skip;

here("with a real Prometheus (skipped where there is none)", () => {
  let directory: string;
  let runFile: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "availability-measured-"));
    runFile = join(directory, "run.json");
    writeFileSync(runFile, JSON.stringify(run));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function tricloud(...argv: string[]) {
    let [out, err] = ["", ""];
    const code = await command(argv, { write: (text) => (out += text) }, { write: (text) => (err += text) });
    return { out, err, code };
  }

  describe("that watched for 20 days", () => {
    const MINUTES = 20 * 24 * 60;
    const EVERY = 10;
    let prometheus: ChildProcess;
    let address: string;
    let log = "";

    beforeAll(async () => {
      // GIVEN 20 days of requests to web of which 2 % fail, probes of calm, and of the switch, which fails eight times
      const now = Math.floor(Date.now() / 1000);
      const lines = { requests: [] as string[], probes: [] as string[] };
      for (let minute = 0; minute <= MINUTES; minute += EVERY) {
        const at = now - 60 * (MINUTES - minute);
        for (const [status, each] of [
          ["200", 98],
          ["503", 2],
        ] as const) {
          lines.requests.push(
            `tricloud_proxy_requests_total{stack="us",service="web",status="${status}"} ${each * minute} ${at}`,
          );
        }
        const failed = minute % (MINUTES / 8) === MINUTES / 16;
        lines.probes.push(`probe_success{stack="us",service="calm"} ${minute % 1000 === 0 ? 0 : 1} ${at}`);
        lines.probes.push(`probe_success{component="us/switch"} ${failed ? 0 : 1} ${at}`);
      }
      const bySeries = (all: string[]) =>
        [...all].sort((a, b) => (a.split("}")[0]! < b.split("}")[0]! ? -1 : 1));
      const metrics = join(directory, "metrics.txt");
      writeFileSync(
        metrics,
        [
          "# TYPE probe_success gauge",
          ...bySeries(lines.probes),
          "# TYPE tricloud_proxy_requests counter",
          ...bySeries(lines.requests),
          "# EOF",
          "",
        ].join("\n"),
      );
      const data = join(directory, "data");
      mkdirSync(data);
      execFileSync("promtool", [
        "tsdb",
        "create-blocks-from",
        "--max-block-duration=960h",
        "openmetrics",
        metrics,
        data,
      ]);
      const config = join(directory, "prometheus.yml");
      writeFileSync(config, "scrape_configs: []\n");
      const port = await freePort();
      address = `http://127.0.0.1:${port}`;
      prometheus = spawn(
        "prometheus",
        [
          `--config.file=${config}`,
          `--storage.tsdb.path=${data}`,
          "--storage.tsdb.retention.time=60d",
          `--web.listen-address=127.0.0.1:${port}`,
        ],
        { stdio: ["ignore", "ignore", "pipe"] },
      );
      prometheus.stderr?.on("data", (text) => (log += String(text)));
      for (let patience = 600; ; patience--) {
        const ready = await fetch(`${address}/-/ready`).then(
          (got) => got.ok,
          () => false,
        );
        if (ready) break;
        if (patience === 0 || prometheus.exitCode !== null)
          throw new Error(`Prometheus does not start: ${log}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }, 180_000);

    afterAll(async () => {
      if (prometheus === undefined || prometheus.exitCode !== null) return;
      const ended = new Promise((resolve) => prometheus.once("exit", resolve));
      prometheus.kill("SIGTERM");
      await ended;
    }, 60_000);

    test("puts its figures beside the promised and predicted ones", async () => {
      const { out, err, code } = await tricloud("--measured", address, "--json", runFile);
      expect([err, code]).toEqual(["", 0]);
      const { services, components, unmeasured } = JSON.parse(out) as Comparison;
      const [first, calm] = services;
      expect(first).toMatchObject({ stack: "us", service: "web", promised: 0.999, differs: true });
      expect(first?.measured.kind).toBe("requests");
      expect(first?.measured.availability).toBeCloseTo(0.98, 6);
      expect(first?.measured.hours).toBeGreaterThan(19.9 * 24);
      expect(first?.measured.hours).toBeLessThan(20.1 * 24);
      expect(first?.suspects[0]?.id).toBe("us/switch");
      // 29 of 2881 probes, as often as its MTBF says
      expect(calm).toMatchObject({ service: "calm", differs: false });
      expect(calm?.measured.kind).toBe("probes");
      expect(calm?.measured.availability).toBeCloseTo(1 - 29 / 2881, 3);
      expect(components).toMatchObject([{ id: "us/switch", failures: 8, speaksAgainst: true }]);
      expect(components[0]?.mtbfHours).toBeCloseTo((2000 + 480) / 9, -1);
      expect(unmeasured).toEqual(["us/quiet"]);
    }, 60_000);

    test("its answer, saved, says the same in a table", async () => {
      const { out: query } = await tricloud("--measured-query");
      const saved = join(directory, "measured.json");
      const got = await fetch(`${address}/api/v1/query`, {
        method: "POST",
        body: new URLSearchParams({ query: query.trim() }),
      });
      writeFileSync(saved, await got.text());
      const { out, err } = await tricloud("--measured", saved, runFile);
      expect(err).toBe("");
      expect(out).toMatch(/us\/web +99\.9 % +99\.9\d+ % +98 % +\d+ requests in 20 d/);
      expect(out).toMatch(
        /us\/web: .* standard deviations more downtime than predicted: that speaks against us\/switch/,
      );
      expect(out).toMatch(
        /us\/switch: 8 failures in 20 d speaks against the assumption: MTBF assumed 83\.3 d, now 11/,
      );
      expect(out).toContain("prior: the rate of failures is gamma-distributed");
      expect(out).toContain("not measured: us/quiet");
    }, 60_000);

    test("says when nobody answers, and when a file is not there", async () => {
      const port = await freePort();
      const silent = await tricloud("--measured", `http://127.0.0.1:${port}`, runFile);
      expect(silent.code).toBe(2);
      expect(silent.err).toContain(`http://127.0.0.1:${port}/api/v1/query: no answer: `);
      const missing = await tricloud("--measured", join(directory, "nowhere.json"), runFile);
      expect([missing.code, missing.err]).toEqual([
        2,
        `availability: cannot read ${join(directory, "nowhere.json")}: ENOENT\n`,
      ]);
    });
  });

  describe("burn-rate alerts", () => {
    const rules = (): string => join(directory, "alerts");
    beforeAll(async () => {
      expect((await tricloud("--alerts", rules(), runFile)).code).toBe(0);
    });

    test("are rules that promtool takes, one file for each service", () => {
      const files = readdirSync(rules()).sort();
      expect(files).toEqual(["us-calm.rules.yaml", "us-quiet.rules.yaml", "us-web.rules.yaml"]);
      const out = execFileSync("promtool", ["check", "rules", ...files.map((file) => join(rules(), file))], {
        encoding: "utf8",
      });
      // five windows, and three rates at which an alert goes off
      expect(out.match(/SUCCESS: 8 rules found/g)).toHaveLength(3);
    });

    test("go off at the rates at which the budget goes, and else not", () => {
      const series = (status: string, each: number) => ({
        series: `tricloud_proxy_requests_total{stack="us",service="web",status="${status}",instance="a"}`,
        values: `0+${each * 100}x2200`,
      });
      // share of failed requests, and which alerts go off after three days of it
      const cases: readonly (readonly [failed: number, answered: number, pages: number, tickets: number])[] =
        [
          [2, 98, 2, 1],
          [8, 992, 1, 1],
          [2, 998, 0, 1],
          [5, 9995, 0, 0],
          [0, 100, 0, 0],
        ];
      const counted = (severity: string, firing: number) => ({
        expr: `count(ALERTS{alertstate="firing",severity="${severity}"}) or vector(0)`,
        eval_time: "73h",
        exp_samples: [{ labels: "{}", value: firing }],
      });
      const file = join(directory, "test.yaml");
      writeFileSync(
        file,
        stringify({
          rule_files: [join(rules(), "us-web.rules.yaml")],
          evaluation_interval: "30m",
          tests: cases.map(([failed, answered, pages, tickets]) => ({
            interval: "2m",
            input_series: [series("200", answered), ...(failed === 0 ? [] : [series("503", failed)])],
            promql_expr_test: [counted("page", pages), counted("ticket", tickets)],
          })),
        }),
      );
      const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
      expect([status, status === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
    }, 120_000);

    test("leave out rates at which more than all requests would have to fail", () => {
      const root = new Construct(undefined as unknown as Construct, "");
      const us = new Stack(root, "us");
      us.services.push(service("batch", { requires: [component("us/m", { availability: 0.9 })] }));
      const file = join(directory, "batch.json");
      writeFileSync(file, JSON.stringify(collectAvailability(root)));
      const out = join(directory, "batch-alerts");
      return tricloud("--alerts", out, file).then(() => {
        const text = execFileSync("cat", [join(out, "us-batch.rules.yaml")], { encoding: "utf8" });
        const { groups } = parse(text) as {
          groups: { rules: { alert?: string; labels: Record<string, string> }[] }[];
        };
        const rates = groups[0]?.rules
          .filter(({ alert }) => alert !== undefined)
          .map(({ labels }) => labels["burn_rate"]);
        // 14.4 times a tenth is more than all
        expect(rates).toEqual(["6", "1"]);
      });
    });
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
