import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Construct } from "constructs";
import {
  alike,
  atLeast,
  type AvailabilityRun,
  type Block,
  collectAvailability,
  component,
  type DeclaresServices,
  evaluate,
  type Ground,
  type OffersSites,
  parallel,
  type Placement,
  placements,
  pooled,
  remote,
  series,
  service,
  type Service,
  type Site,
  steadyState,
  switchingFrom,
} from "../../../constructs/availability";
import { outcomeAnywhere } from "../../../constructs/availability/calculus/placement";
import { main } from "../../../constructs/availability/cli";
import { htmlReport } from "../../../constructs/availability/report/html-report";
import { type PlacedResult, placedResults } from "../../../constructs/availability/report/placed";

class Stack extends Construct implements DeclaresServices, OffersSites {
  readonly services: Service[] = [];
  readonly sites: Site[] = [];
}

const part = (id: string, mtbfHours = 1000, mttrHours = 1) =>
  component(id, { mtbfHours, mttrHours }, { kind: "assumed", source: "test" });
const machines = (region: string, count: number, place = part(`${region}/network`)) =>
  Array.from({ length: count }, (_, at) => series(place, part(`${region}/m${at}`, 100, 2)));
const instant = { seconds: 0, coverage: 1, source: "at once" };

const ground = (region: string, count: number, more: Partial<Ground> = {}): Ground => ({
  region,
  runs: true,
  requires: [],
  instances: machines(region, count),
  degradesWithout: [],
  ...more,
});

const of = (found: readonly Placement[], ...regions: string[]): Placement =>
  found.find((one) => one.regions.join() === regions.join()) as Placement;

const down = (one: Placement, basis: "independent" | "correlated" = "independent"): number => {
  const { lower, upper } = one.outcomes?.[basis].down ?? { lower: 0, upper: 1 };
  expect(lower).toBe(upper);
  return upper;
};

const unavailability = (block: Parameters<typeof evaluate>[0]): number => {
  const found = evaluate(block);
  if (!found.exact) throw new Error(found.reason);
  return found.unavailability;
};

describe("placements", () => {
  test("a region that takes over carries the load of both: more of its machines must be up", () => {
    // GIVEN a load of two machines, in regions of three
    const [a, b] = [ground("a", 3), ground("b", 3)];
    const { ranked } = placements({ name: "web", grounds: [a, b], load: 2, switching: instant });
    // THEN one region alone needs two of three, and of both together one each or two of either
    const alone = atLeast(2, ...a.instances);
    expect(down(of(ranked, "a"))).toBeCloseTo(unavailability(alone), 14);
    const both = parallel(
      series(parallel(...a.instances), parallel(...b.instances)),
      alone,
      atLeast(2, ...b.instances),
    );
    expect(down(of(ranked, "a", "b")) / unavailability(both)).toBeCloseTo(1, 10);
    expect(ranked[0]?.regions).toEqual(["a", "b"]);
    const gain = (down(of(ranked, "a")) - down(of(ranked, "a", "b"))) * 525_600;
    expect(ranked[0]?.gainedMinutesPerYear).toBeCloseTo(gain, 8);
  });

  test("of three regions two carry half the load each, rounded up to whole machines", () => {
    const grounds = ["a", "b", "c"].map((name) => ground(name, 2));
    const { ranked } = placements({ name: "web", grounds, load: 3, switching: instant });
    // No region has three machines; of two, each carries two.
    const carry = (k: number, at: number) => atLeast(k, ...(grounds[at]?.instances ?? []));
    const pairs = [
      [0, 1],
      [0, 2],
      [1, 2],
    ].map((pair) => series(...pair.map((at) => carry(2, at))));
    const all = series(...[0, 1, 2].map((at) => carry(1, at)));
    expect(down(of(ranked, "a", "b", "c"))).toBeCloseTo(unavailability(parallel(all, ...pairs)), 14);
    expect(of(ranked, "a").outcomes).toBeUndefined();
    expect(of(ranked, "a", "b").tooSmall).toEqual([
      { region: "a", instances: 2 },
      { region: "b", instances: 2 },
    ]);
  });

  test("what regions share caps what further ones gain, common causes too", () => {
    const zone = (region: string) =>
      component(
        `${region}/zone`,
        { availability: 0.99, meanOutageHours: 1 },
        {
          commonCause: {
            group: "release",
            figure: { unavailability: 1e-4, meanOutageHours: 1 },
            source: "test",
          },
        },
      );
    const name = part("dns", 10_000, 1);
    const grounds = ["a", "b"].map((region) =>
      ground(region, 1, { requires: [name], instances: [zone(region)] }),
    );
    const { ranked } = placements({ name: "web", grounds, load: 1, switching: instant });
    const both = of(ranked, "a", "b");
    expect(both.shared.map(({ id }) => id)).toEqual(["common cause: release", "dns"]);
    const remaining = 1 - (1 - 1e-4) * (10_000 / 10_001);
    expect(both.cappedAtMinutesPerYear / (remaining * 525_600)).toBeCloseTo(1, 9);
    expect(down(both, "correlated")).toBeGreaterThan(remaining);
    expect(down(both, "independent")).toBeLessThan(down(both, "correlated"));
    const { bounds, independent } = both.outcomes ?? { bounds: undefined, independent: undefined };
    expect(bounds?.down.upper).toBeGreaterThan(independent?.down.upper ?? 1);
  });

  test("degraded is what the regions are in the mean, and full the rest", () => {
    const cache = part("a/cache", 10, 1);
    const [a, b] = [ground("a", 1, { degradesWithout: [cache] }), ground("b", 1)];
    const { ranked } = placements({ name: "web", grounds: [a, b], load: 1, switching: instant });
    const alone = of(ranked, "a").outcomes?.independent;
    const both = of(ranked, "a", "b").outcomes?.independent;
    expect(both?.degraded.upper).toBeCloseTo((alone?.degraded.upper ?? 0) / 2, 14);
    for (const one of [alone, both]) {
      expect((one?.full.lower ?? 0) + (one?.degraded.lower ?? 0) + (one?.down.lower ?? 0)).toBeCloseTo(1, 14);
    }
  });

  test("callers of each region go on using what is theirs alone, wherever it stands", () => {
    // GIVEN regions whose callers have a resolver each, and one more that it does not run in
    const resolvers = { a: part("a/resolver", 500), b: part("b/resolver", 800) };
    const [a, b] = [
      ground("a", 1, { callersUse: [resolvers.a], degradesWithout: [part("a/cache", 50)] }),
      ground("b", 1, { callersUse: [resolvers.b] }),
    ];
    const c = ground("c", 1, { runs: false });
    // WHEN
    const { ranked } = placements({ name: "web", grounds: [a, b, c], load: 1, switching: instant });
    // THEN each caller needs one resolver, the own one, and any region will do for both
    const mean = (block: Block) =>
      (unavailability(series(resolvers.a, block)) + unavailability(series(resolvers.b, block))) / 2;
    const [inA, inB, inC] = [a, b, c].map(({ instances }) => instances[0] as Block) as [Block, Block, Block];
    expect(down(of(ranked, "a"))).toBeCloseTo(mean(inA), 14);
    expect(down(of(ranked, "c"))).toBeCloseTo(mean(inC), 14);
    expect(down(of(ranked, "a", "b"))).toBeCloseTo(mean(parallel(inA, inB)), 14);
    // AND each resolver caps what its own callers gain
    const { shared, cappedAtMinutesPerYear } = of(ranked, "a", "b");
    expect(shared.map(({ id }) => id)).toEqual(["a/resolver for a", "b/resolver for b"]);
    const own = [resolvers.a, resolvers.b].reduce((sum, one) => sum + one.unavailability / 2, 0);
    expect(cappedAtMinutesPerYear / 525_600).toBeCloseTo(own, 5);
    // AND outcomes are shares of all callers' requests
    const { full, degraded, down: lost } = of(ranked, "a").outcomes!.independent;
    expect(full.lower + degraded.lower + lost.lower).toBeCloseTo(1, 12);
    expect(degraded.lower).toBeCloseTo(mean(series(inA, part("a/cache", 50))) - mean(inA), 12);
    // AND a lost resolver leaves the callers of the other region
    expect(outcomeAnywhere([a, b], 1, new Set(["a/resolver"]))).toBe("full");
    expect(outcomeAnywhere([a, b], 1, new Set(["a/resolver", "b/resolver"]))).toBe("down");
  });

  test("planned work in a region counts as down, and less where another takes over", () => {
    // GIVEN machines that are taken out for two hours in 30 days, each region's by a plan of its own
    const place = part("net", 1e6);
    const [a, b] = ["a", "b"].map((region) =>
      ground(region, 1, {
        instances: machines(region, 1, place),
        plans: [{ components: [`${region}/m0`], hoursPer30Days: 2 }],
      }),
    ) as [Ground, Ground];
    const service = { name: "web", grounds: [a, b], load: 1, switching: instant };
    const { ranked } = placements(service);
    // THEN a machine is down by itself or out, and both are only when both are
    const [net, out] = [1 / 1_000_001, 2 / 720];
    const one = out + (1 - out) * (2 / 102);
    expect(down(of(ranked, "a"))).toBeCloseTo(net + (1 - net) * one, 14);
    expect(down(of(ranked, "a", "b"))).toBeCloseTo(net + (1 - net) * one ** 2, 14);
    // and without planned work no machine is ever out
    const apart = placements(service, { planned: false });
    expect(down(of(apart.ranked, "a"))).toBeCloseTo(net + ((1 - net) * 2) / 102, 14);
  });

  test("leaving a failed instance costs its callers as much, whatever other regions do", () => {
    // GIVEN two regions of two machines each, of which callers leave a failed one after a while
    const slowly = { seconds: 600, coverage: 1, source: "test" };
    const pools = ["a", "b"].map((region) =>
      pooled(`machines of ${region}`, alike(machines(region, 2)), slowly),
    );
    const grounds = ["a", "b"].map((region, at) =>
      ground(region, 2, { leaving: pools[at]?.failover?.cost.parts }),
    );
    const { ranked } = placements({ name: "web", grounds, load: 1, switching: instant });
    // THEN one region is what its machines are with that
    expect(down(of(ranked, "a"))).toBeCloseTo(unavailability(pools[0]!), 14);
    // and of two, each has half of the callers
    const leaving = pools[0]!.failover!.cost.parts[0]!.unavailability;
    const both = down(of(ranked, "a", "b"));
    expect(both).toBeGreaterThan(leaving);
    expect(both).toBeLessThan(leaving * 1.01 + unavailability(alike(machines("a", 2))) ** 2);
  });

  test("ends in time however many regions there are, and says what is left", () => {
    const grounds = Array.from({ length: 24 }, (_, at) => ground(`r${at}`, 6));
    const started = performance.now();
    const { ranked, left } = placements({ name: "web", grounds, load: 8 }, { timeLimitMillis: 300 });
    // 24 of one, 276 of two, 2024 of three
    expect(ranked.length + left).toBe(2324);
    expect(left).toBeGreaterThan(0);
    // Far from what all would take, and far above what a busy machine may add.
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe("switching between parts that share a load", () => {
  test("costs what the Markov chain of two machines says, each failure for half of the requests", () => {
    // GIVEN two machines; a failed one is left after a mean time, or at its repair where nobody notices
    const [fails, repaired, switched, coverage] = [1 / 1000, 1 / 4, 1 / 0.02, 0.9];
    // states: both up; one switched from; one not left yet (noticed); one unnoticed; both down
    const table: readonly (readonly [number, number, number])[] = [
      [0, 2, 2 * fails * coverage],
      [0, 3, 2 * fails * (1 - coverage)],
      [2, 1, switched],
      [2, 0, repaired],
      [1, 0, repaired],
      [3, 0, repaired],
      [1, 4, fails],
      [2, 4, fails],
      [3, 4, fails],
      [4, 1, 2 * repaired],
    ];
    const rates = Array.from({ length: 5 }, (_, from) =>
      Array.from({ length: 5 }, (__, to) => table.find(([f, t]) => f === from && t === to)?.[2] ?? 0),
    );
    const { probabilities } = steadyState({ rates, up: [true, true, false, false, false] });
    const [, , switching = 0, unnoticed = 0, both = 0] = probabilities;
    const expected = switching / 2 + unnoticed / 2 + both;
    // WHEN the same machines are a pool
    const pair = [part("m1", 1000, 4), part("m2", 1000, 4)];
    const { availability } = pooled("pair", alike(pair), { seconds: 72, coverage, source: "test" });
    // THEN it errs by terms of second order
    expect(unavailability(availability) / expected).toBeCloseTo(1, 1);
    expect(Math.abs(unavailability(availability) / expected - 1)).toBeLessThan(2 * (4 / 1004 + 0.02 / 4));
  });

  test("leaves out what all of them stand on, and says whose frequency is not known", () => {
    const net = part("net", 100, 10);
    const pair = [series(net, part("m1")), series(net, part("m2"))];
    const { times } = switchingFrom("pair", pair, { seconds: 36, coverage: 1, source: "test" });
    expect(times?.failuresPerYear).toBeCloseTo((2 * 8760) / 1001, 8);
    expect(times?.affected).toBe(0.5);
    const unknown = switchingFrom("pair", [part("m1"), component("m2", { availability: 0.9 })], {
      seconds: 36,
      source: "test",
    });
    expect(unknown).toEqual({ parts: [], times: undefined, unknown: ["m2"] });
    expect(() => switchingFrom("pair", pair, { seconds: -1, source: "test" })).toThrow(
      'failover "pair": seconds must be a number of at least 0, got -1',
    );
  });
});

describe("services of an app, placed", () => {
  /** `web` runs in us and uk, `jp` could hold it; `shop` needs it, `search` only degrades without `tips`. */
  function app(): AvailabilityRun {
    const root = new Construct(undefined as unknown as Construct, "");
    const [us, uk, jp] = [
      new Stack(root, "us"),
      new Stack(root, "uk-workloads"),
      new Stack(root, "jp"),
    ] as const;
    const [name, database] = [part("dns", 50_000), part("us/database", 2000)];
    const apps = pooled("application of us", alike(machines("us", 2)), {
      seconds: 25,
      coverage: 1,
      source: "checked every 10 s",
    });
    us.services.push(
      service("web", {
        requires: [name, part("us/entrance"), apps, database],
        degradesWithout: [part("us/cache", 100)],
        placing: {
          on: apps,
          brings: { "public name": name },
          lends: { database },
          switching: { seconds: 150, coverage: 0.99, source: "three checks every 30 s" },
        },
      }),
    );
    const pods = alike(machines("uk", 3));
    uk.services.push(
      service("web", { region: "uk", requires: [part("uk/entrance"), pods], placing: { on: pods } }),
    );
    jp.sites.push({ region: "jp", on: alike(machines("jp", 2)) });
    const tips = alike(machines("jp", 2));
    const maintenance = { components: ["jp/m0", "jp/m1"], hoursPer30Days: 1 };
    jp.services.push(
      service("shop", { requires: [part("jp/shop"), remote("us", "web")] }),
      service("tips", { requires: [tips], maintenance, placing: { on: tips } }),
      service("search", { requires: [part("jp/search")], degradesWithout: [remote("jp", "tips")] }),
    );
    return collectAvailability(root);
  }

  const run = app();
  const result = (name: string): PlacedResult => placedResults(run, { service: name })[0] as PlacedResult;

  test("where a service runs alone and carries its own load, it is what the report says", () => {
    const { placements: ranked } = result("tips");
    const reported = run.stacks
      .find(({ stack }) => stack === "jp")
      ?.services.find((one) => one.service === "tips");
    expect(reported?.results.planned).toBeDefined();
    expect(of(ranked, "jp").outcomes?.correlated.down.upper).toBe(reported?.planned?.unavailability);
    const [apart] = placedResults(run, { service: "tips", planned: false });
    expect(down(of(apart?.placements ?? [], "jp"))).toBe(reported?.independent?.unavailability);
  });

  test("a region without it is built on its site, and uses what it has not of its own", () => {
    const web = result("web");
    expect(web.runsIn).toEqual(["us", "uk"]);
    expect(web.load).toBe(2);
    expect(web.placements.map(({ regions }) => regions.join("+")).sort()).toEqual(
      ["jp", "uk", "uk+jp", "us", "us+jp", "us+uk", "us+uk+jp"].sort(),
    );
    expect(web.brought).toEqual([
      { region: "uk", what: "public name", from: "us" },
      { region: "jp", what: "public name", from: "us" },
      { region: "jp", what: "database", from: "us" },
    ]);
    // its two machines must both be up, with the name and the database of us
    expect(down(of(web.placements, "jp"))).toBeCloseTo(
      unavailability(series(part("dns", 50_000), part("us/database", 2000), ...machines("jp", 2))),
      14,
    );
    // us and jp share name and database, us and uk the name alone
    const shared = (...regions: string[]) => of(web.placements, ...regions).shared.map(({ id }) => id);
    expect(shared("us", "jp")).toEqual(["us/database", "dns"]);
    expect(shared("us", "uk")).toEqual(["dns"]);
  });

  test("may stay in one region when its users only degrade without it", () => {
    expect(result("web")).toMatchObject({
      mayStayInOne: false,
      users: [{ stack: "jp", service: "shop", without: "down" }],
    });
    expect(result("tips")).toMatchObject({
      mayStayInOne: true,
      users: [{ stack: "jp", service: "search", without: "degraded" }],
    });
    expect(result("shop")).toMatchObject({ mayStayInOne: false, users: [] });
  });

  test("refuses to be placed by what it does not require", () => {
    const on = alike([part("m")]);
    expect(() => service("web", { requires: [part("x")], placing: { on } })).toThrow(
      'service "web" is placed by what carries its load, which it does not require',
    );
    expect(() => service("web", { requires: [on], placing: { on, neededInstances: 2 } })).toThrow(
      'service "web": neededInstances must be a whole number from 1 to 1, got 2',
    );
    expect(() =>
      service("web", { requires: [on], placing: { on, lends: { database: part("db") } } }),
    ).toThrow('service "web" is placed by database, which it does not require');
    expect(() => service("web", { requires: [on], placing: { on, callersUse: [part("r")] } })).toThrow(
      'service "web" is placed by part 1 of what its callers use, which it does not require',
    );
  });

  describe("the command", () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), "availability-place-"));
      writeFileSync(join(directory, "run.json"), JSON.stringify(run));
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    function command(...argv: string[]) {
      let [out, err] = ["", ""];
      const code = main(
        [...argv, join(directory, "run.json")],
        { write: (text) => (out += text) },
        { write: (text) => (err += text) },
      );
      return { out, err, code };
    }

    test("ranks the sets of regions and tells what caps them, how switching comes and who could do without", () => {
      const { out, code } = command("place", "web");
      expect(code).toBe(0);
      const rows = out.split("\n").slice(2, 9);
      expect(rows[0]).toMatch(/^ {2}us \+ uk( \+ jp)? +99\.\d+ % +0\.\d+ % +0\.0\d+ % .* less$/);
      expect(rows.filter((row) => row.endsWith("as now"))).toHaveLength(1);
      expect(out).toContain("goes down with it: jp/shop");
      expect(out).toMatch(/10\.5 min a year remain in us \+ uk.*: dns \(10\.5 min\)/);
      expect(out).toMatch(/served again after 2\.5 min \(three checks every 30 s\): \d/);
      expect(out).toContain("jp uses from other regions: public name of us, database of us");
      expect(command("place", "tips").out).toContain(
        "may stay in one region: without it jp/search only degrade",
      );
    });

    test("places all services without a name, as JSON too, on another basis too", () => {
      const names = (JSON.parse(command("place", "--json").out) as PlacedResult[]).map((one) => one.service);
      expect(names.sort()).toEqual(["search", "shop", "tips", "web"]);
      expect(command("place", "web", "--basis", "bounds").out).toContain("bounds figures, the best first");
    });

    test("counts planned work and says so, unless it is left out", () => {
      const heading = "tips: runs in jp; its load takes 1 instance; correlated figures";
      expect(command("place", "tips").out).toContain(`${heading} with planned work, the best first`);
      expect(command("place", "tips", "--no-planned").out).toContain(`${heading}, the best first`);
      // where nothing is planned there is nothing to say
      expect(command("place", "shop").out).toContain("correlated figures, the best first");
    });

    test("without a place, says of what is down there whether its other regions carry the load", () => {
      const { out } = command("without", "us");
      const line = (name: string) => out.split("\n").find((one) => one.trim().startsWith(`${name} `));
      expect(line("us/web")).toMatch(/ down +without 6 of its components; its other regions carry the load$/);
      expect(line("uk-workloads/web")).toMatch(/ full +nothing of it is there$/);
      // and with the name of both away nothing does
      expect(command("without", "dns").out).toMatch(
        /us\/web +down .*; its other regions cannot carry the load/,
      );
      expect(command("without", "uk").out).toMatch(
        /uk-workloads\/web +down .*; its other regions carry the load/,
      );
      expect(command("without", "failover").err).toContain('no service has a component in "failover"');
      expect(command("without", "failover").err).not.toContain("failover,");
    });

    test("names the services that there are when asked for another", () => {
      const { err, code } = command("place", "webb");
      expect([code, err]).toEqual([
        2,
        'availability: no service "webb" in the run: expected one of search, shop, tips, web\n',
      ]);
      expect(command("place", "web", "shop").err).toContain("expected at most one service and one run");
      expect(command("place", "--help").out).toContain("place [SERVICE]");
    });
  });

  test("recovery times and what a failure takes of the budget are in the report", () => {
    const web = run.stacks.find(({ stack }) => stack === "us")?.services[0];
    expect(web?.failovers).toEqual([
      {
        name: "application of us",
        recoverySeconds: 25,
        source: "checked every 10 s",
        affected: 0.5,
        failuresPerYear: expect.closeTo((2 * 8760) / 102, 6) as number,
        meanDowntimeSeconds: 25,
        unknown: [],
      },
    ]);
  });

  test("the page has a picture of every service that may stand in several regions", () => {
    const page = htmlReport(run);
    expect(page).toContain("Which service belongs on several clouds");
    const pictures = page.match(/<svg role="img" class="placement"[\s\S]*?<\/svg>/g) ?? [];
    expect(pictures).toHaveLength(1);
    expect(pictures[0]?.match(/class="bar"/g)).toHaveLength(7);
    expect(pictures[0]).toContain("share 10.5 min");
    // what was written before runs knew of places is still shown
    expect(htmlReport({ ...run, placing: undefined })).not.toContain("Which service belongs");
  });
});
