import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

const hasJq = spawnSync("jq", ["--version"]).status === 0;

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { id?: string; run?: string }[] }>>;
}

/** test/e2e/deploy-workflow.test.ts runs whole jobs; here, what they choose from what is synthesised. */
(hasJq ? describe : describe.skip)("the workflows' choice of stacks (needs jq)", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-workflows-"));
    mkdirSync(join(directory, "cdktf.out"));
    const regions = [
      { region: "jp", stacks: ["jp"] },
      { region: "uk", stacks: ["uk", "uk-workloads"] },
    ];
    writeFileSync(join(directory, "cdktf.out/topology.json"), JSON.stringify({ regions }));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** What the step of that name puts out. @throws Error with all that it says when it fails */
  function step(workflow: string, job: string, id: string, region?: string): unknown {
    const { jobs } = parse(
      readFileSync(join(__dirname, "../.github/workflows", workflow), "utf8"),
    ) as Workflow;
    const { run } = jobs[job]!.steps.find((each) => each.id === id)!;
    const file = join(directory, "output");
    writeFileSync(file, "");
    const env = { ...process.env, REGION: region, GITHUB_OUTPUT: file };
    try {
      execFileSync("bash", ["-e", "-c", run!], { cwd: directory, env, encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout, { cause: error });
    }
    return JSON.parse(readFileSync(file, "utf8").replace(/^\w+=/, ""));
  }
  const withNames = (): void =>
    void mkdirSync(join(directory, "cdktf.out/stacks/names"), { recursive: true });

  it("takes a region's stacks in their order, and the public names for a region of their own", () => {
    expect(step("deploy.yml", "stacks", "stacks", "uk")).toEqual(["uk", "uk-workloads"]);
    withNames();
    expect(step("deploy.yml", "stacks", "stacks", "jp")).toEqual(["jp"]);
    expect(step("deploy.yml", "stacks", "stacks", "names")).toEqual(["names"]);
  });

  it("refuses a region that there is not, and names that nobody has", () => {
    expect(() => step("deploy.yml", "stacks", "stacks", "names")).toThrow(
      "::error::no region names: expected one of jp, uk\n",
    );
    withNames();
    expect(() => step("deploy.yml", "stacks", "stacks", "de")).toThrow(
      "::error::no region de: expected one of jp, uk, names\n",
    );
  });

  it("looks for drift in all of them", () => {
    expect(step("drift.yml", "regions", "regions")).toEqual(["jp", "uk"]);
    withNames();
    expect(step("drift.yml", "regions", "regions")).toEqual(["jp", "uk", "names"]);
  });
});
