import fc from "fast-check";
import type {
  RegionTopology,
  TopologyElement,
  TopologyRun,
  WorkloadRole,
} from "../../../constructs/topology";
import type { Box } from "../../../constructs/topology/drawing";
import { linksOf } from "../../../constructs/topology/links";
import { regionViews } from "../../../constructs/topology/region-view";
import { svgPicture } from "../../../constructs/topology/svg-picture";
import { textPicture } from "../../../constructs/topology/text-picture";
import { TOPOLOGY_SCHEMA } from "../../../constructs/topology";
import { drawnPicture } from "./drawn-picture";

const runOf = (regions: readonly RegionTopology[]): TopologyRun => ({
  schema: TOPOLOGY_SCHEMA,
  regions,
  links: linksOf(regions),
});

const server = (name: string, place = "sakura/jp"): TopologyElement => ({
  kind: "machines",
  name,
  count: 1,
  type: "dedicated server",
  places: [place],
  address: "10.10.0.11",
});

const runs = (role: WorkloadRole, on: readonly string[], name?: string): TopologyElement => ({
  kind: "workload",
  role,
  on,
  port: 8080,
  ...(name === undefined ? {} : { name }),
});

/** A region of that many servers, three of which are proxies and Consul's. */
function fleet(count: number, services: readonly string[]): RegionTopology {
  const names = Array.from({ length: count }, (_, index) => `jp-${index + 1}`);
  const apps = names.slice(3);
  return {
    region: "jp",
    stacks: ["jp"],
    elements: [
      ...names.map((name, index) => server(name, `rack-${index % 8}`)),
      runs("discovery-server", names.slice(0, 3)),
      runs("proxy", names.slice(0, 3)),
      runs("discovery-agent", names),
      runs("resolver", names),
      ...services.map((service, index) =>
        runs(
          "application",
          apps.filter((_, at) => at % 7 !== index % 7),
          service,
        ),
      ),
    ],
  };
}

/** What is wrong with how a picture is laid out. */
function faults(svg: string): string[] {
  const { width, height, boxes, texts, lines } = drawnPicture(svg);
  const found: string[] = [];
  const page: Box = { x: 0, y: 0, width, height };
  for (const { shape, ...box } of boxes) if (!within(box, page)) found.push(`${shape} is off the page`);
  boxes.forEach((one, index) => {
    for (const other of boxes.slice(index + 1)) {
      if (overlap(one, other) && !within(one, other) && !within(other, one))
        found.push(`${one.shape} and ${other.shape} overlap`);
    }
  });
  texts.forEach((one, index) => {
    const holder = boxes
      .filter((box) => overlap(one, box))
      .sort((a, b) => a.width * a.height - b.width * b.height)[0];
    if (holder === undefined || !within(one, holder))
      found.push(`"${one.content}" is wider than ${holder?.shape}`);
    for (const other of texts.slice(index + 1)) {
      if (overlap(one, other)) found.push(`"${one.content}" and "${other.content}" overlap`);
    }
    for (const line of lines) {
      const box = {
        x: Math.min(line.x1, line.x2),
        y: Math.min(line.y1, line.y2),
        width: Math.abs(line.x1 - line.x2),
        height: Math.abs(line.y1 - line.y2),
      };
      if (overlap(one, box)) found.push(`a line of ${line.from} goes through "${one.content}"`);
    }
  });
  const stems = lines.filter(({ shape }) => shape === "lifeline");
  for (const line of lines.filter(({ shape }) => shape !== "lifeline")) {
    for (const [name, x] of [
      [line.from, line.x1],
      [line.to, line.x2],
    ] as const) {
      const stem = stems.find(({ from }) => from === name);
      if (stem === undefined) found.push(`a line ends at ${name}, which is not there`);
      // The head of an arrow takes the last pixels.
      else if (Math.abs(stem.x1 - x) > 8 || line.y1 < stem.y1 || line.y1 > stem.y2)
        found.push(`a line ends beside ${name}`);
    }
  }
  return found;
}

const within = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;

/** Three regions that call one another and federate. */
const THREE: readonly RegionTopology[] = [
  {
    ...fleet(4, ["shop"]),
    elements: [
      ...fleet(4, ["shop"]).elements,
      { kind: "workload", role: "proxy", on: ["jp-1"], origins: ["api.example.com", "*.example.net"] },
      {
        kind: "origin",
        name: "api.example.com",
        answeredBy: [{ stack: "us", service: "web" }],
        elsewhere: false,
      },
      { kind: "call", from: "shop", to: "search" },
      { kind: "federation", with: "us", failover: true },
    ],
  },
  {
    region: "uk",
    stacks: ["uk", "uk-workloads"],
    elements: [
      { kind: "machines", name: "nodes", count: 3, type: "e2-standard-2", places: ["europe-west2-a"] },
      { kind: "workload", role: "proxy", on: [], copies: 3, origins: ["api.example.com"] },
      runs("application", [], "search"),
    ],
  },
  {
    region: "us",
    stacks: ["us"],
    elements: [
      { kind: "machines", name: "us-app", count: 3, type: "t3.medium", places: ["us-east-1a", "us-east-1b"] },
      { kind: "entrance", name: "us-app", type: "public application load balancer", to: "us-app", port: 443 },
      { kind: "store", role: "database", name: "us-db", type: "MySQL 8.4, db.t4g.medium", copies: 2 },
      { kind: "store", role: "cache", name: "us-cache", type: "Valkey 8.0, cache.t4g.small", copies: 1 },
      { kind: "workload", role: "proxy", on: ["us-app"], origins: ["api.example.com"] },
      { kind: "federation", with: "jp", failover: false },
    ],
  },
];

describe("lines between regions", () => {
  test("lead where a name, a call and a federation lead, each pair of regions once", () => {
    // GIVEN regions of which one says what api.example.com is WHEN their lines are found
    const links = linksOf(THREE);
    // THEN everybody's calls of that name lead there, but those of the region itself
    expect(links).toEqual([
      { kind: "call", from: "jp", to: "uk", carries: ["shop to search"] },
      { kind: "call", from: "jp", to: "us", carries: ["api.example.com (web)"] },
      { kind: "call", from: "jp", carries: ["*.example.net"] },
      { kind: "call", from: "uk", to: "us", carries: ["api.example.com (web)"] },
      { kind: "federation", from: "jp", to: "us", carries: ["us stands in for jp"] },
    ]);
  });

  test("lead to each member of a group, and out of all regions where one of them is elsewhere", () => {
    const group: TopologyElement = {
      kind: "origin",
      name: "search.example",
      answeredBy: [
        { stack: "us", service: "web" },
        { stack: "uk-workloads", service: "web" },
      ],
      elsewhere: true,
    };
    const asks: TopologyElement = { kind: "workload", role: "proxy", on: [], origins: ["search.example"] };
    const regions = THREE.map((region) => ({
      ...region,
      elements: region.region === "jp" ? [group, asks] : [],
    }));
    expect(linksOf(regions).map(({ from, to }) => [from, to])).toEqual([
      ["jp", "us"],
      ["jp", "uk"],
      ["jp", undefined],
    ]);
  });

  test("are no more when a service that is called runs in the caller's own region", () => {
    const [jp] = THREE as [RegionTopology];
    const own = { ...jp, elements: [...jp.elements, runs("application", ["jp-4"], "search")] };
    expect(linksOf([own, ...THREE.slice(1)])).not.toContainEqual(expect.objectContaining({ to: "uk" }));
  });
});

describe("alike machines", () => {
  test("are one group each, whatever services are on them, with how many have a service", () => {
    // GIVEN 40 servers and two services that are not on all of those for applications WHEN viewed
    const [view] = regionViews(runOf([fleet(40, ["web", "search"])]));
    // THEN they are two groups
    expect(view?.machines.map(({ name, count }) => [name, count])).toEqual([
      ["jp-1 to jp-3", 3],
      ["jp-4 to jp-40", 37],
    ]);
    expect(view?.machines[1]?.workloads.map(({ name, copies }) => [name, copies])).toEqual([
      ["web", 31],
      ["search", 31],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  test("a service takes the place of the word for whatever applications there are", () => {
    const elements = [server("jp-1"), runs("application", ["jp-1"]), runs("application", ["jp-1"], "web")];
    const [view] = regionViews(runOf([{ region: "jp", stacks: ["jp"], elements }]));
    expect(view?.machines[0]?.workloads.map(({ name }) => name)).toEqual(["web"]);
  });

  test("make a picture that does not grow with their number", () => {
    const heightOf = (count: number) =>
      drawnPicture(svgPicture(regionViews(runOf([fleet(count, ["web"])])))).height;
    expect(heightOf(40)).toBeLessThanOrEqual(heightOf(12) + 40);
    expect(heightOf(300)).toBeLessThanOrEqual(heightOf(40) + 40);
    expect(heightOf(300)).toBeLessThan(600);
  });
});

describe("a picture", () => {
  test("shows databases, caches, services, entrances and every line, as text too", () => {
    const views = regionViews(runOf(THREE));
    const text = textPicture(views);
    const { texts, lines } = drawnPicture(svgPicture(views));
    const written = texts.map(({ content }) => content).join("\n");
    for (const word of [
      "us-db",
      "MySQL 8.4",
      "us-cache",
      "Valkey 8.0",
      "shop :8080",
      "us-app",
      "search :8080",
    ]) {
      expect(written).toContain(word);
      expect(text).toContain(word);
    }
    expect(lines.filter(({ shape }) => shape !== "lifeline").map(({ from, to }) => [from, to])).toEqual([
      ["jp", "uk"],
      ["jp", "us"],
      ["jp", "somewhere else"],
      ["jp", "us"],
      ["uk", "us"],
    ]);
    expect(text).toContain("jp -> us: api.example.com (web)");
    expect(text).toContain("jp -- us: Consul federation, us stands in for jp");
  });

  test("of three regions is legible at the width of a README, of one too", () => {
    // A README is about 840 pixels wide; text of 12 pixels is still 10 there.
    expect(drawnPicture(svgPicture(regionViews(runOf(THREE)))).width).toBeLessThanOrEqual(1000);
    for (const view of regionViews(runOf(THREE)))
      expect(drawnPicture(svgPicture([view])).width).toBeLessThanOrEqual(1000);
  });

  test("has the same classes in dark surroundings", () => {
    const [light = "", dark = ""] = svgPicture(regionViews(runOf(THREE))).split("prefers-color-scheme: dark");
    const classes = (css: string) => [...css.matchAll(/^\.(\w+) \{ fill/gm)].map(([, name]) => name);
    expect(classes(dark)).toEqual(classes(light));
    expect(classes(dark)).toContain("store");
  });

  test.each([
    ["three regions", THREE],
    ["a fleet of 40 servers", [fleet(40, ["web", "search"])]],
    ["nothing", []],
    ["an empty region", [{ region: "jp", stacks: ["jp"], elements: [] }]],
  ] as const)("of %s has nothing over anything, nothing cut and no loose end", (_, regions) => {
    const views = regionViews(runOf(regions));
    expect(faults(svgPicture(views))).toEqual([]);
    for (const view of views) expect(faults(svgPicture([view]))).toEqual([]);
  });

  test("of whatever there is has nothing over anything, nothing cut and no loose end", () => {
    const name = fc
      .string({ unit: fc.constantFrom(...'mWiam-0.9 あ&<"'), minLength: 1, maxLength: 63 })
      .map((text) => text.trim() || "x");
    const names = fc.array(name, { maxLength: 4 });
    const role = fc.constantFrom<WorkloadRole>(
      "proxy",
      "resolver",
      "discovery-server",
      "discovery-agent",
      "application",
    );
    const element = (regions: readonly string[]): fc.Arbitrary<TopologyElement> =>
      fc.oneof(
        fc.record({
          kind: fc.constant("machines" as const),
          ...{ name, type: name, places: names, count: fc.integer({ min: 1, max: 99 }) },
        }),
        fc.record({
          kind: fc.constant("workload" as const),
          ...{ role, name, on: fc.constant([]), origins: names, port: fc.integer({ min: 1, max: 65535 }) },
        }),
        fc.record({
          kind: fc.constant("store" as const),
          ...{
            role: fc.constant("database" as const),
            name,
            type: name,
            copies: fc.integer({ min: 1, max: 9 }),
          },
        }),
        fc.record({
          kind: fc.constant("entrance" as const),
          ...{ name, type: name, to: name, port: fc.integer({ min: 1, max: 65535 }) },
        }),
        fc.record({ kind: fc.constant("name" as const), name, leadsTo: name, answeredBy: name }),
        fc.record({ kind: fc.constant("call" as const), from: name, to: name }),
        fc.record({
          kind: fc.constant("federation" as const),
          ...{ with: fc.oneof(name, fc.constantFrom(...regions)), failover: fc.boolean() },
        }),
      );
    const regions = fc.uniqueArray(name, { minLength: 1, maxLength: 6 }).chain((all) =>
      fc.tuple(
        ...all.map((region) =>
          fc.record({
            region: fc.constant(region),
            stacks: fc.constant([region]),
            elements: fc.array(element(all), { maxLength: 12 }),
          }),
        ),
      ),
    );
    fc.assert(
      fc.property(regions, (all) => {
        const views = regionViews(runOf(all));
        expect(faults(svgPicture(views))).toEqual([]);
        expect(faults(svgPicture([views[0]!]))).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
