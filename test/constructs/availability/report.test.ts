import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { Construct } from "constructs";
import {
  atLeast,
  type AvailabilityRun,
  collectAvailability,
  type Component,
  component,
  parallel,
  service,
  softened,
} from "../../../constructs/availability";
import { main } from "../../../constructs/availability/cli";
import { differences } from "../../../constructs/availability/report/difference";
import { duration } from "../../../constructs/availability/report/figures";
import { htmlReport } from "../../../constructs/availability/report/html-report";
import { sloNames } from "../../../constructs/availability/report/openslo";
import { type SampleOptions, sampleRun } from "./sample-run";

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "availability-report-"))));
afterEach(() => rmSync(directory, { recursive: true }));

const saved = (options?: SampleOptions, name = "run.json"): string => {
  const file = join(directory, name);
  writeFileSync(file, JSON.stringify(sampleRun(options)));
  return file;
};

/** Runs the command and tells what it wrote and its exit code. */
function command(argv: readonly string[], terminal: { isTTY?: boolean; columns?: number } = {}) {
  let out = "";
  let err = "";
  const code = main(
    argv,
    { ...terminal, write: (text) => (out += text) },
    { write: (text) => (err += text) },
  );
  return { out, err, code };
}

describe("the table", () => {
  test("holds figures, verdict, composition, costliest components and warnings", () => {
    const { out, code } = command([saved()], { columns: 200 });
    expect(code).toBe(0);
    const web = out.split("\n").find((line) => line.startsWith("  web"));
    expect(web?.trim().split(/ {2,}/)).toEqual([
      "web",
      // 1 - 0.9999 (1 - (1 - 0.999 · 0.995)²)
      "99.986406 %",
      expect.stringMatching(/^99\.97\d+ %$/),
      expect.stringMatching(/^99\.3\d* % to 99\.99 %$/),
      "5.87 min / 71.4 min",
      "99.95 %",
      "met if independent",
    ]);
    expect(out).toContain("load balancer & friends × ((zone <a> × us/web-a) | (zone <b> × us/web-b))");
    expect(out).toMatch(
      /costliest +load balancer & friends 52.6 min a year \(99.99 %, contractual\); us\/web-a/,
    );
    expect(out).toMatch(/soft +us\/origin: answers are cached/);
    expect(out).toMatch(/warning +load balancer & friends: lb: read this <carefully>/);
    expect(out).toMatch(/single points +us\/lb/);
    expect(out).toMatch(/needs +us\/web, which promises 99.95 % \(its target\)/);
    expect(out).toMatch(/planned +99.97\d+ % with planned work/);
  });

  test("names the cheapest change when a target is missed", () => {
    const { out } = command([saved({ target: 0.99999 })], { columns: 300 });
    expect(out).toContain("missed");
    expect(out).toMatch(/cheapest change +no single component suffices/);
  });

  test("has colours on a terminal only", () => {
    const escape = String.fromCharCode(27);
    expect(command([saved()]).out).not.toContain(escape);
  });

  test("wraps at the width of the terminal", () => {
    const { out } = command([saved()], { columns: 80 });
    const notes = out.split("\n").filter((line) => line.startsWith("      "));
    expect(Math.max(...notes.map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe("--json, --base and --fail-below", () => {
  test("--json prints the run as saved", () => {
    const file = saved();
    expect(JSON.parse(command([file, "--json"]).out)).toEqual(JSON.parse(readFileSync(file, "utf8")));
  });

  test("--base tells what changed and why", () => {
    const base = saved({ zones: ["a"] }, "base.json");
    const { out } = command([saved(), "--base", base], { columns: 300 });
    expect(out).toMatch(/us\/web: 99\.39\d+ % to 99\.986406 % \(\d+(\.\d+)? [hd] a year less downtime\)/);
    expect(out).toContain("added zone <b> (us/b) at 99.9 %, costs 3.13 min a year");
    expect(out).toContain("target: 99.95 % (missed) to 99.95 % (met if independent)");
    expect(JSON.parse(command([saved(), "--base", base, "--json"]).out)).toMatchObject({
      schema: "tricloud/availability/v1",
      changes: [
        { stack: "us", service: "web", change: "better" },
        { stack: "jp", service: "shop", change: "better" },
      ],
    });
  });

  test("--base says when nothing changed", () => {
    expect(command([saved(), "--base", saved()]).out).toContain("Nothing changed against the base.");
  });

  test("--fail-below keeps a service at the very figure, and wants one to look at", () => {
    const root = new Construct(undefined as unknown as Construct, "");
    const parts = [0.9995, 0.9999].map((availability, at) =>
      component(`c${at}`, { availability }, { kind: "assumed" }),
    );
    Object.assign(new Construct(root, "us"), { services: [service("web", { requires: parts })] });
    const file = join(directory, "exact.json");
    writeFileSync(file, JSON.stringify(collectAvailability(root)));
    expect(command([file, "--fail-below", "99.940005"]).code).toBe(0);
    expect(command([file, "--fail-below", "99.9400051"]).code).toBe(1);
    // and with nothing known about dependence it promises less
    expect(command([file, "--fail-below", "99.940005", "--basis", "bounds"]).err).toContain(
      "us/web promises 99.94 %, with nothing known about dependence: below 99.940005 %",
    );
    const empty = join(directory, "empty.json");
    writeFileSync(empty, JSON.stringify({ ...sampleRun(), stacks: [{ stack: "us", services: [] }] }));
    expect(command([empty]).out).toBe("No stack declares a service.\n");
    const { code, err } = command([empty, "--fail-below", "99"]);
    expect([code, err]).toEqual([
      2,
      `availability: ${empty} holds no service that --fail-below could look at\n`,
    ]);
  });

  test("services that come and go are told", () => {
    const both = sampleRun();
    const one: AvailabilityRun = { ...both, stacks: both.stacks.filter(({ stack }) => stack === "us") };
    expect(differences(one, both).map(({ service, change }) => [service, change])).toEqual([
      ["shop", "added"],
    ]);
    expect(differences(both, one).map(({ service, change }) => [service, change])).toEqual([
      ["shop", "removed"],
    ]);
  });

  test("--fail-below fails below and not at the figure", () => {
    const file = saved();
    expect(command([file, "--fail-below", "99.9"]).code).toBe(0);
    const low = command([file, "--fail-below", "99.95"]);
    expect(low.code).toBe(1);
    expect(low.err).toBe(
      "availability: jp/shop promises 99.92491 %, under the declared common causes, with planned work: below 99.95 %\n",
    );
  });
});

describe("--base tells of what the independent figure does not show", () => {
  const zone = (id: string, beta: number) =>
    component(id, { availability: 0.999 }, { kind: "assumed", commonCause: { group: "zones", beta } });
  const run = (props: {
    beta?: number;
    hours?: number;
    soft?: Component[];
    because?: string;
  }): AvailabilityRun => {
    const {
      beta = 0.1,
      hours = 1,
      soft = [component("cache", { availability: 0.99 }, { kind: "assumed" })],
    } = props;
    const [a, b] = [zone("a", beta), zone("b", beta)];
    const root = new Construct(undefined as unknown as Construct, "");
    const web = service("web", {
      requires: [parallel(a, b)],
      degradesWithout: soft.map((one) => (props.because === undefined ? one : softened(one, props.because))),
      maintenance: { components: ["a", "b"], hoursPer30Days: hours },
    });
    Object.assign(new Construct(root, "us"), { services: [web] });
    return collectAvailability(root);
  };
  const cases: [string, Parameters<typeof run>[0], RegExp][] = [
    ["beta", { beta: 0.2 }, /common cause "zones": beta 0.1 over 2 components to beta 0.2/],
    ["the correlated figure", { beta: 0.2 }, /correlated: 99\.98\d+ % to 99\.97\d+ %/],
    ["planned work", { hours: 4 }, /with planned work: 99\.98\d+ % to 99\.98\d+ %/],
    [
      "outcomes and soft dependencies",
      { soft: [] },
      /full, degraded, down: .*\n.*degrades without: cache to nothing/,
    ],
    [
      "what makes them soft",
      { because: "an hour of answers" },
      /made soft: nothing to cache: an hour of answers/,
    ],
  ];

  test.each(cases)("%s", (_, props, expected) => {
    const [change] = differences(run({}), run(props));
    expect(change?.change).toBe("same-figure");
    expect(change?.details.join("\n")).toMatch(expected);
  });
});

describe("without PLACE", () => {
  const file = (): string => {
    const root = new Construct(undefined as unknown as Construct, "");
    const part = (id: string) => component(id, { availability: 0.999 }, { kind: "assumed" });
    const [aws, google] = [part("aws/us-east-1/a"), part("google/europe-west2")];
    const services = [
      service("one-cloud", { requires: [aws] }),
      service("two-clouds", { requires: [parallel(aws, google)] }),
      service("soft", { requires: [google], degradesWithout: [aws] }),
    ];
    Object.assign(new Construct(root, "us"), { services });
    const name = join(directory, "clouds.json");
    writeFileSync(name, JSON.stringify(collectAvailability(root)));
    return name;
  };

  test("says what becomes of every service", () => {
    const { out, code } = command(["without", "aws", file()]);
    expect(code).toBe(0);
    expect(out.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["without aws"],
      ["us/one-cloud", "down", "without 1 of its components"],
      ["us/two-clouds", "full", "without 1 of its components"],
      ["us/soft", "degraded", "without 1 of its components"],
      [""],
    ]);
    // a zone is a place too, and a name that merely begins alike is none
    expect(command(["without", "aws/us-east-1/a", file()]).out).toContain("down");
    expect(command(["without", "aw", file()])).toMatchObject({
      code: 2,
      err: 'availability: no service has a component in "aw": expected one of aws, google, or a place in it\n',
    });
    expect(command(["without"]).err).toContain("without: expected a place and at most one run, got nothing");
  });
});

describe("wrong arguments and files", () => {
  test.each([
    [["--fail-below", "high"], '--fail-below must be a percentage above 0 and up to 100, got "high"'],
    [["--fail-below", "101"], 'got "101"'],
    [["--json", "--markdown"], "--json and --markdown exclude each other"],
    [["a.json", "b.json"], "expected one run, got a.json b.json"],
    [["--basis", "hope"], '--basis must be one of independent, correlated, bounds, got "hope"'],
    [["--colour"], `Unknown option '--colour'; "tricloud availability --help" lists the options\n`],
    [["no-such.json"], "cannot read no-such.json: ENOENT"],
  ])("%j", (argv, message) => {
    const { err, code, out } = command(argv);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
  });

  test("a file that is no run", () => {
    const file = join(directory, "other.json");
    writeFileSync(file, '{"schema":"other/v9"}');
    expect(command([file]).err).toContain(
      'expected an availability run (schema "tricloud/availability/v1"), got schema "other/v9"',
    );
    writeFileSync(file, "nonsense");
    expect(command([file]).err).toContain("other.json: expected JSON");
  });

  test("--help", () => {
    const { out, code } = command(["--help"]);
    expect(code).toBe(0);
    for (const option of ["--json", "--markdown", "--base", "--fail-below", "--html", "--openslo"]) {
      expect(out).toContain(option);
    }
  });
});

test("--markdown is one table that no text breaks", () => {
  const { out } = command([saved(), "--markdown", "--base", saved({ zoneAvailability: 0.99 }, "base.json")]);
  const rows = out.split("\n").filter((line) => line.startsWith("|"));
  const columns = rows.map((line) => line.replace(/\\\|/g, "").split("|").length);
  expect(rows).toHaveLength(4);
  expect(new Set(columns).size).toBe(1);
  expect(out).toContain("zone &lt;a&gt; (us/a): 99 % to 99.9 %");
  expect(out).toContain("((zone &lt;a&gt; × us/web-a) \\| (zone &lt;b&gt; × us/web-b))");
});

describe("--html", () => {
  const page = (): string => {
    const file = join(directory, "page.html");
    command([saved(), "--html", file]);
    return readFileSync(file, "utf8");
  };

  test("is self-contained: no script, nothing loaded", () => {
    expect(page()).not.toMatch(/<script|<link|<img|src=|url\(|@import/i);
  });

  test("draws one box for each place of a component, with its figures to hover", () => {
    const html = page();
    const diagrams = html.match(/<svg role="img" viewBox.*?<\/svg>/gs) ?? [];
    expect(diagrams).toHaveLength(2);
    const [web = ""] = diagrams;
    expect(web.match(/<rect class="edge"/g)).toHaveLength(5);
    expect(web).toContain("zone &lt;a&gt;");
    expect(web).toMatch(
      /<g class="part single"[^>]*><title>us\/lb\n99.99 % \(contractual, 2025-03\)\nhttps:\/\/example.com\/sla/,
    );
    expect(web).toContain(">any of 2</text>");
  });

  test("breaks a long row into lines, and shows one of many that are alike", () => {
    // GIVEN a service of twelve parts in a row and one of twenty machines
    const root = new Construct(undefined as unknown as Construct, "");
    const part = (name: string) => component(name, { availability: 0.999 }, { kind: "assumed" });
    const parts = Array.from({ length: 12 }, (_, index) => part(`part-${index}`));
    const machines = Array.from({ length: 20 }, (_, index) => part(`machine-${index}`));
    Object.assign(new Construct(root, "jp"), {
      services: [
        service("row", { requires: parts }),
        service("farm", { requires: [atLeast(15, ...machines)] }),
      ],
    });
    // THEN no diagram is wider than a page
    const html = htmlReport(collectAvailability(root));
    const sizes = [...html.matchAll(/<svg role="img" viewBox="0 0 (\d+) (\d+)"/g)].map(
      ([, width, height]) => [Number(width), Number(height)],
    );
    expect(sizes[0]?.[0]).toBeLessThan(1250);
    expect(sizes[0]?.[1]).toBeGreaterThan(3 * 48);
    // and the farm is one box with a caption
    expect(html).toContain(">15 of 20 like this</text>");
    expect(sizes[1]?.[1]).toBeLessThan(150);
  });

  test("escapes whatever names hold", () => {
    const html = page();
    expect(html).not.toMatch(/<a>|<b>|<carefully>/);
    // every element that is opened is closed
    for (const tag of [
      "svg",
      "g",
      "table",
      "tr",
      "td",
      "section",
      "details",
      "ul",
      "li",
      "div",
      "dl",
      "text",
      "title",
    ]) {
      const count = (pattern: string) => html.match(new RegExp(pattern, "g"))?.length ?? 0;
      expect([tag, count(`<${tag}[ >]`)]).toEqual([tag, count(`</${tag}>`)]);
    }
  });
});

describe("--openslo", () => {
  // What https://openslo.com/schemas/v1 asks of the kinds used here.
  const name = z
    .string()
    .min(1)
    .max(255)
    .regex(/^[a-z0-9][a-z0-9.|/\\-]*[a-z0-9]*$/);
  const label = z
    .string()
    .min(1)
    .max(63)
    .regex(/^[a-z0-9A-Z][a-z0-9A-Z._-]*[a-z0-9A-Z]*$/);
  const metadata = z.strictObject({
    name,
    displayName: z.string().min(1).optional(),
    labels: z.record(z.string(), label).optional(),
  });
  const description = z.string().max(1050).optional();
  const metric = z.strictObject({
    metricSource: z.strictObject({ type: z.string(), spec: z.record(z.string(), z.string()) }),
  });
  const document = z.discriminatedUnion("kind", [
    z.strictObject({
      apiVersion: z.literal("openslo/v1"),
      kind: z.literal("Service"),
      metadata,
      spec: z.strictObject({ description }),
    }),
    z.strictObject({
      apiVersion: z.literal("openslo/v1"),
      kind: z.literal("SLO"),
      metadata,
      spec: z.strictObject({
        description,
        service: name,
        indicator: z.strictObject({
          metadata,
          spec: z.strictObject({
            ratioMetric: z.strictObject({ counter: z.boolean(), good: metric, total: metric }),
          }),
        }),
        timeWindow: z
          .array(
            z.strictObject({
              duration: z.string().regex(/^[1-9][0-9]*[mhdwMQY]$/),
              isRolling: z.literal(true),
            }),
          )
          .length(1),
        budgetingMethod: z.enum(["Occurrences", "Timeslices"]),
        objectives: z.array(
          z.strictObject({ displayName: z.string().min(1), target: z.number().min(0).lt(1) }),
        ),
      }),
    }),
  ]);

  test("gives each service a name of its own, of at most 63 characters with what is added", () => {
    const services = [
      { stack: "us", service: "a b" },
      { stack: "us", service: "a-b" },
      { stack: "us-a", service: "b" },
      { stack: "us", service: "shop" },
      { stack: "us", service: "x".repeat(80) },
      { stack: "us", service: `${"x".repeat(79)}y` },
    ];
    const names = sloNames(services);
    expect(new Set(names).size).toBe(6);
    expect(names[3]).toBe("us-shop");
    for (const one of names) expect(`${one}-good-answers`).toMatch(/^[a-z0-9-]{1,63}$/);
    // whatever else there is, a name stays
    expect(sloNames([{ stack: "us", service: "a b" }])).toEqual([names[0]]);
  });

  test("writes documents that the published schema accepts, with the target as objective", () => {
    const into = join(directory, "slo", "deep");
    expect(command([saved(), "--openslo", into]).code).toBe(0);
    expect(readdirSync(into).sort()).toEqual(["jp-shop.yaml", "us-web.yaml"]);
    const documents = parseAllDocuments(readFileSync(join(into, "us-web.yaml"), "utf8")).map((one) =>
      document.parse(one.toJS()),
    );
    expect(documents.map(({ kind }) => kind)).toEqual(["Service", "SLO"]);
    expect(documents[1]).toMatchObject({ spec: { service: "us-web", objectives: [{ target: 0.9995 }] } });
    // without a target, the objective is what can be promised
    const [, shop] = parseAllDocuments(readFileSync(join(into, "jp-shop.yaml"), "utf8")).map((one) =>
      document.parse(one.toJS()),
    );
    expect(shop).toMatchObject({ spec: { objectives: [{ target: expect.closeTo(0.99924911, 8) }] } });
  });
});

test.each([
  [0, "0 s"],
  [0.0001, "6.0e-3 s"],
  [0.5, "30 s"],
  [25.91784, "25.9 min"],
  [315.33, "5.26 h"],
  [5256, "3.65 d"],
])("%p minutes read as %s", (minutes, text) => {
  expect(duration(minutes)).toBe(text);
});
