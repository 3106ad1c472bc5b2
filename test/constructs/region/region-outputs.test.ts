import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformOutput } from "cdktf";
import type { Construct } from "constructs";
import { type RegionBase, validateRegions } from "../../../stacks/values/regions";
import { RegionOutputs } from "../../../constructs/region/region-outputs";
import jp from "../../../regions/jp";
import { RegionStack } from "../../../stacks/region-stack";
import { itWithTerraform, terraform } from "../terraform";

class Outer extends RegionStack<RegionBase> {
  constructor(scope: Construct, region: RegionBase, id?: string) {
    super(scope, region, id);
  }
}

const regionWith = (name: string, backend: unknown): RegionBase => {
  const [region] = validateRegions([{ file: `${name}.json`, value: { ...jp, name, backend } }]);
  if (region === undefined) throw new Error("expected a region");
  return region;
};

type State = Record<string, { backend: string; config: Record<string, unknown> }>;

interface Stack {
  terraform: { backend: Record<string, Record<string, unknown> | undefined> };
  data?: { terraform_remote_state: State };
}

describe("RegionOutputs", () => {
  let outdir: string;
  beforeEach(() => (outdir = mkdtempSync(join(tmpdir(), "tricloud-outputs-"))));
  afterEach(() => rmSync(outdir, { recursive: true }));

  const stackJson = (name: string): Stack =>
    JSON.parse(readFileSync(join(outdir, "stacks", name, "cdk.tf.json"), "utf8")) as Stack;

  it.each([
    { type: "local" },
    { type: "s3", bucket: "states", prefix: "tricloud", region: "us-east-1" },
    { type: "gcs", bucket: "states", prefix: "tricloud" },
  ])("looks for the state where the region keeps it: %j", (backend) => {
    // GIVEN a region with its own backend, and one that reads its outputs
    const app = new App({ outdir });
    const us = regionWith("us", backend);
    new Outer(app, us);
    const reader = new Outer(app, regionWith("jp", { type: "local" }));
    const outputs = new RegionOutputs(reader, "us-outputs", { region: us });
    new TerraformOutput(reader, "seen", { value: outputs.text("proxy_address") });

    // WHEN synthesised
    app.synth();

    // THEN both name the same place
    const kept = stackJson("us").terraform.backend[backend.type] ?? {};
    const [read] = Object.values(stackJson("jp").data?.terraform_remote_state ?? {});
    expect(read?.backend).toBe(backend.type);
    for (const [field, value] of Object.entries(read?.config ?? {}))
      expect([field, kept[field]]).toEqual([field, value]);
  });

  itWithTerraform("reads what the other region has put out", () => {
    // GIVEN a region that is deployed, in a directory of its own
    const home = process.cwd();
    process.chdir(outdir);
    try {
      const app = new App({ outdir: join(outdir, "out") });
      const us = regionWith("us", { type: "local" });
      new TerraformOutput(new Outer(app, us), "proxy_address", {
        value: "proxy.us.internal",
        staticId: true,
      });
      const reader = new Outer(app, regionWith("jp", { type: "local" }));
      const outputs = new RegionOutputs(reader, "us-outputs", { region: us });
      new TerraformOutput(reader, "seen", { value: `<${outputs.text("proxy_address")}>`, staticId: true });
      app.synth();
      const directory = (stack: string) => join(outdir, "out/stacks", stack);

      // WHEN both are deployed, one after the other
      for (const stack of ["us", "jp"]) {
        terraform(directory(stack), "init", "-input=false");
        terraform(directory(stack), "apply", "-auto-approve", "-input=false");
      }

      // THEN
      expect(terraform(directory("jp"), "output", "-raw", "seen")).toBe("<proxy.us.internal>");
    } finally {
      process.chdir(home);
    }
  });
});
