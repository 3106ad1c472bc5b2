import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
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
    const programs = [...text.matchAll(/^ +(?:run: )?(script\/[\w.-]+)/gm)].map(([, path]) => path ?? "");
    expect(called.length + programs.length).toBeGreaterThan(0);
    for (const name of called) expect(scripts).toHaveProperty([name]);
    for (const path of programs) expect(existsSync(join(ROOT, path))).toBe(true);
  });
});

describe("what a workflow's command gets of the secrets", () => {
  let folder: string;
  beforeAll(() => {
    // GIVEN a stack with two variables
    folder = mkdtempSync(join(tmpdir(), "tricloud-variables-"));
    mkdirSync(join(folder, "cdktf.out/stacks/jp"), { recursive: true });
    const variable = { consul_gossip_key: {}, secret_web__session_key: {} };
    writeFileSync(join(folder, "cdktf.out/stacks/jp/cdk.tf.json"), JSON.stringify({ variable }));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (secrets: string | undefined, ...args: readonly string[]) =>
    spawnSync(process.execPath, [join(ROOT, "script/with-variables.mjs"), ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], SECRETS: secrets, KEPT: "as it was" },
    });
  const secrets = {
    SECRET_WEB__SESSION_KEY: 'of two\nlines, and "quoted"',
    PLAN_PASSPHRASE: "not Terraform's",
    github_token: "nor this one",
  };

  test("is what its stacks' variables are named for, whole, and nothing else", () => {
    // WHEN a command tells its environment
    const tell = "console.log(JSON.stringify(process.env)); process.exitCode = 3";
    const { stdout, status } = run(JSON.stringify(secrets), "jp", "--", process.execPath, "-e", tell);
    // THEN
    expect(JSON.parse(stdout)).toEqual({
      PATH: process.env["PATH"],
      KEPT: "as it was",
      TF_VAR_secret_web__session_key: secrets.SECRET_WEB__SESSION_KEY,
    });
    expect(status).toBe(3);
  });

  test.each([[undefined], [""], ["[]"], ["null"], ["a passphrase"]])(
    "is refused unread where it is %j, and not shown",
    (value) => {
      const { status, stdout, stderr } = run(value, "jp", "--", "true");
      expect({ status, stdout, stderr }).toEqual({
        status: 2,
        stdout: "",
        stderr: "SECRETS: expected a JSON object of texts, got something else\n",
      });
    },
  );

  test("needs a stack and a command, and says how", () => {
    expect(run("{}", "jp").stderr).toContain("usage: ");
    expect(run("{}", "--", "true").status).toBe(2);
    expect(run("{}", "jp", "--", "no-such-command")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no-such-command: ") as string,
    });
    expect(run(undefined, "--help")).toMatchObject({ status: 0, stderr: "" });
  });
});
