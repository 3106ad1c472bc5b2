import { Construct } from "constructs";
import {
  type Block,
  changeFigure,
  collectAvailability,
  component,
  type Component,
  evaluate,
  type ExactEvaluation,
  parallel,
  series,
  service,
} from "../../../constructs/availability";

const exactly = (block: Block): ExactEvaluation => {
  const result = evaluate(block);
  if (!result.exact) throw new Error(result.reason);
  return result;
};
const member = (id: string, unavailability: number): Component =>
  component(id, { unavailability }, { kind: "assumed", commonCause: { group: "zones", beta: 0.1 } });

describe("a group of unequal members", () => {
  const [a, b] = [member("a", 0.01), member("b", 0.01)];

  test("takes the largest share as its cause", () => {
    expect(exactly(parallel(a, b)).correlated?.unavailability.toExponential(2)).toBe("1.08e-3");
    const { correlated } = exactly(series(parallel(a, b), member("z", 1e-9)));
    expect(correlated?.unavailability.toExponential(3)).toBe("1.081e-3");
  });

  test("does not vanish beside a member that never fails", () => {
    const { correlated } = exactly(series(parallel(a, b), member("z", 0)));
    expect(correlated?.unavailability.toExponential(3)).toBe("1.081e-3");
  });

  test("names the members that become as bad as the cause", () => {
    const { causes } = exactly(series(parallel(a, b), member("z", 1e-9)));
    expect(causes).toEqual([{ group: "zones", unavailability: 0.001, worsened: ["z"] }]);
    const root = new Construct(undefined as unknown as Construct, "");
    const services = [service("web", { requires: [series(parallel(a, b), member("z", 1e-9))] })];
    Object.assign(new Construct(root, "us"), { services });
    expect(collectAvailability(root).stacks[0]?.services[0]?.warnings).toEqual([
      'common cause "zones" (down 0.001000 of the time) takes down more often than their own figures say: z',
    ]);
  });
});

describe("several causes of one component", () => {
  const machine = (cloud: string, n: number): Component =>
    component(
      `${cloud}-${n}`,
      { unavailability: 0.01 },
      {
        commonCause: [
          { group: `zone of ${cloud}`, beta: 0.1 },
          { group: `provider ${cloud}`, beta: 0.05 },
          { group: "release", figure: changeFigure(RELEASES), source: "assumed" },
        ],
      },
    );
  const RELEASES = { releasesPerMonth: 20, failureShare: 0.02, hoursToTakeBack: 0.5 };
  const release = (20 * 0.02 * 0.5) / 720;

  test("each has its part, and what is on every cloud caps what clouds can gain", () => {
    const cloud = (name: string): Block => parallel(machine(name, 1), machine(name, 2));
    const { unavailability, correlated } = exactly(parallel(cloud("x"), cloud("y")));
    // the independent result knows of no cause
    expect(unavailability).toBeCloseTo(1e-8, 20);
    // one cloud: zone or provider, else both machines by themselves
    const causes = 1 - (1 - 0.001) * (1 - 0.0005);
    const own = (0.01 - causes) / (1 - causes);
    const one = causes + (1 - causes) * own ** 2;
    expect(correlated?.unavailability).toBeCloseTo(release + (1 - release) * one ** 2, 15);
    // a machine by itself is down as often as it says, and by bad releases on top
    expect(exactly(machine("x", 1)).correlated?.unavailability).toBeCloseTo(
      release + (1 - release) * 0.01,
      15,
    );
  });

  test("refuses a cause of two figures, and changes that take longer than there is time", () => {
    const other = component(
      "o",
      { unavailability: 0.01 },
      { commonCause: { group: "release", figure: { unavailability: 0.5 }, source: "assumed" } },
    );
    expect(() => evaluate(series(machine("x", 1), other))).toThrow(
      'common-cause group "release" has two figures',
    );
    expect(() => changeFigure({ ...RELEASES, hoursToTakeBack: 5000 })).toThrow(
      "human change: expected releases",
    );
  });
});
