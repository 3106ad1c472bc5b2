import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { App, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { UserData } from "../../../constructs/aws/user-data";
import { itWithTerraform, terraform } from "../terraform";

/** What looks like Terraform's own, and what needs care in JSON, YAML or a shell. */
const SHELL = [
  'echo "${HOME:-/}" $${HOME} $$ $(date) %{http_code} %%{x} \\n "quoted"',
  "if [[ ${#array[@]} -gt 0 ]]; then printf '%s\\t' \"${array[@]/%{x}/y}\"; fi",
  "",
  "\ttab, ünïcode, trailing space ",
  "",
].join("\n");

describe("UserData", () => {
  itWithTerraform("reaches EC2 as it was written, its expressions filled in", () => {
    const outdir = mkdtempSync(join(tmpdir(), "tricloud-user-data-"));
    try {
      // GIVEN a text with an expression in it
      const app = new App({ outdir });
      const stack = new TerraformStack(app, "machine");
      const bucket = new TerraformVariable(stack, "bucket", { type: "string" });
      const userData = new UserData(
        stack,
        "user-data",
        "a machine",
        () => `${SHELL}s3://${bucket.stringValue}/x\n`,
      );
      new TerraformOutput(stack, "given", { value: userData.encoded, staticId: true });
      app.synth();

      // WHEN Terraform applies the stack
      const directory = join(outdir, "stacks/machine");
      terraform(
        directory,
        "init",
        "-reconfigure",
        `-backend-config=path=${join(outdir, "state")}`,
        "-input=false",
      );
      terraform(directory, "apply", "-auto-approve", "-input=false", "-var", "bucket=my-files");

      // THEN what it gives to EC2 is the text
      const given = terraform(directory, "output", "-raw", "given");
      expect(gunzipSync(Buffer.from(given, "base64")).toString()).toBe(`${SHELL}s3://my-files/x\n`);
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });

  it("is as large as what its expressions resolve to, of which half may be compressed away", () => {
    // GIVEN a text of nothing but names that nobody knows yet, each of them twice
    const app = new App({ outdir: mkdtempSync(join(tmpdir(), "tricloud-user-data-")) });
    const stack = new TerraformStack(app, "machine");
    const variables = (count: number) =>
      Array.from(
        { length: count },
        (_, at) => new TerraformVariable(stack, `name-${count}-${at}`, { type: "string" }).stringValue,
      );
    const sizeOf = (names: readonly string[]) => {
      const said = new UserData(stack, `data-${names.length}`, "a machine", () =>
        names.flatMap((name) => [name, name]).join("\n"),
      ).node.validate();
      return said.map((problem) => Number(/about (\d+)/.exec(problem)![1]));
    };
    // WHEN judged THEN they count as names of 128 characters do, once
    expect(sizeOf(variables(200))).toEqual([]);
    const [size] = sizeOf(variables(400));
    expect(size).toBeGreaterThan(400 * 64);
    expect(size).toBeLessThan(400 * 128);
    rmSync(app.outdir, { recursive: true });
  });
});
