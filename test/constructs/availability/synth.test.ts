import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformStack } from "cdktf";
import {
  AvailabilityTarget,
  type AvailabilityTargetProps,
  collectAvailability,
  component,
  type DeclaresServices,
  service,
} from "../../../constructs/availability";

class Shop extends TerraformStack implements DeclaresServices {
  readonly services = [
    service("web", { requires: [component("vm", { availability: 0.999 }, { kind: "contractual" })] }),
  ];
}

describe("app.synth()", () => {
  let outdir: string;
  beforeEach(() => (outdir = mkdtempSync(join(tmpdir(), "availability-synth-"))));
  afterEach(() => rmSync(outdir, { recursive: true }));

  const synth = (props: AvailabilityTargetProps): App => {
    const app = new App({ outdir });
    new AvailabilityTarget(new Shop(app, "shop"), "target", props);
    app.synth();
    return app;
  };

  test("fails with the explanation when a target is missed", () => {
    expect(() => synth({ atLeast: 0.9995 })).toThrow(
      /shop\/web: target 99\.95 % is missed: the composition can promise 99\.9 %.*cheapest change: raise vm from 99\.9 % to 99\.95 %/s,
    );
  });

  test("passes when it is met or waived", () => {
    expect(() => synth({ atLeast: 0.999 })).not.toThrow();
    const app = synth({ atLeast: 0.9995, waiver: { reason: "second machine ordered", until: "2999-12-31" } });
    expect(collectAvailability(app).stacks).toMatchObject([
      { stack: "shop", services: [{ service: "web", target: { verdict: "waived" } }] },
    ]);
  });
});
