import { Construct } from "constructs";
import {
  AvailabilityTarget,
  collectAvailability,
  component,
  outcome,
  parallel,
  remote,
  series,
  service,
  type Service,
  type ServiceAvailability,
  serviceOfRun,
  softened,
} from "../../../constructs/availability";
import { originGroup } from "../../../constructs/proxy";

const down = (id: string, unavailability: number) => component(id, { unavailability }, { kind: "assumed" });

function app(services: Readonly<Record<string, Service>>) {
  const root = new Construct(undefined as unknown as Construct, "");
  for (const [name, one] of Object.entries(services))
    Object.assign(new Construct(root, name), { services: [one] });
  return root;
}

const found = (root: Construct, stack: string): ServiceAvailability =>
  collectAvailability(root).stacks.find((one) => one.stack === stack)?.services[0] as ServiceAvailability;

describe("full, degraded and down come through other stacks' services", () => {
  test("a service is degraded while one that it requires is", () => {
    // GIVEN jp, which requires us/web, which degrades without a cache of 90 %
    const root = app({
      jp: service("shop", { requires: [down("jp", 0.0001), remote("us", "web")] }),
      us: service("web", { requires: [down("us", 0.0001)], degradesWithout: [down("cache", 0.1)] }),
    });
    // THEN jp is degraded while the cache is away and both are up
    const shop = found(root, "jp");
    const bothUp = 0.9999 ** 2;
    expect(shop.outcomes?.full).toBeCloseTo(bothUp * 0.9, 14);
    expect(shop.outcomes?.degraded).toBeCloseTo(bothUp * 0.1, 14);
    expect(outcome(serviceOfRun(collectAvailability(root), "jp", "shop"), ["cache"])).toBe("degraded");
  });

  test("through several, and through one of several that will do", () => {
    const root = app({
      a: service("s", { requires: [parallel(remote("b", "s"), remote("c", "s"))] }),
      b: service("s", { requires: [remote("d", "s")] }),
      c: service("s", { requires: [down("c", 0.2)] }),
      d: service("s", { requires: [down("d", 0.3)], degradesWithout: [down("cache", 0.4)] }),
    });
    // full with c, or with d and its cache
    const { outcomes } = found(root, "a");
    expect(outcomes?.full).toBeCloseTo(1 - 0.2 * (1 - 0.7 * 0.6), 14);
    expect(outcomes?.down).toBeCloseTo(0.2 * 0.3, 14);
  });
});

describe("services that lead back to one another", () => {
  test("a soft need of what requires it is no cycle", () => {
    const root = app({
      jp: service("s", { requires: [down("jp", 0.1)], degradesWithout: [remote("us", "s")] }),
      us: service("s", { requires: [down("us", 0.2), remote("jp", "s")] }),
    });
    expect(found(root, "jp").outcomes).toEqual({
      full: expect.closeTo(0.9 * 0.8, 14),
      degraded: expect.closeTo(0.9 * 0.2, 14),
      down: expect.closeTo(0.1, 14),
    });
    expect(found(root, "us").outcomes?.down).toBeCloseTo(1 - 0.9 * 0.8, 14);
  });

  test("regions that take over for one another each stand on all parts, without the way back", () => {
    const root = app({
      jp: service("s", { requires: [parallel(down("jp", 0.1), remote("us", "s"))] }),
      us: service("s", { requires: [parallel(down("us", 0.2), remote("jp", "s"))] }),
    });
    for (const stack of ["jp", "us"]) {
      const one = found(root, stack);
      expect(one.independent?.unavailability).toBeCloseTo(0.1 * 0.2, 15);
      expect(one.singlePoints).toEqual([]);
    }
    expect(found(root, "jp").composition).toBe("(jp | us/s)");
  });

  test("so do three, and none holds itself up by way of another", () => {
    const others = (name: string, ...stacks: string[]) =>
      service("s", {
        requires: [
          parallel(
            down(name, 0.1),
            ...stacks.map((stack) => series(down(`link ${name}-${stack}`, 0.01), remote(stack, "s"))),
          ),
        ],
      });
    const root = app({ a: others("a", "b", "c"), b: others("b", "a", "c"), c: others("c", "a", "b") });
    const { independent } = found(root, "a");
    // by itself, over its links, or over a link and a link of another's
    const links = (ab: number, ac: number, bc: number, cb: number): number => {
      const [b, c] = [0.1, 0.1];
      const reachB = (bUp: number, cUp: number): boolean => bUp === 1 || (bc === 1 && cUp === 1);
      let sum = 0;
      for (const bUp of [0, 1])
        for (const cUp of [0, 1]) {
          const up = (ab === 1 && reachB(bUp, cUp)) || (ac === 1 && (cUp === 1 || (cb === 1 && bUp === 1)));
          if (!up) sum += (bUp ? 1 - b : b) * (cUp ? 1 - c : c);
        }
      return sum;
    };
    let expected = 0;
    for (let state = 0; state < 16; state++) {
      const bit = (at: number): number => (state >> at) & 1;
      const weight = [0, 1, 2, 3].reduce((product, at) => product * (bit(at) ? 0.99 : 0.01), 1);
      expected += weight * links(bit(0), bit(1), bit(2), bit(3));
    }
    expect(independent?.unavailability).toBeCloseTo(0.1 * expected, 15);
  });

  test("are refused where nothing but each other holds them up", () => {
    const root = app({
      jp: service("s", { requires: [parallel(remote("us", "s"), remote("uk", "s"))] }),
      us: service("s", { requires: [down("us", 0.1), remote("jp", "s")] }),
      uk: service("s", { requires: [remote("jp", "s")] }),
    });
    expect(() => collectAvailability(root)).toThrow("jp/s: services require each other: jp/s > us/s > jp/s");
  });

  test("twelve regions that all take over for one another do not take for ever", () => {
    const names = Array.from({ length: 12 }, (_, index) => `r${index}`);
    const services = names.map((name) => [
      name,
      service("s", {
        requires: [parallel(down(name, 0.5), ...names.filter((o) => o !== name).map((o) => remote(o, "s")))],
      }),
    ]);
    const run = collectAvailability(app(Object.fromEntries(services) as Record<string, Service>));
    expect(run.stacks[3]?.services[0]?.independent?.unavailability).toBeCloseTo(0.5 ** 12, 15);
    expect(JSON.stringify(run).length).toBeLessThan(20_000_000);
  });
});

describe("a group of origins that are services of other stacks", () => {
  test("costs what it takes to move from the first of them, once it is known how often that fails", () => {
    // GIVEN jp, which asks us first and then uk, and moves on after two seconds
    const often = (id: string, mtbfHours: number) =>
      component(id, { mtbfHours, mttrHours: 1 }, { kind: "assumed" });
    const group = { origins: ["https://us.example", "https://uk.example"], connectTimeout: "1s" };
    const search = originGroup("search", group, [remote("us", "web"), remote("uk", "web")], {}, "jp");
    const root = app({
      jp: service("shop", { requires: [often("jp", 10_000), search] }),
      us: service("web", { requires: [often("us", 99)] }),
      uk: service("web", { requires: [often("uk", 49)] }),
      de: service("shop", { requires: [remote("jp", "shop")] }),
    });
    // WHEN its stack is assessed THEN us fails 87.6 times a year, noticed or not (1 in 100)
    const shop = found(root, "jp");
    expect(shop.failovers).toEqual([
      expect.objectContaining({ name: "origins of search in jp", recoverySeconds: 2, affected: 1 }),
    ]);
    expect(shop.failovers[0]?.failuresPerYear).toBeCloseTo(87.6, 6);
    const moving = (0.99 * 87.6 * (2 / 3600)) / 8760;
    const up = (10_000 / 10_001) * (1 - 0.01 * 0.02) * (1 - moving) * (1 - 0.01 * 0.01);
    expect(shop.independent?.availability).toBeCloseTo(up, 12);
    expect(shop.composition).toContain("switching of origins of search in jp");
    // and who needs jp pays for it too
    expect(found(root, "de").independent?.availability).toBeCloseTo(up, 12);
  });

  test("costs the best answers of those who would only miss it", () => {
    const often = (id: string) => component(id, { mtbfHours: 99, mttrHours: 1 }, { kind: "assumed" });
    const group = { origins: ["https://us.example", "https://uk.example"], connectTimeout: "1s" };
    const search = originGroup("search", group, [remote("us", "web"), often("uk")], {}, "jp");
    const root = app({
      jp: service("shop", {
        requires: [down("jp", 0)],
        degradesWithout: [softened(search, "a substitute answers")],
      }),
      us: service("web", { requires: [often("us")] }),
    });
    const missing = 1 - (1 - 0.01 ** 2) * (1 - (0.99 * 87.6 * (2 / 3600)) / 8760) * (1 - 0.01 * 0.01);
    expect(found(root, "jp").outcomes?.degraded).toBeCloseTo(missing, 12);
  });
});

test("a target may not exceed what is promised by way of a service without one", () => {
  // GIVEN a, which requires b, which has no target and requires c, which promises 99 %
  const root = app({
    a: service("s", { requires: [remote("b", "s")] }),
    b: service("s", { requires: [remote("c", "s")] }),
    c: service("s", { requires: [down("c", 0.0001)] }),
  });
  new AvailabilityTarget(root.node.findChild("a") as Construct, "target", { atLeast: 0.999 });
  new AvailabilityTarget(root.node.findChild("c") as Construct, "target", { atLeast: 0.99 });
  expect(found(root, "a").target).toMatchObject({
    verdict: "missed",
    explanation: ["target 99.9 % exceeds the 99 % that c/s promises, which it requires by way of b/s"],
  });
});
