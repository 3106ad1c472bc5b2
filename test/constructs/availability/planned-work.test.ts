import { Construct } from "constructs";
import {
  AvailabilityTarget,
  type AvailabilityTargetProps,
  collectAvailability,
  component,
  evaluate,
  parallel,
  remote,
  service,
  type Service,
  type ServiceAvailability,
} from "../../../constructs/availability";

const up = (id: string, availability: number) => component(id, { availability }, { kind: "assumed" });

function judged(services: Readonly<Record<string, Service[]>>, target?: AvailabilityTargetProps) {
  const root = new Construct(undefined as unknown as Construct, "");
  for (const [name, own] of Object.entries(services))
    Object.assign(new Construct(root, name), { services: own });
  if (target) new AvailabilityTarget(root.node.findChild("us") as Construct, "target", target);
  return collectAvailability(root).stacks.map((stack) => stack.services[0] as ServiceAvailability);
}

describe("planned work and the verdict", () => {
  const web = service("web", {
    requires: [up("a", 0.9999), up("h", 0.9999)],
    maintenance: { components: ["h"], hoursPer30Days: 2 },
  });

  test("counts as down", () => {
    const [one] = judged({ us: [web] }, { atLeast: 0.999 });
    expect(one?.planned?.availability.toFixed(4)).toBe("0.9970");
    expect(one?.target?.verdict).toBe("missed");
    expect(one?.target?.explanation[0]).toMatch(
      /can promise 99\.70\d* %, if its parts fail independently, with planned work/,
    );
  });

  test("does not where the target leaves it out", () => {
    expect(judged({ us: [web] }, { atLeast: 0.999, planned: false })[0]?.target?.verdict).toBe("met");
  });

  test("counts on the bound too, where that is what is held", () => {
    const [one] = judged({ us: [web] }, { atLeast: 0.9979, basis: "bounds" });
    expect(one?.target).toMatchObject({ verdict: "missed", basis: "bounds", planned: true });
  });

  test("of a service that another requires takes that other down too", () => {
    const jp = service("shop", { requires: [remote("us", "web")] });
    expect(judged({ jp: [jp], us: [web] })[0]?.planned?.availability.toFixed(4)).toBe("0.9970");
  });
});

test("planned work is never better than the common causes that it comes on top of", () => {
  // GIVEN two zones of 99.9 % with a common cause, an hour of work each
  const zone = (id: string) =>
    component(id, { availability: 0.999 }, { commonCause: { group: "zones", beta: 0.1 } });
  const result = evaluate(parallel(zone("a"), zone("b")), {
    maintenance: { components: ["a", "b"], hoursPer30Days: 1 },
  });
  if (!result.exact) throw new Error(result.reason);
  // THEN it is (1 - 2/720) 1.008e-4 + 2/720 1e-3
  expect(result.correlated?.unavailability.toExponential(3)).toBe("1.008e-4");
  expect(result.planned?.unavailability.toExponential(2)).toBe("1.03e-4");
});

test("plans that do not know of one another may have hosts out at the same time", () => {
  const result = evaluate(parallel(up("a", 1), up("b", 1)), {
    maintenance: [
      { components: ["a"], hoursPer30Days: 72 },
      { components: ["b"], hoursPer30Days: 36 },
    ],
  });
  if (!result.exact) throw new Error(result.reason);
  expect(result.planned?.unavailability).toBeCloseTo(0.1 * 0.05, 15);
});

test("a declared common cause can fail a synth, and does not where independence is asked for", () => {
  const zone = (id: string) =>
    component(id, { availability: 0.999 }, { kind: "assumed", commonCause: { group: "zones", beta: 0.1 } });
  const web = service("web", { requires: [parallel(zone("a"), zone("b"))] });
  const verdict = (props: Partial<AvailabilityTargetProps>) =>
    judged({ us: [web] }, { atLeast: 0.99999, ...props })[0]?.target?.verdict;
  expect(verdict({})).toBe("missed");
  expect(verdict({ basis: "independent" })).toBe("met-if-independent");
  expect(verdict({ basis: "bounds", atLeast: 0.999 })).toBe("met");
});
