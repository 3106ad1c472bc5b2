import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCommandLine } from "../../planning/command-line";
import { run } from "../../planning/run";
import { bundleProxy, synthesiseRegions, synthesiseWithAnotherOrigin } from "../planning/own-regions";
import { removeDirectories, testDirectory } from "../planning/toy-app";
import { TESTBED_DIRECTORY } from "../testbed/testbed";
import { obstacleToOpenTofu, openTofu } from "../testbed/opentofu-program";

const obstacle = obstacleToOpenTofu();

(obstacle === undefined ? describe : describe.skip)(
  `plans with OpenTofu${obstacle ? ` (${obstacle})` : ""}`,
  () => {
    let tofu: string;
    const given = process.env["TERRAFORM_BINARY_NAME"];

    beforeAll(async () => {
      bundleProxy();
      tofu = await openTofu(join(TESTBED_DIRECTORY, "cache"));
    });

    afterEach(() => {
      if (given === undefined) delete process.env["TERRAFORM_BINARY_NAME"];
      else process.env["TERRAFORM_BINARY_NAME"] = given;
    });
    afterAll(removeDirectories);

    async function tricloudPlan(program: string, ...args: readonly string[]): Promise<void> {
      process.env["TERRAFORM_BINARY_NAME"] = program;
      const said: string[] = [];
      const output = { print: (text: string) => said.push(text), note: () => undefined, colour: false };
      const code = await run(readCommandLine(args), output);
      if (code !== 0) throw new Error(`exit code ${code}:\n${said.join("\n")}`);
    }

    /** The comment on a pull request: what both must agree on. */
    async function comment(program: string, ...args: readonly string[]): Promise<string> {
      const file = join(testDirectory(), "plan.md");
      await tricloudPlan(program, ...args, "--markdown", file);
      return readFileSync(file, "utf8");
    }

    it("is OpenTofu", () => {
      expect(execFileSync(tofu, ["version"], { encoding: "utf8" })).toMatch(/^OpenTofu v/);
    });

    it("says of every stack what Terraform says, without a registry", async () => {
      // GIVEN all regions
      const out = synthesiseRegions();
      // WHEN both plan them THEN they say the same
      expect(await comment(tofu, "--out", out)).toBe(await comment("terraform", "--out", out));
    });

    it("plans a change, from states that it has written itself and from Terraform's", async () => {
      // GIVEN another origin
      const args = ["--out", synthesiseWithAnotherOrigin(), "--base", synthesiseRegions()];
      // WHEN compared with a base that counts as deployed
      const changed = await comment(tofu, ...args);
      // THEN what changes is what Terraform says
      expect(changed).toContain("proxy.json changes, tricloud-proxy restarts, batch 1 of 2");
      expect(changed).toBe(await comment("terraform", ...args));
      // AND a state that the one kept is one that the other starts from
      for (const [first, second] of [
        ["terraform", tofu],
        [tofu, "terraform"],
      ] as const) {
        const state = testDirectory();
        const kept = ["us", "--out", synthesiseRegions(), "--state", state];
        await tricloudPlan(first, "apply", ...kept);
        expect(readdirSync(state)).toEqual(["us.tfstate"]);
        expect(await comment(second, ...kept)).toContain("### us: no changes");
      }
    });
  },
);
