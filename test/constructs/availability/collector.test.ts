import { Construct, type IConstruct } from "constructs";
import {
  type AvailabilityRun,
  AvailabilityTarget,
  type AvailabilityTargetProps,
  type Basis,
  collectAvailability,
  component,
  type DeclaresServices,
  outcome,
  parallel,
  remote,
  service,
  type Service,
  serviceOfRun,
  slaComponent,
  softened,
} from "../../../constructs/availability";

class Root extends Construct {
  constructor() {
    super(undefined as unknown as Construct, "");
  }
}

class Stack extends Construct implements DeclaresServices {
  readonly services: Service[] = [];
}

const cloud = (id: string, availability: number) =>
  component(id, { availability }, { kind: "contractual", source: "https://example.com/sla" });

const findings = (root: IConstruct): string[] => root.node.findAll().flatMap((one) => one.node.validate());

/** The talk's example: checkout on a 99.99 % cloud needs stock on a 99.95 % cloud. */
function twoClouds(target?: AvailabilityTargetProps, other?: AvailabilityTargetProps) {
  const root = new Root();
  const jp = new Stack(root, "jp");
  const uk = new Stack(root, "uk");
  jp.services.push(service("checkout", { requires: [cloud("jp-cloud", 0.9999), remote("uk", "stock")] }));
  uk.services.push(service("stock", { requires: [cloud("uk-cloud", 0.9995)] }));
  if (target) new AvailabilityTarget(jp, "target", target);
  if (other) new AvailabilityTarget(uk, "target", other);
  return { root, jp, uk };
}

const found = (run: AvailabilityRun, stack: string) =>
  run.stacks.find((one) => one.stack === stack)?.services[0] as NonNullable<
    AvailabilityRun["stacks"][number]["services"][number]
  >;

describe("collectAvailability", () => {
  test("gives the talk's example", () => {
    // WHEN checkout in JP requires stock in UK's cloud
    const run = collectAvailability(twoClouds().root);
    // THEN its promise is the product, its bound the weaker cloud
    const checkout = found(run, "jp");
    expect(checkout.independent?.availability).toBeCloseTo(0.99940005, 15);
    expect(checkout.bounds).toEqual({ lower: 0.9994, upper: 0.9995 });
    expect(checkout.downtime?.minutesPer30Days).toBeCloseTo(25.91784, 10);
    expect(checkout.composition).toBe("jp-cloud × uk/stock");
    expect(checkout.dependsOn).toEqual([{ stack: "uk", service: "stock" }]);
    expect(checkout.components.map(({ id }) => id)).toEqual(["uk-cloud", "jp-cloud"]);
    expect(checkout.singlePoints).toEqual(["jp-cloud", "uk-cloud"]);
  });

  test("follows the topology: what changes after a look is seen at the next", () => {
    // GIVEN a construct whose block grows
    const { root, jp } = twoClouds();
    class Machines extends Construct {
      readonly all = [cloud("m1", 0.9)];
      get availability() {
        return parallel(...this.all);
      }
    }
    const machines = new Machines(jp, "machines");
    jp.services.push(service("web", { requires: [machines] }));
    const web = () => collectAvailability(root).stacks[0]?.services[1]?.independent?.unavailability;
    expect(web()).toBe(0.1);
    // WHEN a machine joins
    machines.all.push(cloud("m2", 0.9));
    // THEN the result is that of two
    expect(web()).toBeCloseTo(0.01, 15);
  });

  test("survives a round trip through JSON", () => {
    const run = collectAvailability(twoClouds({ atLeast: 0.999 }).root);
    expect(JSON.parse(JSON.stringify(run))).toEqual(run);
  });

  test("keeps the fields of its schema", () => {
    // Others read these: a field may be added here, never renamed or removed under the same schema
    const run = collectAvailability(
      twoClouds({ atLeast: 0.9999, waiver: { reason: "r", until: "2999-01-01" } }).root,
    );
    const checkout = found(run, "jp");
    const fields = (value: object | null | undefined) =>
      Object.keys(value ?? {})
        .sort()
        .join(" ");
    expect([fields(run), run.schema]).toEqual(["placing schema stacks", "tricloud/availability/v1"]);
    expect(fields(run.stacks[0])).toBe("services stack");
    expect(fields(checkout)).toBe(
      "bounds causes commonCauses components composition correlated cutSetCount cutSetOrder cutSets degradesWithout " +
        "dependsOn downtime failovers frequency independent outcomes parts planned requires results " +
        "sensitivity service singlePoints softened target tooLarge warnings",
    );
    expect(fields(checkout.target)).toBe(
      "atLeast basis cheapestChange explanation held planned verdict waiver",
    );
    expect(fields(checkout.target?.cheapestChange)).toBe("components needed text");
    expect(fields(checkout.target?.waiver)).toBe("expired reason until");
    expect(fields(checkout.components[0])).toBe(
      "availability effectiveDate id importance kind label meanOutageHours plane source unavailability",
    );
    expect(fields(checkout.components[0]?.importance)).toBe(
      "birnbaum criticality minutesPerYear riskAchievement riskReduction",
    );
    expect(fields(checkout.downtime)).toBe("minutesPer30Days minutesPerQuarter minutesPerYear");
    expect(fields(checkout.outcomes)).toBe("degraded down full");
  });

  test("of one stack holds that stack only, with other stacks' services resolved", () => {
    const run = collectAvailability(twoClouds().jp);
    expect(run.stacks.map(({ stack }) => stack)).toEqual(["jp"]);
    expect(found(run, "jp").components).toHaveLength(2);
  });

  test("counts a part shared with another stack once", () => {
    // GIVEN two stacks in one cloud
    const { root, jp, uk } = twoClouds();
    const shared = cloud("shared-cloud", 0.99);
    uk.services.push(service("mail", { requires: [shared] }));
    jp.services.push(service("both", { requires: [shared, remote("uk", "mail")] }));
    // THEN requiring both is requiring that cloud
    const both = collectAvailability(root).stacks[0]?.services[1];
    expect(both?.independent?.unavailability).toBe(0.01);
  });

  test("tells full, degraded and down apart, and says what makes a dependency soft", () => {
    const root = new Root();
    const jp = new Stack(root, "jp");
    const origin = cloud("origin", 0.99);
    jp.services.push(
      service("checkout", {
        requires: [cloud("proxy", 0.999)],
        degradesWithout: [softened(origin, "answers are cached for an hour")],
      }),
    );
    const checkout = found(collectAvailability(root), "jp");
    expect(checkout.outcomes?.down).toBeCloseTo(0.001, 15);
    expect(checkout.outcomes?.degraded).toBeCloseTo(0.999 * 0.01, 15);
    expect(checkout.outcomes?.full).toBeCloseTo(0.999 * 0.99, 15);
    expect(checkout.softened).toEqual([{ composition: "origin", because: "answers are cached for an hour" }]);
  });

  test("a service of a saved run tells what becomes of it when parts fail", () => {
    // GIVEN the run as JSON, as another process reads it
    const run = JSON.parse(JSON.stringify(collectAvailability(twoClouds().root))) as AvailabilityRun;
    const checkout = serviceOfRun(run, "jp", "checkout");
    // THEN a part of another stack's service takes it down, and an id that it does not hold is refused
    expect(outcome(checkout, [])).toBe("full");
    expect(outcome(checkout, ["uk-cloud"])).toBe("down");
    expect(() => outcome(checkout, ["us-cloud"])).toThrow(
      'service "checkout" has no component "us-cloud": expected one of jp-cloud, uk-cloud',
    );
    expect(() => serviceOfRun(run, "jp", "stock")).toThrow("expected one of jp/checkout, uk/stock");
  });

  test("names the service whose composition cannot be evaluated", () => {
    const { root, jp } = twoClouds();
    jp.services.push(
      service("clash", { requires: [cloud("a", 0.9), parallel(cloud("a", 0.8), cloud("b", 0.9))] }),
    );
    expect(() => collectAvailability(root)).toThrow('jp/clash: component "a" has two figures');
  });

  test("refuses services that require each other, unknown services and two of one name", () => {
    const cyclic = twoClouds();
    cyclic.uk.services.push(service("loop", { requires: [remote("jp", "loop")] }));
    cyclic.jp.services.push(service("loop", { requires: [remote("uk", "loop")] }));
    expect(() => collectAvailability(cyclic.root)).toThrow(
      "jp/loop: services require each other: jp/loop > uk/loop > jp/loop",
    );

    const unknown = twoClouds();
    unknown.jp.services.push(service("lost", { requires: [remote("us", "cart")] }));
    expect(() => collectAvailability(unknown.root)).toThrow(
      "jp/lost requires us/cart, which no stack declares: expected one of jp/checkout, jp/lost, uk/stock",
    );

    const twice = twoClouds();
    twice.jp.services.push(service("checkout", { requires: [cloud("x", 0.9)] }));
    expect(() => collectAvailability(twice.root)).toThrow(
      'stack "jp" declares two services named "checkout"',
    );
  });

  test("a warning of several components names them", () => {
    const root = new Root();
    const machine = (name: string) =>
      slaComponent(`us/${name}`, "aws.ec2", { zones: 1 }, { about: { label: name } });
    const [web, other] = [machine("web-1"), machine("web-2")];
    new Stack(root, "us").services.push(service("s", { requires: [parallel(web, other)] }));
    expect(found(collectAvailability(root), "us").warnings).toContain(
      "web-1, web-2: aws.ec2: 99.99 % needs instances running in at least 2 zones of the region; 99.5 % applies (zones = 1)",
    );
  });

  test("warns of a control plane that a service requires and of a figure without origin", () => {
    const root = new Root();
    const jp = new Stack(root, "jp");
    jp.services.push(
      service("s", {
        requires: [
          component("api", { availability: 0.9995 }, { plane: "control", kind: "contractual" }),
          component("x", { availability: 0.9 }),
        ],
      }),
    );
    expect(found(collectAvailability(root), "jp").warnings).toEqual([
      "api is a control plane, and yet required: what runs goes on without one",
      "x: it is not said where the figure comes from",
    ]);
  });
});

test("a service has a name, requires something, and says why what is soft is soft", () => {
  const one = cloud("a", 0.9);
  expect(() => service(" ", { requires: [one] })).toThrow('service name must be a non-empty string, got " "');
  expect(() => service("s", { requires: [] })).toThrow('service "s" requires nothing');
  expect(() => softened(one, " ")).toThrow("softened: expected a reason");
});

describe("AvailabilityTarget", () => {
  test("is silent when met, and warns when only independence meets it", () => {
    // 99.94 % holds whatever depends on whatever; 99.94 % and a little only with independence
    const safe = twoClouds({ atLeast: 0.9994 });
    expect(findings(safe.root)).toEqual([]);
    expect(found(collectAvailability(safe.root), "jp").target?.verdict).toBe("met");

    const tight = twoClouds({ atLeast: 0.99940005 });
    expect(findings(tight.root)).toEqual([]);
    const checkout = found(collectAvailability(tight.root), "jp");
    expect(checkout.target?.verdict).toBe("met-if-independent");
    expect(checkout.warnings.join()).toContain(
      "target 99.940005 % is met only by assuming that parts fail independently: with nothing known about dependence it is 99.94 %",
    );
  });

  test("when missed, explains itself and names the cheapest change", () => {
    // GIVEN one cloud at 99.9 % under a target of 99.95 %
    const root = new Root();
    const jp = new Stack(root, "jp");
    jp.services.push(service("web", { requires: [cloud("lb", 0.9999), cloud("vm", 0.999)] }));
    new AvailabilityTarget(jp, "target", { atLeast: 0.9995 });
    // THEN validation says what can be promised, what costs most and what to raise
    const [finding = ""] = findings(root);
    expect(finding).toMatch(/^jp\/web: target 99.95 % is missed: the composition can promise 99.89001 %/);
    expect(finding).toContain("costliest: vm 525.5 min a year; lb 52.5 min a year");
    expect(finding).toContain(
      "cheapest change: raise vm from 99.9 % to 99.959996 %; a second one beside it that fails independently does it",
    );
  });

  test("may not exceed what a required service of another stack promises", () => {
    const above = twoClouds({ atLeast: 0.9993 }, { atLeast: 0.999 });
    expect(findings(above.root)).toEqual([
      "jp/checkout: target 99.93 % exceeds the 99.9 % that uk/stock promises, which it requires",
    ]);
    expect(findings(twoClouds({ atLeast: 0.999 }, { atLeast: 0.999 }).root)).toEqual([]);
  });

  test("may exceed what each of several promises, where one of them will do", () => {
    // GIVEN a service that needs stock in UK or in US, each of which promises 99.9 %
    const { root, jp } = twoClouds(undefined, { atLeast: 0.999 });
    const us = new Stack(root, "us");
    us.services.push(service("stock", { requires: [cloud("us-cloud", 0.9995)] }));
    new AvailabilityTarget(us, "target", { atLeast: 0.999 });
    jp.services.push(
      service("either", { requires: [parallel(remote("uk", "stock"), remote("us", "stock"))] }),
    );
    // THEN it may promise more than either
    new AvailabilityTarget(jp, "target", { atLeast: 0.99999, service: "either" });
    expect(findings(root)).toEqual([]);
  });

  test("a waiver lets it pass until its last day", () => {
    const missed = (day: string) =>
      twoClouds({
        atLeast: 0.9999,
        waiver: { reason: "moving stock to three zones", until: "2026-06-30" },
        asOf: new Date(`${day}T12:00:00Z`),
      }).root;
    expect(findings(missed("2026-06-30"))).toEqual([]);
    const checkout = found(collectAvailability(missed("2026-06-30")), "jp");
    expect(checkout.target?.verdict).toBe("waived");
    expect(checkout.warnings).toContain(
      "target 99.99 % is waived until 2026-06-30 (UTC): moving stock to three zones",
    );
    const [finding] = findings(missed("2026-07-01"));
    expect(finding).toContain('the waiver "moving stock to three zones" expired on 2026-06-30');
  });

  test("may name one service, and must find one", () => {
    const { root, jp } = twoClouds();
    jp.services.push(service("batch", { requires: [cloud("spot", 0.9)] }));
    new AvailabilityTarget(jp, "target", { atLeast: 0.999, service: "checkout" });
    expect(findings(root)).toEqual([]);
    new AvailabilityTarget(jp, "lost", { atLeast: 0.999, service: "chekout" });
    expect(findings(root)).toEqual([
      'stack "jp" has an availability target but declares no service "chekout"',
    ]);
  });

  test("refuses a second target for the same service", () => {
    const { root, jp } = twoClouds({ atLeast: 0.999 });
    new AvailabilityTarget(jp, "second", { atLeast: 0.99 });
    expect(() => collectAvailability(root)).toThrow("jp/checkout has two availability targets");
  });

  test("refuses wrong figures and incomplete waivers", () => {
    const { jp } = twoClouds();
    const make = (props: AvailabilityTargetProps) => () =>
      new AvailabilityTarget(jp, JSON.stringify(props), props);
    expect(make({ atLeast: 99.95 })).toThrow("must be a number above 0 and below 1, got 99.95");
    expect(make({ atLeast: "0.9995" as unknown as number })).toThrow('above 0 and below 1, got "0.9995"');
    expect(make({ atLeast: 0.9, waiver: { reason: "r", until: "2026-02-31" } })).toThrow('got "2026-02-31"');
    expect(make({ atLeast: 0.9, basis: "hope" as Basis })).toThrow(
      "basis must be one of independent, correlated",
    );
    expect(make({ atLeast: 0.9, waiver: { reason: " ", until: "2026-01-01" } })).toThrow(
      "waiver needs a reason",
    );
    expect(make({ atLeast: 0.9, waiver: { reason: "r", until: "June" } })).toThrow('YYYY-MM-DD, got "June"');
  });
});
