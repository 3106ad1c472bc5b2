import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const ROOT = join(__dirname, "../..");
const WORKFLOWS = join(ROOT, ".github/workflows");

interface Workflow {
  readonly on: Record<string, unknown>;
  readonly permissions: Record<string, string>;
  readonly jobs: Record<
    string,
    {
      readonly permissions?: Record<string, string>;
      readonly "timeout-minutes"?: number;
      /** Another workflow that is the job. */
      readonly uses?: string;
      readonly steps?: ReadonlyArray<{ readonly uses?: string; readonly run?: string }>;
    }
  >;
}

const workflows = readdirSync(WORKFLOWS).map((file) => {
  const text = readFileSync(join(WORKFLOWS, file), "utf8");
  return { file, text, workflow: parse(text) as Workflow };
});

describe.each(workflows)("workflow $file", ({ text, workflow }) => {
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps ?? []);

  test("pins every action to a commit and says which version that is", () => {
    const uses = steps.flatMap((step) => step.uses ?? []);
    expect(uses.length).toBeGreaterThan(0);
    for (const action of uses) {
      expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      expect(text).toMatch(new RegExp(`uses: ${action} # v\\d+\\.\\d+\\.\\d+`));
    }
  });

  test("grants nothing but what each job names, and lets none run for ever", () => {
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values(workflow.jobs)) {
      expect(job.permissions).toBeDefined();
      // A job that is another workflow has the limits of the jobs there.
      if (job.uses !== undefined) expect(existsSync(join(ROOT, job.uses))).toBe(true);
      else expect(job["timeout-minutes"]).toBeGreaterThan(0);
    }
  });

  test("never gives a pull request's code a token that writes", () => {
    expect(workflow.on).not.toHaveProperty("pull_request_target");
    for (const job of Object.values(workflow.jobs)) {
      const writes = Object.entries(job.permissions ?? {}).some(([, access]) => access === "write");
      const runsCode = (job.steps ?? []).some(({ run }) => run !== undefined);
      expect("pull_request" in workflow.on && writes && runsCode).toBe(false);
    }
  });

  test("puts nothing that others choose into a script", () => {
    // What a pull request may name (branches, titles) reaches scripts through the environment or not at all.
    for (const { run } of steps) expect(run ?? "").not.toContain("${{");
  });

  test("calls only scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const called = [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, name]) => name ?? "");
    const programs = [...text.matchAll(/^ +run: (script\/[\w-]+)/gm)].map(([, path]) => path ?? "");
    expect(called.length + programs.length).toBeGreaterThan(0);
    for (const name of called) expect(scripts).toHaveProperty([name]);
    for (const path of programs) expect(existsSync(join(ROOT, path))).toBe(true);
  });
});
